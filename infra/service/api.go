package service

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"adminassistant/infra/golambda"
	"adminassistant/shared/telemetry"
)

// turnedAwayMetric counts requests that the gateway answered with 429.
const turnedAwayMetric = "TurnedAway"

// gatewayNamespace is where CloudWatch keeps what is counted in the gateway's log, of a stage.
func gatewayNamespace(stage string) string { return telemetry.Namespace + "/" + stage }

const (
	// apiRate and apiBurst bound what all clients together may ask, in requests per second. More is answered with 429.
	apiRate  = 200
	apiBurst = 400
)

// byRoute bound what people ask who are not signed in, each route by itself, so that a flood of that does not take what users have. What is
// asked at other paths ends before the table without a token.
var byRoute = []throttled{
	{"GET", "/readyz", 10, 20}, // which asks the table
	{"ANY", "/auth/{proxy+}", 50, 100},
	{"ANY", "/unsubscribe", 10, 20},
}

// throttled is a route with a bound of its own, in requests per second.
type throttled struct {
	method, path string
	rate, burst  float64
}

func (r throttled) key() string { return r.method + " " + r.path }

// accessLog has one line for each request. It names no path, no query and no header: those may hold addresses of mailboxes. Each variable stands in
// quotes, so that none is used that is quoted already, as error.messageString, nor is one without quotes, since what is not known is written as -.
var accessLog = map[string]string{
	"time": "$context.requestTime", "request": "$context.requestId", "method": "$context.httpMethod", "protocol": "$context.protocol",
	"status": "$context.status", "bytes": "$context.responseLength", "ms": "$context.responseLatency", "function_ms": "$context.integrationLatency",
	"error": "$context.error.message", "function_error": "$context.integrationErrorMessage", "ip": "$context.identity.sourceIp",
}

// newAPI puts the function behind a gateway that passes every request on.
func newAPI(scope constructs.Construct, p Props, f golambda.Function) awsapigatewayv2.HttpApi {
	here := constructs.NewConstruct(scope, jsii.String("gateway"))
	function := awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String("function"), f.Alias,
		&awsapigatewayv2integrations.HttpLambdaIntegrationProps{PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0()})
	gateway := awsapigatewayv2.NewHttpApi(here, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{
		ApiName:            jsii.String("admin-assistant-" + p.Stage),
		CreateDefaultStage: jsii.Bool(false),
		CorsPreflight:      cors(p.CORSOrigins),
		DefaultIntegration: function,
	})
	cdknag.NagSuppressions_AddResourceSuppressions(gateway.Node().FindChild(jsii.String("DefaultRoute")).Node().DefaultChild(), &[]*cdknag.NagPackSuppression{{
		Id: jsii.String("AwsSolutions-APIG4"),
		Reason: jsii.String("Users of many tenants sign in, each tenant an issuer of its own; a JWT authorizer knows one issuer. The handler " +
			"checks signature, issuer, audience, tenant and expiry of every token."),
	}}, nil)
	log := awslogs.NewLogGroup(here, jsii.String("AccessLog"), &awslogs.LogGroupProps{Retention: golambda.Retentions[p.LogDays], RemovalPolicy: p.removal()})
	stage := awsapigatewayv2.NewHttpStage(here, jsii.String("Stage"), &awsapigatewayv2.HttpStageProps{
		HttpApi: gateway, StageName: jsii.String("$default"), AutoDeploy: jsii.Bool(true),
		Throttle: &awsapigatewayv2.ThrottleSettings{RateLimit: jsii.Number(apiRate), BurstLimit: jsii.Number(apiBurst)},
	})
	awslogs.NewMetricFilter(here, jsii.String("TurnedAway"), &awslogs.MetricFilterProps{
		LogGroup: log, MetricNamespace: jsii.String(gatewayNamespace(p.Stage)), MetricName: jsii.String(turnedAwayMetric), MetricValue: jsii.String("1"),
		FilterPattern: awslogs.FilterPattern_StringValue(jsii.String("$.status"), jsii.String("="), jsii.String("429")),
	})
	settings := map[string]any{}
	for _, r := range byRoute {
		made := gateway.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
			Path: &r.path, Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(r.method)}, Integration: function,
		})
		for _, route := range *made {
			stage.Node().AddDependency(route) // a stage takes no settings of a route that is not there
			cdknag.NagSuppressions_AddResourceSuppressions(route.Node().DefaultChild(), &[]*cdknag.NagPackSuppression{{
				Id: jsii.String("AwsSolutions-APIG4"), Reason: jsii.String("Who asks for this has not signed in yet, or does so without an account."),
			}}, nil)
		}
		settings[r.key()] = map[string]any{"ThrottlingRateLimit": r.rate, "ThrottlingBurstLimit": r.burst}
	}
	stage.Node().DefaultChild().(awsapigatewayv2.CfnStage).SetRouteSettings(settings)
	line, err := json.Marshal(accessLog)
	if err != nil {
		panic(err) // strings alone
	}
	stage.Node().DefaultChild().(awsapigatewayv2.CfnStage).SetAccessLogSettings(&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
		DestinationArn: log.LogGroupArn(), Format: jsii.String(string(line)),
	})
	return gateway
}

// cors lets pages of other origins call the API, with a bearer token; without origins, none.
func cors(origins []string) *awsapigatewayv2.CorsPreflightOptions {
	if len(origins) == 0 {
		return nil
	}
	return &awsapigatewayv2.CorsPreflightOptions{
		AllowOrigins: jsii.Strings(origins...),
		AllowMethods: &[]awsapigatewayv2.CorsHttpMethod{
			awsapigatewayv2.CorsHttpMethod_GET, awsapigatewayv2.CorsHttpMethod_HEAD, awsapigatewayv2.CorsHttpMethod_POST,
			awsapigatewayv2.CorsHttpMethod_PUT, awsapigatewayv2.CorsHttpMethod_PATCH, awsapigatewayv2.CorsHttpMethod_DELETE,
		},
		AllowHeaders:  jsii.Strings("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Correlation-Id"),
		ExposeHeaders: jsii.Strings("ETag", "Location", "Retry-After", "X-Correlation-Id"),
		MaxAge:        awscdk.Duration_Hours(jsii.Number(1)),
	}
}
