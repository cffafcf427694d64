package main

// Usage is what the model assumes. Times are seconds, memory is GB, sizes are bytes, and amounts are of a month and a user if
// nothing else is said.
type Usage struct {
	// What TestNight measures with the code that runs in production, for a window of 30 days with 300 events of Microsoft 365.

	AppointmentsADay                    float64 // new or changed ones
	NightReads, NightWrites             float64 // request units of a nightly archive run in which nothing is new
	AppointmentReads, AppointmentWrites float64 // on top of that, of each new or changed appointment
	NightBytes, AppointmentBytes        float64 // by which the table grows
	ItemBytes                           float64 // of NightBytes, those of the run's items
	PlanObjects, PlanBytes              float64 // objects that a night writes, and their size together

	// What is assumed.

	ArchiveSeconds, ArchiveGB   float64 // of a nightly run; most of it waits for Microsoft Graph
	BackupSeconds, BackupGB     float64
	BackupReads, BackupWrites   float64 // request units of a backup run
	BackupObjects               float64 // objects of a backup: JSON, ICS, CSV, manifest
	BackupBytes                 float64 // of all of them, compressed
	HeadPuts                    float64 // heads that an archive run hands to the witness
	BackupsKept                 float64 // by retention, and deleted ones that the bucket keeps for 90 days more
	JobReads, JobWrites         float64 // request units to claim a due job and to relieve it of its start
	Calls                       float64 // of the API
	CallSeconds, CallGB         float64
	CallReads                   float64 // request units of a call
	WritingCalls                float64 // share of the calls that change something
	WritingCallWrites           float64 // request units of one that does: the item, its index, the audit record, the idempotency record
	WritingCallBytes            float64 // by which one lets the table grow
	CallBytes                   float64 // of an answer
	GraphBytes                  float64 // read from Microsoft Graph in a night
	GraphSentBytes              float64 // sent to it in a night
	Emails                      float64
	NoticeSeconds, NoticeGB     float64 // to send one
	TickSeconds, TickGB         float64 // of the dispatcher, every minute
	TickReads                   float64 // request units of a tick that finds nothing: 16 shards of the due-index, eventually consistent
	CallLog, RunLog, TickLog    float64 // bytes of log for each, with Lambda's own lines; of a call with the gateway's line
	LogMonths, LogStored        float64 // how long logs are kept, and what share of their size is stored
	History                     float64 // months of nights that the table and the bucket hold; nothing of them expires
	WorkSeconds                 float64 // in a month in which users call the API
	NightSeconds                float64 // in a month over which the nightly runs are spread
	TraceFirst                  float64 // requests a second to a function that are traced for certain
	TraceRest                   float64 // share of the others that is traced
	Queues, Pollers, PollLength float64 // queues that functions consume, receives that wait at each of them, and how long
	Metrics                     float64 // that we count ourselves
	AlarmMetrics                float64 // in all alarms together
	Dashboards                  float64
	Keys                        float64
	TableKeyRequests            float64 // to KMS, of DynamoDB: twelve an hour for each function
	RunKeyRequests              float64 // to KMS, of each run: one token unwrapped, one wrapped
	Secrets, SecretReads        float64 // the reads are of all users together
}

// typical is what docs/cost.md is about.
var typical = Usage{
	AppointmentsADay: 10,
	NightReads:       156, NightWrites: 46,
	AppointmentReads: 0.5, AppointmentWrites: 13.8,
	NightBytes: 27_200, AppointmentBytes: 2_880, ItemBytes: 24_000,
	PlanObjects: 1, PlanBytes: 270_000,

	ArchiveSeconds: 4, ArchiveGB: 0.5,
	BackupSeconds: 8, BackupGB: 1,
	BackupReads: 10, BackupWrites: 20,
	BackupObjects: 4, BackupBytes: 200_000, BackupsKept: 7 + 4 + 12 + 90,
	HeadPuts: 1,
	JobReads: 3, JobWrites: 7,
	Calls: 900, CallSeconds: 0.05, CallGB: 0.5,
	CallReads: 3, WritingCalls: 0.1, WritingCallWrites: 8, WritingCallBytes: 1_500,
	CallBytes:  5_000,
	GraphBytes: 500_000, GraphSentBytes: 40_000,
	Emails: 4, NoticeSeconds: 0.3, NoticeGB: 0.25,
	TickSeconds: 0.1, TickGB: 0.25, TickReads: 8,
	CallLog: 1_500, RunLog: 2_000, TickLog: 700, LogMonths: 3, LogStored: 0.15,
	History:     12,
	WorkSeconds: 22 * 10 * 3600, NightSeconds: nights * 3600,
	TraceFirst: 1, TraceRest: 0.05,
	Queues: 5, Pollers: 5, PollLength: 20,
	Metrics: 9, AlarmMetrics: 40, Dashboards: 1,
	Keys: 3, TableKeyRequests: 5 * 12 * hours, RunKeyRequests: 2,
	Secrets: 1, SecretReads: 1_000,
}
