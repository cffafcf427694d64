package functions_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/klauspost/compress/zstd"

	"adminassistant/functions/cloudtest"
	"adminassistant/functions/lambdatest"
	"adminassistant/shared/run"
)

// weight is a request that needs much memory.
type weight struct {
	name    string
	request events.APIGatewayV2HTTPRequest
	status  int    // of the answer
	code    string // of its problem
	says    string // part of the problem's detail: what is too large
}

// share is the most that a request may need of the function's memory, in percent.
const share = 80

// weigh asks each of the requests of a function of its own, and returns how much memory that had at most.
func (d *deployment) weigh(t testing.TB, w weight) int64 {
	t.Helper()
	d = d.in(t)
	f := d.start("api", unhurried)
	defer f.Kill()
	a := d.ask(f, w.request)
	if a.status != w.status {
		t.Errorf("%s: answered %d with %.300s", w.name, a.status, a.body)
	}
	if w.code != "" {
		var problem struct{ Code, Detail string }
		if err := json.Unmarshal(a.body, &problem); err != nil || problem.Code != w.code || !strings.Contains(problem.Detail, w.says) {
			t.Errorf("%s: answered with %.300s", w.name, a.body)
		}
	}
	return f.PeakMemory()
}

// icalendar is a file with the events in it, as far as they fit into so many bytes.
func icalendar(most int, event func(i int) string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n")
	for i, size := 0, 100; ; i++ {
		text := event(i)
		if text = "BEGIN:VEVENT\n" + text + "END:VEVENT\n"; event(i) == "" {
			break
		}
		if size += len(text) + strings.Count(text, "\n"); size > most { // each end of a line is two bytes in an event of API Gateway
			break
		}
		b.WriteString(text)
	}
	return b.String() + "END:VCALENDAR\n"
}

// requestBytes is how much of a body API Gateway and Lambda let through: 6 MB with the event that it comes in.
const requestBytes = 6<<20 - 16<<10

// heavy puts into calendars, by requests, what the heaviest ones are about, and returns these.
func (d *deployment) heavy() []weight {
	api := d.start("api", unhurried)
	defer api.Kill()
	get := func(path, query string) events.APIGatewayV2HTTPRequest {
		return d.request("api-get-me.json", at(http.MethodGet, path), func(r *events.APIGatewayV2HTTPRequest) { r.RawQueryString = query })
	}
	post := func(path, kind, text string) events.APIGatewayV2HTTPRequest {
		return d.request("api-create-config.json", at(http.MethodPost, path), body(text), header("content-type", kind), header("idempotency-key", ""))
	}
	calendar := func(name string, files ...string) string {
		uri := "local://me/calendars/" + name
		made := read[map[string]any](d.t, d.ask(api, post("/v1/calendars", "application/json", `{"uri": "`+uri+`"}`)), http.StatusCreated)
		path := "/v1/calendars/" + made["id"].(string)
		for _, file := range files {
			read[map[string]any](d.t, d.ask(api, post(path+"/import", "text/calendar", file)), http.StatusOK)
		}
		return path
	}
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	stamp := func(t time.Time) string { return t.Format("20060102T150405Z") }
	single := func(i int, subject string) string {
		return fmt.Sprintf("UID:%d\nDTSTART:%s\nDURATION:PT5M\nSUMMARY:%s\n", i, stamp(first.Add(time.Duration(i)*10*time.Minute)), subject)
	}
	often := calendar("Often", icalendar(requestBytes, func(i int) string {
		switch {
		case i > 0:
			return ""
		}
		return "UID:often\nDTSTART:20200101T000000Z\nDTEND:20200101T000500Z\nRRULE:FREQ=MINUTELY;INTERVAL=3\n"
	}))
	several := calendar("Several", icalendar(requestBytes, func(i int) string {
		if i == 20 {
			return ""
		}
		return fmt.Sprintf("UID:s%d\nDTSTART:202601%02dT000000Z\nDURATION:PT5M\nRRULE:FREQ=HOURLY\n", i, i%20+1)
	}))
	long := calendar("Long", icalendar(2<<20, func(i int) string { return single(i, strings.Repeat("long ", 100_000)) }))
	some := calendar("Some", icalendar(requestBytes, func(i int) string {
		if i == 3000 {
			return ""
		}
		return single(i, "short")
	}))
	empty := func(i int) string { return calendar(fmt.Sprintf("Empty%d", i)) + "/import" }
	smallest := icalendar(requestBytes, func(i int) string { return "DTSTART:" + stamp(first.Add(time.Duration(i)*time.Second)) + "\n" })
	exceptions := icalendar(requestBytes, func(i int) string {
		at := stamp(first.Add(time.Duration(i) * 3 * time.Minute))
		if i == 0 {
			return "UID:s\nDTSTART:" + at + "\nRRULE:FREQ=MINUTELY;INTERVAL=3\n"
		}
		return "UID:s\nRECURRENCE-ID:" + at + "\nDTSTART:" + at + "\n"
	})
	packer, err := zstd.NewWriter(nil)
	must(d.t, err)
	packed := packer.EncodeAll([]byte(icalendar(30<<20, func(i int) string { return "DTSTART:" + stamp(first.Add(time.Duration(i)*time.Second)) + "\n" })), nil)
	year := "from=2026-01-01&to=2026-12-31&timezone=UTC"
	decade := "from=2026-01-01&to=2035-12-31&timezone=UTC"
	return []weight{
		{name: "a page of one of a series that happens every third minute", request: get(often+"/events", decade+"&limit=1"), status: 200},
		{name: "a page of 200 of it", request: get(often+"/events", decade+"&limit=200"), status: 200},
		{name: "a page of 200 of several hourly series", request: get(several+"/events", decade+"&limit=200"), status: 200},
		{name: "a page of long texts", request: get(long+"/events", year+"&limit=200"), status: 200},
		{name: "overlaps of a year of such a series", request: get(often+"/overlaps", year), status: 422, code: "invalid", says: "MB of events in the period"},
		{name: "overlaps of as much as fits", request: asItIs(get(often+"/overlaps", "from=2026-01-01&to=2026-03-01&timezone=UTC")), status: 422,
			code: "answer_too_large", says: "shorter period"},
		{name: "overlaps of as much as fits, compressed", request: get(often+"/overlaps", "from=2026-01-01&to=2026-03-01&timezone=UTC"), status: 200},
		{name: "import of the smallest events", request: post(empty(1), "text/calendar", smallest), status: 422, code: "invalid", says: "split it"},
		{name: "import of the exceptions of one series", request: post(empty(2), "text/calendar", exceptions), status: 422, code: "invalid", says: "split it"},
		{name: "export of 3,000 events", request: get(some+"/export", ""), status: 200},
		{name: "a body of the smallest members", request: post("/v1/calendars", "application/json", `{"uri":[`+strings.Repeat(`{"":0},`, 2<<20/7-10)+`{}]}`),
			status: 422, code: "invalid"},
		{name: "a larger body", request: post("/v1/calendars", "application/json", `{"uri":[`+strings.Repeat("{},", requestBytes/3-100)+`{}]}`),
			status: http.StatusRequestEntityTooLarge, code: "too_large", says: "bytes"},
		{name: "a body in two million layers", request: post("/v1/calendars", "application/json", strings.Repeat("[", 2<<20)), status: 400, code: "unparsable"},
		{name: "an upload of much in little", request: bytesOf(post("/v1/uploads", "application/zstd", ""), packed), status: 422, code: "invalid", says: "split it"},
		{name: "the audit log", request: get("/v1/audit/export", "format=json"), status: 200},
	}
}

// asItIs has the answer of a request not compressed.
func asItIs(r events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPRequest {
	uncompressed(&r)
	return r
}

// bytesOf gives a request a body that is no text.
func bytesOf(r events.APIGatewayV2HTTPRequest, data []byte) events.APIGatewayV2HTTPRequest {
	r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString(data), true
	return r
}

// TestNoRequestNeedsMoreThanItsShareOfTheMemory asks the heaviest requests of the function as it is deployed.
func TestNoRequestNeedsMoreThanItsShareOfTheMemory(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	memory := int64(cloudtest.Functions["api"].Memory) << 20
	for _, w := range d.heavy() {
		t.Run(w.name, func(t *testing.T) {
			if peak := d.weigh(t, w); peak > memory*share/100 {
				t.Errorf("needs %.0f MB, which is more than %d %% of %d MB", megabytes(peak), share, memory>>20)
			}
		})
	}
}

// BenchmarkMemory prints what the heaviest requests need of the API function's memory, each in a process of its own: a table, the heaviest first.
func BenchmarkMemory(b *testing.B) {
	d := deploy(b)
	memory := int64(cloudtest.Functions["api"].Memory) << 20
	weights := d.heavy()
	peaks := map[string]int64{}
	for b.Loop() {
		for _, w := range weights {
			peaks[w.name] = max(peaks[w.name], d.weigh(b, w))
		}
	}
	slices.SortFunc(weights, func(v, w weight) int { return cmp.Compare(peaks[w.name], peaks[v.name]) })
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, w := range weights[:10] {
		fmt.Fprintf(columns, "%.0f MB\t%d %%\t%s\n", megabytes(peaks[w.name]), peaks[w.name]*100/memory, w.name)
	}
	_ = columns.Flush()                                     // into memory
	fmt.Printf("of %d MB:\n%s", memory>>20, table.String()) // a log of a benchmark ends after ten lines
	b.ReportMetric(megabytes(peaks[weights[0].name]), "MB-peak")
}

// unhurried gives a function the time that the stand-ins for AWS need.
func unhurried(o *lambdatest.Options, _ map[string]string) { o.Timeout = 10 * time.Minute }

// TestARunOverTooManyEventsFailsWithinItsMemory archives and backs up a year of a series that happens every third minute.
func TestARunOverTooManyEventsFailsWithinItsMemory(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	api := d.start("api", unhurried)
	post := func(path, kind, text string, status int) map[string]any {
		r := d.request("api-create-config.json", at(http.MethodPost, path), body(text), header("content-type", kind), header("idempotency-key", ""))
		return read[map[string]any](t, d.ask(api, r), status)
	}
	source := post("/v1/calendars", "application/json", `{"uri": "local://me/calendars/Often"}`, http.StatusCreated)["id"].(string)
	post("/v1/calendars", "application/json", `{"uri": "local://me/calendars/Archive"}`, http.StatusCreated)
	post("/v1/calendars/"+source+"/import", "text/calendar", icalendar(1<<10, func(i int) string {
		if i > 0 {
			return ""
		}
		return "UID:often\nDTSTART:20200101T000000Z\nDTEND:20200101T000100Z\nRRULE:FREQ=MINUTELY;INTERVAL=3\n"
	}), http.StatusOK)
	config := post("/v1/archive-configs", "application/json", `{"name": "often", "source": "local://me/calendars/Often", `+
		`"archive": "local://me/calendars/Archive", "timezone": "UTC"}`, http.StatusCreated)["id"].(string)
	post("/v1/runs", "application/json", `{"kind": "archive", "config": "`+config+`", "from": "2025-01-01", "to": "2025-12-31"}`, http.StatusAccepted)
	post("/v1/backups", "application/json", `{"calendar": "local://me/calendars/Often", "from": "2025-01-01", "to": "2025-12-31"}`, http.StatusAccepted)
	for function, says := range map[string]string{"archive": "MB of events in the period", "backup": ""} {
		batch := d.take(function, 1)
		message, err := run.ParseMessage([]byte(batch.Records[0].Body))
		must(t, err)
		f := d.start(function)
		d.deliver(f, function, batch)
		r := d.stored(message.RunID)
		switch {
		case says == "" && r.State != run.Succeeded:
			t.Errorf("%s is %s: %+v", function, r.State, r.Problem)
		case says != "" && (r.State != run.Failed || r.Problem == nil || !strings.Contains(r.Problem.Detail, says)):
			t.Errorf("%s is %s: %+v", function, r.State, r.Problem)
		}
		if peak, memory := f.PeakMemory(), int64(cloudtest.Functions[function].Memory)<<20; peak > memory*share/100 {
			t.Errorf("%s needs %.0f MB of %d", function, megabytes(peak), memory>>20)
		}
	}
}
