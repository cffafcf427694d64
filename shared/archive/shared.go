package archive

import (
	"fmt"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Role is what a calendar is to a config.
type Role string

const (
	SourceRole  Role = "source"
	ArchiveRole Role = "archive"
)

// Place is a calendar that somebody names.
type Place struct {
	URI calendar.URI
	ID  string // the provider's own; empty where no listing has the calendar
}

// near says whether two places may be one calendar, so that their ids are worth knowing. One mailbox of Microsoft 365 has several names; a local
// account has one, in any case.
func (p Place) near(q Place) bool {
	return p.URI.Provider == q.URI.Provider && (p.URI.Provider != calendar.ProviderLocal || calendar.SameName(p.URI.Account, q.URI.Account))
}

// same says whether two places are one calendar: by their ids as far as those are known, else by their spelling.
func (p Place) same(q Place) bool {
	switch {
	case !p.near(q):
		return false
	case p.ID != "" && q.ID != "":
		return p.ID == q.ID
	}
	return p.URI.Same(q.URI) || p.ID != "" && p.ID == q.URI.Calendar || q.ID != "" && q.ID == p.URI.Calendar
}

// Claim is a config with the calendars that it names.
type Claim struct {
	ID, Name        string
	Active          bool
	Source, Archive Place
}

// Share says that a calendar of one config is a calendar of another one too, where one of them writes it.
type Share struct {
	Of     Role   // what the calendar is to the config that is looked at
	As     Role   // what it is to the other one
	Config string // id of the other one
	Name   string
}

// String says it in words: `the archive calendar is the source of config "work"`.
func (s Share) String() string {
	return fmt.Sprintf("the %s calendar is %s", s.Of, s.Owned())
}

// Owned says of which config a calendar is what: `the archive of config "work"`.
func (s Share) Owned() string { return fmt.Sprintf("the %s of config %q", s.As, s.Name) }

// Shares returns what c shares with others, in their order. That several archive one source is none: a source is read alone.
func Shares(c Claim, others []Claim) (shares []Share) {
	for _, o := range others {
		if o.ID == c.ID {
			continue
		}
		for _, pair := range pairs(&c, &o) {
			if pair.mine.same(*pair.theirs) {
				shares = append(shares, Share{Of: pair.of, As: pair.as, Config: o.ID, Name: o.Name})
			}
		}
	}
	return shares
}

// pair are two calendars that must not be one.
type pair struct {
	mine, theirs *Place
	of, as       Role
}

func pairs(c, o *Claim) []pair {
	return []pair{
		{&c.Archive, &o.Archive, ArchiveRole, ArchiveRole}, {&c.Archive, &o.Source, ArchiveRole, SourceRole}, {&c.Source, &o.Archive, SourceRole, ArchiveRole},
	}
}

// owners returns of which configs a calendar is the source or the archive. Of in them is not said: the calendar is by itself.
func owners(p Place, claims []Claim) (found []Share) {
	for _, c := range claims {
		if p.same(c.Source) {
			found = append(found, Share{As: SourceRole, Config: c.ID, Name: c.Name})
		}
		if p.same(c.Archive) {
			found = append(found, Share{As: ArchiveRole, Config: c.ID, Name: c.Name})
		}
	}
	return found
}

// refusal is why a config cannot be what it is to become, or nil. was is what it is now; nil for a new one.
//
// A config that gets a calendar is compared with all others: an inactive one still has its ledger, of which the archive calendar is the view.
// One that keeps its calendars may share them from earlier times. It may do what it likes while it is inactive, and may be active beside
// inactive ones, so that of two that share, one goes on and can be edited.
func refusal(c Claim, was *Config, others []Claim) error {
	if c.Source.same(c.Archive) {
		return fault.Field("archive", "must not be the source calendar: the source is never written")
	}
	kept := was != nil && was.Source == c.Source.URI && was.Archive == c.Archive.URI
	if kept && !c.Active {
		return nil
	}
	active := map[string]bool{}
	for _, o := range others {
		active[o.ID] = o.Active
	}
	for _, s := range Shares(c, others) {
		switch {
		case !kept:
			return fault.New(fault.Conflict, "%s; an archive calendar belongs to one config, so name another calendar", s)
		case active[s.Config]:
			return fault.New(fault.Conflict, "%s, which is active; an archive calendar belongs to one config, so deactivate config %q first", s, s.Name)
		}
	}
	return nil
}
