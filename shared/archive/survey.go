package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/flag"
	"adminassistant/shared/ledger"
	"adminassistant/shared/rule"
	"adminassistant/shared/run"
)

// survey is what an archive run found, and the plan that it made of it.
type survey struct {
	attempt  *Attempt
	settings Settings
	rules    *rule.Set // nil: there are none
	window   calendar.Window
	only     map[string]bool // keys that a retry is about; nil: all
	events   []calendar.Event
	unread   *calendar.Unread // days of the source that cannot be read; nil: none
	looked   map[string]bool  // lineages that were looked up in the whole ledger
	hidden   map[string]bool  // ids of events that the source has and does not show
	refused  map[string]bool  // ids of events whose texts the source does not show
	own      []Decided        // what the run itself is to carry out, beside what was carried out before
	input    Input            // of the plan
	plan     Plan
	shadow   *Shadow // what another version of the plan would change; nil: none was asked

	shrunk             bool // the source shows far fewer events than the ledger holds
	rekeyed            bool // the source shows its events under other ids than the ledger
	adopted, leftAside int  // copies of other ledgers
	duplicates         int  // events in the archive calendar with a mark of this ledger that it did not write
}

// survey reads the events of the source in the run's window and what the ledger has of them, and plans.
func (a *Attempt) survey(ctx context.Context) (*survey, error) {
	s, err := a.newSurvey(a.run.From, a.run.To)
	if err != nil {
		return nil, err
	}
	if err := s.restrict(ctx); err != nil {
		return nil, err
	}
	return s, s.look(ctx)
}

// newSurvey returns the survey of some days, with nothing in it yet.
func (a *Attempt) newSurvey(from, to calendar.Date) (_ *survey, err error) {
	s := &survey{attempt: a, looked: map[string]bool{}, hidden: map[string]bool{}, refused: map[string]bool{}}
	if s.settings, err = a.config.Settings(); err != nil {
		return nil, err
	}
	if s.rules, err = a.config.RuleSet(); err != nil {
		return nil, err
	}
	if a.run.Options.Replace {
		s.settings.OnDrift = AcceptOnDrift
	}
	if flag.KeptOn(a.run.Flags, flag.AlikeDuplicates) {
		s.settings.Version = Alike
	}
	s.window, err = calendar.NewWindow(from, to, s.settings.Zone)
	return s, err
}

// look reads and plans.
func (s *survey) look(ctx context.Context) (err error) {
	a, from, to := s.attempt, s.window.Start(), s.window.End()
	s.events, err = read(ctx, a, &a.source, func() ([]calendar.Event, error) {
		return a.source.provider.Events(ctx, a.source.uri.Account, a.source.info.ID, from, to)
	})
	if err != nil && !errors.As(err, &s.unread) {
		return fmt.Errorf("read the source calendar: %w", err)
	}
	// A provider gives days and floating times as they would be anywhere.
	s.events = slices.DeleteFunc(s.events, func(e calendar.Event) bool { return !s.window.Holds(&e) })
	entries, err := a.books.ledger.Range(ctx, a.config.ID, from.Add(-a.books.head.Longest), to)
	if err != nil {
		return err
	}
	a.books.remember(entries)
	if err := s.knowCopies(ctx); err != nil {
		return err
	}
	s.recallBodies()
	if err := s.makePlan(ctx); err != nil {
		return err
	}
	return s.confirmVanished(ctx)
}

// knowCopies looks up the ledger's entries of events in the source that carry a mark of this ledger. Only with them it is known whether such an event
// is a copy of ours, which somebody moved here, or the user's copy of it.
func (s *survey) knowCopies(ctx context.Context) error {
	var lineages []string
	for i := range s.events {
		if m, ok := ledger.ParseMark(s.events[i].Mark); ok && m.Config == s.attempt.config.ID {
			lineages = append(lineages, m.Key)
			if uid, ok := uidOf(m.Key); ok && m.Single {
				lineages = append(lineages, uid)
			}
		}
	}
	if len(lineages) == 0 {
		return nil
	}
	_, err := s.attempt.books.find(ctx, lineages)
	return err
}

// confirmVanished asks the source by their ids for the events that its listing lacks, and plans again with those that are there: a listing may leave
// something out.
func (s *survey) confirmVanished(ctx context.Context) error {
	var ids []string
	for i := range s.plan.Items {
		if it := &s.plan.Items[i]; it.Outcome == Vanished && it.EventID != "" {
			ids = append(ids, it.EventID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	source := &s.attempt.source
	there, err := read(ctx, s.attempt, source, func() (map[string]calendar.Event, error) {
		return source.provider.Find(ctx, source.uri.Account, source.info.ID, ids)
	})
	if err != nil {
		return fmt.Errorf("look for events that the source calendar does not list: %w", err)
	}
	listed := make(map[string]bool, len(s.events))
	for i := range s.events {
		listed[s.events[i].ID] = true
	}
	for _, id := range ids {
		e, ok := there[id]
		switch {
		case !ok || listed[id]: // a series that is listed as what it was before has other events now
		case e.Withheld:
			s.hidden[id] = true
		default:
			s.events = append(s.events, e)
		}
	}
	if len(there) == 0 {
		return nil
	}
	s.recallBodies()
	return s.makePlan(ctx)
}

// restrict limits a retry to the failed items of the run that it retries.
func (s *survey) restrict(ctx context.Context) (err error) {
	if rn := s.attempt.run; rn.AttemptOf != "" {
		s.only, err = run.NewStore(s.attempt.table).FailedKeys(ctx, rn.User, rn.AttemptOf)
	}
	return err
}

// makePlan plans, reads what that plan lacks, and plans again, until nothing is lacking.
func (s *survey) makePlan(ctx context.Context) error {
	books := &s.attempt.books
	for {
		decisions, err := s.attempt.decisions(ctx, s.own)
		if err != nil {
			return err
		}
		s.input = Input{
			Events: s.events, Window: s.window, Settings: s.settings, Rules: s.rules, Standing: books.standing(), Copies: books.copies(), Hidden: s.hidden,
			Unread: s.unread, Decisions: decisions, Locks: books.head.Locks, Replace: s.attempt.run.Options.Replace,
		}
		s.plan = NewPlan(s.input)
		// What is new in this window may be in the ledger on another day, from which it moved.
		news, err := books.find(ctx, s.unknownLineages())
		if err != nil {
			return err
		}
		read, err := s.readBodies(ctx)
		if err != nil {
			return err
		}
		if news > 0 || read > 0 {
			continue
		}
		s.rename()
		// Only under the key that the ledger has for it may something be what the run is about.
		if news, err = books.find(ctx, s.unknownLineages()); err != nil {
			return err
		}
		if news == 0 {
			break
		}
	}
	s.tellUnread()
	s.askForCategories()
	s.relabel()
	return s.loadHeld(ctx)
}

// loadHeld reads the texts of what decisions change that has no source any more.
func (s *survey) loadHeld(ctx context.Context) error {
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		if it.Decision == "" || it.Event != nil || it.Held == nil || !s.writes(it) {
			continue
		}
		if err := s.attempt.books.ledger.Load(ctx, s.attempt.books.newest[it.Key]); err != nil {
			return err
		}
	}
	return nil
}

// tellUnread tells what of the source could not be read: days in an action, texts at their items.
func (s *survey) tellUnread() {
	for i := range s.plan.Items {
		if it := &s.plan.Items[i]; it.Event != nil && s.refused[it.EventID] {
			it.Issues = append(it.Issues, "its text is refused by the calendar's provider, so that the archive has none of it, or the one of before")
		}
	}
	if s.unread != nil {
		s.plan.Actions = append(s.plan.Actions, Action{Kind: ActionUnreadable, EventIDs: []string{}, Seen: []Seen{}, Detail: s.unreadable().Detail})
	}
}

// unreadable is the problem of a run in which days of the source could not be read.
func (s *survey) unreadable() *run.Problem {
	return &run.Problem{Code: fault.Of(s.unread).String(), Detail: fmt.Sprintf("the source calendar does not let itself be read on %s, because an event "+
		"there is broken; all other days were archived. Open these days in Outlook and delete the event that does not open, or save it anew; "+
		"the next run then archives them", s.unread.Days(s.settings.Zone))}
}

// unknownLineages returns the lineages of what the plan will write that were not looked up yet.
func (s *survey) unknownLineages() (lineages []string) {
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		if !s.writes(it) && !s.renamed(it) {
			continue
		}
		if lineage := s.lineage(it); !s.looked[lineage] {
			s.looked[lineage] = true
			lineages = append(lineages, lineage)
		}
	}
	return lineages
}

// lineage returns the lineage of an item: that of the ledger's entry if there is one, since an event may have another iCalUId now.
func (s *survey) lineage(it *Item) string {
	if e := s.attempt.books.newest[it.Key]; e != nil && e.Lineage != "" {
		return e.Lineage
	}
	if it.Event == nil { // a decision created it
		return it.Key
	}
	return ledger.Lineage(it.Event, it.Key)
}

// recallBodies gives events that were listed without their bodies the digest that the ledger has, if the event did not change since.
func (s *survey) recallBodies() {
	byID := s.bySource()
	for i := range s.events {
		e := &s.events[i]
		if k := byID[e.ID]; k != nil && e.BodyUnread && e.ChangeKey != "" && k.Source.ChangeKey == e.ChangeKey && k.BodyDigest != unreadDigest(e) {
			e.BodyDigest, e.BodyUnread = k.BodyDigest, false
		}
	}
}

// bySource returns the ledger's newest entries by the ids of their sources.
func (s *survey) bySource() map[string]*ledger.Entry {
	byID := make(map[string]*ledger.Entry, len(s.attempt.books.newest))
	for _, e := range s.attempt.books.newest {
		byID[e.Source.ID] = e
	}
	return byID
}

// lacksBody says whether the plan needs an item's body, which nobody has read. Of an event that did not change its digest is known, which is enough until
// something of it is written. Merged, absorbed and excluded events need none.
func (s *survey) lacksBody(it *Item) bool {
	switch it.Outcome {
	case Archived, Unchanged, Drifted, Superseded, Conflicted:
		e := it.Event
		return e != nil && !s.refused[it.EventID] && (e.BodyUnread || e.BodyDigest != "" && e.Body.Content == "" && s.writes(it))
	}
	return false
}

// readBodies reads the bodies that the plan needs, and returns how many. One that the source refuses counts as unchanged if the ledger has it, so that
// nobody is asked about a change that there may not be.
func (s *survey) readBodies(ctx context.Context) (int, error) {
	wanted := map[string]*calendar.Event{}
	for i := range s.plan.Items {
		if it := &s.plan.Items[i]; s.lacksBody(it) {
			wanted[it.Event.ID] = it.Event
		}
	}
	if len(wanted) == 0 {
		return 0, nil
	}
	ids := make([]string, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	source := &s.attempt.source
	bodies, err := read(ctx, s.attempt, source, func() (map[string]calendar.Body, error) {
		return source.provider.Bodies(ctx, source.uri.Account, source.info.ID, ids, s.window.Start(), s.window.End())
	})
	if err != nil {
		return 0, fmt.Errorf("read the source calendar's texts: %w", err)
	}
	byID := s.bySource()
	for id, e := range wanted {
		body, told := bodies[id]
		if told {
			e.Body, e.BodyDigest, e.BodyUnread = body, "", false
			continue
		}
		s.refused[id] = true
		if k := byID[id]; k != nil && k.BodyDigest != unreadDigest(e) {
			if err := s.attempt.books.ledger.Load(ctx, k); err != nil {
				return 0, err
			}
			e.Body, e.BodyDigest, e.BodyUnread = k.Source.Body, k.BodyDigest, false
		}
	}
	return len(wanted), nil
}

// rename gives single events that are not archived yet, and moved, the key that the ledger has for them. Otherwise the old version would go on
// waiting for a decision on the day where it was. One that was refused may be there all the same (see versions).
func (s *survey) rename() {
	books, waiting := &s.attempt.books, map[string]*ledger.Entry{}
	waits := func(e *ledger.Entry) {
		if other := waiting[e.Lineage]; e.Single && (other == nil || e.Key < other.Key) {
			waiting[e.Lineage] = e
		}
	}
	for _, e := range books.newest {
		if e.Outcome != ledger.Archived {
			waits(e)
		}
	}
	for key := range books.failed {
		if e := books.refused(key); e != nil {
			waits(e)
		}
	}
	if len(waiting) == 0 {
		return
	}
	used := make(map[string]bool, len(s.plan.Items))
	for i := range s.plan.Items {
		used[s.plan.Items[i].Key] = true
	}
	renamed := map[string]string{}
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		if it.Outcome != Archived && it.Outcome != Superseded && it.Outcome != Conflicted || books.newest[it.Key] != nil || books.refused(it.Key) != nil {
			continue
		}
		if e := waiting[ledger.Lineage(it.Event, it.Key)]; e != nil && !used[e.Key] {
			renamed[it.Key], it.Key = e.Key, e.Key
			used[e.Key] = true
		}
	}
	for i := range s.plan.Actions {
		seen := s.plan.Actions[i].Seen
		for j := range seen {
			if key, there := renamed[seen[j].Key]; there {
				seen[j].Key = key
			}
		}
		sortSeen(seen)
	}
}

// relabel counts what an earlier attempt of this run wrote as written by this run: the plan found it in the ledger, and unchanged. The plan of a
// retry keeps only the items that it is about.
func (s *survey) relabel() {
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		w, ours := s.attempt.wrote[it.Key]
		if !ours || w.Problem != nil || w.Adopted || w.Noted || it.Outcome != Unchanged {
			continue
		}
		it.Outcome = Archived
		if w.Replaced {
			it.Outcome = Drifted
		}
		s.plan.Counts.Unchanged--
		*s.plan.Counts.Of(it.Outcome)++
	}
	if s.only == nil {
		return
	}
	s.plan.Items = slices.DeleteFunc(s.plan.Items, func(it Item) bool { return !s.only[it.Key] })
	s.plan.Counts = Counts{}
	for i := range s.plan.Items {
		if o := s.plan.Items[i].Outcome; o != Vanished && o != Created {
			s.plan.Counts.Fetched++
		}
		*s.plan.Counts.Of(s.plan.Items[i].Outcome)++
	}
}

// writes says whether the run adds a version of the item to the ledger.
func (s *survey) writes(it *Item) bool {
	if s.only != nil && !s.only[it.Key] {
		return false
	}
	if w, ours := s.attempt.wrote[it.Key]; ours && (w.Problem != nil || it.Outcome == Archived) {
		return false // an earlier attempt wrote it, or it failed
	}
	e := s.attempt.books.newest[it.Key]
	if it.Decision != "" {
		return e == nil || e.Decision != it.Decision // else the decision is carried out
	}
	switch it.Outcome {
	case Archived:
		return true
	case Drifted:
		return it.Accept
	case Superseded, Conflicted:
		if it.Reason == ReasonDecision {
			return false // the ledger has what was decided
		}
		return e == nil || string(e.Outcome) != string(it.Outcome) || !it.comesFrom(e.SourceHash, &e.Source) || e.By != it.By
	}
	return false
}

// changes returns the changes that carry out the plan.
func (s *survey) changes() (changes []Change) {
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		switch {
		case !s.writes(it):
		case it.Decision != "":
			changes = append(changes, s.decidedChange(it))
		default:
			c := Change{Kind: Note, Entry: s.entry(it)}
			switch it.Outcome {
			case Archived:
				c.Kind = Create
			case Drifted:
				c.Kind, c.Entry.Outcome, c.Entry.Reason = Update, ledger.Archived, "drift accepted by the config"
				if s.attempt.run.Options.Replace {
					c.Entry.Reason = "archived anew"
				}
			}
			changes = append(changes, c)
		}
	}
	return changes
}

// entry returns the ledger's new version of an item.
func (s *survey) entry(it *Item) ledger.Entry {
	lineage := s.lineage(it)
	e := ledger.Entry{
		Key: it.Key, Lineage: lineage, Single: lineage != it.Key, Outcome: ledger.Outcome(it.Outcome), Reason: it.Reason, By: it.By,
		SourceHash: it.Hash, Appointment: it.Appointment, Changes: it.Changes,
	}
	switch {
	case it.Event != nil:
		e.Source, e.BodyDigest = *it.Event, bodyDigest(it.Event)
		e.Source.Mark = "" // of a copy that the user made of ours
	case it.Held != nil:
		if old := s.attempt.books.newest[it.Key]; old != nil {
			e.Source, e.BodyDigest = old.Source, old.BodyDigest
		}
	}
	body := e.BodyDigest
	if it.Body != nil {
		body = BodyDigest(*it.Body)
	}
	e.Hash = StandingHash(&e.Appointment, body)
	return e
}

// decidedChange returns the change that carries out what a decision says about an item.
func (s *survey) decidedChange(it *Item) Change {
	c := Change{Kind: Note, Entry: s.entry(it)}
	e := &c.Entry
	e.Decision, e.Outcome = it.Decision, ledger.Archived
	old := s.attempt.books.newest[it.Key]
	switch {
	case it.out:
		e.Outcome, e.Changes = ledger.Superseded, nil
		if it.Verdict == decision.Withdraw {
			e.Outcome = ledger.Withdrawn
		}
		if old != nil && old.Outcome == ledger.Archived { // what is taken out is what stood there
			c.Kind, e.Appointment, e.Hash = Remove, old.Appointment, old.Hash
		}
		return c
	case it.Held == nil:
		c.Kind = Create
	case it.Accept:
		c.Kind = Update
	}
	if it.Body != nil {
		source := e.Source
		source.Body = *it.Body
		text := calendar.CopyBody(&source)
		c.Text = &text
	}
	return c
}

// reasonRenamed is the reason of a version that is the one before under another id of its source.
const reasonRenamed = "its source has another id"

// renamed says whether an unchanged event has another id than the ledger knows, so that it would be somebody else once it moves. Some calendars give other
// ids at each export: of such a one the second id is noted and no later one, or the ledger would grow every night.
func (s *survey) renamed(it *Item) bool {
	e := s.attempt.books.newest[it.Key]
	return it.Outcome == Unchanged && (s.only == nil || s.only[it.Key]) && e != nil && e.Outcome == ledger.Archived && e.Source.ID != it.EventID &&
		e.Reason != reasonRenamed
}

// renamings returns the changes that note other ids. The archive calendar shows what it did.
func (s *survey) renamings(ctx context.Context) (changes []Change, err error) {
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		if !s.renamed(it) {
			continue
		}
		e := s.attempt.books.newest[it.Key]
		if err := s.attempt.books.ledger.Load(ctx, e); err != nil {
			return nil, err
		}
		source := *it.Event
		source.Mark = ""
		if !sameSource(it.Hash, e.SourceHash) { // people are written otherwise now: the hash goes with those whom it was made from
			source.Organizer, source.Attendees = e.Source.Organizer, e.Source.Attendees
		}
		changes = append(changes, Change{Kind: Note, Entry: ledger.Entry{
			Key: it.Key, Lineage: e.Lineage, Single: e.Single, Outcome: e.Outcome, Reason: reasonRenamed, SourceHash: e.SourceHash, Hash: e.Hash,
			Appointment: e.Appointment, Changes: e.Changes, Source: source, BodyDigest: e.BodyDigest, Draft: e.Draft, CopyID: e.CopyID, Decision: e.Decision,
		}})
	}
	return changes, nil
}

// storePlan stores the plan, so that it can be read later what the run decided.
func (s *survey) storePlan(ctx context.Context) error {
	plan, err := json.Marshal(s.plan)
	if err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}
	if err := s.attempt.Blobs.Put(ctx, PlanKey(s.attempt.run.ID), bytes.NewReader(plan)); err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}
	return nil
}

// PlanKey is where the plan of a run is kept in blob storage.
func PlanKey(run string) string { return "runs/" + run + "/plan.json" }
