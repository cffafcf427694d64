// Package asked reads what an action asks about: of each appointment what the archive has, and what the source had when it was asked.
//
// An action names keys, versions and hashes alone. What they stand for is in the ledger, which also has a snapshot of what waits for a decision, and in the
// plan of the run that asked.
package asked

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// Question is an action about appointments, with what it asks about.
type Question struct {
	*action.Action
	// Why says in a sentence why it was asked.
	Why string
	// Participants are in the order of the action's.
	Participants []Participant
	// Found is what a verification found of a copy, of a question about that; nil: it is about the source, or the run is not kept any more.
	Found *archive.Finding
}

// Participant is one appointment that a question is about.
type Participant struct {
	action.Participant
	// Newest is the newest version of the ledger, and Outcome what it says; 0 and empty: the ledger has none.
	Newest  int
	Outcome ledger.Outcome
	// Decision is the id of the decision that made the newest version; empty: none.
	Decision string
	// Earlier is the last verdict that was about it, whether it still holds or not; nil: there is none, or it is not known any more.
	Earlier *decision.Verdict
	// Archive is what the archive has now; nil: it has nothing.
	Archive *calendar.Appointment
	// Source is what the source had when it was asked; nil: it had nothing, which Gone says, or it is not known any more.
	Source *calendar.Appointment
	Gone   bool
	// Rank is that by which the config's rules compare what shares time; the higher one wins.
	Rank int
	// People says whether it is known who takes part: Organiser that the user organises it, and Accepted how many of the others accepted.
	People    bool
	Organiser bool
	Accepted  int

	decided string // id of the decision that Earlier is of
	from    string // content hash of the source that the newest version was made from
}

// Stands is what the user decides about: what the source had, or else what the archive has; nil: neither is known.
func (p *Participant) Stands() *calendar.Appointment {
	if p.Source != nil {
		return p.Source
	}
	return p.Archive
}

// Customer is the customer of what stands; empty: none.
func (p *Participant) Customer() string {
	if s := p.Stands(); s != nil {
		return s.Customer
	}
	return ""
}

// Lasts is how long what stands is.
func (p *Participant) Lasts() time.Duration {
	if s := p.Stands(); s != nil {
		return s.Duration()
	}
	return 0
}

// Reader reads what actions ask about.
type Reader struct {
	Ledger *ledger.Ledger
	Blobs  blob.Blob // of the plans of runs
	Runs   *run.Store
}

// Read returns the question that an action asks. An action that asks about no appointments has no participants. Errors are those of the store and of blobs;
// what is not there any more is left out.
func (r *Reader) Read(ctx context.Context, a *action.Action) (*Question, error) {
	q := &Question{Action: a, Why: archive.Rule(a.Rule).Why()}
	if len(a.Participants) == 0 {
		return q, nil
	}
	if a.Finding != "" {
		return q, r.readFinding(ctx, q)
	}
	versions, err := r.versions(ctx, a)
	if err != nil {
		return nil, err
	}
	planned := map[archive.Seen]bool{}
	q.Participants = make([]Participant, len(a.Participants))
	for i := range q.Participants {
		p := &q.Participants[i]
		p.Participant = a.Participants[i]
		p.readLedger(versions[p.Key])
		switch rule := archive.Rule(a.Rule); {
		case rule == archive.RuleVanished || rule == archive.RuleManyVanished:
			p.Gone, p.Source = true, nil
		case p.Source == nil:
			planned[archive.Seen{Key: p.Key, Hash: p.Hash}] = true
		}
	}
	if len(planned) > 0 {
		items, err := r.planned(ctx, a.Subject.ID, planned)
		if err != nil {
			return nil, err
		}
		for i := range q.Participants {
			p := &q.Participants[i]
			if it, there := items[archive.Seen{Key: p.Key, Hash: p.Hash}]; there && p.Source == nil {
				p.Source = &it
			}
		}
	}
	for i := range q.Participants {
		p := &q.Participants[i]
		if s := p.Stands(); s != nil {
			p.Rank = archive.Rank(s)
		}
	}
	return q, r.readEarlier(ctx, q)
}

// readFinding reads what a question about a copy is about: what the ledger has now, and what the run found that asked.
func (r *Reader) readFinding(ctx context.Context, q *Question) error {
	q.Why = archive.FindingKind(q.Rule).Why()
	q.Participants = make([]Participant, len(q.Action.Participants))
	versions, err := r.versions(ctx, q.Action)
	if err != nil {
		return err
	}
	for i := range q.Participants {
		p := &q.Participants[i]
		p.Participant = q.Action.Participants[i]
		p.readLedger(versions[p.Key])
		p.Source, p.People = nil, false
	}
	asker, err := r.Runs.Get(ctx, q.User, q.Subject.ID)
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for page := range asker.Pages {
		items, err := r.Runs.Items(ctx, asker, page)
		if err != nil {
			return err
		}
		for _, it := range items {
			var f archive.Finding
			if err := json.Unmarshal(it.Plan, &f); err != nil {
				return fault.New(fault.Malformed, "what run %s found is unreadable: %v", asker.ID, err)
			}
			if f.ID == q.Finding {
				q.Found = &f
				return nil
			}
		}
	}
	return nil
}

// readEarlier reads what was decided about the participants before, in one request.
func (r *Reader) readEarlier(ctx context.Context, q *Question) error {
	var ids []string
	for i := range q.Participants {
		if d := q.Participants[i].decided; d != "" && !slices.Contains(ids, archive.RunOf(d)) {
			ids = append(ids, archive.RunOf(d))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	runs, err := r.Runs.GetMany(ctx, q.User, ids)
	if err != nil {
		return err
	}
	for _, one := range runs {
		decided, err := archive.DecisionsOf(one)
		if err != nil {
			return err
		}
		for i := range q.Participants {
			p := &q.Participants[i]
			for j := range decided {
				if decided[j].ID == p.decided {
					p.Earlier = decided[j].About(p.Key)
				}
			}
		}
	}
	return nil
}

// versions are those of the ledger that are done, by key, the oldest first.
func (r *Reader) versions(ctx context.Context, a *action.Action) (map[string][]ledger.Entry, error) {
	var lineages []string
	wanted := map[string]bool{}
	for _, p := range a.Participants {
		wanted[p.Key] = true
		lineages = append(lineages, ledger.Lineages(p.Key)...)
	}
	places, err := r.Ledger.Find(ctx, a.Config, lineages)
	if err != nil {
		return nil, err
	}
	entries, err := r.Ledger.Entries(ctx, a.Config, places)
	if err != nil {
		return nil, err
	}
	versions := map[string][]ledger.Entry{}
	for _, e := range entries {
		if wanted[e.Key] && e.State == ledger.Done && e.Outcome != ledger.Moved {
			versions[e.Key] = append(versions[e.Key], e)
		}
	}
	return versions, nil
}

// readLedger fills in what the ledger knows.
func (p *Participant) readLedger(versions []ledger.Entry) {
	var newest, seen *ledger.Entry
	for i := range versions {
		e := &versions[i]
		if newest == nil || newest.Version < e.Version {
			newest = e
		}
		if e.Decision != "" {
			p.decided = e.Decision // the oldest come first
		}
		if e.SourceHash == p.Hash && (seen == nil || seen.Version < e.Version) {
			seen = e
		}
	}
	if newest == nil {
		return
	}
	p.Newest, p.Outcome, p.Decision, p.from = newest.Version, newest.Outcome, newest.Decision, newest.SourceHash
	if newest.Outcome == ledger.Archived {
		p.Archive = &newest.Appointment
	}
	if seen != nil {
		source := archive.SourceOf(seen)
		p.Source, newest = &source, seen
	}
	p.People, p.Organiser = true, newest.Source.IsOrganizer
	for _, at := range newest.Source.Attendees {
		if at.Response == calendar.Accepted {
			p.Accepted++
		}
	}
}

// planned returns those of the appointments that the plan of a run has; none if the plan is not kept any more.
func (r *Reader) planned(ctx context.Context, run string, wanted map[archive.Seen]bool) (found map[archive.Seen]calendar.Appointment, err error) {
	content, err := r.Blobs.Get(ctx, archive.PlanKey(run))
	if errors.Is(err, blob.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan of run %s: %w", run, err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	found = map[archive.Seen]calendar.Appointment{}
	if err := eachItem(json.NewDecoder(content), func(it *item) {
		if seen := (archive.Seen{Key: it.Key, Hash: it.Hash}); wanted[seen] {
			found[seen] = it.Appointment
		}
	}); err != nil {
		return nil, fault.New(fault.Malformed, "the plan of run %s is unreadable: %v", run, err)
	}
	return found, nil
}

// item is what is read of an item of a plan.
type item struct {
	Key         string               `json:"key"`
	Hash        string               `json:"hash"`
	Appointment calendar.Appointment `json:"appointment"`
}

// eachItem hands out the items of a plan one by one: a plan may be large.
func eachItem(d *json.Decoder, each func(*item)) error {
	if err := begins(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name != "items" {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return err
			}
			continue
		}
		if err := begins(d, '['); err != nil {
			return err
		}
		for d.More() {
			var it item
			if err := d.Decode(&it); err != nil {
				return err
			}
			each(&it)
		}
		return nil
	}
	return io.ErrUnexpectedEOF
}

// begins reads what an object or a list begins with.
func begins(d *json.Decoder, with json.Delim) error {
	token, err := d.Token()
	if err == nil && token != with {
		err = fmt.Errorf("%v where %v should be", token, with)
	}
	return err
}
