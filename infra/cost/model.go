package main

import "math"

// Line is one item of a month's bill.
type Line struct {
	What    string
	Why     string // how the amount comes about
	Dollars float64
	// Both says that containers would need it just the same.
	Both bool
}

// Serverless returns the bill of the deployed system for so many users.
func Serverless(u Usage, users float64) []Line {
	archives, backups := users*nights, users*nights // runs, one of each a night
	runs := archives + backups
	calls, writing := users*u.Calls, users*u.Calls*u.WritingCalls
	emails := users * u.Emails
	appointments := archives * u.AppointmentsADay

	reads := archives*u.NightReads + appointments*u.AppointmentReads + backups*u.BackupReads + runs*u.JobReads + calls*u.CallReads + minutes*u.TickReads
	writes := archives*u.NightWrites + appointments*u.AppointmentWrites + backups*u.BackupWrites + runs*u.JobWrites + writing*u.WritingCallWrites
	tableGBs := u.History * (archives*u.NightBytes + appointments*u.AppointmentBytes + writing*u.WritingCallBytes) / gb
	objects := archives*u.PlanObjects + backups*u.BackupObjects
	objectGBs := (u.History*archives*u.PlanBytes + users*u.BackupsKept*u.BackupBytes) / gb
	empty := u.Queues * emptyReceives(u)
	messages := runs + emails
	logGBs := (calls*u.CallLog + (runs+emails)*u.RunLog + minutes*u.TickLog) / gb
	traces := traced(u, calls, u.WorkSeconds) + traced(u, archives, u.NightSeconds) + traced(u, backups, u.NightSeconds) +
		traced(u, minutes, hours*3600) + traced(u, emails, u.NightSeconds)

	return []Line{
		{What: "Lambda, archive", Why: "30-day window, every night", Dollars: lambda(archives, u.ArchiveSeconds, u.ArchiveGB)},
		{What: "Lambda, backup", Why: "every night", Dollars: lambda(backups, u.BackupSeconds, u.BackupGB)},
		{What: "Lambda, api", Why: "every call", Dollars: lambda(calls, u.CallSeconds, u.CallGB)},
		{What: "Lambda, dispatcher", Why: "every minute", Dollars: lambda(minutes, u.TickSeconds, u.TickGB)},
		{What: "Lambda, notify", Why: "every e-mail", Dollars: lambda(emails, u.NoticeSeconds, u.NoticeGB)},
		{What: "API Gateway", Why: "HTTP API, every call", Dollars: calls * apiRequest},
		{What: "DynamoDB, writes", Why: "transactions count double, the index once more", Dollars: writes * tableWrite},
		{What: "DynamoDB, reads", Why: "mostly the ledger of the window, every night", Dollars: reads * tableRead},
		{What: "DynamoDB, storage", Why: "after a year", Dollars: tableGBs * tableGB},
		{What: "DynamoDB, point-in-time recovery", Why: "of the same", Dollars: tableGBs * tablePITRGB},
		{What: "SQS, empty receives", Why: "functions wait at every queue, day and night", Dollars: empty * queueRequest},
		{What: "SQS, messages", Why: "sent, received, deleted", Dollars: 3 * messages * queueRequest},
		{What: "EventBridge Scheduler", Why: "every minute", Dollars: minutes * scheduleCall},
		{What: "KMS, requests", Why: "tokens of every run, and the table's key", Dollars: (u.TableKeyRequests + runs*u.RunKeyRequests) * keyRequest, Both: true},
		{What: "KMS, keys", Why: "data, tokens, alarms", Dollars: u.Keys * keyMonth, Both: true},
		{What: "Secrets Manager", Why: "the application's credentials", Dollars: u.Secrets*secretMonth + u.SecretReads*secretRead, Both: true},
		{
			What: "S3, requests", Why: "plans, backups and heads written, backups read back",
			Dollars: (objects+archives*u.HeadPuts)*objectPut + backups*u.BackupObjects*objectGet, Both: true,
		},
		{What: "S3, storage", Why: "plans of a year, backups that are kept", Dollars: objectGBs * objectGB, Both: true},
		{What: "SES", Why: "every e-mail", Dollars: emails * email, Both: true},
		{What: "CloudWatch Logs", Why: "taken in, and kept", Dollars: logGBs*logGB + logGBs*u.LogMonths*u.LogStored*logStoredGB, Both: true},
		{What: "CloudWatch metrics", Why: "our own counts", Dollars: u.Metrics * customMetric, Both: true},
		{What: "CloudWatch alarms", Why: "by the metrics in them", Dollars: u.AlarmMetrics * alarmMetric, Both: true},
		{What: "CloudWatch dashboard", Why: "one", Dollars: u.Dashboards * dashboard, Both: true},
		{What: "X-Ray", Why: "the first request of every second, and 5 % of the rest", Dollars: traces * trace, Both: true},
		{
			What: "Data transfer", Why: "answers, and what is sent to Microsoft Graph",
			Dollars: (calls*u.CallBytes + archives*u.GraphSentBytes) / gb * egressGB, Both: true,
		},
	}
}

// OutsideProbe returns what the setting outside-probe adds: three regions with about two checkers each ask twice a minute.
func OutsideProbe(u Usage) []Line {
	asked := 3 * 2 * 2 * minutes
	return []Line{
		{What: "Route 53, health check", Why: "over HTTPS, every 30 seconds", Dollars: healthCheck + healthCheckHTTPS},
		{What: "CloudWatch, its alarm", Why: "one metric", Dollars: alarmMetric},
		{What: "API Gateway and Lambda", Why: thousands(asked) + " requests", Dollars: asked*apiRequest + lambda(asked, u.CallSeconds, u.CallGB)},
		{What: "DynamoDB, reads", Why: "half a unit each", Dollars: asked * tableRead / 2},
		{What: "CloudWatch Logs", Why: "of those requests", Dollars: asked * u.CallLog / gb * (logGB + logStoredGB*u.LogMonths*u.LogStored)},
		{What: "X-Ray", Why: "each is the first of its second, mostly", Dollars: traced(u, asked, hours*3600) * trace},
	}
}

// AlwaysOn returns what the smallest sensible system of containers would cost beside what both need: two of half a vCPU and 1 GB, in
// two zones behind a load balancer, with one way out to Microsoft Graph and one database without a standby.
func AlwaysOn(u Usage, users float64) []Line {
	const (
		containers = 2
		addresses  = 3 // two of the load balancer, one of the NAT gateway
		units      = 0.05
		disk       = 20
	)
	archives := users * nights
	return []Line{
		{What: "Fargate", Why: "2 x (0.5 vCPU, 1 GB), arm64", Dollars: containers * (0.5*fargateCPUHour + fargateGBHour) * hours},
		{What: "Application Load Balancer", Why: "one", Dollars: (balancerHour + units*balancerUnit) * hours},
		{What: "NAT gateway", Why: "one", Dollars: natHour*hours + archives*(u.GraphBytes+u.GraphSentBytes)/gb*natGB},
		{What: "Public IPv4 addresses", Why: "three", Dollars: addresses * addressHour * hours},
		{What: "RDS", Why: "db.t4g.small, one zone", Dollars: databaseHour * hours},
		{What: "RDS, storage", Why: "20 GB", Dollars: disk * databaseGB},
	}
}

// Sum adds lines up.
func Sum(lines []Line) (dollars float64) {
	for _, l := range lines {
		dollars += l.Dollars
	}
	return dollars
}

func lambda(calls, seconds, memory float64) float64 {
	return calls * (lambdaRequest + seconds*memory*lambdaGBSecond)
}

// emptyReceives is how often a function looks into a queue in vain. Lambda waits at a queue with at least five long polls when the
// concurrency of the consumer is bounded, and with as few as two when it is not.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
func emptyReceives(u Usage) float64 { return u.Pollers * hours * 3600 / u.PollLength }

// traced is how many of a function's calls X-Ray records when they come at random within so many seconds. Only the first in each
// second is certain. https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
func traced(u Usage, calls, seconds float64) float64 {
	first := u.TraceFirst * seconds * -math.Expm1(-calls/seconds)
	return first + u.TraceRest*(calls-first)
}
