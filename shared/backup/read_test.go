package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

const here = "BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\n" +
	"END:STANDARD\r\nEND:VTIMEZONE\r\n"

var hereZone = []calendar.Zone{{ID: "Here", Definition: here}}

// readAll reads a file that somebody hands in.
func readAll(r io.Reader) (s *Stream, all []calendar.Kept, err error) {
	if s, err = Read(r); err != nil {
		return nil, nil, err
	}
	defer s.Close()
	err = s.Each(func(k calendar.Kept) error {
		all = append(all, k)
		return nil
	})
	return s, all, err
}

func asJSONL(t interface{ Fatal(...any) }, all []calendar.Kept) []byte {
	var b bytes.Buffer
	l, err := newLineWriter(&b, header{Format: formatName, Version: formatVersion, Calendar: Calendar{Name: "Work"}, Zones: hereZone})
	for _, k := range all {
		if err == nil {
			err = l.add(k)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asCSV(t interface{ Fatal(...any) }, all []calendar.Kept) []byte {
	var b bytes.Buffer
	c, err := newCSVWriter(&b, hereZone)
	for i := range all {
		if err == nil {
			err = c.add(&all[i])
		}
	}
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t interface{ Fatal(...any) }, data []byte) []byte {
	var b bytes.Buffer
	p := newPacker(&b)
	_, err := p.Write(data)
	if err == nil {
		err = p.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := randomKepts(t)
		for format, data := range map[Format][]byte{JSONL: asJSONL(t, all), CSV: asCSV(t, all)} {
			for _, data := range [][]byte{data, zipped(t, data)} {
				s, got, err := readAll(bytes.NewReader(data))
				if err != nil {
					t.Fatalf("%s: %v\n%s", format, err, data)
				}
				if diff := cmp.Diff(all, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", format, diff)
				}
				if s.Format != format || cmp.Diff(hereZone, s.Zones) != "" {
					t.Errorf("%s, zones %+v", s.Format, s.Zones)
				}
			}
		}
	})
}

func TestAnICalendarFileIsReadAsSeriesAndEvents(t *testing.T) {
	const orphan = "BEGIN:VEVENT\nUID:gone\nRECURRENCE-ID:20261005T090000Z\nDTSTART:20261005T100000Z\nDTEND:20261005T110000Z\nEND:VEVENT\nEND:VCALENDAR"
	s, all, err := readAll(strings.NewReader(strings.Replace(sample, "END:VCALENDAR", orphan, 1)))
	must(t, err)
	var counts Counts
	for i := range all {
		counts.add(&all[i])
		if all[i].Event.ICalUID == "gone" { // it stays an instance: its series may be in the calendar into which it is restored
			if e := all[i].Event; e.Type != calendar.Exception || e.RecurrenceID.Local != "2026-10-05T09:00:00" {
				t.Errorf("%+v", e)
			}
			continue
		}
		must(t, check(&all[i]))
	}
	if want := (Counts{Singles: 5, Series: 1, Exceptions: 1, Events: 7}); counts != want || s.Format != ICS || len(s.Zones) != 1 {
		t.Errorf("%+v, %s, %+v", counts, s.Format, s.Zones)
	}
}

func TestATableThatSomebodyMadeIsRead(t *testing.T) {
	_, all, err := readAll(strings.NewReader("Subject,Start,End,All_Day,start_zone,rrule,categories\n" +
		"'Tis,2026-10-05 09:00,2026-10-05T10:00,,Europe/Berlin,FREQ=DAILY,\"a\nb\"\nOff,2026-10-06,2026-10-07,yes,,,\n"))
	must(t, err)
	want := []calendar.Kept{
		{Event: calendar.Event{ID: "row-2", Type: calendar.Master, Subject: "'Tis", Start: calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "Europe/Berlin"},
			End: calendar.DateTime{Local: "2026-10-05T10:00:00"}, Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY"}}, Categories: []string{"a", "b"}}},
		{Event: calendar.Event{
			ID: "row-4", Subject: "Off", Start: calendar.DateTime{Local: "2026-10-06T00:00:00"}, End: calendar.DateTime{Local: "2026-10-07T00:00:00"},
			AllDay: true,
		}},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

const head = `{"format":"admin-assistant-backup","version":1,"calendar":{"uri":"local://me/calendars/Work","id":"1","name":"Work"}}` + "\n"

// repeat makes a file of a beginning and a text that is repeated, without holding it.
func repeat(beginning, text string, times int) io.Reader {
	readers := []io.Reader{strings.NewReader(beginning)}
	block := strings.Repeat(text, 1000)
	for range times / 1000 {
		readers = append(readers, strings.NewReader(block))
	}
	return io.MultiReader(readers...)
}

// bomb compresses what r holds.
func bomb(t testing.TB, r io.Reader, options ...zstd.EOption) io.Reader {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, options...)
	must(t, err)
	_, err = io.Copy(w, r)
	must(t, err)
	must(t, w.Close())
	return &b
}

func TestAHostileOrWrongFileGetsAClearError(t *testing.T) {
	numbered := func(n int) io.Reader {
		r, w := io.Pipe()
		t.Cleanup(func() { r.Close() })
		go func() {
			_, _ = io.WriteString(w, head)
			var line bytes.Buffer
			for i := range n {
				line.Reset()
				fmt.Fprintf(&line, `{"event":{"id":"%d"}}`+"\n", i)
				if _, err := w.Write(line.Bytes()); err != nil {
					return
				}
			}
			w.Close()
		}()
		return r
	}
	exceptional := func(n int) io.Reader {
		var b strings.Builder
		b.WriteString("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T000000Z\r\nRRULE:FREQ=HOURLY\r\nEND:VEVENT\r\n")
		for i := range n {
			at := time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC).Format("20060102T150405Z")
			fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID:%s\r\nDTSTART:%s\r\nEND:VEVENT\r\n", at, at)
		}
		b.WriteString("END:VCALENDAR\r\n")
		return strings.NewReader(b.String())
	}
	for _, c := range []struct {
		name  string
		file  io.Reader
		field string
		text  string
	}{
		{"an empty file", strings.NewReader(""), "", "empty"},
		{"blanks", strings.NewReader(" \n\n"), "", "empty"},
		{"a picture", strings.NewReader("\x89PNG\r\n\x1a\n\x00,"), "", "neither"},
		{"a letter", strings.NewReader("Dear Ann"), "", "neither"},
		{"a gzip file", strings.NewReader("\x1f\x8b\x08\x00,"), "", "neither"},
		{"a nested compressed file", bomb(t, bomb(t, strings.NewReader(head))), "", "neither"},
		{"a cut off compressed file", io.LimitReader(bomb(t, repeat(head, "x", 1_000_000)), 60), "", "damaged"},
		{"JSON of something else", strings.NewReader(`{"value":[]}`), "value", "does not begin with the header"},
		{"a newer version", strings.NewReader(strings.Replace(head, `"version":1`, `"version":3`, 1)), "version", "newer one"},
		{"another format", strings.NewReader(strings.Replace(head, "admin-assistant-backup", "x", 1)), "format", "not"},
		{"a field of the header twice", strings.NewReader(strings.Replace(head, `"version":1`, `"version":1,"version":2`, 1)), "version", "header"},
		{"JSON in UTF-16", strings.NewReader("\xff\xfe{\x00"), "", "save it as UTF-8"},
		{"a table in UTF-16", strings.NewReader("s\x00u\x00"), "", "save it as UTF-8"},

		{"10^6 events", numbered(1_000_000), "", "more than 200000 events"},
		{"a quote without end in a table of 60 MB, compressed", bomb(t, repeat("subject,start,end\n\"", "a,b,c\n", 60<<20)), "", "has none at its end"},
		{"a header of 100 MB", repeat(`{"format":"`, "x", 100<<20), "", "line 1: is longer than 32 MB"},
		{"a bomb", bomb(t, repeat(head, "\n", 100<<20)), "", "1000 times its size"},
		{"a compression that takes a lot of memory",
			bomb(t, io.MultiReader(strings.NewReader(head), repeat("", "xyz", 20<<20)), zstd.WithWindowSize(64<<20)), "", "MB of memory"},

		{"a table of something else", strings.NewReader("name,street\nAnn,Main\n"), "name", "line 1: name is not a column"},
		{"a table without a start", strings.NewReader("subject,end\n"), "start", "has to be there"},
		{"a table with a column twice", strings.NewReader("subject,start,end,start\n"), "start", "twice"},
		{"10^6 rows that cannot be read", repeat("subject,start,end\n", "a\n", 1_000_000), "", "more than 200000 events"},
		{"10^6 lines that cannot be read", repeat(head, "{\n", 1_000_000), "", "more than 200000 events"},
		{"a line of 100 MB, compressed", bomb(t, repeat(head+`{"event":{"id":"`, "x", 100<<20)), "", "1000 times its size"},
		{"a row of very many cells after a quote in a wrong place", repeat("subject,start,end\na\"b,\"\n", ",", 30<<20), "", "more than 1000 cells"},
		{"a row of very many cells after a cell with two ends", repeat("subject,start,end\n\"a\"b\",\n", ",", 30<<20), "", "more than 1000 cells"},
		{"a row of very many cells after a carriage return", repeat("subject,start,end\n\"a\"\r,\"\n", ",", 30<<20), "", "more than 1000 cells"},
		{"a first row with a quote in a wrong place", strings.NewReader("subject,st\"art,end\n"), "", "line 1: line 1, column 11"},
		{"a quote that does not end after a bad row", strings.NewReader("subject,start,end\n\"a\"b,c,d\n\"x,y,z\n"), "", "line 3: a cell begins"},
		{"a quote that does not end", strings.NewReader("subject,start,end\n\"a,b,c\n"), "", "line"},
		{"a row of 100 MB", repeat("subject,start,end\n\"", "x", 100<<20), "", "longer than 32 MB"},
		{"a row of very many cells", repeat("subject,start,end\n\"a,b\"", ",", 30<<20), "", "more than 1000 cells"},
		{"a first row of very many cells", repeat("subject,start,end", ",", 30<<20), "", "more than 1000 cells"},
		{"a series of very many exceptions",
			repeat("subject,start,end,type,id,series_id,original_start\na,b,c,seriesMaster,1,,\n",
				"a,b,c,exception,2,1,2026-10-05T07:00:00Z\n", 1_000_000), "", "more than 200000 events"},
		{"a table with semicolons", strings.NewReader("subject;start;end\na;b;c\n"), "", "commas"},
		{"a table with tabs", strings.NewReader("Subject\tStart\tEnd\na\tb\tc\n"), "", "commas"},
		{"very many time zones", repeat("subject,start,end,type\n", "a,b,c,timeZone\n", 1000), "", "more than 200 time zones"},

		{"an iCalendar file that ends half way", strings.NewReader("BEGIN:VCALENDAR\nBEGIN:VEVENT\n"), "", "line"},
		{"an iCalendar file of 40 MB",
			repeat("BEGIN:VCALENDAR\r\n",
				"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T000000Z\r\nDESCRIPTION:"+strings.Repeat("x", 1000)+"\r\nEND:VEVENT\r\n", 40_000), "", "may have 32 MB"},
		{"an iCalendar series of very many exceptions", exceptional(30_000), "exceptions", "20000"},
		{"an iCalendar line of 100 MB", repeat("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:", "x", 100<<20), "", "line 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := readAll(c.file)
			if fault.Of(err) != fault.Invalid || err == nil || !strings.Contains(err.Error(), c.text) || fault.FieldOf(err) != c.field {
				t.Errorf("%v, field %q", err, fault.FieldOf(err))
			}
		})
	}
}

// seriesOfSeconds begins a line of JSONL.
const seriesOfSeconds = `{"event":{"id":"1","type":"seriesMaster","recurrence":{"rrule":["FREQ=SECONDLY"]}},"exceptions":[`

// TestWhatCannotBeReadOfALineIsSetAside reads files of which one thing is wrong, after and before sound ones.
func TestWhatCannotBeReadOfALineIsSetAside(t *testing.T) {
	const series = seriesOfSeconds
	for _, c := range []struct {
		name string
		file io.Reader
		_    string
		text string
	}{
		{"a line that is no JSON", strings.NewReader(head + "\n{"), "", "line 3"},
		{"two values in a line", strings.NewReader(head + `{"event":{"id":"1"}} {}`), "", "line 2: something follows"},
		{"an unknown field", strings.NewReader(head + `{"event":{"id":"1","colour":"red"}}`), "event.colour", "line 2"},
		{"a field in another case", strings.NewReader(head + `{"event":{"id":"1","Subject":"red"}}`), "event.Subject", "line 2"},
		{"a field twice", strings.NewReader(head + `{"event":{"id":"1","subject":"red","subject":"blue"}}`), "event.subject", "line 2"},
		{"a field in two cases", strings.NewReader(head + `{"event":{"id":"1","subject":"red","SUBJECT":"blue"}}`), "event.SUBJECT", "line 2"},
		{"a field of an exception twice", strings.NewReader(head + series + `{"id":"2","id":"3"}]}`), "exceptions[0].id", "line 2"},
		{"a field of an attendee in a table twice",
			strings.NewReader("subject,start,end,attendees\na,b,c,\"[{\"\"name\"\":\"\"Ann\"\",\"\"Name\"\":\"\"Bob\"\"}]\"\n"), "[0].Name", "line 2: attendees"},
		{"an unknown field of an exception", strings.NewReader(head + series + `{"colour":"red"}]}`), "colour", "exceptions[0]"},
		{"a field of another type", strings.NewReader(head + `{"event":{"id":"1","isAllDay":"yes"}}`), "event.isAllDay", "line 2"},
		{"an event without an id", strings.NewReader(head + `{"event":{}}`), "event.id", "line 2"},
		{"an occurrence", strings.NewReader(head + `{"event":{"id":"1","type":"occurrence"}}`), "event.type", "line 2"},
		{"a series without a rule", strings.NewReader(head + `{"event":{"id":"1","type":"seriesMaster"}}`), "event.recurrence", "line 2"},
		{"a rule without a series", strings.NewReader(head + `{"event":{"id":"1","recurrence":{}}}`), "event.recurrence", "line 2"},
		{"exceptions without a series", strings.NewReader(head + `{"event":{"id":"1"},"exceptions":[{"id":"2"}]}`), "exceptions", "line 2"},
		{"an exception of another series", strings.NewReader(head + series + `{"id":"2","type":"exception","seriesMasterId":"3"}]}`),
			"exceptions[0].seriesMasterId", "line 2"},
		{"an exception of no instance", strings.NewReader(head + series + `{"id":"2","type":"exception","seriesMasterId":"1"}]}`),
			"exceptions[0].originalStart", "line 2"},
		{"the same id twice", strings.NewReader(head + `{"event":{"id":"1"}}` + "\n" + `{"event":{"id":"1"}}`), "event.id",
			"event.id \"1\" is in line 2, too"},
		{"a line of 100 MB", repeat(head+`{"event":{"id":"`, "x", 100<<20), "", "line 2: is longer than 32 MB"},
		{"very many values", repeat(head+`{"event":{"id":"1","attendees":[{}`, ",{}", 2_000_000), "", "more than 1000000 values"},
		{"very many exceptions", repeat(head+series+"{}", ",{}", 30_000), "", "line 2"},
		{"JSON that is not UTF-8", strings.NewReader(head + "{\"event\":{\"id\":\"1\",\"subject\":\"Gr\xf6\xdfe\"}}\n"), "", "is not UTF-8"},
		{"very deep values", repeat(head, "[", 1_000_000), "", "line 2"},
		{"a row that is too short", strings.NewReader("subject,start,end\na,b\n"), "", "line 2"},
		{"very many categories", io.MultiReader(repeat("subject,start,end,categories\na,b,c,\"", "x\n", 2_000_000), strings.NewReader("\"\n")), "",
			"line 2: categories has more than"},
		{"a truth that is none", strings.NewReader("subject,start,end,all_day\na,b,c,maybe\n"), "all_day", "line 2"},
		{"an instant that is none", strings.NewReader("subject,start,end,created\na,b,c,d\n"), "created", "line 2"},
		{"attendees that are none", strings.NewReader("subject,start,end,attendees\na,b,c,Ann\n"), "attendees", "line 2"},
		{"letters that are not UTF-8", strings.NewReader("subject,start,end\nGr\xf6\xdfe,b,c\n"), "subject", "line 2: subject is not UTF-8"},
		{"an exception without its series", strings.NewReader("subject,start,end,type,series_id\na,b,c,exception,1\n"), "series_id", "right above"},
		{"an exception that is no instance", strings.NewReader("subject,start,end,type,id,series_id\na,b,c,seriesMaster,1,\na,b,c,exception,2,1\n"),
			"exceptions[0].originalStart", "line 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, all, err := readAll(c.file)
			must(t, err)
			var aside []string
			for _, k := range all {
				if k.Aside != nil {
					aside = append(aside, k.Aside.String())
				}
			}
			if len(aside) != 1 || !strings.Contains(aside[0], c.text) {
				t.Errorf("set aside are %q, want %q", aside, c.text)
			}
		})
	}
}

// TestOneBadLineStopsNoOther reads one bad thing between sound ones.
func TestOneBadLineStopsNoOther(t *testing.T) {
	const table = "type,id,series_id,original_start,subject,start,end,ical_uid,rrule,all_day\n"
	const one, two = "singleInstance,1,,,One,2026-10-05 09:00,2026-10-05 10:00,u1,,\n", "singleInstance,2,,,Two,2026-10-05 09:00,2026-10-05 10:00,u2,,\n"
	const series = "seriesMaster,s,,,S,2026-10-05 09:00,2026-10-05 10:00,us,FREQ=DAILY,\n"
	exception := func(id, at string) string {
		return "exception," + id + ",s," + at + ",X,2026-10-05 09:00,2026-10-05 10:00,us,,\n"
	}
	event := func(text string) string { return `{"event":{` + text + `}}` + "\n" }
	const seriesLine = `{"event":{"id":"s","type":"seriesMaster","iCalUId":"us","subject":"S","recurrence":{"rrule":["FREQ=DAILY"]}},"exceptions":[`
	const x = `{"id":"x%s","type":"exception","seriesMasterId":"s","originalStart":"2026-10-0%sT09:00:00Z","subject":"X"%s}`
	for name, test := range map[string]struct {
		text  string
		want  []string // ids of what is read, an exception after a +
		aside []string
	}{
		"a row with too few cells": {table + one + "singleInstance,b,,,Bad\n" + two, []string{"1", "2"}, []string{`3 "b" "Bad" has 5 cells, not 10`}},
		"a row with too many": {table + one + strings.Replace(two, "\n", ",,\n", 1) + one, []string{"1"},
			[]string{`3 "u2" "Two" has 12 cells`, `4 "u1" "One" event.id "1"`}},
		"a cell that says nothing known": {table + one + strings.Replace(two, ",,\n", ",,perhaps\n", 1) + series, []string{"1", "s"},
			[]string{`3 "u2" "Two" all_day must be true or empty`}},
		"letters of another code": {table + one + strings.Replace(two, "Two", "Gr\xfc\xdfe", 1) + series, []string{"1", "s"},
			[]string{`3 "u2" "Gr` + "\ufffd" + `e" subject is not UTF-8`}},
		"a quote in a cell": {table + one + strings.Replace(two, "2026", `20"26`, 1) + series,
			[]string{"1", "s"}, []string{`3 "2" "Two" line 3, column 26`}},
		"text after a quote": {table + one + strings.Replace(two, "2026-10-05 09:00", `"2026"x`, 1) + series,
			[]string{"1", "s"}, []string{`3 "2" "Two" line 3`}},
		"in the last row, too": {table + one + strings.Replace(two, "2026-10-05 09:00", `"2026"x`, 1),
			[]string{"1"}, []string{`3 "2" "Two" line 3`}},
		"a quote that ends in the next row": {table + one + strings.Replace(two, "2026", `"2026`, 1) + strings.Replace(two, "2026", `"2026`, 1) + series,
			[]string{"1", "s"}, []string{`3 "2" "Two" line 4`}},
		"a row before all others": {table + "x\n" + one + two, []string{"1", "2"}, []string{`2 "" "" has 1 cells`}},
		"a time zone": {table + "timeZone,Z\xff,,,,,,,,\ntimeZone,Here,,,,,,,,\n" + one,
			[]string{"1"}, []string{`2 "Z` + "\ufffd" + `" "" id is not UTF-8`}},
		"a series, of which the instances are not read either": {table + one + strings.Replace(series, ",us,", ",us,\xff", 1) +
			exception("x", "2026-10-06T09:00:00Z") + two,
			[]string{"1", "2"}, []string{"3 ", `4 "us" "X" series_id must be the id of the series right above`}},
		"an instance of a series": {table + series + exception("x1", "2026-10-06T09:00:00Z") +
			exception("x2", "") + exception("x3", "2026-10-08T09:00:00Z") + one,
			[]string{"s+x1+x3", "1"}, []string{`4 "us" "X" exceptions[1].originalStart is missing`}},

		"an instance of what is no series": {table + one + strings.Replace(exception("x", "2026-10-06T09:00:00Z"), ",s,", ",1,", 1), []string{"1"},
			[]string{`3 "us" "X" series_id`}},
		"a row before a long cell": {table + "x\n" + strings.Replace(one, "One", `"`+strings.Repeat("x", 10_000)+`"`, 1) + two, []string{"1", "2"}, []string{"2 "}},

		"a line that is cut": {head + event(`"id":"1"`) + `{"event":{"id":"b","subject":"Bad"` + "\n" + event(`"id":"2"`),
			[]string{"1", "2"}, []string{`3 "" "" `}},
		"an unknown field": {head + event(`"id":"b","iCalUId":"ub","subject":"Bad","colour":"red"`) + event(`"id":"2"`),
			[]string{"2"}, []string{`2 "ub" "Bad" event.colour`}},
		"no UID": {head + event(`"id":"b","subject":"Bad","isAllDay":"yes"`) + event(`"id":"2"`),
			[]string{"2"}, []string{`2 "b" "Bad" event.isAllDay`}},
		"an instance of a line": {head + seriesLine + fmt.Sprintf(x, "1", "6", "") + "," + fmt.Sprintf(x, "2", "7", `,"colour":"red"`) +
			"," + fmt.Sprintf(x, "3", "8", "") + "]}\n" +
			event(`"id":"2"`), []string{"s+x1+x3", "2"}, []string{`2 "x2" "X" exceptions[1]: colour`}},
		"two instances of a line": {head + seriesLine + fmt.Sprintf(x, "1", "6", `,"colour":"red"`) + "," + fmt.Sprintf(x, "2", "7", `,"colour":"red"`) + "]}\n",
			[]string{"s"}, []string{`2 "x1" "X" exceptions[0]: colour`, `2 "x2" "X" exceptions[1]: colour`}},
		"an instance that is none": {head + seriesLine + `{"id":"x","type":"exception","seriesMasterId":"s"}]}` + "\n",
			[]string{"s"}, []string{`2 "x" "" exceptions[0].originalStart`}},
	} {
		t.Run(name, func(t *testing.T) {
			s, all, err := readAll(strings.NewReader(test.text))
			must(t, err)
			var got, aside []string
			for _, k := range all {
				if a := k.Aside; a != nil {
					if aside = append(aside, fmt.Sprintf("%d %q %q %s", a.Line, a.UID, a.Subject, a.Detail)); a.Reason != calendar.Unreadable {
						t.Errorf("the reason is %q", a.Reason)
					}
					continue
				}
				id := k.Event.ID
				for _, e := range k.Exceptions {
					id += "+" + e.ID
				}
				got = append(got, id)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if len(aside) != len(test.aside) {
				t.Fatalf("set aside are %q", aside)
			}
			for i, want := range test.aside {
				if !strings.HasPrefix(aside[i], want) {
					t.Errorf("set aside is %s\n         want %s", aside[i], want)
				}
			}
			if name == "a time zone" && len(s.Zones) != 1 {
				t.Errorf("zones are %+v", s.Zones)
			}
		})
	}
}

// TestOfABackupsOwnFileNothingIsSetAside reads one as a backup does: it is damaged.
func TestOfABackupsOwnFileNothingIsSetAside(t *testing.T) {
	for _, line := range []string{"{", `{"event":{"id":"1","colour":"red"}}`, seriesOfSeconds + `{"id":"2"}]}`} {
		j, err := openJSONL(bufio.NewReader(strings.NewReader(head + line)))
		must(t, err)
		err = j.each(func(place, calendar.Kept) error { return nil })
		if fault.Of(err) != fault.Invalid || err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestALineThatIsTooLongIsPassedOver(t *testing.T) {
	_, all, err := readAll(io.MultiReader(repeat(head+`{"event":{"id":"`, "x", 70<<20), strings.NewReader("\n"+`{"event":{"id":"2"}}`)))
	must(t, err)
	if len(all) != 2 || all[0].Aside == nil || all[0].Aside.Line != 2 || !strings.Contains(all[0].Aside.Detail, "longer than 32 MB") || all[1].Event.ID != "2" {
		t.Errorf("%d things, %+v", len(all), all[0].Aside)
	}
}

func TestARecurrenceWithoutEndIsReadAndNotExpanded(t *testing.T) {
	_, all, err := readAll(strings.NewReader(head + `{"event":{"id":"1","type":"seriesMaster","recurrence":{"rrule":["FREQ=SECONDLY"]}}}`))
	must(t, err)
	if len(all) != 1 || len(all[0].Exceptions) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestErrorsOfTheSourceAreHandedOn(t *testing.T) {
	torn := fault.Wrap(fault.Unavailable, errors.New("torn"))
	whole := zipped(t, asJSONL(t, []calendar.Kept{{Event: calendar.Event{ID: "1", Subject: strings.Repeat("x", 10_000)}}}))
	for n := range len(whole) {
		_, _, err := readAll(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(torn)))
		if !errors.Is(err, torn) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	own := errors.New("enough")
	s, err := Read(bytes.NewReader(whole))
	must(t, err)
	defer s.Close()
	if err := s.Each(func(calendar.Kept) error { return own }); !errors.Is(err, own) {
		t.Errorf("the reader's own error: %v", err)
	}
}

// fuzz reads anything. What is read is what would be read again of what is then written.
func fuzz(f *testing.F, seeds ...[]byte) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, all, err := readAll(bytes.NewReader(data))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%v is of kind %s", err, fault.Of(err))
			}
			return
		}
		for i := range all {
			if err := check(&all[i]); err != nil {
				t.Errorf("what was read cannot be: %v", err)
			}
		}
		first := asJSONL(t, all)
		_, again, err := readAll(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if second := asJSONL(t, again); !bytes.Equal(first, second) {
			t.Errorf("%s\nbecomes\n%s", first, second)
		}
	})
}

func FuzzJSONL(f *testing.F) {
	fuzz(f, []byte(head), []byte(head+`{"event":{"id":"1","subject":"a","start":{"dateTime":"2026-10-05T09:00:00","timeZone":"UTC"}}}`),
		[]byte(head+`{"event":{"id":"1","type":"seriesMaster","recurrence":{"rrule":["FREQ=DAILY"]}},`+
			`"exceptions":[{"id":"2","type":"exception","seriesMasterId":"1","originalStart":"2026-10-05T09:00:00Z"}]}`),
		zipped(f, []byte(head)))
}

func FuzzCSV(f *testing.F) {
	fuzz(f, []byte("subject,start,end\na,b,c\n"),
		[]byte("subject,start,end,type,id,series_id,original_start,rrule,exdate,attendees\n"+
			"a,b,c,seriesMaster,1,,,FREQ=DAILY,2026-10-05T09:00:00 UTC,\"[{\"\"name\"\":\"\"Ann\"\"}]\"\na,b,c,exception,2,1,2026-10-05T09:00:00Z,,,\n"))
}

func FuzzManifest(f *testing.F) {
	w := newWorld(f)
	w.imports(sample)
	r := w.start()
	must(f, w.runner(w.Table, w.Blobs, w.calendar).Run(context.Background(), r))
	stored, err := w.Blobs.Get(context.Background(), w.open(r.ID).key(manifestName))
	must(f, err)
	defer stored.Close()
	data, err := io.ReadAll(stored)
	must(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(bytes.NewReader(data))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%v is of kind %s", err, fault.Of(err))
			}
			return
		}
		for _, format := range Formats {
			if m.File(format) == nil {
				t.Errorf("there is no %s", format)
			}
		}
	})
}

// TestTheFormatStaysAsItIs reads files that an earlier version made; that they are made so today is for the reader's sake.
func TestTheFormatStaysAsItIs(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	r, _ := w.backUp()
	for _, f := range Formats {
		name := filepath.Join("testdata", strings.TrimSuffix(fileNames[f], ".zst"))
		got := w.file(r.ID, f)
		if *update {
			must(t, os.WriteFile(name, []byte(got), 0o644))
		}
		want, err := os.ReadFile(name)
		must(t, err)
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		_, all, err := readAll(bytes.NewReader(want))
		must(t, err)
		var counts Counts
		for i := range all {
			counts.add(&all[i])
		}
		if counts != sampleCounts {
			t.Errorf("%s holds %+v", name, counts)
		}
	}
}

// TestFilesOfVersion1AreRead reads what was written before instances could be without their series.
func TestFilesOfVersion1AreRead(t *testing.T) {
	_, want, err := readAll(strings.NewReader(strings.ReplaceAll(sample, "\n", "\r\n")))
	must(t, err)
	for _, name := range []string{"events.jsonl", "events.csv"} {
		data, err := os.ReadFile(filepath.Join("testdata", "version1", name))
		must(t, err)
		_, all, err := readAll(bytes.NewReader(data))
		must(t, err)
		var counts Counts
		for i := range all {
			counts.add(&all[i])
		}
		if counts != sampleCounts || len(all) != len(want) {
			t.Errorf("%s holds %+v", name, counts)
		}
	}

	// An instance by itself was written as an event with the UID of its series.
	const id = "260abd8e4215374a79a1616f7404f215@20261019T070000Z"
	line := `{"event":{"id":"` + id + `","iCalUId":"standup","type":"singleInstance","start":{"dateTime":"2026-10-20T11:00:00","timeZone":"UTC"},` +
		`"end":{"dateTime":"2026-10-20T12:00:00","timeZone":"UTC"}}}` + "\n"
	row := "type,id,ical_uid,start,start_zone,end,end_zone,subject\nsingleInstance," + id + ",standup,2026-10-20 11:00,UTC,2026-10-20 12:00,UTC,s\n"
	for name, text := range map[string]string{"JSONL": head + line, "a table": row} {
		_, all, err := readAll(strings.NewReader(text))
		must(t, err)
		if e := all[0].Event; e.Type != calendar.Exception || e.SeriesMasterID != "" || !e.OriginalStart.Equal(time.Date(2026, 10, 19, 7, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	newer := strings.NewReplacer(`"version":1`, `"version":2`, ",subject\n", ",subject,recurrence_id\n", ",s\n", ",s,\n")
	for name, text := range map[string]string{
		"JSONL of version 2":   newer.Replace(head + line),
		"a table of version 2": newer.Replace(row),
		"another id":           strings.Replace(head+line, "@2026", "@x2026", 1),
		"no UID":               strings.Replace(head+line, `"standup"`, `""`, 1),
	} {
		_, all, err := readAll(strings.NewReader(text))
		must(t, err)
		if e := all[0].Event; e.Type != calendar.Single || !e.OriginalStart.IsZero() {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestInstancesWithoutTheirSeriesHaveItsUIDInTheICalendarFile(t *testing.T) {
	w := newWorld(t)
	instance := func(day string) string {
		return strings.ReplaceAll("BEGIN:VEVENT\nUID:m\nRECURRENCE-ID;TZID=Europe/Berlin:DAYT090000\nDTSTART;TZID=Europe/Berlin:DAYT120000\n"+
			"DTEND;TZID=Europe/Berlin:DAYT130000\nSUMMARY:DAY\nEND:VEVENT\n", "DAY", day)
	}
	byDay := strings.Replace(instance("20261019"), "RECURRENCE-ID;TZID=Europe/Berlin:20261019T090000", "RECURRENCE-ID;VALUE=DATE:20261019", 1)
	w.imports("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + instance("20261005") + instance("20261012") + byDay + "END:VCALENDAR\n")
	r, result := w.backUp()
	if result.LeftOut != 0 || result.Counts != (Counts{Singles: 3, Events: 3}) {
		t.Errorf("%+v", result)
	}
	text := w.file(r.ID, ICS)
	for _, value := range []string{"TZID=Europe/Berlin:20261005T090000", "TZID=Europe/Berlin:20261012T090000", "VALUE=DATE:20261019"} {
		line := "RECURRENCE-ID;" + value
		if !strings.Contains(text, line+"\r\n") {
			t.Errorf("there is no %s in\n%s", line, text)
		}
	}
	if strings.Count(text, "UID:m\r\n") != 3 {
		t.Errorf("they have not the UID of their series:\n%s", text)
	}
	for _, f := range []Format{JSONL, CSV} {
		_, all, err := readAll(strings.NewReader(w.file(r.ID, f)))
		must(t, err)
		for i := range all {
			e := &all[i].Event
			if e.Type != calendar.Exception || e.ICalUID != "m" || e.OriginalStart.IsZero() || (e.Subject == "20261019") != (e.RecurrenceID.Local == "2026-10-19") {
				t.Errorf("%s: %+v", f, e)
			}
		}
	}
}
