package archive

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/ledger"
)

// createdPrefix begins the key of what a decision created.
const createdPrefix = "decision:"

// createdKey is the key of the appointment that is made of a foreign event.
func (p *repair) createdKey(f *Finding) string {
	return createdPrefix + DecisionID(p.run.ID, p.verdicts[f.id()])
}

// adoption returns the decision by which the ledger takes what the archive calendar shows, and what that makes of the finding. A reason says why the
// finding has to be left. Times of days, and importance, are nothing that decisions have.
func (p *repair) adoption(ctx context.Context, f *Finding, id string) (d *Decided, done Repaired, reason string, err error) {
	d = &Decided{Decision: decision.Decision{ID: id, Kind: string(f.Outcome)}, Note: "what the archive calendar shows", AllowOverlap: p.input.AllowOverlap}
	verdict := decision.Verdict{Key: f.Key}
	switch f.Outcome {
	case Missing:
		verdict.Word, done = decision.Withdraw, TakenOut
		d.Note = "it is gone from the archive calendar"
	case Altered:
		verdict.Word, done = decision.KeepAs, Adopted
		if verdict.Fields, reason, err = p.edited(ctx, f); reason != "" || err != nil {
			return d, done, reason, err
		}
		v := version{Appointment: f.held.appointment}
		if !v.amend(verdict.Fields) {
			return d, done, "it would have no time, or less than one minute", nil
		}
		if reason, err = p.collides(ctx, f.Key, &f.held.appointment, &v.Appointment); reason != "" || err != nil {
			return d, done, reason, err
		}
		p.taken[f.Key] = v.Appointment
	case Foreign, DuplicateCopy:
		verdict.Key, verdict.Word, done = createdPrefix+id, decision.Create, TakenIn
		if reason = foreignReason(f.event); reason != "" {
			return d, done, reason, nil
		}
		if err = p.readText(ctx, f.event); err != nil {
			return d, done, "", err
		}
		verdict.Fields = p.fieldsOf(f.event, true)
		made := newCreated(verdict.Fields)
		if made == nil {
			return d, done, "it would have no time, or less than one minute", nil
		}
		if reason, err = p.collides(ctx, verdict.Key, nil, &made.Appointment); reason != "" || err != nil {
			return d, done, reason, err
		}
		p.taken[verdict.Key] = made.Appointment
	default:
		return d, done, "there is nothing to adopt; the next run finishes it, or a repair removes it", nil
	}
	if f.held != nil && verdict.Word != decision.Create {
		d.Seen = []decision.Seen{{Key: f.Key, Hash: f.held.sourceHash}}
	}
	d.Verdicts = []decision.Verdict{verdict}
	if err := d.Check(); err != nil {
		return d, done, "it cannot be adopted: " + err.Error(), nil
	}
	return d, done, "", nil
}

// foreignReason says why an event of the user's cannot become an appointment of the ledger; empty: it can.
func foreignReason(e *calendar.Event) string {
	switch {
	case e == nil:
		return "it could not be read"
	case e.AllDay:
		return "an all-day event cannot be adopted"
	case e.Type != calendar.Single && e.Type != "":
		return "it belongs to a series; copy it in Outlook as an event by itself"
	case len(e.Attendees) > 0 || e.OnlineURL != "":
		return "it is a meeting with others, who might hear of a change; copy it in Outlook as an appointment"
	case e.Cancelled:
		return "it is cancelled"
	}
	return ""
}

// edited returns the fields in which a copy was changed. After an earlier decision they are all fields, since only the newest decision counts.
func (p *repair) edited(ctx context.Context, f *Finding) (fields *decision.Fields, reason string, err error) {
	e := f.event
	has := func(field int) bool {
		return slices.ContainsFunc(f.Differences, func(d Difference) bool { return d.Field == formNames[field] })
	}
	times := has(inStart) || has(inEnd)
	switch {
	case has(inAllDay), times && e.AllDay:
		return nil, "decisions have times and no days; change its days in the source calendar, or repair it", nil
	case has(inImportance):
		return nil, "decisions have no importance; repair it", nil
	}
	if has(inBody) {
		if err := p.readText(ctx, e); err != nil {
			return nil, "", err
		}
	}
	all := p.fieldsOf(e, has(inBody))
	if f.held.decision != "" {
		if e.AllDay {
			all.Start, all.End = nil, nil
		}
		if all.Body == nil {
			old, err := p.view.entry(ctx, f.held)
			if err != nil {
				return nil, "", err
			}
			if old != nil && old.Draft != nil && old.Draft.Body != calendar.CopyBody(&old.Source) {
				all.Body = new(bodyText(old.Draft.Body))
			}
		}
		return all, "", nil
	}
	fields = &decision.Fields{Body: all.Body}
	if has(inStart) {
		fields.Start = all.Start
	}
	if has(inEnd) {
		fields.End = all.End
	}
	if has(inSubject) {
		fields.Subject = all.Subject
	}
	if has(inLocation) {
		fields.Location = all.Location
	}
	if has(inCategories) {
		fields.Categories = all.Categories
	}
	if has(inSensitivity) {
		fields.Sensitivity = all.Sensitivity
	}
	if has(inShowAs) {
		fields.ShowAs = all.ShowAs
	}
	return fields, "", nil
}

// fieldsOf are all fields of an event that decisions have.
func (p *repair) fieldsOf(e *calendar.Event, body bool) *decision.Fields {
	f := &decision.Fields{
		Subject: new(e.Subject), Location: new(e.Location), Categories: new(append([]string{}, e.Categories...)),
		Sensitivity: new(string(orElse(e.Sensitivity, calendar.Normal))), ShowAs: new(string(orElse(e.ShowAs, calendar.Busy))),
	}
	if start, err := e.Start.Instant(p.view.settings.Zone); err == nil {
		f.Start = &start
	}
	if end, err := e.End.Instant(p.view.settings.Zone); err == nil {
		f.End = &end
	}
	if text := bodyText(e.Body); body {
		f.Body = &text
	}
	return f
}

// readText reads the body of an event that was listed without it.
func (p *repair) readText(ctx context.Context, e *calendar.Event) error {
	if !e.BodyUnread || e.Body.Content != "" {
		return nil
	}
	bodies, err := p.view.texts(ctx, []pairing{{event: *e}})
	if body, ok := bodies[e.ID]; ok {
		e.Body, e.BodyUnread = body, false
	}
	return err
}

// newCreated is what a decision with these fields creates; nil: the times cannot be.
func newCreated(f *decision.Fields) *version {
	made := &version{Appointment: calendar.Appointment{Sensitivity: calendar.Normal, ShowAs: calendar.Busy, Importance: calendar.NormalImportance}}
	if !made.amend(f) {
		return nil
	}
	made.changes = slices.DeleteFunc(made.changes, func(c ledger.Change) bool { return c.Reason == ReasonDecision }) // from nothing
	return made
}

// collides says with what an appointment would share time that stands, or is adopted by this run, and did not before. was is what it was; nil: nothing.
func (p *repair) collides(ctx context.Context, key string, was, is *calendar.Appointment) (reason string, err error) {
	if p.input.AllowOverlap || p.config.Overlaps == Keep || is.AllDay || is.Cancelled || is.Declined {
		return "", nil
	}
	says := func(other *calendar.Appointment) string {
		return fmt.Sprintf("it would share time with %q at %s; allow overlaps, or move it", other.Subject,
			other.Start.In(p.view.settings.Zone).Format("2006-01-02 15:04"))
	}
	hits := func(other *calendar.Appointment) bool {
		return !other.AllDay && !other.Cancelled && !other.Declined && is.Overlaps(other) && (was == nil || !was.Overlaps(other))
	}
	for other, a := range p.taken {
		if other != key && hits(&a) {
			return says(&a), nil
		}
	}
	standing, err := p.books.ledger.AsOf(ctx, p.config.ID, ledger.Span{From: is.Start, To: is.End}, time.Time{})
	if err != nil {
		return "", err
	}
	for i := range standing {
		e := &standing[i]
		if _, moves := p.taken[e.Key]; e.Key != key && !moves && e.Outcome == ledger.Archived && hits(&e.Appointment) {
			return says(&e.Appointment), nil
		}
	}
	return "", nil
}

// adopted returns the change by which the ledger takes what the archive calendar shows. The copy stays as it is, unless it has to become private.
func (p *repair) adopted(f *Finding, old *ledger.Entry) (Change, error) {
	decided := &p.input.Decisions.Decisions[p.verdicts[f.id()]]
	verdict := &decided.Verdicts[0]
	e := anew(old)
	e.Reason, e.Decision = ReasonDecision, decided.ID
	if f.Done == TakenOut {
		e.Outcome = ledger.Withdrawn
		return Change{Kind: Remove, Entry: e}, nil
	}
	shown := f.event
	if f.Done == TakenIn {
		made := newCreated(verdict.Fields)
		text := calendar.Body{ContentType: "text", Content: *verdict.Fields.Body}
		e.Key, e.Lineage, e.Outcome, e.Appointment, e.Changes = verdict.Key, verdict.Key, ledger.Archived, made.Appointment, made.changes
		e.BodyDigest = BodyDigest(text)
		e.Hash = StandingHash(&e.Appointment, e.BodyDigest)
		e.SourceHash, e.Replaces = e.Hash, f.EventID
		d := &calendar.Draft{Body: shown.Body}
		p.showAs(d, shown, &e.Appointment, nil)
		return Change{Kind: Update, Entry: e, As: d}, nil
	}
	v := version{Appointment: old.Appointment, changes: old.Changes}
	if !v.amend(verdict.Fields) {
		return Change{}, fmt.Errorf("archive: a decision of run %s does not hold any more", p.run.ID)
	}
	digest := old.BodyDigest
	if v.body != nil {
		digest = BodyDigest(*v.body)
	}
	e.Appointment, e.Changes, e.Hash, e.CopyID = v.Appointment, v.changes, StandingHash(&v.Appointment, digest), f.EventID
	d := *old.Draft
	if slices.ContainsFunc(f.Differences, func(d Difference) bool { return d.Field == formNames[inBody] }) {
		d.Body = shown.Body
	}
	p.showAs(&d, shown, &v.Appointment, old.Draft)
	if v.Sensitivity == orElse(shown.Sensitivity, calendar.Normal) {
		return Change{Kind: Note, Entry: e, As: &d}, nil
	}
	e.CopyID, e.Replaces = "", f.EventID
	return Change{Kind: Update, Entry: e, As: &d}, nil
}

// showAs has a draft show what an event shows, and what stands of it. Times stay as they were written where they are the same.
func (p *repair) showAs(d *calendar.Draft, shown *calendar.Event, stands *calendar.Appointment, was *calendar.Draft) {
	d.Subject, d.Location, d.Categories = strings.Clone(shown.Subject), shown.Location, shown.Categories
	d.ShowAs, d.Importance, d.Sensitivity = stands.ShowAs, orElse(shown.Importance, calendar.NormalImportance), stands.Sensitivity
	if stands.AllDay {
		return
	}
	zones := []string{shown.StartZone}
	if was != nil {
		zones = []string{was.Start.Zone, was.End.Zone}
	}
	d.Start, d.End = calendar.InZone(stands.Start, zones...), calendar.InZone(stands.End, zones...)
}
