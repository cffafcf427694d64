// Package reality asks Microsoft 365 how it behaves where its documentation says nothing or users report otherwise; docs/graph.md lists the points. It
// writes into scratch calendars alone, which it makes and removes, and its events have no attendees, so that nobody ever gets a message.
package reality

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/pause"
)

// Verdict says how an answer compares with the documentation and with what the program expects beside it.
type Verdict string

const (
	Documented Verdict = "documented" // as the documentation says, or as anybody would expect
	Assumed    Verdict = "as assumed" // the deviation that docs/graph.md tells of: the program is made for it
	Otherwise  Verdict = "otherwise"  // neither: the program may be wrong
	Unasked    Verdict = "not asked"  // it could not be asked here, or only with other people
)

// Finding is the answer to one question.
type Finding struct {
	Row      int // in docs/graph.md
	Question string
	Verdict  Verdict
	Detail   string // what was answered
}

// Service is Microsoft 365; see graph.Provider.
type Service interface {
	Ask(ctx context.Context, account, method, path string, body any) (status int, code string, answer []byte, err error)
}

// answer is what the service answered to one request.
type answer struct {
	status int // 200: any success
	code   string
	body   []byte
}

// inquiry is one examination of a mailbox.
type inquiry struct {
	ctx      context.Context // it lives as long as Ask
	service  Service
	account  string
	zone     string    // of the mailbox, as Windows names it
	calendar string    // id of the scratch calendar
	monday   time.Time // midnight of a Monday to come, in UTC

	name, answered string // of the scratch calendar: its name, and the id that creating it answered

	single, private object // events as they were created
	weekly, days    object // series: Mondays at nine, and three days in New Zealand; nil: the mailbox does not know that zone
	listed          []object

	passing map[string]int // failures that passed by themselves, by what was answered
	lost    bool           // the change of an instance was answered 200 and not stored
	waited  time.Duration  // until the listing had what was written
}

type object = map[string]any

// Ask asks a mailbox all questions and tells each answer. name is that of the scratch calendar, which must not exist yet. It is removed in any case; an
// error says if it could not be.
func Ask(ctx context.Context, s Service, account, name string, now time.Time, tell func(Finding)) (err error) {
	q := &inquiry{ctx: ctx, service: s, account: account, name: name, passing: map[string]int{}}
	q.monday = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 7+(8-int(now.UTC().Weekday()))%7)
	made, err := q.must(http.MethodPost, "/calendars", object{"name": name})
	if err != nil {
		return fmt.Errorf("make the calendar %q: %w", name, err)
	}
	q.answered = text(made, "id")
	q.calendar = q.answered
	defer func() {
		q.ctx = context.WithoutCancel(ctx)
		if _, gone := q.must(http.MethodDelete, q.in(""), nil); gone != nil {
			err = errors.Join(err, fmt.Errorf("remove the calendar %q, which is yours to delete in Outlook: %w", name, gone))
		}
	}()
	switch id, err := q.find(name); {
	case err != nil:
		return err
	case id != "": // else it is not shown yet
		q.calendar = id
	}
	if err := q.prepare(); err != nil {
		return err
	}
	for _, one := range slices.Concat(questions, writing) {
		f := Finding{Row: one.row, Question: one.text, Verdict: Unasked, Detail: one.unasked}
		if one.ask != nil {
			if f.Verdict, f.Detail, err = one.ask(q); err != nil {
				return fmt.Errorf("ask %q: %w", one.text, err)
			}
		}
		tell(f)
	}
	return nil
}

// in is a path within the scratch calendar.
func (q *inquiry) in(path string) string { return "/calendars/" + url.PathEscape(q.calendar) + path }

// passes are answers that are expected to be another one when the request is made again.
var passes = []answer{
	{status: http.StatusNotFound, code: "ResourceNotFound"}, {status: http.StatusNotFound, code: "MailboxNotEnabledForRESTAPI"},
	{status: http.StatusConflict, code: "ErrorIrresolvableConflict"}, {status: http.StatusPreconditionFailed, code: "ErrorIrresolvableConflict"},
	{status: http.StatusLocked, code: "ErrorItemLocked"},
}

// ask makes a request, and makes it again when its failure is one that passes.
func (q *inquiry) ask(method, path string, body any) (a answer, err error) {
	for tries := 1; ; tries++ {
		a.status, a.code, a.body, err = q.service.Ask(q.ctx, q.account, method, path, body)
		passing := slices.ContainsFunc(passes, func(p answer) bool { return p.status == a.status && p.code == a.code })
		if err != nil || !passing || tries == 5 {
			return a, err
		}
		q.passing[refusal(a)]++
	}
}

// find returns the id of the calendar of a name, which may be another one than creating it answered; empty: it is not shown.
func (q *inquiry) find(name string) (string, error) {
	all, err := q.list("/calendars", url.Values{"$select": {"id,name"}})
	if err != nil {
		return "", fmt.Errorf("look for the calendar %q: %w", name, err)
	}
	at := slices.IndexFunc(all, func(c object) bool { return text(c, "name") == name })
	if at < 0 {
		return "", nil
	}
	return text(all[at], "id"), nil
}

// until asks until the answer is the one that is waited for, and goes on without it after a while.
func (q *inquiry) until(ask func() (there bool, err error)) error {
	const step, longest = time.Second, 20 * time.Second
	for waited := time.Duration(0); ; waited += step {
		there, err := ask()
		if there {
			q.waited = max(q.waited, waited)
		}
		if err != nil || there || waited >= longest {
			return err
		}
		if err := pause.For(q.ctx, step); err != nil {
			return err
		}
	}
}

// must asks for an object; a refusal is an error.
func (q *inquiry) must(method, path string, body any) (object, error) {
	a, err := q.ask(method, path, body)
	if err != nil {
		return nil, err
	}
	if err := a.refused(); err != nil {
		return nil, err
	}
	return a.object()
}

// refused is the error that an answer is; nil if it is none. It is Invalid for a request that the service does not accept as it is.
func (a answer) refused() error {
	switch a.status {
	case http.StatusOK:
		return nil
	case http.StatusBadRequest:
		return fault.New(fault.Invalid, "the service answered %s", refusal(a))
	}
	return fault.New(fault.Unavailable, "the service answered %s", refusal(a))
}

// object is the object that was answered; an empty one for no text.
func (a answer) object() (object, error) {
	if len(a.body) == 0 {
		return object{}, nil
	}
	var o object
	return o, json.Unmarshal(a.body, &o)
}

// list asks for a listing, page by page of a thousand.
func (q *inquiry) list(path string, query url.Values) (all []object, err error) {
	for skip := 0; ; skip += pageSize {
		query.Set("$top", fmt.Sprint(pageSize))
		query.Set("$skip", fmt.Sprint(skip))
		page, err := q.must(http.MethodGet, path+"?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		list, _ := page["value"].([]any)
		for _, one := range list {
			o, _ := one.(object)
			all = append(all, o)
		}
		if page["@odata.nextLink"] == nil || len(list) == 0 {
			return all, nil
		}
	}
}

const pageSize = 50

func refusal(a answer) string { return fmt.Sprintf("%d %s", a.status, a.code) }

// window is a query for the days that the questions are about.
func (q *inquiry) window(fields string) url.Values {
	return url.Values{
		"startDateTime": {q.monday.AddDate(0, 0, -2).Format(time.RFC3339)}, "endDateTime": {q.monday.AddDate(0, 0, 35).Format(time.RFC3339)},
		"$select": {fields},
	}
}

// prepare fills the scratch calendar.
func (q *inquiry) prepare() (err error) {
	settings, err := q.must(http.MethodGet, "/mailboxSettings?$select=timeZone", nil)
	if err != nil {
		return fmt.Errorf("read the mailbox's time zone: %w", err)
	}
	if q.zone, _ = settings["timeZone"].(string); q.zone == "" {
		q.zone = "UTC"
	}
	event := func(subject string, start, end time.Time, zone string, more object) (object, error) {
		at := func(t time.Time) object { return object{"dateTime": t.Format("2006-01-02T15:04:05"), "timeZone": zone} }
		e := object{
			"subject": subject, "body": object{"contentType": "text", "content": "What " + subject + " is about"}, "start": at(start), "end": at(end),
			"isReminderOn": false, "responseRequested": false,
		}
		for name, value := range more {
			e[name] = value
		}
		a, err := q.ask(http.MethodPost, q.in("/events"), e)
		if err == nil {
			err = a.refused()
		}
		if err != nil {
			return nil, fmt.Errorf("make the event %q: %w", subject, err)
		}
		return a.object()
	}
	nine, date := q.monday.Add(9*time.Hour), q.monday.Format(time.DateOnly)
	if q.single, err = event("Single", nine.Add(24*time.Hour), nine.Add(25*time.Hour), q.zone, nil); err != nil {
		return err
	}
	if q.private, err = event("Private", nine.Add(48*time.Hour), nine.Add(49*time.Hour), q.zone, object{"sensitivity": "private"}); err != nil {
		return err
	}
	if q.weekly, err = event("Weekly", nine, nine.Add(time.Hour), q.zone, object{"recurrence": object{
		"pattern": object{"type": "weekly", "interval": 1, "daysOfWeek": []string{"monday"}},
		"range":   object{"type": "numbered", "startDate": date, "numberOfOccurrences": 4, "recurrenceTimeZone": q.zone},
	}}); err != nil {
		return err
	}
	if q.days, err = event("Days", q.monday, q.monday.AddDate(0, 0, 1), farZone, object{"isAllDay": true, "recurrence": object{
		"pattern": object{"type": "daily", "interval": 2},
		"range":   object{"type": "numbered", "startDate": date, "numberOfOccurrences": 3, "recurrenceTimeZone": farZone},
	}}); fault.Of(err) == fault.Invalid { // the mailbox does not know the zone
		q.days, err = nil, nil
	}
	if err != nil {
		return err
	}
	if err := q.change(); err != nil {
		return err
	}
	return q.until(func() (bool, error) {
		q.listed, err = q.list(q.in("/calendarView"), q.window(instanceFields))
		return len(q.listed) == q.expected() && q.named("Changed") != nil, err
	})
}

// expected is how many events the window has: two single ones, three Mondays that are left, and three days.
func (q *inquiry) expected() int {
	if q.days == nil {
		return 2 + 3
	}
	return 2 + 3 + 3
}

const (
	// farZone is one in which a day begins on the day before in UTC.
	farZone        = "New Zealand Standard Time"
	instanceFields = "id,iCalUId,type,seriesMasterId,originalStart,subject,start,isAllDay,changeKey"
)

// change changes the second Monday and deletes the third one.
func (q *inquiry) change() error {
	instances, err := q.instances(text(q.weekly, "id"), 4)
	if err != nil {
		return err
	}
	if len(instances) != 4 {
		return fault.New(fault.Unavailable, "a series of four has %d instances", len(instances))
	}
	byStart := map[string]string{}
	for _, e := range instances {
		start, err := startOf(e)
		if err != nil {
			return err
		}
		byStart[start.Format(time.DateOnly)] = text(e, "id")
	}
	second, third := byStart[q.monday.AddDate(0, 0, 7).Format(time.DateOnly)], byStart[q.monday.AddDate(0, 0, 14).Format(time.DateOnly)]
	if second == "" || third == "" { // the mailbox is so far in the east that nine o'clock is the day before
		second, third = byStart[q.monday.AddDate(0, 0, 6).Format(time.DateOnly)], byStart[q.monday.AddDate(0, 0, 13).Format(time.DateOnly)]
	}
	for range 2 { // the first time it may be lost
		if _, err := q.must(http.MethodPatch, q.event(second), object{"subject": "Changed"}); err != nil {
			return fmt.Errorf("change an instance: %w", err)
		}
		stored := false
		err := q.until(func() (bool, error) {
			e, err := q.must(http.MethodGet, q.event(second)+"?$select=subject", nil)
			stored = text(e, "subject") == "Changed"
			return stored, err
		})
		if err != nil {
			return fmt.Errorf("look for the change of an instance: %w", err)
		}
		if stored {
			break
		}
		q.lost = true
	}
	if _, err := q.must(http.MethodDelete, q.in("/events/"+url.PathEscape(third)), nil); err != nil {
		return fmt.Errorf("delete an instance: %w", err)
	}
	return nil
}

// instances lists the instances of a series within the window, of which there are to be n.
func (q *inquiry) instances(series string, n int) (list []object, err error) {
	if _, err = q.read(series, "id"); err != nil {
		return nil, err
	}
	err = q.until(func() (bool, error) {
		list, err = q.list(q.event(series)+"/instances", q.window("id,start,sensitivity"))
		return len(list) == n, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the instances of a series: %w", err)
	}
	return list, nil
}

// event is the path of an event of the scratch calendar.
func (q *inquiry) event(id string) string { return q.in("/events/" + url.PathEscape(id)) }

// startOf is when an event starts; times are in UTC.
func startOf(e object) (time.Time, error) {
	start, _ := e["start"].(object)
	at, err := calendar.DateTime{Local: text(start, "dateTime")}.Instant(time.UTC)
	if err != nil {
		return at, fault.New(fault.Unavailable, "an event has no start")
	}
	return at, nil
}

// text is a member that is a text; empty if it is none.
func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}
