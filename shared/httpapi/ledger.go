package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/proof"
	"adminassistant/shared/stamp"
)

// entryView is one version of one appointment in the ledger.
type entryView struct {
	Key         string          `json:"key" doc:"Source key: the event's iCalUId and original start, or its id."`
	Version     int             `json:"version" doc:"From 1, counted by key."`
	Outcome     string          `json:"outcome" enum:"archived,superseded,conflicted,moved,declined,withdrawn"`
	Reason      string          `json:"reason,omitempty" doc:"Why there is this version, or why it was superseded."`
	By          string          `json:"by,omitempty" doc:"Event id of the winner of a superseded one."`
	State       string          `json:"state" enum:"intended,done,failed"`
	Failure     string          `json:"failure,omitempty"`
	Hash        string          `json:"hash" doc:"Content hash."`
	Appointment appointment     `json:"appointment"`
	Changes     []ledger.Change `json:"changes" nullable:"false" doc:"In what the appointment differs from its source event."`
	EventID     string          `json:"event_id" doc:"The source event."`
	CopyID      string          `json:"copy_id,omitempty" doc:"The event in the archive calendar that shows this version."`
	Replaces    string          `json:"replaces,omitempty" doc:"The event in the archive calendar that it took the place of."`
	Run         string          `json:"run"`
	Time        time.Time       `json:"time"`
	Actor       string          `json:"actor"`
}

func viewEntry(e ledger.Entry) entryView {
	v := entryView{
		Key: e.Key, Version: e.Version, Outcome: string(e.Outcome), Reason: e.Reason, By: e.By, State: string(e.State), Failure: e.Failure, Hash: e.Hash,
		Appointment: appointment{e.Appointment}, Changes: e.Changes, EventID: e.Source.ID, CopyID: e.CopyID, Replaces: e.Replaces, Run: e.Run,
		Time: e.Time, Actor: e.Actor,
	}
	if v.Changes == nil {
		v.Changes = []ledger.Change{}
	}
	return v
}

// OfConfig names the config whose ledger it is.
type OfConfig struct {
	Config string `path:"config" doc:"Id or name of an archive config."`
}

func (s *server) ledgerRoutes() {
	handle(s, route{
		pattern: "GET /v1/ledger/{config}/days/{date}", access: byUsers,
		tag: tagLedger, summary: "Show a day as the ledger has it, now or as of an instant",
	}, s.ledgerDay)
	handle(s, route{
		pattern: "GET /v1/ledger/{config}/history", access: byUsers, tag: tagLedger, summary: "List all versions of an appointment, the oldest first",
	}, s.ledgerHistory)
	handle(s, route{
		pattern: "POST /v1/ledger/{config}/verify", access: byUsers, class: limit.Bulk, action: "ledger.verify",
		tag: tagLedger, summary: "Compare the ledger with all that was sealed of it",
		description: "Recomputes the chain, and compares with it every entry, the runs and backups of the config, and your audit log. With earlier heads it " +
			"also says whether the ledger continues them. The report names the first thing that does not fit.",
	}, s.verifyLedger)
	handle(s, route{
		pattern: "GET /v1/ledger/{config}/head", access: byUsers,
		tag: tagLedger, summary: "Show the signed head of the ledger",
		description: "Keep it: whoever has it can prove later that nothing before it changed.",
	}, s.ledgerHead)
	handle(s, route{
		pattern: "GET /v1/ledger/{config}/stamp", access: byUsers,
		tag: tagLedger, summary: "Prove to others when a head of the ledger was there",
		description: "A head, the path from it to a Merkle root, and the time-stamp (RFC 3161) that an authority outside gave for that root. Anybody who believes " +
			"the authority can check it, without an account: admin-assistant proof verify FILE --trust CERTIFICATES. There is one for each day on which the " +
			"ledger grew, when that is over. 404 where nobody is asked for time-stamps.",
	}, s.ledgerStamp)
	handle(s, route{
		pattern: "GET /v1/ledger/{config}/proof", access: byUsers, class: limit.Bulk,
		tag: tagLedger, summary: "Prove entries of the ledger to others",
		description: "The proof of what stands in the archive in a period, or of all versions of one appointment. Anybody can check it, without an account: " +
			"admin-assistant proof verify FILE. It shows times, subjects, categories and customers, never texts, places or people; of private " +
			"appointments it shows a hash alone.",
	}, s.ledgerProof)
}

// config returns the caller's config: nobody reads a ledger but by a config of their own.
func (s *server) config(ctx context.Context, idOrName string) (archive.Config, error) {
	who, err := user(ctx)
	if err != nil {
		return archive.Config{}, err
	}
	return s.Configs.Named(ctx, who, idOrName)
}

func (s *server) ledgerDay(ctx context.Context, in *struct {
	OfConfig
	Paging
	Date string `path:"date" doc:"A day in the config's zone, in any form that a period may have: 2026-10-05, 5-Oct, yesterday."`
	AsOf string `query:"as_of" doc:"An instant as in 2026-10-06T12:00:00Z: the day as the ledger had it then." example:"2026-11-02T12:00:00Z"`
}) (*page[entryView], error) {
	c, err := s.config(ctx, in.Config)
	if err != nil {
		return nil, err
	}
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	w, err := window(in.Date, "", "", settings.Zone, s.Clock(), time.Monday)
	if err != nil || w.From != w.To {
		return nil, fault.Field("date", "must be one day, as in 2026-10-05 or yesterday, not %.40q", in.Date)
	}
	var asOf time.Time
	if in.AsOf != "" {
		if asOf, err = time.Parse(time.RFC3339Nano, in.AsOf); err != nil {
			return nil, fault.Field("as_of", "must be an instant as in 2026-10-06T12:00:00Z, not %.40q", in.AsOf)
		}
	}
	entries, err := s.Ledger.AsOf(ctx, c.ID, ledger.Span{From: w.Start(), To: w.End()}, asOf)
	if err != nil {
		return nil, err
	}
	return cutEntries(in.Paging, entries, func(e ledger.Entry) string {
		return e.Appointment.Start.UTC().Format("2006-01-02T15:04:05.000000000") + "\x00" + e.Key
	})
}

// cutEntries makes a page of entries in the order of key.
func cutEntries(in Paging, entries []ledger.Entry, key func(ledger.Entry) string) (*page[entryView], error) {
	p, err := cut(in, entries, key)
	if err != nil {
		return nil, err
	}
	return onePage(p.Body.Items, p.Body.Next, viewEntry), nil
}

func (s *server) ledgerHistory(ctx context.Context, in *struct {
	OfConfig
	Paging
	Key string `query:"key" required:"true" doc:"Source key of the appointment."`
}) (*page[entryView], error) {
	c, err := s.config(ctx, in.Config)
	if err != nil {
		return nil, err
	}
	entries, err := s.Ledger.History(ctx, c.ID, in.Key)
	if err != nil {
		return nil, err
	}
	return cutEntries(in.Paging, entries, func(e ledger.Entry) string {
		return fmt.Sprintf("%06d\x00%s\x00%s", e.Version, e.Outcome, e.Appointment.Start.UTC().Format(time.RFC3339))
	})
}

// verifyBody is what a verification may be asked to look at.
type verifyBody struct {
	Since []string `json:"since,omitempty" maxItems:"100" doc:"Earlier heads, signed notes as the head has them. The ledger has to continue them."`
}

func (s *server) verifyLedger(ctx context.Context, in *struct {
	OfConfig
	Body *verifyBody
}) (*struct{ Body proof.Verification }, error) {
	c, err := s.config(ctx, in.Config)
	if err != nil {
		return nil, err
	}
	var since []string
	if in.Body != nil {
		since = in.Body.Since
	}
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	report, err := s.Verifier.Verify(ctx, who, c.ID, since)
	if err != nil {
		return nil, err
	}
	return &struct{ Body proof.Verification }{report}, nil
}

// headView is the end of a ledger's chain.
type headView struct {
	Links int    `json:"links" doc:"In the chain."`
	Head  string `json:"head" doc:"The signed head: a note in the form of C2SP's tlog-checkpoint. Empty while nothing is archived."`
	Key   string `json:"key" doc:"The public key of this installation, as a note's verifier key. Whoever has it can check the head and proofs."`
	Open  bool   `json:"open" doc:"A run is under way, or was interrupted, and has entries that the head does not cover yet."`
}

func (s *server) ledgerHead(ctx context.Context, in *OfConfig) (*struct{ Body headView }, error) {
	c, err := s.config(ctx, in.Config)
	if err != nil {
		return nil, err
	}
	head, err := s.Ledger.Head(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Ledger.Check(ctx, c.ID, &head); err != nil {
		return nil, err
	}
	key, err := s.Signing.Key(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{ Body headView }{headView{Links: head.Seq, Head: head.Checkpoint, Key: key.Public(), Open: head.Open != ""}}, nil
}

// stampView is stamp.Proof in an answer.
type stampView stamp.Proof

func (s *server) ledgerStamp(ctx context.Context, in *struct {
	OfConfig
	Day string `query:"day" doc:"UTC day of the head; without it, the newest." example:"2026-10-31"`
}) (*struct{ Body stampView }, error) {
	if s.Stamps == nil {
		return nil, fault.New(fault.NotFound, "no authority is asked for time-stamps; whoever runs this installation can name one")
	}
	c, err := s.config(ctx, in.Config)
	if err != nil {
		return nil, err
	}
	var day calendar.Date
	if in.Day != "" {
		if day, err = archive.ReadDay("day", in.Day); err != nil {
			return nil, err
		}
	}
	p, err := s.Stamps.Proof(ctx, c.ID, day)
	if err != nil {
		return nil, err
	}
	key, err := s.Signing.Key(ctx)
	if err != nil {
		return nil, err
	}
	p.Key = key.Public()
	return &struct{ Body stampView }{stampView(*p)}, nil
}

func (s *server) ledgerProof(ctx context.Context, in *struct {
	OfConfig
	Period string `query:"period" doc:"Days in the config's zone, in any form that a period may have: 2026-10-01 to 2026-10-31, last month."`
	Key    string `query:"key" doc:"Source key of an appointment, in the place of a period." example:"kickoff@example.com@2026-10-05T07:00:00Z"`
}) (*struct{ Body *proof.Proof }, error) {
	c, err := s.config(ctx, in.Config)
	if err != nil {
		return nil, err
	}
	if (in.Period == "") == (in.Key == "") {
		return nil, fault.Field("period", "or key must be given, and not both")
	}
	var entries []ledger.Entry
	if in.Key != "" {
		if entries, err = s.Ledger.History(ctx, c.ID, in.Key); err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			return nil, fault.New(fault.NotFound, "the ledger has no appointment with the key %.200q", in.Key)
		}
	} else {
		settings, err := c.Settings()
		if err != nil {
			return nil, err
		}
		w, err := window(in.Period, "", "", settings.Zone, s.Clock(), time.Monday)
		if err != nil {
			return nil, err
		}
		if entries, err = s.Ledger.AsOf(ctx, c.ID, ledger.Span{From: w.Start(), To: w.End()}, time.Time{}); err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Outcome != ledger.Archived })
	}
	key, err := s.Signing.Key(ctx)
	if err != nil {
		return nil, err
	}
	doc, unsealed, err := proof.Prove(ctx, s.Ledger, key, c.ID, entries)
	if err != nil {
		return nil, err
	}
	if unsealed > 0 {
		return nil, fault.New(fault.Conflict, "%d of the entries are not sealed yet: a run is under way, or was interrupted; prove them when the next run has ended",
			unsealed)
	}
	return &struct{ Body *proof.Proof }{doc}, nil
}
