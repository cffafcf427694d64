package backup

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// Format is how a file holds events.
type Format string

// The formats that a backup has a file of each of, and that are read. docs/backup-format.md describes them.
const (
	JSONL Format = "jsonl" // all there is: a header, then a line for each calendar.Kept
	ICS   Format = "ics"   // RFC 5545
	CSV   Format = "csv"   // for spreadsheets
)

// Formats are all of them, in the order in which a backup's files are made.
var Formats = []Format{JSONL, ICS, CSV}

// fileNames are the names of a backup's files.
var fileNames = map[Format]string{JSONL: "events.jsonl.zst", ICS: "calendar.ics.zst", CSV: "events.csv.zst"}

const (
	// formatName is what the header and the manifest say that they are, and the versions are theirs.
	formatName      = "admin-assistant-backup"
	formatVersion   = 2
	manifestVersion = 2
)

// Calendar is the one that a backup was made of.
type Calendar struct {
	URI  calendar.URI `json:"uri"` // as the run names it
	ID   string       `json:"id"`  // the provider's
	Name string       `json:"name"`
}

// Window is the days that a backup is about. Series with an instance in them are there whole.
type Window struct {
	From     calendar.Date `json:"from"`
	To       calendar.Date `json:"to"` // included
	Timezone string        `json:"timezone"`
}

// header is the first line of a JSONL file.
type header struct {
	Format   string          `json:"format"`
	Version  int             `json:"version"`
	Calendar Calendar        `json:"calendar"`
	Window   *Window         `json:"window,omitempty"` // nil: all there is
	Zones    []calendar.Zone `json:"zones,omitempty"`  // by ID
}

// checkFormat says whether a header or a manifest is of a version that can be read here.
func checkFormat(name string, version, newest int) error {
	switch {
	case name != formatName:
		return fault.Field("format", "is %.40q, not %q", name, formatName)
	case version < 1 || version > newest:
		return fault.Field("version", "is %d: this software reads versions 1 to %d, so use a newer one", version, newest)
	}
	return nil
}

// Counts are what a file holds.
type Counts struct {
	Singles    int `json:"singles" doc:"Events by themselves, and instances whose series is not there."`
	Series     int `json:"series"`
	Exceptions int `json:"exceptions" doc:"Instances of series that were changed by themselves."`
	Events     int `json:"events" doc:"All of these together."`
}

func (c *Counts) add(k *calendar.Kept) {
	if k.Event.Type == calendar.Master {
		c.Series++
	} else {
		c.Singles++
	}
	c.Exceptions += len(k.Exceptions)
	c.Events += 1 + len(k.Exceptions)
}

// canonical puts in order what means the same in any order, and writes instants in UTC, so that the same content is the same bytes.
func canonical(k calendar.Kept) calendar.Kept {
	inUTC(&k.Event)
	k.Exceptions = slices.Clone(k.Exceptions)
	for i := range k.Exceptions {
		inUTC(&k.Exceptions[i])
	}
	slices.SortFunc(k.Exceptions, func(a, b calendar.Event) int {
		return cmp.Or(a.OriginalStart.Compare(b.OriginalStart), cmp.Compare(a.ID, b.ID))
	})
	return k
}

func inUTC(e *calendar.Event) {
	e.OriginalStart, e.Created, e.LastModified = e.OriginalStart.UTC(), e.Created.UTC(), e.LastModified.UTC()
}

// encode writes v as one line of JSON: fields in the order of their types, no blanks, HTML as it is.
func encode(to *bytes.Buffer, v any) error {
	to.Reset()
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// check says whether k is a series with its exceptions, an event by itself, or an instance whose series is not there. Errors are Invalid and name the field.
func check(k *calendar.Kept) error {
	e := &k.Event
	switch {
	case e.ID == "":
		return fault.Field("event.id", "is missing")
	case e.Type == calendar.Master && e.Recurrence == nil:
		return fault.Field("event.recurrence", "is missing, but the event is a series")
	case e.Type == calendar.Master:
	case e.Type != calendar.Single && e.Type != "" && e.Type != calendar.Exception:
		return fault.Field("event.type", "is %.40q, not %q, %q or %q", string(e.Type), calendar.Single, calendar.Master, calendar.Exception)
	case e.Type == calendar.Exception && e.SeriesMasterID != "":
		return fault.Field("event.seriesMasterId", "is there, but the series is not")
	case e.Type == calendar.Exception && e.OriginalStart.IsZero():
		return fault.Field("event.originalStart", "is missing, but the event is an instance")
	case e.Recurrence != nil:
		return fault.Field("event.recurrence", "is there, but the event's type is not %q", calendar.Master)
	case len(k.Exceptions) > 0:
		return fault.Field("exceptions", "are there, but the event's type is not %q", calendar.Master)
	}
	for i := range k.Exceptions {
		if err := checkException(k, &k.Exceptions[i], i); err != nil {
			return err
		}
	}
	return nil
}

// loneOfOld makes of what a file has as an event by itself the instance that it is. Files of JSONL before version 2, and tables without the column
// recurrence_id, were written so; an instance that is taken for an event with the UID of its series would replace that.
func loneOfOld(e *calendar.Event) {
	if original, ok := series.StartOfInstance(e.ID); ok && e.Type == calendar.Single && e.ICalUID != "" {
		e.Type, e.OriginalStart = calendar.Exception, original
	}
}

// checkException says whether x can be an exception of a series, the one with number i in its line. Errors are Invalid and name the field.
func checkException(k *calendar.Kept, x *calendar.Event, i int) error {
	field := func(name string) string { return fmt.Sprintf("exceptions[%d].%s", i, name) }
	switch {
	case x.ID == "":
		return fault.Field(field("id"), "is missing")
	case x.Type != calendar.Exception:
		return fault.Field(field("type"), "is %.40q, not %q", string(x.Type), calendar.Exception)
	case x.SeriesMasterID != k.Event.ID:
		return fault.Field(field("seriesMasterId"), "is not the id of the series")
	case x.OriginalStart.IsZero():
		return fault.Field(field("originalStart"), "is missing")
	case x.Recurrence != nil:
		return fault.Field(field("recurrence"), "is there, but only a series has one")
	}
	return nil
}
