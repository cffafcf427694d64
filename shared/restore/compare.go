package restore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
)

// fields are what a copy keeps, in the order in which they are reported.
var fields = [...]string{
	"subject", "body", "start", "end", "all_day", "location", "categories", "show_as", "importance", "sensitivity", "instances", "exceptions",
}

// fingerprint stands for what a copy keeps of an event, or of a series with all that belongs to it: a hash of each of fields.
type fingerprint [len(fields)]uint64

// differences returns the fields in which two differ.
func (p *fingerprint) differences(q *fingerprint) (names []string) {
	for i, name := range fields {
		if p[i] != q[i] {
			names = append(names, name)
		}
	}
	return names
}

// comparing reads of an event what copies keep.
type comparing struct {
	reading
	// raw takes the body as it is, where it is not of what is copied: a copy names in its body who was invited.
	raw bool
}

// String is the fingerprint in the alphabet of base64 for URLs.
func (p *fingerprint) String() string {
	var raw []byte
	for _, n := range p {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// wrote stands for what the calendar is to keep of a thing that is written.
func (a *attempt) wrote(k *calendar.Kept) *fingerprint {
	own, _ := belonging(k, a.drafting.zones)
	p := comparing{reading: a.drafting.reading}.of(k, own, own)
	return &p
}

// of is the fingerprint of what is kept. The instances are those that the series has by its own rules and dates, but for moved, which take the place of some.
func (c comparing) of(k *calendar.Kept, exceptions, moved []calendar.Event) fingerprint {
	p := c.event(&k.Event)
	if k.Event.Type != calendar.Master {
		return p
	}
	p[slices.Index(fields[:], "instances")] = c.instances(k, moved)
	if len(exceptions) == 0 {
		return p
	}
	var texts []string
	for i := range exceptions {
		e := &exceptions[i]
		texts = append(texts, fmt.Sprint(c.slot(&k.Event, e.OriginalStart), c.event(e)))
	}
	slices.Sort(texts)
	p[slices.Index(fields[:], "exceptions")] = number(texts...)
	return p
}

// event describes one event. Of texts only what a reader sees counts: a calendar may write the same HTML in another way, or with other spaces.
func (c comparing) event(e *calendar.Event) fingerprint {
	start, end := "unreadable", "unreadable"
	if from, to, err := c.span(e); err == nil {
		start, end = stamp(from), stamp(to)
	}
	body := e.Body
	if !c.raw {
		body = copyBody(e)
	}
	if strings.EqualFold(body.ContentType, "html") {
		body.Content = ics.PlainText(body.Content)
	}
	categories := slices.Clone(e.Categories)
	slices.Sort(categories)
	or := func(s, standard string) uint64 {
		if s == "" {
			s = standard
		}
		return number(s)
	}
	return fingerprint{
		number(words(e.Subject)), number(words(body.Content)), number(start), number(end), number(fmt.Sprint(e.AllDay)), number(words(e.Location)),
		number(categories...),
		or(string(e.ShowAs), string(calendar.Unknown)), or(string(e.Importance), string(calendar.NormalImportance)),
		or(string(e.Sensitivity), string(calendar.Normal)),
	}
}

func words(s string) string { return strings.Join(strings.Fields(s), " ") }

func number(texts ...string) uint64 {
	var n uint64
	for _, b := range hashOf(texts...) {
		n = n<<8 | uint64(b) // the last eight bytes
	}
	return n
}

// horizons are the years from its beginning over which a series is compared: over as many of them as have few enough instances.
var horizons = [...]int{10, 1}

// mostInstances is how many instances of a series are compared.
const mostInstances = 20_000

// instances lists when a series happens, whatever its rules look like: with what was moved, and without what was deleted.
func (c comparing) instances(k *calendar.Kept, exceptions []calendar.Event) uint64 {
	start, _, err := c.span(&k.Event)
	if err != nil {
		return number("unreadable")
	}
	for _, years := range horizons {
		events, err := c.few(k, exceptions, start.Add(-24*time.Hour), start.AddDate(years, 0, 0))
		if err != nil {
			continue
		}
		texts := make([]string, 0, len(events))
		for i := range events {
			from, to, err := c.span(&events[i])
			if err != nil {
				return number("unreadable")
			}
			texts = append(texts, stamp(from)+" "+stamp(to))
		}
		slices.Sort(texts)
		return number(texts...)
	}
	return number("unending", normalRule(strings.Join(k.Event.Recurrence.Rules, ";")))
}

var errMany = errors.New("more instances than are compared")

// few returns the instances of a series in a window, unless there are more than mostInstances.
func (c comparing) few(k *calendar.Kept, exceptions []calendar.Event, from, to time.Time) (events []calendar.Event, err error) {
	add := func(e calendar.Event) error {
		if len(events) == mostInstances {
			return errMany
		}
		events = append(events, e)
		return nil
	}
	expander := series.NewExpander(from, to, c.zones)
	var replaced []time.Time
	for _, e := range exceptions {
		replaced = append(replaced, e.OriginalStart)
		in, err := expander.Contains(e)
		if err == nil && in {
			err = add(e)
		}
		if err != nil {
			return nil, err
		}
	}
	return events, expander.Each(k.Event, replaced, add)
}

// originalDay distinguishes the instances of a series: by their day where they are days, else by their instant.
func originalDay(master *calendar.Event, original time.Time) string {
	if master.AllDay {
		return series.OriginalDay(original, master.StartZone).Format(time.DateOnly)
	}
	return stamp(original)
}

// slot is originalDay of an instance; the original start of a series that floats is written in UTC.
func (c comparing) slot(master *calendar.Event, original time.Time) string {
	if !master.AllDay && master.Start.Floats() && c.floating != nil {
		if at, err := (calendar.DateTime{Local: original.UTC().Format("2006-01-02T15:04:05")}).Instant(c.floating); err == nil {
			original = at
		}
	}
	return originalDay(master, original)
}

// changed names the fields in which an event of the calendar changes when it becomes what the file has, in the words in which an import reports them.
func changed(was, now *fingerprint) (names []string) {
	if was == nil || now == nil {
		return nil
	}
	for _, name := range was.differences(now) {
		if name == "instances" {
			name = "recurrence"
		}
		names = append(names, name)
	}
	return names
}

// Difference is an event of a backup of which the copy differs.
type Difference struct {
	EventID string   `json:"event_id" doc:"Of the event in the backup."`
	Fields  []string `json:"fields" doc:"What differs; missing when there is no copy."`
}

// missing stands in the place of fields when there is no copy, and extra when there is one of nothing.
const (
	missing = "missing"
	extra   = "extra"
)

// mostDifferences is how many are reported.
const mostDifferences = 100

// Comparison is what comparing a backup with its copy came to.
type Comparison struct {
	Compared    int          `json:"compared"`
	Differing   int          `json:"differing"`
	Differences []Difference `json:"differences,omitempty"`
}

// compare reads what the scratch calendar holds and compares it with the file.
func (a *attempt) compare(ctx context.Context) (c Comparison, err error) {
	zones, err := a.target.Zones(ctx, a.target.uri.Account, a.target.info.ID)
	if err != nil {
		return c, fmt.Errorf("read the copy's time zones: %w", err)
	}
	file, copies := comparing{reading: a.drafting.reading}, comparing{reading: reading{ics.Lookup(zones), a.drafting.floating}}
	expected := map[hash]*fingerprint{}
	err = a.planned(ctx, func(mark string, k *calendar.Kept) error {
		own, alone := belonging(k, a.drafting.zones)
		p := file.of(k, own, own)
		expected[hashOf(mark)] = &p
		for i := range alone {
			p := file.event(&alone[i])
			expected[hashOf(a.exceptionMark(mark, &alone[i]))] = &p
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	c.Compared = len(expected)
	wrong := map[hash][]string{}
	err = a.kept(ctx, func(k *calendar.Kept) error {
		key := hashOf(k.Event.Mark)
		p := copies.of(k, k.Exceptions, k.Exceptions)
		want := expected[key]
		if want == nil {
			if c.Differing++; len(c.Differences) < mostDifferences {
				c.Differences = append(c.Differences, Difference{EventID: k.Event.ID, Fields: []string{extra}})
			}
			return nil
		}
		delete(expected, key)
		if names := want.differences(&p); len(names) > 0 {
			c.Differing++
			if len(wrong) < mostDifferences {
				wrong[key] = names
			}
		}
		return nil
	})
	if err != nil {
		return c, fmt.Errorf("read the copy: %w", err)
	}
	c.Differing += len(expected)
	if c.Differing == 0 {
		return c, nil
	}
	err = a.planned(ctx, func(mark string, k *calendar.Kept) error { // which events of the backup these are
		find := func(mark, id string) {
			key := hashOf(mark)
			names := wrong[key]
			if expected[key] != nil {
				names = []string{missing}
			}
			if names != nil && len(c.Differences) < mostDifferences {
				c.Differences = append(c.Differences, Difference{EventID: id, Fields: names})
			}
		}
		find(mark, k.Event.ID)
		for i := range k.Exceptions {
			find(a.exceptionMark(mark, &k.Exceptions[i]), k.Exceptions[i].ID)
		}
		return nil
	})
	return c, err
}

// planned hands the things of the file to each, with the mark that the copy of each has.
func (a *attempt) planned(ctx context.Context, each func(mark string, k *calendar.Kept) error) error {
	plan, err := openLines(ctx, a.Blobs, PlanKey(a.run.User, a.run.ID))
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	defer plan.close()
	return a.source.Each(ctx, func(k calendar.Kept) error {
		var it Item
		if err := plan.next(&it); err != nil {
			return errChanged(err)
		}
		mark, err := markOf(a.progress.Scope, it.Key)
		if err != nil {
			return err
		}
		a.fit(&k)
		return each(mark, &k)
	})
}
