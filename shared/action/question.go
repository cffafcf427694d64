package action

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/store"
)

// Question is what an action asks about appointments: keys, versions and hashes, and nothing that is in a calendar but the category of a journey.
type Question struct {
	// Participants are by key, at most MaxParticipants; Others is how many more there are.
	Participants []Participant `json:"participants,omitempty"`
	Others       int           `json:"others,omitempty"`
	Span         Span          `json:"span,omitzero"`
	// Rule is the word of the rule that asked.
	Rule string `json:"rule,omitempty"`
	// Finding is the id of what a verification found, of a question about a copy in the archive calendar; empty: it is about the source.
	Finding string `json:"finding,omitempty"`
	// Travel is the journey that is missing, of a question about one.
	Travel *Travel `json:"travel,omitempty"`
}

// Travel is a journey that is missing between two appointments.
type Travel struct {
	Start    time.Time `json:"start"` // UTC; as late as there is time for it
	Minutes  int       `json:"minutes"`
	Journeys int       `json:"journeys"`           // of which that is the median
	Category string    `json:"category,omitempty"` // of whose customer it is; empty: of none
}

// Participant is one appointment that an action is about, as it was when it was asked.
type Participant struct {
	Key     string `json:"key"`               // source key; of an event that the ledger does not know its id in the archive calendar
	Version int    `json:"version,omitempty"` // newest of the ledger; 0: the ledger has none
	Hash    string `json:"hash"`              // of the source that was seen, or of how the copy differs, as "sha256:<hex>"
}

// Span is when the appointments of a question are: instants in UTC.
type Span struct {
	From time.Time `json:"from"` // the earliest start
	Last time.Time `json:"last"` // the latest start
	To   time.Time `json:"to"`   // the latest end
}

// Add has the span cover an appointment too.
func (s *Span) Add(start, end time.Time) {
	start, end = start.UTC(), end.UTC()
	if *s == (Span{}) {
		*s = Span{From: start, Last: start, To: end}
		return
	}
	if start.Before(s.From) {
		s.From = start
	}
	if start.After(s.Last) {
		s.Last = start
	}
	if end.After(s.To) {
		s.To = end
	}
}

// touches says whether something of the span is in the time from from to to, which is not included; a zero instant is no bound.
func (s *Span) touches(from, to time.Time) bool {
	return (to.IsZero() || s.From.Before(to)) && (from.IsZero() || s.To.After(from) || !s.From.Before(from))
}

// MaxParticipants is how many participants an action names at most.
const MaxParticipants = 100

// maxNamed is how many bytes of keys and hashes an action has at most, so that many actions fit into one transaction.
const maxNamed = 64 << 10

// asks says whether the action is a question about appointments.
func (a *Action) asks() bool { return len(a.Participants) > 0 }

// Ask returns an action of a kind that asks about appointments of a config. All participants count for its cause, also those that it does not name. As
// long as none of them changes the cause is the same.
func Ask(kind Kind, config string, q Question) Action {
	all := slices.Clone(q.Participants)
	slices.SortFunc(all, func(a, b Participant) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Hash, b.Hash))
	})
	all = slices.CompactFunc(all, func(a, b Participant) bool { return a.Key == b.Key && a.Hash == b.Hash })
	sum := sha256.New()
	var length [8]byte
	for _, p := range all {
		for _, part := range []string{p.Key, p.Hash} {
			sum.Write(binary.BigEndian.AppendUint64(length[:0], uint64(len(part))))
			sum.Write([]byte(part))
		}
	}
	named, bytes := 0, 0
	for named < min(len(all), MaxParticipants) {
		if bytes += len(all[named].Key) + len(all[named].Hash); bytes > maxNamed && named > 0 {
			break
		}
		named++
	}
	q.Participants, q.Others = all[:named:named], q.Others+len(all)-named
	return Action{Config: config, Cause: Cause{Kind: kind, Of: config + "#" + hex.EncodeToString(sum.Sum(nil))}, Question: q}
}

const (
	prefixOpen = "ACTIONOPEN#"
	prefixCopy = "ACTIONCOPY#"
	prefixAsks = "ACTIONASKS#"
)

// aboutCopies says whether questions of a kind are about copies in the archive calendar. They are asked by runs that do not reserve it, and that read what is
// open anyway: no note says that there are any, and runs that plan do not read them.
func aboutCopies(kind Kind) bool { return kind == Altered }

// AsksKey is the key of the note that a config may have open questions. A run reads it with what else it reads at its begin; see Findings.
func AsksKey(user, config string) store.Key { return store.OfUser(user, prefixAsks+config) }

// asks is the note of AsksKey: that it is there is all that it says.
func asks(user, config string) *store.Item {
	return &store.Item{Key: AsksKey(user, config), Data: []byte("true")}
}

// openPrefix begins the keys of a config's open questions, of those about copies or of the others.
func openPrefix(config string, copies bool) string {
	if copies {
		return prefixCopy + config + "#"
	}
	return prefixOpen + config + "#"
}

// openKey is the key of the open question of a cause.
func openKey(user, config string, c Cause) store.Key {
	return store.OfUser(user, openPrefix(config, aboutCopies(c.Kind))+strings.TrimPrefix(causeKey(user, c).SK, prefixCause))
}

// row is an open question of a config, as far as a run has to know it that does not read the action.
type row struct {
	Action string `json:"action"` // id
	Run    string `json:"run"`    // that raised it
	Span   Span   `json:"span"`
}

// openOp stores the row of an open question.
func (a *Action) openOp(run string) store.Op {
	data, err := json.Marshal(row{Action: a.ID, Run: run, Span: a.Span})
	if err != nil {
		panic(fmt.Sprintf("action: %v", err)) // plain data
	}
	return store.Op{Put: &store.Item{Key: openKey(a.User, a.Config, a.Cause), Data: data}}
}

// Findings are what one run found out about the questions of a config. Of all runs of a config only one may settle its findings at a time, unless they are
// about copies.
type Findings struct {
	User, Config, Run string
	// Subject is what the questions are about; the zero Subject: the run.
	Subject Subject
	// Asked are what has to be open, as Ask makes them, with their detail.
	Asked []Action
	// Kinds are those that the run looked for: all about copies, or none. What is open of other kinds stays as it is.
	Kinds []Kind
	// Most is how many questions the run asks at most, besides those that are open; 0: any number.
	Most int
	// Near says whether the run looked at any of the time of a question, and Looked whether it looked at all that a question is about.
	Near   func(Span) bool
	Looked func(*Action) bool
	// Asks is the item of AsksKey, as it was read when the run began; its version 0: there was none. Of questions about copies there is none.
	Asks store.Item
	// Guard are operations that belong into every transaction; Done is called after each. Both may be nil.
	Guard func() []store.Op
	Done  func()
}

// Settled is what became of findings.
type Settled struct {
	Raised   map[Kind]int // how many questions are open that the run was the first to ask, by kind
	Open     int          // how many of the run's questions are open, whoever asked them first
	Resolved int          // how many were resolved, because their causes are gone
	Left     int          // how many were not asked, because there are more than the run asks at most
	// Ops are to be done with the end of the run.
	Ops []store.Op
}

// Settle raises the questions that are not open yet, and resolves open ones whose cause is gone, if the run looked at all that they are about. A question
// whose very cause the user dismissed, or called done, is not asked again. It may be called any number of times for a run: each question is asked once.
//
// When nothing is asked, and Asks says that nothing is open, it makes no request. When the same is asked as before it makes one. About copies it always makes
// one. What the run itself answered, see Claim, is resolved in the name of its user.
func (s *Actions) Settle(ctx context.Context, f Findings) (settled Settled, err error) {
	if len(f.Asked) == 0 && f.Asks.Version == 0 && !f.copies() {
		return Settled{}, nil
	}
	for range attempts {
		if settled, err = s.settle(ctx, &f); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	if err != nil {
		return Settled{}, fmt.Errorf("settle the questions of config %s: %w", f.Config, err)
	}
	return settled, nil
}

// SettleAlone is Settle for somebody who is no run of the config. Whether anything is open it reads itself. The note of that stays: the next run of the config
// that finds nothing open takes it away.
func (s *Actions) SettleAlone(ctx context.Context, f Findings) (Settled, error) {
	items, err := s.table.GetMany(ctx, []store.Key{AsksKey(f.User, f.Config)})
	if err != nil {
		return Settled{}, fmt.Errorf("read what is open of config %s: %w", f.Config, err)
	}
	if len(items) > 0 {
		f.Asks = items[0]
	}
	return s.Settle(ctx, f)
}

// copies says whether the findings are about copies.
func (f *Findings) copies() bool { return slices.ContainsFunc(f.Kinds, aboutCopies) }

// prefix begins the keys of the open questions that the findings are about.
func (f *Findings) prefix() string { return openPrefix(f.Config, f.copies()) }

// change is what becomes of one question.
type change struct {
	ops []store.Op // at most opsOfChange
	// raised is the kind of a question that is asked for the first time.
	raised   Kind
	open     bool
	resolved bool
}

const opsOfChange = 3

func (s *Actions) settle(ctx context.Context, f *Findings) (Settled, error) {
	rows, err := s.rows(ctx, f)
	if err != nil {
		return Settled{}, err
	}
	settled := Settled{Raised: map[Kind]int{}}
	asked := make(map[store.Key]bool, len(f.Asked))
	var unknown []*Action
	for i := range f.Asked {
		a := &f.Asked[i]
		key := openKey(f.User, f.Config, a.Cause)
		if asked[key] {
			continue
		}
		asked[key] = true
		switch known, open := rows[key]; {
		case !open:
			unknown = append(unknown, a)
		default:
			settled.Open++
			if known.Run == f.Run {
				settled.Raised[a.Kind]++
			}
		}
	}
	gone := map[store.Key]row{}
	for key, r := range rows {
		kind, _, _ := strings.Cut(strings.TrimPrefix(key.SK, f.prefix()), "#")
		if !asked[key] && slices.Contains(f.Kinds, Kind(kind)) && f.Near(r.Span) {
			gone[key] = r
		}
	}
	changes, over, err := s.changes(ctx, f, unknown, gone)
	if err != nil {
		return Settled{}, err
	}
	settled.Left = over
	left := len(rows)
	for _, c := range changes {
		switch {
		case c.open:
			settled.Open++
			left++
			if c.raised != "" {
				settled.Raised[c.raised]++
			}
		default:
			left--
			if c.resolved {
				settled.Resolved++
			}
		}
	}
	if err := s.carryOut(ctx, f, changes, left > 0); err != nil {
		return Settled{}, err
	}
	if left == 0 && f.Asks.Version != 0 {
		settled.Ops = append(settled.Ops, store.Op{Delete: &f.Asks.Key, If: store.VersionIs(f.Asks.Version)})
	}
	return settled, nil
}

// rows are the open questions of a config, by openKey.
func (s *Actions) rows(ctx context.Context, f *Findings) (map[store.Key]row, error) {
	rows := map[store.Key]row{}
	if f.Asks.Version == 0 && !f.copies() {
		return rows, nil
	}
	items, err := store.All(ctx, s.table, store.Query{PK: store.UserPartition(f.User), Prefix: f.prefix()})
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		var r row
		if err := json.Unmarshal(item.Data, &r); err != nil { // when it is asked once more, it is written anew
			zerolog.Ctx(ctx).Error().Str("question", item.SK).Msg("unreadable open question left out")
			continue
		}
		rows[item.Key] = r
	}
	return rows, nil
}

// changes finds what becomes of the questions that seem not to be open, and of open ones that were not asked. over is how many would be too many.
func (s *Actions) changes(ctx context.Context, f *Findings, unknown []*Action, gone map[store.Key]row) (changes []change, over int, err error) {
	if len(unknown)+len(gone) == 0 {
		return nil, 0, nil
	}
	keys := make([]store.Key, 0, len(unknown)+2*len(gone))
	for _, a := range unknown {
		keys = append(keys, causeKey(f.User, a.Cause))
	}
	for key, r := range gone {
		keys = append(keys, actionKey(f.User, r.Action), f.causeOf(key))
	}
	items, err := s.table.GetMany(ctx, keys)
	if err != nil {
		return nil, 0, err
	}
	found := make(map[store.Key]store.Item, len(items))
	for _, item := range items {
		found[item.Key] = item
	}
	now := s.clock().UTC()
	for _, a := range unknown {
		n := &note{}
		if item, there := found[causeKey(f.User, a.Cause)]; there {
			n = decodeNote(ctx, item)
		}
		switch {
		case n.Quiet:
		case n.Open: // its row got lost
			known := *a
			known.ID, known.User = n.Action, f.User
			changes = append(changes, change{ops: []store.Op{known.openOp("")}, open: true})
		case f.Most > 0 && len(changes) >= f.Most:
			over++
		default:
			raised := *a
			raised.ID, raised.User, raised.Subject, raised.At, raised.Created = s.newID(), f.User, cmp.Or(f.Subject, Subject{Kind: "run", ID: f.Run}), now, now
			raised.changed(Change{At: now, State: Open, Why: f.Run})
			n.Action, n.Open, n.At = raised.ID, true, now
			changes = append(changes, change{ops: []store.Op{raised.op(), n.op(f.User, a.Cause, now), raised.openOp(f.Run)}, raised: a.Kind, open: true})
		}
	}
	for key, r := range gone {
		c := change{ops: []store.Op{{Delete: &key}}}
		a, err := decode(found[actionKey(f.User, r.Action)])
		if err == nil && a.State == Open {
			if !f.Looked(a) {
				continue
			}
			by := ""
			if a.Deciding == f.Run {
				by, a.Deciding = f.User, ""
			}
			a.changed(Change{At: now, State: Resolved, By: by, Why: f.Run})
			c.ops, c.resolved = append(c.ops, a.op()), true
		}
		if item, there := found[f.causeOf(key)]; there {
			if n := decodeNote(ctx, item); n.Open && n.Action == r.Action {
				n.Open, n.At = false, now
				c.ops = append(c.ops, n.opAt(item.Key, now))
			}
		}
		changes = append(changes, c)
	}
	return changes, over, nil
}

// causeOf is the key of the note of the cause that has an open question with this key.
func (f *Findings) causeOf(open store.Key) store.Key {
	return store.Key{PK: open.PK, SK: prefixCause + strings.TrimPrefix(open.SK, f.prefix())}
}

// carryOut makes the changes, some in each transaction, with the note that there are open questions.
func (s *Actions) carryOut(ctx context.Context, f *Findings, changes []change, open bool) error {
	noted := f.Asks.Version != 0 || f.copies()
	for len(changes) > 0 {
		var ops []store.Op
		if f.Guard != nil {
			ops = f.Guard()
		}
		if open && !noted {
			ops = append(ops, store.Op{Put: asks(f.User, f.Config)})
		}
		for len(changes) > 0 && len(ops)+opsOfChange <= store.MaxTransact {
			ops, changes = append(ops, changes[0].ops...), changes[1:]
		}
		if err := s.table.Transact(ctx, ops); err != nil {
			return err
		}
		if noted = noted || open; f.Done != nil {
			f.Done()
		}
	}
	return nil
}

// Answer resolves an action by what the user decided; why is the id of that. One that is resolved stays so, one that was dismissed is of kind
// fault.Conflict. When its cause is there again it is asked again.
func (s *Actions) Answer(ctx context.Context, user, id, by, why string) (*Action, error) {
	return s.end(ctx, user, id, Change{State: Resolved, By: by, Why: why}, time.Time{})
}

// Reopen opens a question again, such as one whose answer was undone; why is the id of what did that. One that is open stays so. If its cause raised
// another one that is open, that is returned.
func (s *Actions) Reopen(ctx context.Context, user, id, why string) (*Action, error) {
	for range attempts {
		a, err := s.Get(ctx, user, id)
		if err != nil || a.State == Open {
			return a, err
		}
		n, err := s.note(ctx, user, a.Cause)
		if err != nil {
			return nil, err
		}
		if n.Open && n.Action != id {
			return s.Get(ctx, user, n.Action)
		}
		now := s.clock().UTC()
		a.changed(Change{At: now, State: Open, Why: why})
		n.Action, n.Open, n.Quiet, n.At = id, true, false, now
		ops := []store.Op{a.op(), n.op(user, a.Cause, now)}
		if a.asks() {
			if ops = append(ops, a.openOp("")); !aboutCopies(a.Kind) {
				ops = append(ops, store.Op{Put: asks(user, a.Config)})
			}
		}
		err = s.table.Transact(ctx, ops)
		if err == nil {
			a.stored++
			return a, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("store action %s: %w", id, err)
		}
	}
	return nil, errBusy
}
