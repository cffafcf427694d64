package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// genFilter draws a filter of which some records of genEntry fit.
func genFilter(first time.Time) *rapid.Generator[Filter] {
	return rapid.Custom(func(t *rapid.T) Filter {
		at := func(name string) time.Time {
			if rapid.Bool().Draw(t, "with "+name) {
				return first.Add(time.Duration(rapid.IntRange(-2000, 40_000).Draw(t, name)) * 500 * time.Microsecond)
			}
			return time.Time{}
		}
		f := Filter{
			From: at("from"), To: at("to"),
			Action: rapid.SampledFrom([]Action{"", "", "run", "run.archive", "run.start", "runs", "config"}).Draw(t, "action"),
			Resource: Resource{
				Kind: rapid.SampledFrom([]string{"", "", "run"}).Draw(t, "kind"), ID: rapid.SampledFrom([]string{"", "", "1", "a name"}).Draw(t, "id"),
			},
			Correlation: rapid.SampledFrom([]string{"", "", "c1"}).Draw(t, "correlation"),
			Outcome:     rapid.SampledFrom([]Outcome{"", "", Begun, Failed}).Draw(t, "outcome"),
		}
		if !f.To.IsZero() && !f.From.Before(f.To) {
			f.From = time.Time{}
		}
		return f
	})
}

// fits says of a record whether a filter wants it, in another way than the code does.
func fits(f Filter, r Record) bool {
	words, wanted := strings.Split(string(r.Action), "."), strings.Split(string(f.Action), ".")
	id := f.Resource.ID
	if id == "a name" {
		id = "sha256:36e96c62633613d6f8e98943830ed5c5" // of it
	}
	switch {
	case !f.From.IsZero() && r.Time.Before(f.From), !f.To.IsZero() && !r.Time.Before(f.To):
		return false
	case f.Action != "" && (len(words) < len(wanted) || !slices.Equal(words[:len(wanted)], wanted)):
		return false
	case f.Resource.Kind != "" && f.Resource.Kind != r.Resource.Kind, id != "" && id != r.Resource.ID:
		return false
	case f.Correlation != "" && f.Correlation != r.Correlation, f.Outcome != "" && f.Outcome != r.Outcome:
		return false
	}
	return true
}

func TestFiltersAreThoseOverTheFullList(t *testing.T) {
	w := newWorld(t)
	var all []Record
	rapid.Check(t, func(t *rapid.T) { // fills the chain
		w.move(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
		records, err := w.Append(w.t.Context(), rapid.SliceOfN(genEntry(ana), 1, 5).Draw(t, "entries")...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, records...)
	})
	slices.Reverse(all)
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		f := genFilter(monday).Draw(t, "filter")
		limit := rapid.IntRange(1, MaxPage).Draw(t, "limit")
		var want, got []Record
		for _, r := range all {
			if fits(f, r) {
				want = append(want, r)
			}
		}
		for cursor := ""; ; {
			page, err := w.List(w.t.Context(), ana, f, limit, cursor)
			if err != nil || len(page.Records) > limit {
				t.Fatal(len(page.Records), err)
			}
			got = append(got, page.Records...)
			if page.Next == "" {
				break
			}
			if page.Next == cursor {
				t.Fatal("the next page is the same one")
			}
			cursor = page.Next
		}
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Fatal(diff)
		}
		found += len(got)

		var out bytes.Buffer
		if err := w.Export(w.t.Context(), ana, f, JSON, &out); err != nil {
			t.Fatal(err)
		}
		var exported []Record
		if err := json.Unmarshal(out.Bytes(), &exported); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(exported)
		if diff := cmp.Diff(append([]Record{}, want...), exported, same); diff != "" {
			t.Fatal(diff)
		}
	})
	if found == 0 {
		t.Error("no filter ever found anything")
	}
}

func TestList(t *testing.T) {
	t.Run("what is wrong is named", func(t *testing.T) {
		w := newWorld(t)
		for _, tt := range []struct {
			filter Filter
			limit  int
			cursor string
			field  string
		}{
			{Filter{From: monday, To: monday}, 10, "", "to"},
			{Filter{Action: "run."}, 10, "", "action"},
			{Filter{Action: "Run"}, 10, "", "action"},
			{Filter{Outcome: "good"}, 10, "", "outcome"},
			{Filter{}, 0, "", "limit"},
			{Filter{}, MaxPage + 1, "", "limit"},
			{Filter{}, 10, "HEAD", "cursor"},
		} {
			if _, err := w.List(t.Context(), ana, tt.filter, tt.limit, tt.cursor); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field {
				t.Errorf("%+v: got %v of %q", tt, err, fault.FieldOf(err))
			}
		}
	})
	t.Run("a page looks at a thousand records at most, and the next one goes on", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("session.create", "s"))
		for range 30 {
			w.append(slices.Repeat([]Entry{entry("run.start", "r")}, 50)...)
		}
		before := w.table.Requests()
		page, err := w.List(t.Context(), ana, Filter{Action: "session"}, 10, "")
		if err != nil || len(page.Records) != 0 || page.Next == "" || w.table.Requests()-before != 5 {
			t.Fatalf("%d records after %d requests, next %q, %v", len(page.Records), w.table.Requests()-before, page.Next, err)
		}
		page, err = w.List(t.Context(), ana, Filter{Action: "session"}, 10, page.Next)
		if err != nil || len(page.Records) != 1 || page.Next != "" {
			t.Errorf("%d records, next %q, %v", len(page.Records), page.Next, err)
		}
	})
	t.Run("a page without conditions is one request of its size", func(t *testing.T) {
		w := newWorld(t)
		w.append(slices.Repeat([]Entry{entry("run.start", "r")}, 50)...)
		before := w.table.Requests()
		page, err := w.List(t.Context(), ana, Filter{From: monday}, 20, "")
		if err != nil || len(page.Records) != 20 || page.Records[0].Seq != 50 || page.Next == "" || w.table.Requests()-before != 1 {
			t.Errorf("%d records after %d requests, next %q, %v", len(page.Records), w.table.Requests()-before, page.Next, err)
		}
	})
	t.Run("what is appended meanwhile moves nothing", func(t *testing.T) {
		w := newWorld(t)
		w.append(slices.Repeat([]Entry{entry("run.start", "r")}, 10)...)
		first, err := w.List(t.Context(), ana, Filter{}, 5, "")
		if err != nil {
			t.Fatal(err)
		}
		w.append(entry("run.start", "new"))
		second, err := w.List(t.Context(), ana, Filter{}, 5, first.Next)
		if err != nil || second.Records[0].Seq != 5 || len(second.Records) != 5 || second.Next != "" {
			t.Errorf("got %+v, %v", second, err)
		}
	})
	t.Run("an unreadable record is shown as one", func(t *testing.T) {
		w := newWorld(t)
		records := w.append(entry("run.start", "1"), entry("run.start", "2"))
		w.put(store.Item{Key: store.Key{PK: partition(ana), SK: records[0].ID}, Data: []byte("{")})
		got := w.all(ana, Filter{})
		want := Record{ID: records[0].ID, Time: records[0].Time, Entry: Entry{Outcome: Unreadable}}
		if diff := cmp.Diff([]Record{records[1], want}, got, same); diff != "" {
			t.Error(diff)
		}
		if got := w.all(ana, Filter{Outcome: Unreadable}); len(got) != 1 {
			t.Errorf("%d are unreadable", len(got))
		}
	})
	t.Run("another user sees nothing", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "1"))
		if got := w.all("tenant#an", Filter{}); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

// export returns what Export writes.
func (w *world) export(f Filter, format Format) string {
	w.t.Helper()
	var out bytes.Buffer
	if err := w.Export(w.t.Context(), ana, f, format, &out); err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}

func TestExport(t *testing.T) {
	t.Run("the records of a JSON export compute the chain again", func(t *testing.T) {
		w := newWorld(t)
		for range 5 {
			w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 60)...)
		}
		var records []Record
		if err := json.Unmarshal([]byte(w.export(Filter{}, JSON)), &records); err != nil {
			t.Fatal(err)
		}
		prev := ""
		for i, r := range records {
			if r.Seq != i+1 || r.Prev != prev || r.Sum() != r.Hash || r.digest() != r.Digest {
				t.Fatalf("record %d does not verify: %+v", i, r)
			}
			prev = r.Hash
		}
		if len(records) != 300 || prev != w.verify(ana).Head {
			t.Errorf("%d records, the last is %s", len(records), prev)
		}
	})
	t.Run("a CSV export reads back cell by cell", func(t *testing.T) {
		w := newWorld(t)
		e := entry("run.start", "-1")
		e.Details, e.Duration = Details{"n": Int(-1), "id": ID("=x")}, 3
		e.Personal = Personal{Name: `=HYPERLINK("http://x","y")`, IP: netip.MustParseAddr("2001:db8::1"), UserAgent: "'@SUM(A1), \"quoted\"\r\nnew line é"}
		r := w.append(e, entry("run.start", "2"))[0]
		text := w.export(Filter{}, CSV)
		if !utf8.ValidString(text) || strings.Count(text, "\r\n") != 3 || strings.Count(text, "\n") != 3 || strings.Count(text, "\r") != 3 {
			t.Errorf("not three lines that end with CRLF:\n%q", text)
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 3 {
			t.Fatal(len(rows), err)
		}
		got := map[string]string{}
		for i, c := range rows[1] {
			if c != "" && strings.ContainsAny(c[:1], "=+-@\t\r") {
				t.Errorf("%s is a formula: %s", rows[0][i], c)
			}
			if strings.HasPrefix(c, "'") {
				c = c[1:]
			}
			got[rows[0][i]] = c
		}
		want := map[string]string{
			"seq": "1", "id": r.ID, "time": "2026-10-05T09:00:00Z", "user": ana, "actor": ana, "action": "run.start", "resource_kind": "run", "resource_id": "-1",
			"outcome": "ok", "fault": "", "begun": "", "duration_ms": "3", "correlation_id": "c--1", "details": `{"id":"=x","n":-1}`,
			"name": `=HYPERLINK("http://x","y")`, "ip": "2001:db8::1", "user_agent": "'@SUM(A1), \"quoted\"  new line é", "prev": "", "hash": r.Hash,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nothing is an empty array, and a header", func(t *testing.T) {
		w := newWorld(t)
		if got := w.export(Filter{}, JSON); got != "[]\n" {
			t.Errorf("got %q", got)
		}
		if got := w.export(Filter{}, CSV); got != strings.Join(csvHeader, ",")+"\r\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("records without a head are exported all the same", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "1"))
		w.remove(HeadKey(ana))
		if got := strings.Count(w.export(Filter{}, CSV), "\r\n"); got != 2 {
			t.Errorf("%d lines", got)
		}
	})
	t.Run("it ends with the record that was the newest when it began", func(t *testing.T) {
		w := newWorld(t)
		for range 4 {
			w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 99)...)
		}
		out := &watched{}
		out.first = func() {
			for range 3 {
				w.append(slices.Repeat([]Entry{entry("run.start", "late")}, 99)...)
			}
		}
		if err := w.Export(t.Context(), ana, Filter{}, JSON, out); err != nil {
			t.Fatal(err)
		}
		var records []Record
		if err := json.Unmarshal(out.Bytes(), &records); err != nil || len(records) != 4*99 {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
	t.Run("it does not wait for the last record to write the first", func(t *testing.T) {
		w := newWorld(t)
		for range 10 {
			w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 99)...)
		}
		for _, format := range []Format{CSV, JSON} {
			cut := errors.New("cut")
			before := w.table.Requests()
			err := w.Export(t.Context(), ana, Filter{}, format, writerFunc(func([]byte) (int, error) { return 0, cut }))
			if !errors.Is(err, cut) || w.table.Requests()-before != 2 { // the head and one page
				t.Errorf("%s: %v after %d requests", format, err, w.table.Requests()-before)
			}
		}
	})
	t.Run("an unknown format writes nothing", func(t *testing.T) {
		w := newWorld(t)
		var out bytes.Buffer
		if err := w.Export(t.Context(), ana, Filter{}, "xml", &out); fault.FieldOf(err) != "format" || out.Len() > 0 {
			t.Errorf("got %v and %q", err, out.String())
		}
		if err := w.Export(t.Context(), ana, Filter{Outcome: "x"}, CSV, &out); fault.FieldOf(err) != "outcome" || out.Len() > 0 {
			t.Errorf("got %v and %q", err, out.String())
		}
	})
	t.Run("a failed read leaves an array without an end", func(t *testing.T) {
		w := newWorld(t)
		for range 4 {
			w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 99)...)
		}
		queries := 0
		l := w.another(&flaky{Table: w.table, fails: func() (bool, bool) { queries++; return queries == 3, false }}) // head, page, page
		var out bytes.Buffer
		if err := l.Export(t.Context(), ana, Filter{}, JSON, &out); fault.Of(err) != fault.Unavailable || json.Valid(out.Bytes()) {
			t.Errorf("got %v and %d bytes", err, out.Len())
		}
	})
}

// watched calls a test at its first write.
type watched struct {
	bytes.Buffer
	first func()
}

func (o *watched) Write(p []byte) (int, error) {
	if o.first != nil {
		o.first()
		o.first = nil
	}
	return o.Buffer.Write(p)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// BenchmarkExport reports the memory that an export takes for each record.
func BenchmarkExport(b *testing.B) {
	for _, n := range []int{2_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			for range n / 50 {
				w.append(slices.Repeat([]Entry{entry("run.start", "r1")}, 50)...)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Export(context.Background(), ana, Filter{}, CSV, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
