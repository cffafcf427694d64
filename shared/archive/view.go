package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

// view compares the archive calendar with the newest versions of the ledger, stretch by stretch, so that what it has in memory does not grow with
// either. Of each event it remembers sixteen bytes.
type view struct {
	attempt  *Attempt
	settings Settings
	from, to time.Time // zero: no bound
	found    func(Finding) error

	counts   CopyCounts
	written  map[string]int    // copies that runs wrote, by run; nil: not all of the ledger is read
	known    map[[16]byte]bool // ids of the archive calendar's events that were looked at, and of their series
	earliest time.Time         // of the copies that are there
	latest   time.Time         // of those that are missing
}

// held is the newest version of an appointment, as far as comparing needs it.
type held struct {
	key, lineage, decision string
	sourceHash             string
	version                int
	outcome                ledger.Outcome
	copyID                 string
	draft                  *calendar.Draft // without its body
	appointment            calendar.Appointment
	at                     time.Time // when the version was made
	start                  time.Time
}

func newHeld(e *ledger.Entry) *held {
	h := &held{
		key: e.Key, lineage: e.Lineage, decision: e.Decision, sourceHash: e.SourceHash, version: e.Version, outcome: e.Outcome, copyID: e.CopyID,
		appointment: e.Appointment, at: e.Time, start: e.Appointment.Start,
	}
	if e.Draft != nil {
		bare := *e.Draft
		bare.Body = calendar.Body{}
		h.draft = &bare
	}
	return h
}

// shown says whether the archive calendar is to have a copy.
func (h *held) shown() bool {
	return h != nil && h.outcome == ledger.Archived && h.copyID != "" && h.draft != nil
}

// versionsOf is what the ledger has under a key, as far as it was read.
type versionsOf struct {
	newest *held // the newest that is done
	moved  bool  // one of them says that it stands elsewhere, so that there may be newer ones
	open   *held // one that is not settled
	copies map[[16]byte]bool
}

func (v *versionsOf) add(e *ledger.Entry) {
	for _, id := range []string{e.CopyID, e.Replaces} {
		if id != "" {
			if v.copies == nil {
				v.copies = map[[16]byte]bool{}
			}
			v.copies[short(id)] = true
		}
	}
	switch {
	case e.State == ledger.Intended:
		v.open = newHeld(e)
	case e.State != ledger.Done:
	case e.Outcome == ledger.Moved:
		v.moved = true
	case v.newest == nil || v.newest.version < e.Version:
		v.newest = newHeld(e)
	}
}

// short is the start of an id's hash.
func short(id string) (h [16]byte) {
	s := sha256.Sum256([]byte(id))
	copy(h[:], s[:])
	return h
}

const (
	// stretchKeys is about how many appointments of the ledger are compared together.
	stretchKeys = 1000
	// bodiesAtOnce is how many texts are in memory together.
	bodiesAtOnce = 200
	// freshly is for how long after a write the calendar may still show what was there before it, clocks that differ included.
	freshly = time.Minute
)

// compare reads both and calls found for each finding. An error of found stops it.
func (v *view) compare(ctx context.Context) error {
	a := v.attempt
	v.known = map[[16]byte]bool{}
	if a.archive.missing {
		if a.lost == 0 {
			return nil
		}
		v.counts.CalendarMissing = true
		return v.tell(Finding{Outcome: CalendarMissing, Detail: fmt.Sprintf("archive calendar %q is gone", a.config.Archive.Calendar)})
	}
	whole := v.from.IsZero()
	if whole {
		v.written = map[string]int{}
	}
	begin, day, last := v.from, "", time.Time{}
	keys := map[string]*versionsOf{}
	err := a.books.ledger.Walk(ctx, a.config.ID, v.from, v.to, func(e *ledger.Entry) error {
		start := e.Appointment.Start
		if begin.IsZero() {
			begin = start.UTC().Truncate(24 * time.Hour)
		}
		if today := baselineDay(start); today != day {
			if day = today; len(keys) >= stretchKeys {
				end := start.UTC().Truncate(24 * time.Hour)
				if err := v.stretch(ctx, begin, end, keys); err != nil {
					return err
				}
				begin, keys = end, map[string]*versionsOf{}
			}
		}
		last = later(last, start)
		if keys[e.Key] == nil {
			keys[e.Key] = &versionsOf{}
		}
		keys[e.Key].add(e)
		v.count(e)
		return nil
	})
	if err != nil {
		return err
	}
	end := v.to
	if whole {
		end = last.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	}
	if !begin.IsZero() {
		if err := v.stretch(ctx, begin, end, keys); err != nil {
			return err
		}
	}
	if whole {
		if err := v.rest(ctx); err != nil {
			return err
		}
	}
	if v.counts.Missing > 0 && v.latest.Before(v.earliest) {
		v.counts.NoCopyBefore = calendar.DateOf(v.earliest, v.settings.Zone)
	}
	return nil
}

// count counts a copy that a run wrote.
func (v *view) count(e *ledger.Entry) {
	if v.written != nil && e.State == ledger.Done && e.Outcome == ledger.Archived && !e.Kept {
		v.written[e.Run]++
	}
}

// pairing is a copy with what the ledger has of it.
type pairing struct {
	held  *held
	event calendar.Event
}

// stretch compares what starts in [from, to).
func (v *view) stretch(ctx context.Context, from, to time.Time, keys map[string]*versionsOf) error {
	a := v.attempt
	if a.patience.Late(ctx) {
		return errLateView
	}
	expected, err := v.expected(ctx, from, to, keys)
	if err != nil {
		return err
	}
	base, err := readBaselines(ctx, a.table, a.config.ID, from, to)
	if err != nil {
		return err
	}
	v.forget(base, from, to, expected)
	var pairs []pairing
	var others []calendar.Event
	each := func(e calendar.Event) (until time.Time, err error) {
		h := expected[e.ID]
		switch start, known := v.start(&e); {
		case h != nil && v.isCopyOf(&e, h):
			delete(expected, e.ID)
			pairs = append(pairs, pairing{h, e})
		case known && (start.Before(from) || !start.Before(to)): // another stretch has it
			return time.Time{}, nil
		default:
			others = append(others, e)
		}
		v.know(&e)
		return time.Time{}, nil
	}
	_, err = read(ctx, a, &a.archive, func() (struct{}, error) {
		for _, p := range pairs {
			expected[p.event.ID] = p.held
		}
		pairs, others = nil, nil
		return struct{}{}, a.archive.provider.Walk(ctx, a.archive.uri.Account, a.archive.info.ID, from, to, time.Time{}, each)
	})
	unread := new(calendar.Unread)
	if err != nil && !errors.As(err, &unread) {
		return fmt.Errorf("read the archive calendar: %w", err)
	}
	v.counts.UnreadDays += len(unread.Spans)
	if err := v.judge(ctx, base, pairs); err != nil {
		return err
	}
	if err := v.absent(ctx, base, expected, unread); err != nil {
		return err
	}
	if err := v.others(ctx, others); err != nil {
		return err
	}
	return base.write(ctx)
}

// errLateView means that a comparison takes longer than one worker may; it is begun anew by the next.
var errLateView = fault.New(fault.Unavailable, "comparing the archive calendar takes longer than a worker has time for; take a shorter period")

// expected returns what stands in [from, to) and has a copy, by the copy's id. It tells what is not settled.
func (v *view) expected(ctx context.Context, from, to time.Time, keys map[string]*versionsOf) (map[string]*held, error) {
	var lineages []string
	for _, of := range keys {
		if of.moved {
			h := cmp.Or(of.newest, of.open)
			if h != nil {
				lineages = append(lineages, h.lineage)
			}
		}
	}
	whole, err := v.lookUp(ctx, lineages)
	if err != nil {
		return nil, err
	}
	expected := map[string]*held{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		of := keys[key]
		if there := whole[key]; of.moved && there != nil {
			of = there
		}
		within := func(h *held) bool { return h != nil && !h.start.Before(from) && h.start.Before(to) }
		switch {
		case of.open != nil:
			if !within(of.open) {
				continue
			}
			err := v.tell(Finding{
				Outcome: Unsettled, Key: key, Version: of.open.version, Appointment: of.open.appointment, held: of.open,
				Detail: "a run was interrupted while it wrote this; the next run finishes it",
			})
			if err != nil {
				return nil, err
			}
		case of.newest.shown() && within(of.newest):
			expected[of.newest.copyID] = of.newest
		}
	}
	return expected, nil
}

// lookUp returns all that the ledger has under lineages, by key.
func (v *view) lookUp(ctx context.Context, lineages []string) (map[string]*versionsOf, error) {
	found := map[string]*versionsOf{}
	slices.Sort(lineages)
	for some := range slices.Chunk(slices.Compact(lineages), 100) {
		places, err := v.attempt.books.ledger.Find(ctx, v.attempt.config.ID, some)
		if err != nil {
			return nil, err
		}
		entries, err := v.attempt.books.ledger.Entries(ctx, v.attempt.config.ID, places)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			e := &entries[i]
			if found[e.Key] == nil {
				found[e.Key] = &versionsOf{}
			}
			found[e.Key].add(e)
		}
	}
	return found, nil
}

// forget drops the baselines of copies that are no longer expected on the days that the stretch covers from their beginning to their end.
func (v *view) forget(base *baselines, from, to time.Time, expected map[string]*held) {
	names := map[string]map[string]bool{}
	for _, h := range expected {
		day := baselineDay(h.start)
		if names[day] == nil {
			names[day] = map[string]bool{}
		}
		names[day][baselineName(h.draft.Mark)] = true
	}
	for day := range base.days {
		begins, err := time.Parse(time.DateOnly, day)
		if err == nil && !begins.Before(from) && !begins.AddDate(0, 0, 1).After(to) {
			base.keep(day, names[day])
		}
	}
}

// know remembers an event that was looked at.
func (v *view) know(e *calendar.Event) {
	v.known[short(e.ID)] = true
	if e.SeriesMasterID != "" {
		v.known[short(e.SeriesMasterID)] = true
	}
}

// start is when an event starts; false if that cannot be read.
func (v *view) start(e *calendar.Event) (time.Time, bool) {
	if e.AllDay {
		if day, _, err := e.Days(v.settings.Zone); err == nil {
			return calendar.StartOfDay(day, v.settings.Zone).UTC(), true
		}
	}
	t, err := e.Start.Instant(v.settings.Zone)
	return t, err == nil
}

// isCopyOf says whether an event with the id of a copy carries our mark of it.
func (v *view) isCopyOf(e *calendar.Event, h *held) bool {
	m, ok := ledger.ParseMark(e.Mark)
	return ok && m.Config == v.attempt.config.ID && m.Key == ledger.KeyInMark(h.key)
}

// judge compares copies with what the ledger has. It reads the texts of those of which it is not known that they are as they were.
func (v *view) judge(ctx context.Context, base *baselines, pairs []pairing) error {
	slices.SortStableFunc(pairs, func(a, b pairing) int { return a.held.start.Compare(b.held.start) })
	var waiting []pairing // for their texts
	for i := range pairs {
		p := &pairs[i]
		b, had := base.get(p.held.start, p.held.draft.Mark)
		if p.event.BodyUnread && !(had && p.event.ChangeKey != "" && b.key == sumOf(p.event.ChangeKey) && b.draft == v.lightOf(p.held)) {
			waiting = append(waiting, *p)
			continue
		}
		if err := v.weigh(ctx, base, p, !p.event.BodyUnread); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(waiting, bodiesAtOnce) {
		bodies, err := v.texts(ctx, some)
		if err != nil {
			return err
		}
		for i := range some {
			p := &some[i]
			body, told := bodies[p.event.ID]
			if p.event.Body = body; !told {
				v.counts.Unread++
			}
			if err := v.weigh(ctx, base, p, told); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *view) lightOf(h *held) sum {
	f := formOfDraft(h.draft, v.settings.Zone)
	return f.light()
}

// texts reads the bodies of some copies.
func (v *view) texts(ctx context.Context, pairs []pairing) (map[string]calendar.Body, error) {
	a := v.attempt
	var ids []string
	var from, to time.Time
	for i := range pairs {
		ids = append(ids, pairs[i].event.ID)
		start, ok := v.start(&pairs[i].event)
		if !ok {
			continue
		}
		if from.IsZero() {
			from, to = start, start.Add(time.Second)
		}
		from, to = earlier(from, start), later(to, start.Add(time.Second))
	}
	return read(ctx, a, &a.archive, func() (map[string]calendar.Body, error) {
		return a.archive.provider.Bodies(ctx, a.archive.uri.Account, a.archive.info.ID, ids, from, to)
	})
}

// weigh tells if a copy differs. told says that its text was read.
func (v *view) weigh(ctx context.Context, base *baselines, p *pairing, told bool) error {
	h, e := p.held, &p.event
	v.counts.Compared++
	if v.earliest.IsZero() || h.start.Before(v.earliest) {
		v.earliest = h.start
	}
	written, read := formOfDraft(h.draft, v.settings.Zone), formOf(e, v.settings.Zone)
	b, had := base.get(h.start, h.draft.Mark)
	if had = had && b.draft == written.light(); !had {
		b = baseline{draft: written.light()}
	}
	var differ []int
	for i := range formFields {
		switch s := read.sum(i); {
		case i == inBody && !told:
		case had && s == b.fields[i]:
		case had && i != inBody && read[i] == written[i]:
		case !had && maybeOurs(i, written[i], read[i]):
			b.fields[i] = s
		case !had:
			b.fields[i] = written.sum(i)
			differ = append(differ, i)
		default:
			differ = append(differ, i)
		}
	}
	if slices.Contains(differ, inBody) {
		whole, err := v.entry(ctx, h)
		if err != nil {
			return err
		}
		if whole != nil && whole.Draft != nil {
			written[inBody] = bodyText(whole.Draft.Body)
		}
		if solid(written[inBody]) == solid(read[inBody]) { // it was put back to what we wrote
			differ = slices.DeleteFunc(differ, func(i int) bool { return i == inBody })
		}
	}
	if told || had {
		if !slices.Contains(differ, inBody) {
			b.key = sumOf(e.ChangeKey)
		}
		base.set(h.start, h.draft.Mark, b)
	}
	if len(differ) == 0 {
		return nil
	}
	f := Finding{Outcome: Altered, Key: h.key, Version: h.version, EventID: e.ID, Appointment: h.appointment, held: h, event: e}
	for _, i := range differ {
		f.Differences = append(f.Differences, Difference{Field: formNames[i], Ledger: written.shownField(i), Calendar: read.shownField(i)})
	}
	return v.tell(f)
}

// entry returns the version that stands with its texts; nil if it is not there any more.
func (v *view) entry(ctx context.Context, h *held) (*ledger.Entry, error) {
	l := v.attempt.books.ledger
	places, err := l.Find(ctx, v.attempt.config.ID, []string{h.lineage})
	if err != nil {
		return nil, err
	}
	entries, err := l.Entries(ctx, v.attempt.config.ID, places)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		e := &entries[i]
		if e.Key == h.key && e.Version == h.version && e.Outcome != ledger.Moved {
			return e, l.Load(ctx, e)
		}
	}
	return nil, nil
}

// absent looks for copies that the listing of their days lacks: by their ids, since they may have moved or the listing left them out, and by their
// marks, since ids change. What was written just now may not be shown yet, so that it is looked for again.
func (v *view) absent(ctx context.Context, base *baselines, expected map[string]*held, unread *calendar.Unread) error {
	ids := slices.Sorted(maps.Keys(expected))
	slices.SortStableFunc(ids, func(a, b string) int { return expected[a].start.Compare(expected[b].start) })
	for some := range slices.Chunk(ids, bodiesAtOnce) {
		gone := make([]*held, len(some))
		fresh := false
		for i, id := range some {
			gone[i] = expected[id]
			fresh = fresh || v.attempt.Clock().Sub(gone[i].at) < freshly
		}
		pauses := []time.Duration{0}
		if settles := v.attempt.archive.settles(); fresh && settles > 0 {
			pauses = append(pauses, settles/4, settles/4, settles/2)
		}
		var elsewhere map[string]bool
		for _, wait := range pauses {
			if len(gone) == 0 {
				break
			}
			if err := v.attempt.patience.Pause(ctx, wait); err != nil {
				return err
			}
			var err error
			if gone, elsewhere, err = v.seek(ctx, base, gone); err != nil {
				return err
			}
		}
		for _, h := range gone {
			if unread.Has(h.start) {
				v.counts.Unread++
				continue
			}
			v.latest = later(v.latest, h.start)
			f := Finding{Outcome: Missing, Key: h.key, Version: h.version, EventID: h.copyID, Appointment: h.appointment, held: h}
			if elsewhere[h.copyID] {
				f.Detail = "the copy was moved to another calendar of the mailbox"
			}
			if err := v.tell(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// seek looks for copies once, judges those that are there, and returns the others, with the ids of those that are in another calendar.
func (v *view) seek(ctx context.Context, base *baselines, wanted []*held) (gone []*held, elsewhere map[string]bool, err error) {
	a := v.attempt
	ids := make([]string, len(wanted))
	for i, h := range wanted {
		ids[i] = h.copyID
	}
	there, err := v.find(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var pairs []pairing
	for _, h := range wanted {
		switch e, ok := there[h.copyID]; {
		case ok && e.Withheld:
			v.counts.Unread++
		case ok && v.isCopyOf(&e, h):
			v.know(&e)
			pairs = append(pairs, pairing{h, e})
		default:
			gone = append(gone, h)
		}
	}
	if len(gone) > 0 {
		if elsewhere, err = v.inOtherCalendars(ctx, gone); err != nil {
			return nil, nil, err
		}
		var marks []string
		for _, h := range gone {
			if !elsewhere[h.copyID] {
				marks = append(marks, h.draft.Mark)
			}
		}
		marked := map[string]calendar.Event{}
		if len(marks) > 0 {
			if marked, err = read(ctx, a, &a.archive, func() (map[string]calendar.Event, error) {
				return a.archive.provider.Marked(ctx, a.archive.uri.Account, a.archive.info.ID, marks)
			}); err != nil {
				return nil, nil, fmt.Errorf("look for copies by their marks: %w", err)
			}
		}
		gone = slices.DeleteFunc(gone, func(h *held) bool {
			e, ok := marked[h.draft.Mark]
			if ok && !elsewhere[h.copyID] {
				v.know(&e)
				pairs = append(pairs, pairing{h, e})
				return true
			}
			return false
		})
	}
	return gone, elsewhere, v.judge(ctx, base, pairs)
}

func (v *view) find(ctx context.Context, ids []string) (map[string]calendar.Event, error) {
	a := v.attempt
	there, err := read(ctx, a, &a.archive, func() (map[string]calendar.Event, error) {
		return a.archive.provider.Find(ctx, a.archive.uri.Account, a.archive.info.ID, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("look for copies: %w", err)
	}
	return there, nil
}

// inOtherCalendars returns the ids of those copies that are in another calendar of the account.
func (v *view) inOtherCalendars(ctx context.Context, gone []*held) (map[string]bool, error) {
	a := v.attempt
	able, ok := a.archive.provider.(everywhere)
	if !ok {
		return nil, nil
	}
	ids := make([]string, len(gone))
	for i, h := range gone {
		ids[i] = h.copyID
	}
	there, err := read(ctx, a, &a.archive, func() (map[string]calendar.Event, error) { return able.Anywhere(ctx, a.archive.uri.Account, ids) })
	if err != nil {
		return nil, fmt.Errorf("look for copies in other calendars: %w", err)
	}
	elsewhere := make(map[string]bool, len(there))
	for id := range there {
		elsewhere[id] = true
	}
	return elsewhere, nil
}

// others tells what events are that are no copies which the ledger has at their time.
func (v *view) others(ctx context.Context, events []calendar.Event) error {
	series := map[string]bool{}
	events = slices.DeleteFunc(events, func(e calendar.Event) bool { // of a series one is enough
		seen := e.SeriesMasterID != "" && series[e.SeriesMasterID]
		series[e.SeriesMasterID] = true
		return seen
	})
	slices.SortFunc(events, func(a, b calendar.Event) int {
		return cmp.Or(cmp.Compare(a.Start.Local, b.Start.Local), cmp.Compare(a.ID, b.ID))
	})
	for some := range slices.Chunk(events, bodiesAtOnce) {
		if err := v.classify(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) classify(ctx context.Context, events []calendar.Event) error {
	var lineages []string
	for i := range events {
		if m, ok := v.ours(&events[i]); ok {
			lineages = append(lineages, m.Key)
			if uid, ok := uidOf(m.Key); ok && m.Single {
				lineages = append(lineages, uid)
			}
		}
	}
	have, err := v.lookUp(ctx, lineages)
	if err != nil {
		return err
	}
	var copies []string // of what the ledger has, to see whether they are there
	for i := range events {
		if m, ok := v.ours(&events[i]); ok {
			if of := have[m.Key]; of != nil && of.newest.shown() && of.newest.copyID != events[i].ID && of.newest.draft.Mark == events[i].Mark {
				copies = append(copies, of.newest.copyID)
			}
		}
	}
	there := map[string]bool{}
	if len(copies) > 0 {
		slices.Sort(copies)
		copies = slices.Compact(copies)
		found, err := v.find(ctx, copies)
		if err != nil {
			return err
		}
		var gone []*held
		for _, id := range copies {
			if _, ok := found[id]; ok {
				there[id] = true
			} else {
				gone = append(gone, &held{copyID: id})
			}
		}
		elsewhere, err := v.inOtherCalendars(ctx, gone)
		if err != nil {
			return err
		}
		maps.Copy(there, elsewhere)
	}
	for i := range events {
		if err := v.class(ctx, &events[i], have, there); err != nil {
			return err
		}
	}
	return nil
}

// ours returns the mark of this ledger that an event carries.
func (v *view) ours(e *calendar.Event) (ledger.Mark, bool) {
	m, ok := ledger.ParseMark(e.Mark)
	return m, ok && m.Config == v.attempt.config.ID
}

// class tells what one event is. there has the ids of copies that are there, in whatever calendar.
func (v *view) class(ctx context.Context, e *calendar.Event, have map[string]*versionsOf, there map[string]bool) error {
	f := Finding{Outcome: Foreign, EventID: e.ID, event: e}
	if appointment, err := readAppointment(e, v.settings); err == nil {
		f.Appointment = appointment
	}
	m, ours := v.ours(e)
	if !ours {
		if _, marked := ledger.ParseMark(e.Mark); marked {
			f.Detail = "it is a copy of another ledger"
		}
		return v.tell(f)
	}
	f.Outcome = DuplicateCopy
	of := have[m.Key]
	if of == nil {
		f.Detail = "it carries a mark of this ledger, which has nothing of it"
		return v.tell(f)
	}
	h := cmp.Or(of.newest, of.open)
	switch {
	case of.open != nil && (of.open.draft == nil || of.open.draft.Mark == e.Mark):
		return nil // it is told as unsettled
	case h == nil:
	case h.shown() && h.copyID == e.ID, h.shown() && h.draft.Mark == e.Mark && !there[h.copyID]:
		return v.strayed(ctx, h, e)
	case !h.shown() && of.copies[short(e.ID)]:
		f.Outcome, f.held = OrphanCopy, h
	}
	if h != nil {
		f.Key = h.key
	}
	return v.tell(f)
}

// strayed judges a copy that is far from the time that the ledger has for it, if no stretch of this comparison has that.
func (v *view) strayed(ctx context.Context, h *held, e *calendar.Event) error {
	if v.from.IsZero() || !h.start.Before(v.from) && h.start.Before(v.to) {
		return nil
	}
	base, err := readBaselines(ctx, v.attempt.table, v.attempt.config.ID, h.start, h.start.Add(1))
	if err != nil {
		return err
	}
	if err := v.judge(ctx, base, []pairing{{h, *e}}); err != nil {
		return err
	}
	return base.write(ctx)
}

// rest looks for events that lie outside of all that the ledger has.
func (v *view) rest(ctx context.Context) error {
	a := v.attempt
	var ids []string
	_, err := read(ctx, a, &a.archive, func() (struct{}, error) {
		ids = nil
		return struct{}{}, a.archive.provider.Marks(ctx, a.archive.uri.Account, a.archive.info.ID, func(id, _ string) error {
			if !v.known[short(id)] {
				ids = append(ids, id)
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("look into the archive calendar: %w", err)
	}
	slices.Sort(ids)
	for some := range slices.Chunk(slices.Compact(ids), bodiesAtOnce) {
		there, err := v.find(ctx, some)
		if err != nil {
			return err
		}
		var events []calendar.Event
		for _, id := range some {
			if e, ok := there[id]; ok && !e.Withheld {
				events = append(events, e)
			}
		}
		if err := v.others(ctx, events); err != nil {
			return err
		}
	}
	return nil
}

// tell counts a finding and hands it on.
func (v *view) tell(f Finding) error {
	*v.counts.count(f.Outcome)++
	return v.found(f)
}
