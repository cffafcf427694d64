package reality

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// question is one point of docs/graph.md. ask is nil where it cannot be asked without other people, or without waiting; unasked then says why.
type question struct {
	row     int
	text    string
	ask     func(q *inquiry) (Verdict, string, error)
	unasked string
}

// questions are asked in this order. None of them writes; see writing.
var questions = []question{
	{row: 1, text: "Do old events leave the calendar by themselves?", unasked: "it takes months; look at the retention policy of the mailbox"},
	{row: 4, text: "Does an exception tell its original start?", ask: (*inquiry).originalStart},
	{row: 5, text: "Is an invitation to one instance listed without its series?", unasked: "somebody else would have to invite"},
	{row: 6, text: "When does an all-day instance begin by its series?", ask: (*inquiry).allDayOriginal},
	{row: 7, text: "Is the iCalUId of each instance its own?", ask: (*inquiry).uids},
	{row: 11, text: "Is the id of a new event the one that listings show?", ask: (*inquiry).ids},
	{row: 12, text: "Is the text of an event answered by its id?", ask: (*inquiry).body},
	{row: 12, text: "Is a private event answered by its id?", ask: (*inquiry).privateEvent},
	{row: 16, text: "Does a listing have every event?", ask: (*inquiry).complete},
	{row: 18, text: "Are people always written in the same way?", unasked: "it takes months, and other people"},
	{row: 19, text: "Do instances tell the attendees of their series?", unasked: "people would have to be invited"},
	{row: 25, text: "Is a page of a thousand events answered?", ask: (*inquiry).largePage},
	{row: 26, text: "Does one broken event fail a whole listing?", unasked: "nobody can make a broken event"},
	{row: 30, text: "Is a window of more than 1,825 days refused?", ask: (*inquiry).longWindow},
	{row: 31, text: "Does a change key stay while nobody edits?", ask: (*inquiry).changeKeys},
	{row: 32, text: "Does a series tell its instances within its calendar?", ask: (*inquiry).membersInCalendar},
	{row: 32, text: "Does a series tell its instances within the mailbox?", ask: (*inquiry).membersInMailbox},
}

// named returns the listed event of a subject.
func (q *inquiry) named(subject string) object {
	i := slices.IndexFunc(q.listed, func(e object) bool { return text(e, "subject") == subject })
	if i < 0 {
		return nil
	}
	return q.listed[i]
}

func (q *inquiry) originalStart() (Verdict, string, error) {
	e := q.named("Changed")
	if e == nil {
		return Unasked, "the changed instance is not listed", nil
	}
	told, err := time.Parse(time.RFC3339, text(e, "originalStart"))
	start, err2 := startOf(e)
	switch {
	case err2 != nil:
		return "", "", err2
	case err != nil && e["originalStart"] == nil:
		return Assumed, "null", nil
	case err != nil:
		return Otherwise, "it is no time", nil
	case told.Year() < 1900:
		return Assumed, "a zero time", nil
	case told.Equal(start):
		return Documented, "", nil
	}
	return Otherwise, fmt.Sprintf("%s, though it started at %s", told.Format(time.RFC3339), start.Format(time.RFC3339)), nil
}

func (q *inquiry) allDayOriginal() (Verdict, string, error) {
	if q.days == nil {
		return Unasked, "the mailbox does not know the zone " + farZone, nil
	}
	master, err := q.must(http.MethodGet, q.in("/events/"+url.PathEscape(text(q.days, "id"))+"?$select=recurrence,originalStartTimeZone"), nil)
	if err != nil {
		return "", "", err
	}
	recurrence, _ := master["recurrence"].(object)
	span, _ := recurrence["range"].(object)
	zone, made := text(span, "recurrenceTimeZone"), text(master, "originalStartTimeZone")
	first := time.Time{}
	for _, e := range q.listed {
		at, err := time.Parse(time.RFC3339, text(e, "originalStart"))
		if text(e, "subject") == "Days" && err == nil && (first.IsZero() || at.Before(first)) {
			first = at.UTC()
		}
	}
	told := fmt.Sprintf("%s, recurrenceTimeZone %q, originalStartTimeZone %q", first.Format(time.RFC3339), zone, made)
	midnight := q.monday.Add(-12 * time.Hour) // of New Zealand in winter; in summer it is an hour earlier
	switch {
	case first.Equal(q.monday) && zone == farZone:
		return Documented, told, nil
	case first.Equal(midnight) || first.Equal(midnight.Add(-time.Hour)):
		return Assumed, told, nil
	}
	return Otherwise, told, nil
}

func (q *inquiry) uids() (Verdict, string, error) {
	seen, missing, n := map[string]bool{}, 0, 0
	for _, e := range q.listed {
		if text(e, "seriesMasterId") != text(q.weekly, "id") {
			continue
		}
		n++
		if uid := text(e, "iCalUId"); uid == "" {
			missing++
		} else {
			seen[uid] = true
		}
	}
	told := fmt.Sprintf("%d instances, %d different ones, %d without", n, len(seen), missing)
	switch {
	case n < 2:
		return Unasked, told, nil
	case len(seen) == n:
		return Documented, told, nil
	case missing == n || len(seen) == 1 && missing == 0:
		return Assumed, told, nil
	}
	return Otherwise, told, nil
}

func (q *inquiry) ids() (Verdict, string, error) {
	e := q.named("Single")
	switch {
	case e == nil:
		return Unasked, "the event is not listed", nil
	case text(e, "id") == text(q.single, "id"):
		return Documented, "", nil
	}
	return Assumed, "another one", nil
}

// refused tells an answer to a question by id: it is one, or one of the refusals that are known.
func (q *inquiry) refused(path string, known ...int) (Verdict, string, error) {
	a, err := q.ask(http.MethodGet, path, nil)
	switch {
	case err != nil:
		return "", "", err
	case a.status == http.StatusOK:
		return Documented, "", nil
	case slices.Contains(known, a.status):
		return Assumed, refusal(a), nil
	}
	return Otherwise, refusal(a), nil
}

// body asks for the text of every event that is listed, since not all need be refused.
func (q *inquiry) body() (Verdict, string, error) {
	for _, e := range q.listed {
		if text(e, "subject") == "Private" { // which has a question of its own
			continue
		}
		v, told, err := q.refused(q.in("/events/"+url.PathEscape(text(e, "id"))+"?$select=body"), http.StatusForbidden, http.StatusNotFound)
		if err != nil || v != Documented {
			return v, told, err
		}
	}
	return Documented, "", nil
}

func (q *inquiry) privateEvent() (Verdict, string, error) {
	e := q.named("Private")
	if e == nil {
		return Unasked, "the event is not listed", nil
	}
	return q.refused(q.in("/events/"+url.PathEscape(text(e, "id"))+"?$select=subject"), http.StatusForbidden)
}

// complete lists the window a few times, since not every listing need lack something.
func (q *inquiry) complete() (Verdict, string, error) {
	all := q.expected()
	for range 5 {
		list, err := q.list(q.in("/calendarView"), q.window("id"))
		switch {
		case err != nil:
			return "", "", err
		case len(list) > all:
			return Otherwise, fmt.Sprintf("%d of %d events", len(list), all), nil
		case len(list) < all:
			return Assumed, fmt.Sprintf("%d of %d events", len(list), all), nil
		}
	}
	return Documented, "", nil
}

func (q *inquiry) largePage() (Verdict, string, error) {
	query := q.window("id")
	query.Set("$top", "1000")
	return q.refused(q.in("/calendarView?"+query.Encode()), http.StatusGatewayTimeout)
}

func (q *inquiry) longWindow() (Verdict, string, error) {
	query := q.window("id")
	query.Set("endDateTime", q.monday.AddDate(0, 0, 1830).Format(time.RFC3339))
	a, err := q.ask(http.MethodGet, q.in("/calendarView?"+query.Encode()), nil)
	switch {
	case err != nil:
		return "", "", err
	case a.status == http.StatusBadRequest && a.code == "ErrorInvalidRequest", a.status == http.StatusOK:
		return Documented, refusal(a), nil
	}
	return Otherwise, refusal(a), nil
}

func (q *inquiry) changeKeys() (Verdict, string, error) {
	again, err := q.list(q.in("/calendarView"), q.window(instanceFields))
	if err != nil {
		return "", "", err
	}
	before := map[string]string{}
	for _, e := range q.listed {
		before[text(e, "id")] = text(e, "changeKey")
	}
	for _, e := range again {
		if key, there := before[text(e, "id")]; there && key != text(e, "changeKey") {
			return Assumed, "they change from one reading to the next", nil
		}
	}
	return Documented, "", nil
}

const membersQuery = "?$select=id,cancelledOccurrences,exceptionOccurrences&$expand=exceptionOccurrences"

func (q *inquiry) membersInCalendar() (Verdict, string, error) {
	v, told, err := q.members(q.in("/events/" + url.PathEscape(text(q.weekly, "id")) + membersQuery))
	if v == Otherwise {
		v = Assumed
	}
	return v, told, err
}

func (q *inquiry) membersInMailbox() (Verdict, string, error) {
	return q.members("/events/" + url.PathEscape(text(q.weekly, "id")) + membersQuery)
}

func (q *inquiry) members(path string) (Verdict, string, error) {
	a, err := q.must(http.MethodGet, path, nil)
	if err != nil {
		return "", "", err
	}
	cancelled, _ := a["cancelledOccurrences"].([]any)
	changed, _ := a["exceptionOccurrences"].([]any)
	if len(cancelled) == 1 && len(changed) == 1 {
		return Documented, "", nil
	}
	return Otherwise, fmt.Sprintf("of one each, %d deleted and %d changed ones", len(cancelled), len(changed)), nil
}
