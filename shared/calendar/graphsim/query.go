package graphsim

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

const (
	defaultPage = 10
	largestPage = 1000
)

// query is the query options of a request (https://learn.microsoft.com/graph/query-parameters).
type query struct {
	entity   string
	top      int // page size
	skip     int
	selected map[string]bool // properties, of either kind; nil: all
	order    []ordering
	filter   node // nil: everything
	count    bool
	single   node // of $expand: which single-value extended properties; nil: none
	multi    node
	also     map[string]bool // further navigation properties to expand
	from, to time.Time       // startDateTime and endDateTime
}

type ordering struct {
	path       string
	descending bool
}

// query reads the options that are allowed. Any other one is an error, and so is one that is there twice.
func (c *call) query(entity string, allowed ...string) (*query, error) {
	values, err := url.ParseQuery(strings.ReplaceAll(c.rawQuery, ";", "%3B")) // which separates the options of an $expand
	if err != nil {
		return nil, badQuery("The query cannot be read.")
	}
	q := &query{entity: entity, top: defaultPage}
	for name, all := range values {
		if !slices.Contains(allowed, name) {
			return nil, badQuery("The query option '%.60s' is not supported here.", name)
		}
		if len(all) > 1 {
			return nil, badQuery("The query option '%s' is there more than once.", name)
		}
		if err := q.read(name, all[0]); err != nil {
			return nil, err
		}
	}
	if token := values.Get("$skiptoken"); token != "" && values.Has("$skip") {
		return nil, badQuery("$skip and $skiptoken exclude each other.")
	}
	return q, nil
}

func (q *query) read(name, text string) (err error) {
	switch name {
	case "$top":
		q.top, err = strconv.Atoi(text)
		if err != nil || q.top < 1 {
			return badQuery("Invalid value '%.40s' for $top query option found. The $top query option requires a positive integer value.", text)
		}
		if q.top > largestPage {
			return badQuery("The limit of '%d' for Top query has been exceeded. The value from the incoming request is '%d'.", largestPage, q.top)
		}
	case "$skip":
		if q.skip, err = strconv.Atoi(text); err != nil || q.skip < 0 {
			return badQuery("Invalid value '%.40s' for $skip query option found. The $skip query option requires a non-negative integer value.", text)
		}
	case "$skiptoken":
		if q.skip, err = readSkipToken(text); err != nil {
			return badQuery("The $skiptoken is not one that was given out.")
		}
	case "$count":
		if text != "true" && text != "false" {
			return badQuery("Invalid value '%.40s' for $count query option found.", text)
		}
		q.count = text == "true"
	case "$select":
		return q.readSelect(text)
	case "$orderby":
		return q.readOrder(text)
	case "$filter":
		q.filter, err = parseFilter(q.entity, text)
	case "$expand":
		return q.readExpand(text)
	case "startDateTime":
		q.from, err = readWindow(name, text)
	case "endDateTime":
		q.to, err = readWindow(name, text)
	}
	return err
}

func (q *query) readSelect(text string) error {
	q.selected = map[string]bool{"id": true}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "*" {
			q.selected = nil
			return nil
		}
		_, plain := graphTypes().types[q.entity].properties[name]
		if _, navigation := graphTypes().types[q.entity].navigation[name]; !plain && !navigation {
			return badQuery("Could not find a property named '%.60s' on type 'microsoft.graph.%s'.", name, q.entity)
		}
		q.selected[name] = true
	}
	return nil
}

func (q *query) readOrder(text string) error {
	for term := range strings.SplitSeq(text, ",") {
		words := strings.Fields(term)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return badQuery("Syntax error in $orderby: '%.60s'.", term)
		}
		p, ok := graphTypes().find(q.entity, words[0])
		if !ok {
			return badQuery("Could not find a property named '%.60s' on type 'microsoft.graph.%s'.", words[0], q.entity)
		}
		if p.many || graphTypes().types[p.typ] != nil {
			return badQuery("It cannot be ordered by '%s'.", words[0])
		}
		q.order = append(q.order, ordering{words[0], len(words) == 2 && words[1] == "desc"})
	}
	return nil
}

// readExpand reads singleValueExtendedProperties($filter=id eq '...' or id eq '...') and the like.
func (q *query) readExpand(text string) error {
	for _, term := range splitOutside(text, ',', '(', ')') {
		name, options, some := strings.Cut(strings.TrimSpace(term), "(")
		if some != strings.HasSuffix(options, ")") || q.entity != "event" {
			return badQuery("Syntax error in $expand: '%.60s'.", term)
		}
		options = strings.TrimSuffix(options, ")")
		switch name {
		case "singleValueExtendedProperties", "multiValueExtendedProperties":
			filter, ok := strings.CutPrefix(strings.TrimSpace(options), "$filter=")
			if !ok {
				return badQuery("$expand=%s needs a $filter by id.", name)
			}
			n, err := parseFilter(strings.TrimSuffix(name, "ExtendedProperties")+"LegacyExtendedProperty", filter)
			if err != nil {
				return err
			}
			if name[0] == 's' {
				q.single = n
			} else {
				q.multi = n
			}
		case "exceptionOccurrences", "attachments", "extensions":
			if options != "" {
				return badQuery("Options for $expand=%s are not supported.", name)
			}
			if q.also == nil {
				q.also = map[string]bool{}
			}
			q.also[name] = true
		default:
			return badQuery("Could not find a property named '%.60s' on type 'microsoft.graph.event'.", name)
		}
	}
	return nil
}

// readWindow reads an end of a calendarView's window; one without an offset is in UTC.
func readWindow(name, text string) (time.Time, error) {
	at, err := calendar.DateTime{Local: strings.Replace(text, " ", "+", 1)}.Instant(time.UTC) // a plus sign that was not encoded
	if err != nil {
		return time.Time{}, fail(400, "ErrorInvalidParameter", "The value '%.60s' of parameter '%s' is invalid.", text, name)
	}
	return at, nil
}

// window checks that both ends of a window are there.
func (q *query) window() error {
	switch {
	case q.from.IsZero():
		return fail(400, "ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
	case q.to.IsZero():
		return fail(400, "ErrorInvalidParameter", "The value of parameter 'endDateTime' is missing.")
	case q.to.Before(q.from):
		return fail(400, "ErrorInvalidParameter", "The end of the time window is before its start.")
	case q.to.Sub(q.from) > 1825*24*time.Hour:
		return fail(400, "ErrorInvalidRequest",
			"Your request can't be completed. The range between the start and end dates is greater than the allowed range. Maximum number of days: 1825.")
	}
	return nil
}

// wants says whether a property is to be served.
func (q *query) wants(name string) bool { return q.selected == nil || q.selected[name] }

// pick keeps what is selected of an object.
func (q *query) pick(o object) object {
	for name := range o {
		if !q.wants(name) && !strings.HasPrefix(name, "@") {
			delete(o, name)
		}
	}
	return o
}

func skipToken(skip int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("skip:" + strconv.Itoa(skip)))
}

func readSkipToken(text string) (int, error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, err
	}
	skip, err := strconv.Atoi(strings.TrimPrefix(string(plain), "skip:"))
	if err == nil && skip < 0 {
		err = strconv.ErrRange
	}
	return skip, err
}
