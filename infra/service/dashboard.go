package service

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/shared/telemetry"
)

const grain = 5 * time.Minute

// newDashboard shows alarms, runs, API, functions, queues and table, in this order: from what users notice to why.
func newDashboard(scope constructs.Construct, p Props, q queues, f *functions, gateway awsapigatewayv2.HttpApi, a alarms) {
	perFunction := func(name, statistic string) []awscloudwatch.IMetric {
		var list []awscloudwatch.IMetric
		for _, function := range f.all() {
			list = append(list, metric(function, name, statistic, grain).With(&awscloudwatch.MetricOptions{Label: &function.Name}))
		}
		return list
	}
	perQueue := func(of func(named) awscloudwatch.Metric, queues ...named) []awscloudwatch.IMetric {
		var list []awscloudwatch.IMetric
		for _, queue := range queues {
			list = append(list, of(queue))
		}
		return list
	}
	counts := func(names ...telemetry.Metric) []awscloudwatch.IMetric {
		var list []awscloudwatch.IMetric
		for _, name := range names {
			list = append(list, business(p.Stage, name, grain))
		}
		return list
	}
	latency := func(statistic string) awscloudwatch.IMetric {
		return gateway.MetricLatency(&awscloudwatch.MetricOptions{Statistic: &statistic, Label: &statistic})
	}
	consumed := func(name string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/DynamoDB"), MetricName: &name, Statistic: jsii.String("Sum"),
			DimensionsMap: &map[string]*string{"TableName": p.Data.Table.TableName()},
		})
	}
	sum := &awscloudwatch.MetricOptions{Statistic: jsii.String("Sum")}
	all := a.all()
	awscloudwatch.NewDashboard(scope, jsii.String("dashboard"), &awscloudwatch.DashboardProps{
		Widgets: &[]*[]awscloudwatch.IWidget{
			{awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
				Alarms: &all, Title: jsii.String("Admin Assistant " + p.Stage), Width: jsii.Number(24), Height: jsii.Number(4),
			})},
			row(graph("Runs", counts(telemetry.RunsSucceeded, telemetry.RunsPartial, telemetry.RunsFailed, telemetry.RunsBroken)...),
				graph("Appointments archived", counts(telemetry.AppointmentsArchived)...),
				graph("Trouble", counts(telemetry.MessagesParked, telemetry.SignInFailures, telemetry.JobsLate, telemetry.JobsParked, telemetry.JobsStuck,
					telemetry.JobsFailed, telemetry.AuditRecordsLost, telemetry.HeadsUnkept, telemetry.SetupFaults, telemetry.Panics)...)),
			row(graph("API requests", append([]awscloudwatch.IMetric{gateway.MetricCount(sum), gateway.MetricClientError(sum), gateway.MetricServerError(sum)},
				counts(telemetry.UserRequests, telemetry.UserRequestsFailed)...)...),
				graph("API latency, ms", latency("p50"), latency("p99")), graph("Share of allowed age", worstAge(q))),
			row(graph("Function errors", perFunction("Errors", "Sum")...), graph("Function duration p95, ms", perFunction("Duration", "p95")...),
				graph("Functions at once", perFunction("ConcurrentExecutions", "Maximum")...)),
			row(graph("Messages waiting", perQueue(visible, q.working()...)...), graph("Age of the oldest message, s", perQueue(age, q.working()...)...),
				graph("Dead letters", taken(q.archive.dead), taken(q.backup.dead), visible(q.notify.dead), visible(q.scheduleDead))),
			row(graph("Table capacity units", consumed("ConsumedReadCapacityUnits"), consumed("ConsumedWriteCapacityUnits")),
				graph("Table throttles", throttledTable(p)), graph("Function throttles", perFunction("Throttles", "Sum")...)),
		},
	})
}

func row(widgets ...awscloudwatch.IWidget) *[]awscloudwatch.IWidget { return &widgets }

// graph is a third of a row.
func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: &title, Left: &metrics, Width: jsii.Number(8), Height: jsii.Number(6)})
}
