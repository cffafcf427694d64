package importing_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/series"
)

var (
	calendars = flag.Int("calendars", 60, "how many generated calendars other software reads")
	seed      = flag.Uint64("seed", 1, "of the generated calendars")
)

// answer is what other software says that happens in a file: subject, start, end of each instance.
type answer struct {
	instances [][]string
	err       string
}

func (a *answer) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("{")) {
		var failed struct{ Error string }
		err := json.Unmarshal(data, &failed)
		a.err = failed.Error
		return err
	}
	return json.Unmarshal(data, &a.instances)
}

// within keeps what starts in the days that are compared, without the days around them, where readers differ about what belongs to a window.
func (a answer) within() []string {
	var kept []string
	for _, one := range a.instances {
		if one[1] >= comparedFrom && one[1] < comparedTo {
			kept = append(kept, strings.Join(one, " | "))
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}

const comparedFrom, comparedTo = "2026-09-15", "2026-12-15"

// reader is other software, which reads file after file.
type reader struct {
	t       *testing.T
	name    string
	program string
	args    []string
	in      *bufio.Writer
	answers chan []byte
	stop    func()
}

func newReader(t *testing.T, name string, tool string, args ...string) *reader {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", ".tools", tool))
	must(t, err)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		const none = "there is no other software to read iCalendar files; make tools installs it"
		if os.Getenv("CI") == "true" {
			t.Fatal(none)
		}
		t.Skip(none)
	}
	r := &reader{t: t, name: name, program: path, args: args}
	if tool == "icaljs" {
		r.program, r.args = "node", append(args, path)
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// start begins a process that reads.
func (r *reader) start() {
	cmd := exec.CommandContext(r.t.Context(), r.program, r.args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(r.t, err)
	out, err := cmd.StdoutPipe()
	must(r.t, err)
	must(r.t, cmd.Start())
	answers := make(chan []byte)
	go func() {
		defer close(answers)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			answers <- bytes.Clone(lines.Bytes())
		}
	}()
	r.in, r.answers = bufio.NewWriter(in), answers
	r.stop = func() {
		_ = cmd.Process.Kill()
		for range answers { // until it is closed
		}
		_ = cmd.Wait()
	}
}

// patience is how long a reader may take over a file; some look for the next date of a rule without end.
const patience = 15 * time.Second

const gaveUp = "it takes too long"

func (r *reader) read(text string) (a answer) {
	r.t.Helper()
	line, err := json.Marshal(map[string]string{"ics": text, "from": "2026-08-01", "to": "2027-02-01"})
	must(r.t, err)
	_, _ = r.in.Write(append(line, '\n'))
	must(r.t, r.in.Flush())
	select {
	case data, ok := <-r.answers:
		if !ok {
			r.t.Fatalf("%s gives no answer", r.name)
		}
		must(r.t, json.Unmarshal(data, &a))
	case <-time.After(patience):
		r.stop()
		r.start()
		a.err = gaveUp
	}
	return a
}

func readers(t *testing.T) (python, js *reader) {
	return newReader(t, "icalendar", "icalendar/bin/python", filepath.Join("testdata", "readers", "read.py")),
		newReader(t, "ical.js", "icaljs", filepath.Join("testdata", "readers", "read.mjs"))
}

// happens is what we say that happens in a file, as other software says it.
func happens(t *testing.T, f ics.File) (a answer) {
	t.Helper()
	events, err := ics.Expand(f, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	zones := ics.Lookup(f.Zones)
	for _, e := range events {
		a.instances = append(a.instances, []string{e.Subject, told(t, e.Start, e.AllDay, zones), told(t, e.End, e.AllDay, zones)})
	}
	return a
}

func told(t *testing.T, d calendar.DateTime, date bool, zones series.Zones) string {
	t.Helper()
	wall, err := d.Wall()
	must(t, err)
	switch {
	case date:
		return wall.Date.String()
	case d.Floats():
		return d.Local[:len("2006-01-02T15:04:05")]
	}
	loc := time.UTC
	if d.Zone != "" {
		loc, err = zones(d.Zone)
		must(t, err)
	}
	at, err := calendar.DateTime{Local: d.Local}.Instant(loc)
	must(t, err)
	return at.UTC().Format("2006-01-02T15:04:05Z")
}

// TestOtherSoftwareReadsOurFilesAsWeDo exports each small file after importing it.
func TestOtherSoftwareReadsOurFilesAsWeDo(t *testing.T) {
	python, js := readers(t)
	names, err := filepath.Glob(filepath.Join("testdata", "*.ics"))
	must(t, err)
	names = append(names, filepath.Join("..", "ics", "testdata", "outlook.ics"), filepath.Join("..", "ics", "testdata", "google.ics"),
		filepath.Join("..", "ics", "testdata", "apple.ics"))
	for _, name := range names {
		w := newWorld(t)
		text, err := os.ReadFile(name)
		must(t, err)
		f, err := ics.Read(bytes.NewReader(text))
		must(t, err)
		w.importFile(f)
		exported := w.export()
		own, err := ics.Read(strings.NewReader(exported))
		must(t, err)
		want := happens(t, own).within()
		for _, r := range []*reader{python, js} {
			if got := r.read(exported); got.err != "" || !slices.Equal(got.within(), want) {
				t.Errorf("%s: %s says %s\n  %s\nwant\n  %s", name, r.name, got.err, strings.Join(got.within(), "\n  "), strings.Join(want, "\n  "))
			}
		}
	}
}

// TestOtherSoftwareReadsGeneratedCalendarsAsWeDo imports calendars of all kinds, whole or in several files in any order, and compares what happens by our
// account with what two others read, in what was imported and in what we export. Where both others agree we have to say the same. How often they do not
// is logged; docs/calendar-files.md says who is right.
func TestOtherSoftwareReadsGeneratedCalendarsAsWeDo(t *testing.T) {
	python, js := readers(t)
	differing := map[string]int{}
	for i := range *calendars {
		g := newGenerator(*seed, uint64(i))
		events := g.calendar()
		w, done := worldAt(t, ":memory:") // there are thousands of them
		g.imports(w, events)
		exported := w.export()
		done()
		lint(t, exported)
		own, err := ics.Read(strings.NewReader(exported))
		must(t, err)
		if len(own.Aside) > 0 {
			t.Fatalf("calendar %d: set aside %v", i, own.Aside)
		}
		ours := happens(t, own)
		want := ours.within()
		for what, text := range map[string]string{"exported": exported, "imported": whole(events, exported)} {
			p, j := python.read(text), js.read(text)
			switch {
			case p.err != "":
				differing[what+": icalendar fails: "+p.err[:min(len(p.err), 40)]]++
				if what == "exported" && p.err != gaveUp {
					t.Errorf("calendar %d, exported: icalendar cannot read it: %s\n%s", i, p.err, text)
				}
			case j.err != "":
				differing[what+": ical.js fails: "+j.err[:min(len(j.err), 40)]]++
				if what == "exported" && j.err != gaveUp {
					t.Errorf("calendar %d, exported: ical.js cannot read it: %s\n%s", i, j.err, text)
				}
			case !slices.Equal(p.within(), j.within()):
				who := "neither"
				if slices.Equal(p.within(), want) {
					who = "icalendar"
				} else if slices.Equal(j.within(), want) {
					who = "ical.js"
				}
				differing[fmt.Sprintf("%s: they differ, we side with %s", what, who)]++
				if testing.Verbose() && what == "exported" {
					t.Logf("rules where they differ: %s", strings.Join(rules(text), " | "))
				}
				if who == "neither" {
					t.Logf("calendar %d, %s: we side with neither\n%s", i, what, differences(want, p.within(), j.within()))
				}
			case !slices.Equal(p.within(), want) && slices.Equal(withoutEnds(p), withoutEnds(ours)) && overAChange(p, ours):
				differing[what+": both others end an hour off, where the clocks change within an instance"]++
			case !slices.Equal(p.within(), want):
				t.Errorf("calendar %d, %s: both others agree (-), and we differ (+)\n%s\n%s", i, what, differences(want, p.within(), nil), text)
			default:
				differing[what+": all agree"]++
			}
		}
	}
	for _, what := range slices.Sorted(keys(differing)) {
		t.Logf("%5d %s", differing[what], what)
	}
}

// withoutEnds is what starts in the days that are compared, without when it ends.
func withoutEnds(a answer) []string {
	var b answer
	for _, one := range a.instances {
		b.instances = append(b.instances, []string{one[0], one[1], ""})
	}
	return b.within()
}

// overAChange says whether the ends of two answers differ by no more than clocks are changed: others let an instance last as long on the clocks as the
// first one does, RFC 5545, section 3.8.5.3, wants the exact duration.
func overAChange(a, b answer) bool {
	ends := map[string]string{}
	for _, one := range a.instances {
		ends[one[0]+one[1]] = one[2]
	}
	for _, one := range b.instances {
		other := ends[one[0]+one[1]]
		x, errX := time.Parse(time.RFC3339, one[2])
		y, errY := time.Parse(time.RFC3339, other)
		if other != "" && other != one[2] && (errX != nil || errY != nil || x.Sub(y).Abs() > time.Hour) {
			return false
		}
	}
	return true
}

func keys(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// rules are the recurrence rules of the events in a file.
func rules(text string) (all []string) {
	_, events, _ := strings.Cut(text, "BEGIN:VEVENT")
	for line := range strings.SplitSeq(events, "\r\n") {
		if rule, ok := strings.CutPrefix(line, "RRULE:"); ok {
			all = append(all, rule)
		}
	}
	return all
}

// differences lists what is not in all lists, with who has it.
func differences(own, python, js []string) string {
	var b strings.Builder
	all := slices.Concat(own, python, js)
	slices.Sort(all)
	for _, one := range slices.Compact(all) {
		in := [3]bool{slices.Contains(own, one), slices.Contains(python, one), slices.Contains(js, one)}
		if in != [3]bool{true, true, true} && (js != nil || in[0] != in[1]) {
			fmt.Fprintf(&b, "  we %-5v icalendar %-5v ical.js %-5v %s\n", in[0], in[1], in[2], one)
		}
	}
	return b.String()
}

func (w *world) importFile(f ics.File) {
	w.t.Helper()
	_, err := w.provider.Import(w.t.Context(), account, w.id, f, importing.Options{})
	must(w.t, err)
}

// generator makes calendars. The same seed and number give the same one.
type generator struct{ *rand.Rand }

func newGenerator(seed, n uint64) *generator { return &generator{rand.New(rand.NewPCG(seed, n))} }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// text is a VEVENT as it is written.
type text struct {
	lines []string
	zone  string
}

func (e text) String() string {
	return "BEGIN:VEVENT\r\n" + strings.Join(e.lines, "\r\n") + "\r\nEND:VEVENT\r\n"
}

var allZones = []string{"Europe/Berlin", "America/New_York", "Pacific/Tongatapu", "Pacific/Pago_Pago", "Asia/Kolkata", "Australia/Lord_Howe",
	"America/St_Johns", "Pacific/Auckland", "Africa/Casablanca", "Pacific/Chatham", "Asia/Kathmandu", "UTC", "floating", "days"}

// written is a wall as a property writes it.
func written(name string, wall time.Time, zone string) string {
	switch zone {
	case "days":
		return name + ";VALUE=DATE:" + wall.Format("20060102")
	case "floating":
		return name + ":" + wall.Format("20060102T150405")
	case "UTC":
		return name + ":" + wall.Format("20060102T150405Z")
	}
	return name + ";TZID=" + zone + ":" + wall.Format("20060102T150405")
}

// calendar makes the events of one: by themselves, or series with all that belongs to them.
func (g *generator) calendar() (events []text) {
	for i := range 1 + g.IntN(3) {
		events = append(events, g.events(fmt.Sprintf("u%d", i))...)
	}
	return events
}

func (g *generator) events(uid string) []text {
	zone := pick(g, allZones...)
	start := time.Date(2026, time.Month(6+g.IntN(5)), 1+g.IntN(28), g.IntN(24), pick(g, 0, 15, 30, 59), 0, 0, time.UTC)
	length := pick(g, 30*time.Minute, time.Hour, 26*time.Hour)
	if zone == "days" {
		start, length = start.Truncate(24*time.Hour), pick(g, 24*time.Hour, 48*time.Hour)
	}
	rule, walls := g.rule(start, zone)
	if len(walls) > 0 {
		start = walls[0]
	}
	base := func(from time.Time, subject string, more ...string) text {
		lines := append([]string{"UID:" + uid, "DTSTAMP:20260801T120000Z", "SUMMARY:" + subject, written("DTSTART", from, zone),
			written("DTEND", from.Add(length), zone)}, more...)
		return text{lines, zone}
	}
	if rule == "" || len(walls) < 2 {
		return []text{base(start, "single "+uid)}
	}
	more := []string{"RRULE:" + rule}
	taken := map[int]bool{0: true}
	for range g.IntN(3) {
		if at := g.IntN(len(walls)); !taken[at] {
			taken[at] = true
			more = append(more, written("EXDATE", walls[at], zone))
		}
	}
	if g.IntN(3) == 0 {
		more = append(more, written("RDATE", start.AddDate(0, 0, 1+g.IntN(60)).Add(pick(g, 0, 3*time.Hour)), zone))
		if zone == "days" {
			more[len(more)-1] = written("RDATE", start.AddDate(0, 0, 1+g.IntN(60)), zone)
		}
	}
	all := []text{base(start, "series "+uid, more...)}
	for range g.IntN(4) {
		at := g.IntN(len(walls))
		if taken[at] {
			continue
		}
		taken[at] = true
		moved := walls[at].AddDate(0, 0, g.IntN(7)-3)
		if zone != "days" {
			moved = moved.Add(pick(g, 0, time.Hour, -150*time.Minute))
		}
		all = append(all, base(moved, fmt.Sprintf("moved %s %d", uid, at), "SEQUENCE:1", written("RECURRENCE-ID", walls[at], zone)))
	}
	return all
}

// rule makes a rule, and its first walls from start on; the first one is to be the start of the series, so that it is one that the rule names.
func (g *generator) rule(start time.Time, zone string) (rule string, walls []time.Time) {
	if g.IntN(5) == 0 {
		return "", nil
	}
	freq := pick(g, "DAILY", "DAILY", "WEEKLY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY", "HOURLY")
	if zone == "days" && freq == "HOURLY" {
		freq = "DAILY"
	}
	parts := []string{"FREQ=" + freq}
	add := func(name string, values ...string) { parts = append(parts, name+"="+strings.Join(values, ",")) }
	some := func(n int, from ...string) []string {
		g.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
		return from[:1+g.IntN(n)]
	}
	by := 0
	day := []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
	switch freq {
	case "WEEKLY", "DAILY":
		if g.IntN(2) == 0 {
			by++
			add("BYDAY", some(3, day...)...)
		}
		if g.IntN(5) == 0 {
			by++
			add("BYMONTH", some(3, "8", "9", "10", "11")...)
		}
		if freq == "DAILY" && g.IntN(6) == 0 {
			by++
			add("BYMONTHDAY", some(3, "1", "5", "15", "-1", "28")...)
		}
	case "MONTHLY":
		switch by++; g.IntN(4) {
		case 0:
			add("BYMONTHDAY", some(3, "1", "13", "31", "-1", "-7")...)
		case 1:
			add("BYDAY", some(2, "1MO", "-1FR", "2TU", "3WE", "SA")...)
		case 2:
			add("BYDAY", "MO", "TU", "WE", "TH", "FR")
			add("BYSETPOS", pick(g, "1", "-1", "2", "-2"))
		default:
			by--
		}
	case "YEARLY":
		switch by++; g.IntN(5) {
		case 0:
			add("BYMONTH", "9", "10", "11")
			add("BYDAY", some(2, "1MO", "-1SU", "2TU")...)
		case 1:
			add("BYYEARDAY", some(3, "270", "280", "300", "-50")...)
		case 2:
			add("BYWEEKNO", some(3, "38", "41", "45")...)
			add("BYDAY", some(2, "MO", "TH")...)
		case 3:
			add("BYMONTH", some(2, "9", "10", "11")...)
			add("BYMONTHDAY", some(3, "3", "14", "-2")...)
		default:
			by--
		}
	}
	if zone != "days" && freq != "HOURLY" && g.IntN(6) == 0 {
		by++
		add("BYHOUR", some(2, "7", "9", "17")...)
		if g.IntN(2) == 0 {
			add("BYMINUTE", some(2, "0", "20", "45")...)
		}
		if g.IntN(4) == 0 {
			add("BYSECOND", some(2, "0", "30")...)
		}
	}
	if freq == "HOURLY" {
		add("INTERVAL", pick(g, "7", "12", "36"))
	} else if g.IntN(3) == 0 && freq != "YEARLY" {
		add("INTERVAL", pick(g, "2", "3"))
	}
	if g.IntN(3) == 0 && freq == "WEEKLY" {
		add("WKST", pick(g, "SU", "MO"))
	}
	plain := strings.Join(parts, ";")
	all, err := series.Starts(plain, start, start, start.AddDate(2, 0, 0), time.UTC)
	if err != nil || len(all) < 3 {
		return "", nil
	}
	walls = all[1:min(len(all), 40)] // the start itself may be none that the rule names
	from := walls[0]
	all, err = series.Starts(plain, from, from, from.AddDate(2, 0, 0), time.UTC)
	if err != nil || len(all) < 2 {
		return "", nil
	}
	walls = all[:min(len(all), 40)]
	switch g.IntN(3) {
	case 0:
		n := 2 + g.IntN(12)
		add("COUNT", fmt.Sprint(n))
		walls = walls[:min(n, len(walls))]
	case 1:
		last := walls[len(walls)/2]
		until := last.Format("20060102")
		switch zone {
		case "days":
		case "floating":
			until = last.Format("20060102T150405")
		default:
			loc := time.UTC
			if zone != "UTC" {
				loc, _ = calendar.LoadZone(zone)
			}
			until = calendar.InstantOf(calendar.Wall{Date: calendar.DateOf(last, time.UTC), Hour: last.Hour(), Minute: last.Minute(), Second: last.Second()},
				loc).UTC().Format("20060102T150405Z")
		}
		add("UNTIL", until)
		walls = walls[:len(walls)/2+1]
	}
	return strings.Join(parts, ";"), walls
}

// file puts events into a file.
func file(events []text) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n")
	for _, e := range events {
		b.WriteString(e.String())
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// whole is all events as they were imported, in one file with the zones that another one defines.
func whole(events []text, exported string) string {
	zones := ""
	for rest := exported; ; {
		_, after, found := strings.Cut(rest, "BEGIN:VTIMEZONE")
		if !found {
			break
		}
		zone, left, _ := strings.Cut(after, "END:VTIMEZONE\r\n")
		zones, rest = zones+"BEGIN:VTIMEZONE"+zone+"END:VTIMEZONE\r\n", left
	}
	return strings.Replace(file(events), "PRODID:-//Test//EN\r\n", "PRODID:-//Test//EN\r\n"+zones, 1)
}

// imports puts the events into a calendar: as one file, or as several in any order.
func (g *generator) imports(w *world, events []text) {
	w.t.Helper()
	files := [][]text{slices.Clone(events)}
	if g.IntN(2) == 0 {
		files = nil
		for _, e := range events {
			if at := g.IntN(len(files) + 1); at < len(files) {
				files[at] = append(files[at], e)
			} else {
				files = append(files, []text{e})
			}
		}
	}
	g.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for _, some := range files {
		g.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		f, err := ics.Read(strings.NewReader(file(some)))
		must(w.t, err)
		if len(f.Aside) > 0 {
			w.t.Fatalf("set aside: %v\n%s", f.Aside, file(some))
		}
		w.importFile(f)
	}
}
