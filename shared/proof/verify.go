// Package proof shows what the ledger holds to somebody who trusts nobody: it compares a ledger with all that lies around it, with heads that
// others kept, and writes proofs that anybody can check without an account.
package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// Verification is the outcome of a verification.
type Verification struct {
	ledger.Report
	Runs    int `json:"runs" doc:"Runs of the config that were compared with what was sealed of them."`
	Backups int `json:"backups" doc:"Backups of the config of which the manifest was compared."`
	Audit   int `json:"audit" doc:"Records of the audit log that were compared."`
	// Unfinished is a run that left entries unsealed and is not at work. The next run settles them.
	Unfinished string `json:"unfinished,omitempty" doc:"A run that was interrupted. The next run of the config finishes what it left."`
	// Stamped counts heads that an authority outside stamped, and StampedAt is when it saw the newest.
	Stamped   int        `json:"stamped" doc:"Earlier heads with a time-stamp of an authority outside, which this ledger continues."`
	StampedAt *time.Time `json:"stamped_at,omitempty" doc:"When that authority saw the newest of them."`
	Since     int        `json:"since" doc:"Earlier heads that this ledger continues, those that its witness kept too."`
}

// Verifier compares ledgers with all that lies around them.
type Verifier struct {
	Ledger  *ledger.Ledger
	Runs    *run.Store
	Audit   *audit.Log
	Backups *backup.Backups
	Signer  ledger.Signer
	// Kept returns heads that the witness kept of a config's ledger, and what is wrong with what it has in place of others; nil: there is no witness.
	Kept func(ctx context.Context, config string) (heads, problems []string, err error)
	// Stamps returns heads of a config's ledger that an authority outside stamped, and what is wrong with what is there in place of others; nil: none
	// was asked.
	Stamps func(ctx context.Context, config string) (stamped []Stamped, problems []string, err error)
	// Sheets returns the hashes of a config's locked timesheets by their ids; nil: they are not compared.
	Sheets func(ctx context.Context, user, config string) (map[string]string, error)
	Clock  func() time.Time
}

// Stamped is a head of which an authority outside says when it was there.
type Stamped struct {
	Head string
	Time time.Time
}

// recorded is how long it may take until the end of a run is in the audit log: its message is delivered again until it is.
const recorded = 24 * time.Hour

// tries is how often Verify begins again when the ledger changed meanwhile.
const tries = 3

// Verify recomputes the ledger of a user's config and compares it with the config's runs, backups and the user's audit log, and with earlier
// heads: those in since, signed notes as Head gives them, and those that the witness kept. A head in since that is none of this ledger is of kind
// fault.Invalid. It is of kind fault.Unavailable when runs went on to change the ledger meanwhile.
func (v *Verifier) Verify(ctx context.Context, user, config string, since []string) (Verification, error) {
	earlier, err := v.checkpoints(ctx, config, since)
	if err != nil {
		return Verification{}, err
	}
	for range tries {
		in, err := v.Ledger.Inspect(ctx, config)
		if err != nil {
			return Verification{}, err
		}
		c := &comparison{Verifier: v, user: user, config: config, in: in, report: Verification{Report: in.Report}, runs: map[string]*seen{}}
		if err := c.compare(ctx, earlier); err != nil {
			return Verification{}, err
		}
		if c.report.OK {
			return c.report, nil
		}
		now, err := v.Ledger.Head(ctx, config)
		if err != nil && fault.Of(err) != fault.Malformed {
			return Verification{}, err
		}
		if err != nil || now.Hash == in.Head.Hash && now.OpenDigest == in.Head.OpenDigest {
			return c.report, nil
		}
	}
	return Verification{}, fault.New(fault.Unavailable, "runs are writing the ledger; verify it when they have ended")
}

// earlier is what is known of a ledger from elsewhere.
type earlier struct {
	heads    []ledger.Checkpoint // the shortest first
	problems []string            // of the witness
	stamped  int
	newest   *time.Time // when an authority saw the newest of those that it stamped
}

// checkpoints reads earlier heads.
func (v *Verifier) checkpoints(ctx context.Context, config string, since []string) (*earlier, error) {
	all := &earlier{}
	read := func(signed, whose string) error {
		text, err := v.Signer.Open(ctx, signed)
		if fault.Of(err) == fault.Malformed {
			return fault.Field("since", "%s is no head that this installation signed", whose)
		}
		if err != nil {
			return err
		}
		c, err := ledger.ParseCheckpoint(text)
		switch {
		case err != nil:
			return fault.Field("since", "%s: %w", whose, err)
		case c.Origin != ledger.Origin(config):
			return fault.Field("since", "%s is of another ledger: %s", whose, c.Origin)
		}
		all.heads = append(all.heads, c)
		return nil
	}
	for i, signed := range since {
		if err := read(signed, fmt.Sprintf("head %d", i+1)); err != nil {
			return nil, err
		}
	}
	if v.Kept != nil {
		kept, problems, err := v.Kept(ctx, config)
		if err != nil {
			return nil, err
		}
		all.problems = problems
		for _, signed := range kept {
			if err := read(signed, "a head that the witness kept"); err != nil {
				return nil, err
			}
		}
	}
	if v.Stamps != nil {
		stamped, problems, err := v.Stamps(ctx, config)
		if err != nil {
			return nil, err
		}
		all.problems = append(all.problems, problems...)
		for i := range stamped {
			if err := read(stamped[i].Head, "a head with a time-stamp"); err != nil {
				return nil, err
			}
			if all.newest == nil || stamped[i].Time.After(*all.newest) {
				all.newest = &stamped[i].Time
			}
		}
		all.stamped = len(stamped)
	}
	slices.SortStableFunc(all.heads, func(a, b ledger.Checkpoint) int { return a.Size - b.Size })
	return all, nil
}

// comparison is one verification.
type comparison struct {
	*Verifier
	user, config string
	in           *ledger.Inspection
	report       Verification
	runs         map[string]*seen // of the config, by id
	removed      map[string]bool  // backups, of which the audit log says that they were deleted
}

// seen is what has to be known of a run.
type seen struct {
	*run.Run
	digest  string // empty: the record says nothing that could be sealed
	proven  bool   // a link or the audit log has this digest
	denied  bool   // one of them has another
	backup  string // digest of the manifest that it reports
	present bool
}

func (c *comparison) add(m ledger.Misfit) { c.report.Add(m) }

func (c *comparison) compare(ctx context.Context, known *earlier) error {
	if err := c.readRuns(ctx); err != nil {
		return err
	}
	if err := c.sheets(ctx); err != nil {
		return err
	}
	c.links()
	if err := c.audit(ctx); err != nil {
		return err
	}
	if err := c.endings(ctx); err != nil {
		return err
	}
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.backups(ctx); err != nil {
		return err
	}
	c.since(known)
	return nil
}

func (c *comparison) readRuns(ctx context.Context) error {
	return c.Runs.Each(ctx, c.user, func(r *run.Run) error {
		if r.Config != c.config && r.Created.IsZero() { // unreadable: it may be one of the config's
			c.runs[r.ID] = &seen{Run: r}
			return nil
		}
		if r.Config != c.config {
			return nil
		}
		s := &seen{Run: r, present: true}
		if digest, err := r.Digest(); err == nil {
			s.digest = digest
		}
		if r.Kind == run.Backup && r.State.Ended() {
			s.backup = backup.ManifestOf(r)
		}
		c.runs[r.ID] = s
		return nil
	})
}

// proves compares what is sealed of a run with its record. who names what sealed it.
func (c *comparison) proves(id, digest, who string, seq int) {
	switch s := c.runs[id]; {
	case s == nil:
		c.add(ledger.Misfit{Seq: seq, Run: id, Problem: "the record of the run is missing; " + who + " has it"})
	case !s.present:
		s.denied = true
		c.add(ledger.Misfit{Seq: seq, Run: id, Problem: "the record of the run is unreadable"})
	case s.digest != digest || !s.State.Ended():
		if !s.denied {
			c.add(ledger.Misfit{Seq: seq, Run: id, Problem: "the record of the run is not what " + who + " has of it"})
		}
		s.denied = true
	default:
		s.proven = true
	}
}

// links compares the links with the runs that made them.
func (c *comparison) links() {
	made := map[string]string{} // run by the hash of its link
	last := 0
	for i, k := range c.in.Links {
		made[c.in.Hashes[i]] = k.Run
		switch s := c.runs[k.Run]; {
		case k.Sheet != "": // a timesheet's, and no run's
		case k.RunDigest != "":
			c.proves(k.Run, k.RunDigest, "its link", k.Seq)
			if s != nil && s.present && s.Link() != c.in.Hashes[i] {
				c.add(ledger.Misfit{Seq: k.Seq, Run: k.Run, Problem: "the run says that another link is its own"})
			}
		case s == nil:
			c.add(ledger.Misfit{Seq: k.Seq, Run: k.Run, Problem: "the record of the run is missing; a link has its entries"})
		}
		if k.Audit.Seq < last {
			c.add(ledger.Misfit{Seq: k.Seq, Run: k.Run, Problem: "the link covers less of the audit log than the one before it"})
		}
		last = k.Audit.Seq
	}
	for _, s := range c.inOrder() {
		if link := s.Link(); link != "" && made[link] != s.ID && c.in.Complete() {
			c.add(ledger.Misfit{Run: s.ID, Problem: "the link that the run added is not in the chain"})
		}
	}
}

// sheets compares locked timesheets with the links that lock them.
func (c *comparison) sheets(ctx context.Context) error {
	if c.Sheets == nil {
		return nil
	}
	kept, err := c.Sheets(ctx, c.user, c.config)
	if err != nil {
		return err
	}
	for _, k := range c.in.Links {
		if k.Sheet == "" {
			continue
		}
		switch hash, ok := kept[k.Run]; {
		case !ok:
			c.add(ledger.Misfit{Seq: k.Seq, Run: k.Run, Problem: "the timesheet is missing; a link locks it"})
		case hash != k.Sheet:
			c.add(ledger.Misfit{Seq: k.Seq, Run: k.Run, Problem: "the timesheet is not the one that the link locks"})
		}
		delete(kept, k.Run)
	}
	if !c.in.Complete() {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(kept)) {
		c.add(ledger.Misfit{Run: id, Problem: "the timesheet says that it is locked, and no link has it"})
	}
	return nil
}

// inOrder are the runs by their ids.
func (c *comparison) inOrder() []*seen {
	all := make([]*seen, 0, len(c.runs))
	for _, s := range c.runs {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *seen) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}

// audit compares the user's audit log with the links that cover it, and the runs with what it says of their ends.
func (c *comparison) audit(ctx context.Context) error {
	type covered struct {
		hash string
		seq  int // of the link
	}
	covers := map[int][]covered{}
	for _, k := range c.in.Links {
		if k.Audit.Seq > 0 {
			covers[k.Audit.Seq] = append(covers[k.Audit.Seq], covered{k.Audit.Hash, k.Seq})
		}
	}
	var ended []audit.EndedRun
	var misfits []ledger.Misfit
	found := map[int]bool{}
	report, err := c.Audit.VerifyEach(ctx, c.user, func() func(*audit.Record) {
		ended, misfits, found, c.removed = nil, nil, map[int]bool{}, map[string]bool{}
		return func(r *audit.Record) {
			for _, link := range covers[r.Seq] {
				found[r.Seq] = true
				if link.hash != r.Hash {
					misfits = append(misfits, ledger.Misfit{Seq: link.seq, Problem: fmt.Sprintf("record %d of the audit log is not the one that the link covers", r.Seq)})
				}
			}
			if e, ok := r.EndedRun(); ok && e.Config == c.config {
				ended = append(ended, e)
			}
			if id, ok := r.RemovedBackup(); ok {
				c.removed[id] = true
			}
		}
	})
	if err != nil {
		return err
	}
	c.report.Audit = report.Records
	for _, m := range report.Misfits {
		c.add(ledger.Misfit{Problem: fmt.Sprintf("record %d of the audit log (%s) is %s", m.Seq, m.ID, m.Problem)})
	}
	c.report.Misfits += report.Count - len(report.Misfits)
	for _, m := range misfits {
		c.add(m)
	}
	for _, k := range c.in.Links {
		if k.Audit.Seq > 0 && !found[k.Audit.Seq] {
			c.add(ledger.Misfit{Seq: k.Seq, Run: k.Run, Problem: fmt.Sprintf("record %d of the audit log is missing; the link covers it", k.Audit.Seq)})
		}
	}
	for _, e := range ended {
		c.proves(e.ID, e.Digest, "the audit log", 0)
	}
	return nil
}

// endings looks at the runs by themselves: whether anybody vouches for their ends, and at their items.
func (c *comparison) endings(ctx context.Context) error {
	for _, s := range c.inOrder() {
		if !s.present {
			if !s.denied {
				c.add(ledger.Misfit{Run: s.ID, Problem: "the record of the run is unreadable"})
			}
			continue
		}
		c.report.Runs++
		if !s.State.Ended() {
			continue
		}
		if !s.proven && !s.denied && c.Clock().Sub(s.Ended) > recorded {
			c.add(ledger.Misfit{Run: s.ID, Problem: "the run has ended, and neither a link nor the audit log says so"})
		}
		problem, err := c.Runs.VerifyItems(ctx, s.Run)
		if err != nil {
			return err
		}
		if problem != "" {
			c.add(ledger.Misfit{Run: s.ID, Problem: problem})
		}
	}
	return nil
}

// open looks at the run that has entries which no link seals.
func (c *comparison) open(ctx context.Context) error {
	id := c.in.Head.Open
	if id == "" {
		return nil
	}
	s := c.runs[id]
	if s == nil || !s.present {
		c.add(ledger.Misfit{Run: id, Problem: "the record of the run is missing; the head says that it is under way"})
		return nil
	}
	atWork, err := c.Runs.Reserves(ctx, s.Run, c.Clock())
	if err != nil {
		return err
	}
	if s.State.Ended() || !atWork {
		c.report.Unfinished = id
	}
	return nil
}

// backups compares the config's backups with what the runs that made them say.
func (c *comparison) backups(ctx context.Context) error {
	there := map[string]bool{}
	err := c.Backups.Each(ctx, c.user, func(r *backup.Record) error {
		s := c.runs[r.ID]
		if r.Made.IsZero() { // it may be one of the config's
			there[r.ID] = true
			c.add(ledger.Misfit{Run: r.ID, Problem: "the record of the backup is unreadable"})
			return nil
		}
		if r.Config != c.config && (s == nil || s.backup == "") {
			return nil
		}
		there[r.ID] = true
		c.report.Backups++
		if s == nil || s.backup == "" {
			c.add(ledger.Misfit{Run: r.ID, Problem: "the backup was made by no run"})
			return nil
		}
		if r.Config != c.config {
			c.add(ledger.Misfit{Run: r.ID, Problem: "the backup says that it is of another config than its run"})
			return nil
		}
		problem, err := c.Backups.Recorded(ctx, r, s.backup)
		if err != nil {
			return err
		}
		if problem != "" {
			c.add(ledger.Misfit{Run: r.ID, Problem: "the backup " + problem})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range c.inOrder() {
		if s.backup != "" && !there[s.ID] && !c.removed[s.ID] {
			c.add(ledger.Misfit{Run: s.ID, Problem: "the backup that the run made is missing, and the audit log does not say that it was deleted"})
		}
	}
	return nil
}

// since compares the chain with earlier heads.
func (c *comparison) since(known *earlier) {
	for _, problem := range known.problems {
		c.add(ledger.Misfit{Problem: problem})
	}
	c.report.Stamped, c.report.StampedAt = known.stamped, known.newest
	good := 0
	for _, head := range known.heads {
		root, known := c.in.RootAt(head.Size)
		switch {
		case known && root == head.Root:
			c.report.Since++
			good = head.Size
			continue
		case !c.in.Complete():
			continue // what breaks the chain is named already
		case !known:
			c.add(ledger.Misfit{Seq: len(c.in.Links) + 1, Problem: fmt.Sprintf("links %d to %d are missing; an earlier head has them", len(c.in.Links)+1, head.Size)})
		default:
			c.add(ledger.Misfit{Seq: good + 1, Problem: fmt.Sprintf("one of the links %d to %d is not the one that an earlier head has", good+1, head.Size)})
		}
		return
	}
}
