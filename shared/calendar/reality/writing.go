package reality

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// writing are questions that write into the scratch calendar, and those that no calendar of one's own can answer. They come last.
var writing = []question{
	{row: 2, text: "Has a copy that is made in Outlook all that its original has?", unasked: "only Outlook makes such copies"},
	{row: 3, text: "Is the change key that a write answers the one that readings show?", ask: (*inquiry).rewritten},
	{row: 8, text: "Are writes taken at once, without conflicts that pass by themselves?", ask: func(q *inquiry) (Verdict, string, error) {
		return q.passed("ErrorIrresolvableConflict")
	}},
	{row: 9, text: "Is the change of an instance stored?", ask: (*inquiry).lostChange},
	{row: 10, text: "Is the mailbox always within reach?", ask: func(q *inquiry) (Verdict, string, error) {
		return q.passed("ResourceNotFound", "MailboxNotEnabledForRESTAPI")
	}},
	{row: 10, text: "What does deleting answer in a calendar that may only be read?", unasked: "somebody else would have to share one"},
	{row: 13, text: "Does a transaction id keep a second create from making another event?", ask: (*inquiry).transactionTwice},
	{row: 13, text: "Is a transaction id free when its event is deleted?", ask: (*inquiry).transactionAgain},
	{row: 14, text: "Does a filter by our property find what has it, in its calendar alone?", ask: (*inquiry).filter},
	{row: 15, text: "Is what was written shown at once?", ask: (*inquiry).lag},
	{row: 17, text: "Is the id that creating a calendar answers the one that it has?", ask: (*inquiry).calendarID},
	{row: 20, text: "Is a subject of 300 characters kept?", ask: (*inquiry).cut},
	{row: 21, text: "Does the mailbox know the time zones of Windows?", ask: (*inquiry).zones},
	{row: 22, text: "Does a series keep seconds?", ask: (*inquiry).seconds},
	{row: 23, text: "Does an instance keep its own sensitivity?", ask: (*inquiry).instanceSensitivity},
	{row: 24, text: "Are twenty requests of a batch carried out?", unasked: "the program finds out as it goes"},
	{row: 27, text: "Do others' calendars need a permission of their own?", unasked: "somebody else would have to share one"},
	{row: 28, text: "Is deleting for good offered?", ask: (*inquiry).permanentDelete},
	{row: 29, text: "Are there calendars that cannot be deleted?", unasked: "this one can; others are not tried"},
	{row: 33, text: "Are writes taken at once, without locks that pass by themselves?", ask: func(q *inquiry) (Verdict, string, error) {
		return q.passed("ErrorItemLocked")
	}},
}

// passed tells whether one of these codes was answered to a request that went well when it was made again.
func (q *inquiry) passed(codes ...string) (Verdict, string, error) {
	var seen []string
	for what, n := range q.passing {
		if slices.ContainsFunc(codes, func(code string) bool { return strings.HasSuffix(what, code) }) {
			seen = append(seen, fmt.Sprintf("%s %d times", what, n))
		}
	}
	if slices.Sort(seen); len(seen) > 0 {
		return Assumed, strings.Join(seen, ", "), nil
	}
	return Documented, "", nil
}

// later is an event of an hour, two months on, so that it is in no window that was asked about.
func (q *inquiry) later(subject string, more object) object {
	start := q.monday.AddDate(0, 0, 63).Add(9 * time.Hour)
	at := func(t time.Time) object {
		return object{"dateTime": t.Format("2006-01-02T15:04:05"), "timeZone": "UTC"}
	}
	e := object{
		"subject": subject, "start": at(start), "end": at(start.Add(time.Hour)), "isReminderOn": false, "responseRequested": false,
		"body": object{"contentType": "html", "content": "<p>What " + subject + " is about</p>"},
	}
	for name, value := range more {
		e[name] = value
	}
	return e
}

// write makes an event and returns it as it was answered.
func (q *inquiry) write(e object) (object, error) {
	a, err := q.ask(http.MethodPost, q.in("/events"), e)
	if err == nil {
		err = a.refused()
	}
	if err != nil {
		return nil, fmt.Errorf("make the event %q: %w", e["subject"], err)
	}
	return a.object()
}

// read reads some members of an event of the mailbox, and waits for it to be shown.
func (q *inquiry) read(id, members string) (e object, err error) {
	err = q.until(func() (bool, error) {
		a, err := q.ask(http.MethodGet, "/events/"+url.PathEscape(id)+"?$select="+members, nil)
		if err != nil || a.status == http.StatusNotFound {
			return false, err
		}
		if err := a.refused(); err != nil {
			return false, err
		}
		e, err = a.object()
		return true, err
	})
	return e, err
}

func (q *inquiry) rewritten() (Verdict, string, error) {
	made, err := q.write(q.later("Written", nil))
	if err != nil {
		return "", "", err
	}
	id, first := text(made, "id"), text(made, "changeKey")
	for range 3 {
		e, err := q.read(id, "changeKey")
		switch {
		case err != nil:
			return "", "", err
		case text(e, "changeKey") != first:
			return Assumed, "another one", nil
		}
	}
	return Documented, "", nil
}

func (q *inquiry) lostChange() (Verdict, string, error) {
	if q.lost {
		return Assumed, "it was answered 200, and had to be made again", nil
	}
	return Documented, "", nil
}

func (q *inquiry) transactionTwice() (Verdict, string, error) {
	e := q.later("Once", object{"transactionId": "once " + q.calendar})
	first, err := q.write(e)
	if err != nil {
		return "", "", err
	}
	again, err := q.ask(http.MethodPost, q.in("/events"), e)
	if err != nil {
		return "", "", err
	}
	second, err := again.object()
	switch {
	case err != nil:
		return "", "", err
	case again.status == http.StatusOK && text(second, "id") == text(first, "id"):
		return Documented, "it answers the first event", nil
	case again.status == http.StatusOK:
		return Assumed, "there are two events", nil
	case again.status == http.StatusConflict || again.status == http.StatusBadRequest:
		return Documented, refusal(again), nil
	}
	return Otherwise, refusal(again), nil
}

func (q *inquiry) transactionAgain() (Verdict, string, error) {
	e := q.later("Again", object{"transactionId": "again " + q.calendar})
	first, err := q.write(e)
	if err != nil {
		return "", "", err
	}
	if _, err := q.read(text(first, "id"), "id"); err != nil {
		return "", "", err
	}
	if _, err := q.must(http.MethodDelete, q.event(text(first, "id")), nil); err != nil {
		return "", "", err
	}
	again, err := q.ask(http.MethodPost, q.in("/events"), e)
	switch {
	case err != nil:
		return "", "", err
	case again.status == http.StatusOK:
		return Documented, "", nil
	case again.status == http.StatusConflict || again.status == http.StatusBadRequest:
		return Assumed, refusal(again), nil
	}
	return Otherwise, refusal(again), nil
}

// property is one of these questions' own. It is none by which the program knows its copies.
const property = "String {7c0d6f35-52a4-4c0e-9d0c-5a2a7b1f0e64} Name AdminAssistantQuestion"

func (q *inquiry) filter() (Verdict, string, error) {
	value := "filter " + q.calendar
	made, err := q.write(q.later("Property", object{"singleValueExtendedProperties": []object{{"id": property, "value": value}}}))
	if err != nil {
		return "", "", err
	}
	if _, err := q.read(text(made, "id"), "id"); err != nil {
		return "", "", err
	}
	query := "/events?" + url.Values{
		"$select": {"id"}, "$filter": {"singleValueExtendedProperties/Any(ep: ep/id eq '" + property + "' and ep/value eq '" + value + "')"},
	}.Encode()
	found := func(path string) (int, answer, error) {
		a, err := q.ask(http.MethodGet, path, nil)
		if err != nil || a.status != http.StatusOK {
			return 0, a, err
		}
		o, err := a.object()
		list, _ := o["value"].([]any)
		return len(list), a, err
	}
	here, a, err := found(q.in(query))
	switch {
	case err != nil:
		return "", "", err
	case a.status == http.StatusBadRequest:
		return Assumed, "it is refused: " + refusal(a), nil
	case a.status != http.StatusOK:
		return Otherwise, refusal(a), nil
	case here == 0:
		return Assumed, "it finds nothing", nil
	}
	elsewhere, a, err := found("/calendar" + query)
	switch {
	case err != nil:
		return "", "", err
	case elsewhere > 0:
		return Assumed, "another calendar finds it, too", nil
	case a.status != http.StatusOK || here > 1:
		return Otherwise, fmt.Sprintf("%d found; in another calendar %s", here, refusal(a)), nil
	}
	return Documented, "", nil
}

func (q *inquiry) lag() (Verdict, string, error) {
	if q.waited > 0 {
		return Assumed, fmt.Sprintf("after %s at most", q.waited), nil
	}
	return Documented, "", nil
}

func (q *inquiry) calendarID() (Verdict, string, error) {
	if q.calendar != q.answered {
		return Assumed, "another one", nil
	}
	return Documented, "", nil
}

func (q *inquiry) cut() (Verdict, string, error) {
	long := strings.Repeat("Long subject ", 24)[:300]
	a, err := q.ask(http.MethodPost, q.in("/events"), q.later(long, nil))
	switch {
	case err != nil:
		return "", "", err
	case a.status == http.StatusBadRequest:
		return Otherwise, "it is refused: " + refusal(a), nil
	case a.status != http.StatusOK:
		return Otherwise, refusal(a), nil
	}
	made, err := a.object()
	if err != nil {
		return "", "", err
	}
	e, err := q.read(text(made, "id"), "subject")
	kept := text(e, "subject")
	switch {
	case err != nil:
		return "", "", err
	case kept == long:
		return Documented, "", nil
	case len(kept) == 255 && strings.HasPrefix(long, strings.TrimSuffix(kept, "...")):
		return Assumed, "it is cut at 255", nil
	}
	return Otherwise, fmt.Sprintf("%d characters are kept", len(kept)), nil
}

// someZones are zones of Windows that are not in every list.
var someZones = []string{
	"W. Europe Standard Time", "Eastern Standard Time", "Tokyo Standard Time", farZone, "Chatham Islands Standard Time", "Lord Howe Standard Time",
}

func (q *inquiry) zones() (Verdict, string, error) {
	var unknown []string
	for _, zone := range someZones {
		at := object{"dateTime": q.monday.AddDate(0, 0, 63).Format("2006-01-02T15:04:05"), "timeZone": zone}
		a, err := q.ask(http.MethodPost, q.in("/events"), q.later("Zone", object{"start": at, "end": at}))
		switch {
		case err != nil:
			return "", "", err
		case a.status == http.StatusBadRequest:
			unknown = append(unknown, zone)
		case a.status != http.StatusOK:
			return Otherwise, zone + ": " + refusal(a), nil
		}
	}
	if len(unknown) > 0 {
		return Assumed, "not " + strings.Join(unknown, ", "), nil
	}
	return Documented, fmt.Sprintf("all %d that were tried", len(someZones)), nil
}

// fewMondays makes a series of two Mondays in the window that is asked about, and returns it.
func (q *inquiry) fewMondays(subject string, from time.Duration, more object) (object, error) {
	start := q.monday.Add(from)
	at := func(t time.Time) object {
		return object{"dateTime": t.Format("2006-01-02T15:04:05"), "timeZone": "UTC"}
	}
	e := object{"start": at(start), "end": at(start.Add(time.Hour)), "recurrence": object{
		"pattern": object{"type": "weekly", "interval": 1, "daysOfWeek": []string{"monday"}},
		"range":   object{"type": "numbered", "startDate": q.monday.Format(time.DateOnly), "numberOfOccurrences": 2, "recurrenceTimeZone": "UTC"},
	}}
	for name, value := range more {
		e[name] = value
	}
	return q.write(q.later(subject, e))
}

func (q *inquiry) seconds() (Verdict, string, error) {
	made, err := q.fewMondays("Seconds", 9*time.Hour+30*time.Second, nil)
	if err != nil {
		return "", "", err
	}
	e, err := q.read(text(made, "id"), "start")
	if err != nil {
		return "", "", err
	}
	switch start, err := startOf(e); {
	case err != nil:
		return "", "", err
	case start.Second() == 30:
		return Documented, "", nil
	case start.Second() == 0:
		return Assumed, "minutes only", nil
	default:
		return Otherwise, start.Format(time.RFC3339), nil
	}
}

func (q *inquiry) instanceSensitivity() (Verdict, string, error) {
	made, err := q.fewMondays("Sensitive", 14*time.Hour, nil)
	if err != nil {
		return "", "", err
	}
	list, err := q.instances(text(made, "id"), 2)
	if err != nil {
		return "", "", err
	}
	if len(list) == 0 {
		return Unasked, "the series shows no instances", nil
	}
	id, kept := text(list[0], "id"), ""
	for range 2 { // the first change may be lost
		if _, err := q.must(http.MethodPatch, q.event(id), object{"sensitivity": "confidential"}); err != nil {
			return "", "", err
		}
		err := q.until(func() (bool, error) { // listed, since by its id it may be refused
			list, err := q.instances(text(made, "id"), 2)
			if at := slices.IndexFunc(list, func(e object) bool { return text(e, "id") == id }); at >= 0 {
				kept = text(list[at], "sensitivity")
			}
			return kept == "confidential", err
		})
		if err != nil {
			return "", "", err
		}
		if kept == "confidential" {
			break
		}
	}
	switch kept {
	case "confidential":
		return Documented, "", nil
	case "normal":
		return Assumed, "it has that of its series", nil
	}
	return Otherwise, kept, nil
}

// permanentDelete deletes a second scratch calendar for good, or as usual where that is not offered.
func (q *inquiry) permanentDelete() (_ Verdict, _ string, err error) {
	name := q.name + ", to delete"
	made, err := q.must(http.MethodPost, "/calendars", object{"name": name})
	if err != nil {
		return "", "", err
	}
	id, gone := text(made, "id"), false
	defer func() {
		if gone {
			return
		}
		q.ctx = context.WithoutCancel(q.ctx)
		if _, left := q.must(http.MethodDelete, "/calendars/"+url.PathEscape(id), nil); left != nil {
			err = errors.Join(err, fmt.Errorf("remove the calendar %q, which is yours to delete in Outlook: %w", name, left))
		}
	}()
	err = q.until(func() (bool, error) {
		found, err := q.find(name)
		if found != "" {
			id = found
		}
		return found != "", err
	})
	if err != nil {
		return "", "", err
	}
	a, err := q.ask(http.MethodPost, "/calendars/"+url.PathEscape(id)+"/permanentDelete", nil)
	if err != nil {
		return "", "", err
	}
	if gone = a.status == http.StatusOK; gone {
		return Documented, "", nil
	}
	return Assumed, refusal(a), nil
}
