package graphsim

import (
	"encoding/base64"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// regularID is an item's id where nobody asked for immutable ones; such an id changes when its item moves.
func regularID(id string) string {
	return regularIDPrefix + base64.RawURLEncoding.EncodeToString([]byte(id)) + "="
}

// immutableID undoes regularID; other ids stay as they are.
func immutableID(id string) string {
	if rest, ok := strings.CutPrefix(id, regularIDPrefix); ok {
		if plain, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(rest, "=")); err == nil {
			return string(plain)
		}
	}
	return id
}

// view serves events in the way that a request asks for.
type view struct {
	preferences
	server *Server
	query  *query
	hide   bool // what is private in private events
	byID   bool // one event, asked for by its id
	in     bool // that one, within its calendar
	plain  bool // as it is kept, whatever switches are on

	instances bool // of one series
}

func (v *view) id(id string) string {
	if !v.plain {
		id = v.server.movedID(id)
	}
	if v.immutable {
		return id
	}
	return regularID(id)
}

// event is an item as Graph serves it.
func (v *view) event(it *item) object {
	o := object{"@odata.etag": it.etag(), "id": v.id(it.id)}
	hidden := v.hide && it.private()
	for name := range graphTypes().types["event"].properties {
		// Only on request, as the service does.
		if name == "id" || !v.query.wants(name) || name == "cancelledOccurrences" && v.query.selected == nil {
			continue
		}
		o[name] = v.property(it, name, hidden)
	}
	if kind := v.kind(it); kind != calendar.Occurrence && kind != calendar.Exception {
		delete(o, "originalStart")
	}
	if v.in && v.deviates("no_members") {
		delete(o, "cancelledOccurrences")
	}
	if v.query.single != nil {
		addExtended(o, "singleValueExtendedProperties", it.extended(), v.query.single)
	}
	if v.query.multi != nil {
		addExtended(o, "multiValueExtendedProperties", it.Multi, v.query.multi)
	}
	for name := range v.query.also {
		if name != "exceptionOccurrences" {
			o[name] = []any{}
		} else if v.in && v.deviates("no_members") {
			continue
		} else if v.byID && v.query.selected[name] && it.kind == calendar.Master {
			o[name] = v.exceptions(it)
		}
	}
	return o
}

// exceptions are those of a series, with the properties that are selected of the series itself.
func (v *view) exceptions(it *item) []any {
	inner := *v
	inner.query = &query{selected: v.query.selected}
	list := []any{}
	for _, id := range slices.Sorted(maps.Keys(it.Exceptions)) {
		list = append(list, inner.event(it.exception(id)))
	}
	return list
}

// addExtended adds the properties for which the condition holds; where there are none, the member is left out, as Graph does.
func addExtended(o object, name string, values map[string]any, of node) {
	var list []any
	for _, id := range slices.Sorted(maps.Keys(values)) {
		one := object{"id": id, "value": values[id]}
		if of.holds(factsOf(one)) {
			list = append(list, one)
		}
	}
	if list != nil {
		o[name] = list
	}
}

// confidential are the properties of a private event that others do not see, and what they see.
var confidential = map[string]any{"subject": "Private appointment", "body": object{"contentType": "html", "content": ""}, "bodyPreview": "",
	"attendees": []any{}, "location": noLocation(), "locations": []any{}, "organizer": nil, "categories": []any{}, "onlineMeetingUrl": nil, "onlineMeeting": nil}

func (v *view) property(it *item, name string, hidden bool) any {
	if veil, there := confidential[name]; there && hidden {
		return veil
	}
	switch name {
	case "changeKey":
		return v.changeKey(it)
	case "createdDateTime":
		return it.Created.Format("2006-01-02T15:04:05.0000000Z")
	case "lastModifiedDateTime":
		return it.version().Modified.Format("2006-01-02T15:04:05.0000000Z")
	case "iCalUId":
		return v.uid(it)
	case "type":
		return string(v.kind(it))
	case "seriesMasterId":
		return v.masterID(it)
	case "originalStart":
		return v.originalStart(it)
	case "originalStartTimeZone":
		return v.madeIn(it, it.start.Zone)
	case "originalEndTimeZone":
		return v.madeIn(it, it.end.Zone)
	case "attendees":
		return v.attendees(it)
	case "organizer":
		return v.organizer(it)
	case "start":
		return v.time(it, it.start, it.from)
	case "end":
		return v.time(it, it.end, it.to)
	case "body":
		return v.body(it.prop("body"))
	case "bodyPreview":
		body, _ := it.prop("body").(object)
		content, _ := body["content"].(string)
		if body["contentType"] == "html" {
			content = plainText(content)
		}
		runes := []rune(strings.TrimSpace(content))
		return string(runes[:min(len(runes), 255)])
	case "transactionId":
		if it.Transaction == "" || !it.original.IsZero() {
			return nil
		}
		return it.Transaction
	case "recurrence":
		if it.kind != calendar.Master {
			return nil
		}
		r := *it.Recurrence
		r.Range.RecurrenceTimeZone = v.recurrenceZone(it)
		return r
	case "cancelledOccurrences":
		list := []any{}
		if v.byID && it.kind == calendar.Master { // a list of events does not show them
			for _, id := range it.Cancelled {
				list = append(list, id)
			}
		}
		return list
	case "webLink":
		return "https://outlook.office365.com/owa/?itemid=" + url.QueryEscape(v.id(it.id)) + "&exvsurl=1&path=/calendar/item"
	}
	return it.prop(name)
}

// time writes a time in the zone that was asked for. The days of an all-day event are the same in every zone.
func (v *view) time(it *item, d calendar.DateTime, at time.Time) object {
	text := at.In(v.zone).Format(graphTime)
	if it.prop("isAllDay") == true {
		wall, _ := d.Wall()
		text = timeOf(wall)
	}
	return object{"dateTime": text, "timeZone": v.zoneName}
}

func (v *view) body(kept any) any {
	body, _ := kept.(object)
	content, _ := body["content"].(string)
	switch {
	case v.text && body["contentType"] == "html":
		return object{"contentType": "text", "content": plainText(content)}
	case !v.text && body["contentType"] == "text" && v.server.options.TextBecomesHTML:
		return object{"contentType": "html", "content": "<html><head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body>" +
			strings.ReplaceAll(html.EscapeString(content), "\n", "<br>\n") + "</body></html>"}
	}
	return body
}

var (
	hiddenParts = regexp.MustCompile(`(?is)<(head|style|script)\b.*?</(head|style|script)>|<!--.*?-->`)
	lineBreaks  = regexp.MustCompile(`(?i)<br\s*/?>|</(p|div|tr|li|h[1-6])>`)
	tags        = regexp.MustCompile(`(?s)<[^>]*>`)
	blanks      = regexp.MustCompile(`[ \t\r\n]+`)
)

// plainText is the text of HTML, roughly as Exchange gives it.
func plainText(text string) string {
	text = blanks.ReplaceAllString(hiddenParts.ReplaceAllString(text, ""), " ")
	text = tags.ReplaceAllString(lineBreaks.ReplaceAllString(text, "\n"), "")
	return strings.TrimSpace(html.UnescapeString(text))
}

// one answers with one entity.
func (c *call) one(status int, o object, context string) *reply {
	o["@odata.context"] = c.context(context)
	r := &reply{status: status, body: o}
	if etag, _ := o["@odata.etag"].(string); etag != "" {
		r.set("ETag", etag)
	}
	return r
}

func (c *call) context(of string) string {
	return c.base + "/$metadata#users('" + url.PathEscape(c.mailbox.ID) + "')/" + of
}

// list answers with a page of objects: filtered, in order, with the properties that are selected.
func (c *call) list(q *query, all []object, context string) (*reply, error) {
	var kept []object
	for _, o := range all {
		if q.filter == nil || q.filter.holds(factsOf(o)) {
			kept = append(kept, o)
		}
	}
	if len(q.order) > 0 {
		slices.SortStableFunc(kept, func(a, b object) int { return q.compare(factsOf(a), factsOf(b)) })
	}
	return c.page(q, len(kept), func(i int) object { return q.pick(kept[i]) }, context), nil
}

// compare orders two entities as $orderby has it; null comes first.
func (q *query) compare(a, b facts) int {
	for _, o := range q.order {
		x, y := a(o.path), b(o.path)
		order := 0
		switch {
		case x == nil && y == nil:
		case x == nil:
			order = -1
		case y == nil:
			order = 1
		default:
			order = compare(x, y, false, strings.HasSuffix(o.path, "ateTime"))
		}
		if o.descending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// page answers with the part of n entities that was asked for.
func (c *call) page(q *query, n int, at func(i int) object, context string) *reply {
	from := min(q.skip, n)
	to := min(from+q.top, n)
	value := make([]any, 0, to-from+1)
	if c.fault.is(FaultRepeat) && to > from {
		value = append(value, at(max(from-1, 0)))
	}
	for i := from; i < to; i++ {
		value = append(value, at(i))
	}
	body := object{"@odata.context": c.context(context), "value": value}
	if q.count {
		body["@odata.count"] = n
	}
	if to < n {
		body["@odata.nextLink"] = c.nextLink(to)
	}
	return ok(body)
}

// nextLink is the address of the page that begins at an offset. Its text says nothing to a client.
func (c *call) nextLink(offset int) string {
	values, _ := url.ParseQuery(strings.ReplaceAll(c.rawQuery, ";", "%3B")) // it was read before
	values.Del("$skip")
	values.Set("$skiptoken", skipToken(offset))
	escaped := make([]string, len(c.path))
	for i, s := range c.path {
		escaped[i] = url.PathEscape(s)
	}
	base := c.base
	if c.fault.is(FaultForeignLink) {
		base = "https://graph.example.net/v1.0"
	}
	return base + "/" + strings.Join(escaped, "/") + "?" + values.Encode()
}

// noContent answers a request that took effect and has no answer.
func noContent() *reply { return &reply{status: http.StatusNoContent} }
