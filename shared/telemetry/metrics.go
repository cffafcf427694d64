package telemetry

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// Namespace is where CloudWatch keeps the metrics.
const Namespace = "AdminAssistant"

// stageDimension is the one dimension of every metric.
const stageDimension = "Stage"

// Metric is something that is counted. Alarms and dashboards know it by this name.
type Metric string

const (
	// RunsSucceeded, RunsPartial and RunsFailed count runs, once each, when they end in that state.
	RunsSucceeded Metric = "RunsSucceeded"
	RunsPartial   Metric = "RunsPartial"
	RunsFailed    Metric = "RunsFailed"
	// RunsBroken counts those of RunsFailed that failed for no fault of their users: by a defect, or since something was out of reach for long.
	RunsBroken Metric = "RunsBroken"
	// SecretDays is for how many days, the current one included, a secret with which the installation signs in to Microsoft is still good, as it is
	// read, when that is soon.
	SecretDays Metric = "SecretDays"
	// AppointmentsArchived counts what an archive run wrote to the archive calendar, when the run ends.
	AppointmentsArchived Metric = "AppointmentsArchived"
	// PlansDiffer counts archive runs in which the version of the plan that was shadowed decides otherwise than the one that was carried out.
	PlansDiffer Metric = "PlansDiffer"
	// MessagesParked counts messages that were moved to a dead-letter queue because no further delivery would help.
	MessagesParked Metric = "MessagesParked"
	// SignInFailures counts requests to the API whose sign-in was refused.
	SignInFailures Metric = "SignInFailures"
	// UserRequests counts requests to the API of users who are signed in, and UserRequestsFailed those of them that were answered with a
	// status of 500 or above. Nobody else can raise them.
	UserRequests       Metric = "UserRequests"
	UserRequestsFailed Metric = "UserRequestsFailed"
	// Panics counts requests to the API whose handler panicked.
	Panics Metric = "Panics"
	// AuditRecordsLost counts records of the audit log that could not be written after what they record had happened.
	AuditRecordsLost Metric = "AuditRecordsLost"
	// SetupFaults counts runs and requests that failed because Microsoft does not accept the installation: a credential that has ended, or a registration
	// that is not as it has to be.
	SetupFaults Metric = "SetupFaults"
	// HeadsUnkept counts heads of ledgers that could not be handed to their witness after a run.
	HeadsUnkept Metric = "HeadsUnkept"
	// JobsLate counts jobs that a tick of the dispatcher started later than they should have been.
	JobsLate Metric = "JobsLate"
	// JobWait is for how long the longest due job had waited that a tick of the dispatcher saw, in seconds, if it is more than jobs have to wait.
	JobWait Metric = "JobWait"
	// JobsParked counts jobs that a tick of the dispatcher let rest, since this version of the program does not know their kind; each of them
	// every hour while it rests.
	JobsParked Metric = "JobsParked"
	// JobsStuck counts jobs that a tick of the dispatcher set aside because a defect keeps them from being started; each of them whenever it is tried.
	// JobsFailed counts those that it could not start for a reason that passes.
	JobsStuck  Metric = "JobsStuck"
	JobsFailed Metric = "JobsFailed"
)

// unit is CloudWatch's word for what a metric counts.
func (m Metric) unit() string {
	if m == JobWait {
		return "Seconds"
	}
	return "Count"
}

// Counts are the metrics of one fact.
type Counts map[Metric]int

// Metrics writes counts as lines of JSON in CloudWatch's embedded metric format, from which CloudWatch Logs makes metrics. A nil
// Metrics, and the zero one, count nothing. All of it may be used from many goroutines.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type Metrics struct {
	mu    sync.Mutex
	to    io.Writer
	stage string
	clock func() time.Time
}

// NewMetrics returns metrics that are written to w, of the stage dev, staging or prod.
func NewMetrics(w io.Writer, stage string, clock func() time.Time) *Metrics {
	return &Metrics{to: w, stage: stage, clock: clock}
}

// directive says which fields of a line are metrics for CloudWatch; the names of its fields are the format's.
type directive struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []metricSet
}

type metricSet struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metricDefinition
}

type metricDefinition struct{ Name, Unit string }

// Count writes the counts of one fact as one line, with one Write. What is not above zero is left out; a metric that is not written
// costs nothing. That a line cannot be written must not fail what it counts, so that there is no error.
func (m *Metrics) Count(counts Counts) {
	if m == nil || m.to == nil {
		return
	}
	line := map[string]any{stageDimension: m.stage}
	var defined []metricDefinition
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[name]; n > 0 {
			line[string(name)] = n
			defined = append(defined, metricDefinition{Name: string(name), Unit: name.unit()})
		}
	}
	if len(defined) == 0 {
		return
	}
	line["_aws"] = directive{
		Timestamp:         m.clock().UnixMilli(),
		CloudWatchMetrics: []metricSet{{Namespace: Namespace, Dimensions: [][]string{{stageDimension}}, Metrics: defined}},
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic("telemetry: " + err.Error()) // numbers and names alone
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = m.to.Write(append(text, '\n'))
}
