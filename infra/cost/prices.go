package main

// pricesOf is the year in which the prices were published.
const pricesOf = "2025"

// List prices of us-east-1 in dollars, without free tier, savings plan or discount. AWS changes them; the pages are named so that
// they can be looked up again.
const (
	lambdaGBSecond = 0.0000133334 // arm64. https://aws.amazon.com/lambda/pricing/
	lambdaRequest  = 0.20 / 1e6

	apiRequest = 1.00 / 1e6 // HTTP API. https://aws.amazon.com/api-gateway/pricing/

	tableWrite   = 0.625 / 1e6 // write request unit, on demand. https://aws.amazon.com/dynamodb/pricing/on-demand/
	tableRead    = 0.125 / 1e6
	tableGB      = 0.25
	tablePITRGB  = 0.20
	queueRequest = 0.40 / 1e6 // standard queue. https://aws.amazon.com/sqs/pricing/

	objectPut = 0.005 / 1e3 // S3 Standard. https://aws.amazon.com/s3/pricing/
	objectGet = 0.0004 / 1e3
	objectGB  = 0.023

	keyMonth   = 1.00 // https://aws.amazon.com/kms/pricing/
	keyRequest = 0.03 / 1e4

	secretMonth = 0.40 // https://aws.amazon.com/secrets-manager/pricing/
	secretRead  = 0.05 / 1e4

	scheduleCall = 1.00 / 1e6 // https://aws.amazon.com/eventbridge/pricing/
	email        = 0.10 / 1e3 // https://aws.amazon.com/ses/pricing/

	logGB        = 0.50 // https://aws.amazon.com/cloudwatch/pricing/
	logStoredGB  = 0.03
	customMetric = 0.30
	alarmMetric  = 0.10 // an alarm on an expression is charged for each metric in it
	dashboard    = 3.00
	trace        = 5.00 / 1e6 // https://aws.amazon.com/xray/pricing/

	healthCheck      = 0.50 // of an endpoint in AWS, a month. https://aws.amazon.com/route53/pricing/
	healthCheckHTTPS = 1.00

	egressGB = 0.09 // https://aws.amazon.com/ec2/pricing/on-demand/

	fargateCPUHour = 0.03238 // arm64. https://aws.amazon.com/fargate/pricing/
	fargateGBHour  = 0.00356
	balancerHour   = 0.0225 // https://aws.amazon.com/elasticloadbalancing/pricing/
	balancerUnit   = 0.008  // an hour
	natHour        = 0.045  // https://aws.amazon.com/vpc/pricing/
	natGB          = 0.045
	addressHour    = 0.005 // public IPv4
	databaseHour   = 0.032 // db.t4g.small, PostgreSQL, one zone. https://aws.amazon.com/rds/postgresql/pricing/
	databaseGB     = 0.115 // gp3
)

const (
	hours   = 730.0 // of a month, as AWS reckons
	minutes = hours * 60
	nights  = hours / 24
	gb      = 1 << 30
)
