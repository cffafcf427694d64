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

// Place is a calendar as somebody names it.
type Place struct {
	URI calendar.URI
	ID  string // the provider's own; empty where no listing has the calendar
}

// near says whether two places may be one calendar, so that their ids have to be looked up. One mailbox of Microsoft 365 has several names. A
// local account has one, whose case does not matter.
func (p Place) near(q Place) bool {
	return p.URI.Provider == q.URI.Provider && (p.URI.Provider != calendar.ProviderLocal || calendar.SameName(p.URI.Account, q.URI.Account))
}

// same says whether two places are one calendar. It compares their ids where both are known, else their spelling.
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

// placeAs is a place with what it is to its config.
type placeAs struct {
	role Role
	*Place
}

func (c *Claim) places() []placeAs {
	return []placeAs{{SourceRole, &c.Source}, {ArchiveRole, &c.Archive}}
}

// Share says that a calendar of one config is also a calendar of another one, and that at least one of them writes it.
type Share struct {
	Of     Role   // what the calendar is to the config that is looked at
	As     Role   // what it is to the other one
	Config string // id of the other one
	Name   string
}

// String returns it in words: `the archive calendar is the source of config "work"`.
func (s Share) String() string {
	return fmt.Sprintf("the %s calendar is %s", s.Of, s.Owned())
}

// Owned returns what the calendar is to the other config: `the archive of config "work"`.
func (s Share) Owned() string { return fmt.Sprintf("the %s of config %q", s.As, s.Name) }

// Shares returns what c shares with others, in their order. Several configs may have one source, which is only read: that is not a Share.
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

// pair is two calendars that must not be the same one.
type pair struct {
	mine, theirs *Place
	of, as       Role
}

func pairs(c, o *Claim) []pair {
	return []pair{
		{&c.Archive, &o.Archive, ArchiveRole, ArchiveRole}, {&c.Archive, &o.Source, ArchiveRole, SourceRole}, {&c.Source, &o.Archive, SourceRole, ArchiveRole},
	}
}

// owners returns the configs that have a calendar as source or archive. Of is empty in them, since the calendar is not compared as a config's.
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

// refusal returns why a config must not be stored as c, nil if it may be. was is the config as it is stored now, nil for a new one.
//
// A config that is new or changes a calendar is compared with all others, also with inactive ones: they still have a ledger that the archive
// calendar shows. A config that keeps its calendars may share them since before that was refused. It may be stored if it is inactive, or if all
// that it shares with are. So of two configs that share, one can stay active and be edited.
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
