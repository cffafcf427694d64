// Package place knows where appointments are, as people write it, and the journeys between: how long they took, which are missing from the record, and
// which cannot have been made. All of it follows from the ledger, never from a map.
//
// Items in the store:
//
//	USER#<user> / PLACES   other names of places
package place

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/customer"
	"adminassistant/shared/ledger"
)

// nowhere are the folded texts of locations that are no place: one can be anywhere.
var nowhere = map[string]bool{
	"online": true, "teams": true, "microsoft teams": true, "microsoft teams meeting": true, "microsoft teams-besprechung": true, "zoom": true,
	"google meet": true, "webex": true, "phone": true, "telephone": true, "telefon": true, "remote": true, "virtual": true, "tba": true, "tbd": true,
}

// Name is a location as it names a place: trimmed, white space collapsed; empty if it is none.
func Name(location string) string {
	name := strings.Join(strings.Fields(location), " ")
	if nowhere[calendar.Folded(name)] || strings.Contains(name, "://") {
		return ""
	}
	return name
}

// Aliases are other names of places, by their folded forms. The name of a place may have no other one itself.
type Aliases map[string]string

// of is the place of a location; empty if it is none.
func (a Aliases) of(location string) string {
	name := Name(location)
	if other, ok := a[calendar.Folded(name)]; ok && name != "" {
		return other
	}
	return name
}

// Place is a place of a user's appointments.
type Place struct {
	Name     string   // as most appointments have it, or as an alias says
	Also     []string // other names that appointments have or aliases say
	Entries  int
	Customer string // of most of its appointments; empty: of none
	Last     calendar.Date
}

// stop is an appointment at a place.
type stop struct {
	*ledger.Entry
	place string // folded
}

// survey is what entries say of places.
type survey struct {
	zone    *time.Location
	book    *customer.Book
	aliases Aliases
	timed   []*ledger.Entry   // all that claims time, by start
	counts  map[string]*tally // by folded name of the place
}

type tally struct {
	spellings map[string]int // of the place's own name
	also      map[string]bool
	customers map[string]int
	entries   int
	last      calendar.Date
}

// claims says whether an appointment takes up time of its day.
func claims(e *ledger.Entry) bool {
	a := &e.Appointment
	return e.Outcome == ledger.Archived && !a.AllDay && a.Duration() > 0 && !a.Cancelled && !a.Declined && a.ShowAs != calendar.Free
}

func look(entries []ledger.Entry, zone *time.Location, book *customer.Book, aliases Aliases) *survey {
	s := &survey{zone: zone, book: book, aliases: aliases, counts: map[string]*tally{}}
	for i := range entries {
		e := &entries[i]
		if !claims(e) {
			continue
		}
		s.timed = append(s.timed, e)
		if name := s.placeOf(e); name != "" {
			s.count(e, name)
		}
	}
	slices.SortFunc(s.timed, func(a, b *ledger.Entry) int {
		return cmp.Or(a.Appointment.Start.Compare(b.Appointment.Start), a.Appointment.End.Compare(b.Appointment.End), strings.Compare(a.Key, b.Key))
	})
	return s
}

// placeOf is the name of the place at which an appointment is; empty: none. A journey is at no place.
func (s *survey) placeOf(e *ledger.Entry) string {
	if e.Appointment.Travel {
		return ""
	}
	return s.aliases.of(e.Appointment.Location)
}

func (s *survey) count(e *ledger.Entry, name string) {
	t := s.counts[calendar.Folded(name)]
	if t == nil {
		t = &tally{spellings: map[string]int{}, also: map[string]bool{}, customers: map[string]int{}}
		s.counts[calendar.Folded(name)] = t
	}
	t.entries++
	t.spellings[name]++
	if own := Name(e.Appointment.Location); calendar.Folded(own) != calendar.Folded(name) {
		t.also[own] = true
	}
	if who := s.paying(e); who != "" {
		t.customers[who]++
	}
	if day := e.Appointment.Day(s.zone); t.last.Before(day) {
		t.last = day
	}
}

// Customer is whom most appointments of a place are of; empty: there is none.
func (t *tally) customer() string {
	folded := map[string]int{}
	for name, n := range t.customers {
		folded[calendar.Folded(name)] += n
	}
	for name, spelled := range customer.Spellings(t.customers) {
		if 2*folded[name] > t.entries {
			return spelled
		}
	}
	return ""
}

// List are the places of entries, by name. Aliases without an appointment are there, too.
func List(entries []ledger.Entry, zone *time.Location, book *customer.Book, aliases Aliases) []Place {
	s := look(entries, zone, book, aliases)
	for alias, name := range aliases {
		t := s.counts[calendar.Folded(name)]
		if t == nil {
			t = &tally{spellings: map[string]int{name: 1}, also: map[string]bool{}, customers: map[string]int{}}
			s.counts[calendar.Folded(name)] = t
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(t.also)), func(other string) bool { return calendar.Folded(other) == alias }) {
			t.also[alias] = true
		}
	}
	all := []Place{}
	for _, folded := range slices.Sorted(maps.Keys(s.counts)) {
		t := s.counts[folded]
		all = append(all, Place{
			Name: mostOf(t.spellings), Also: slices.Sorted(maps.Keys(t.also)), Entries: t.entries, Customer: t.customer(), Last: t.last,
		})
	}
	return all
}

// mostOf is the text that is there most often; of several the first by the alphabet.
func mostOf(count map[string]int) (most string) {
	for _, text := range slices.Sorted(maps.Keys(count)) {
		if most == "" || count[text] > count[most] {
			most = text
		}
	}
	return most
}

// pair are two places, in whichever direction.
type pair struct{ a, b string }

func between(a, b string) pair { return pair{min(a, b), max(a, b)} }

// leg is what lies between two neighbouring appointments at different places of one day.
type leg struct {
	from, to stop
	recorded bool          // there is travel between them
	journeys time.Duration // how long that is, as far as it lies wholly between them
}

// legs are those of all days. What is at a place while another one lasts is passed over: nobody can say where the user was.
func (s *survey) legs() (all []leg) {
	var last *stop
	var within []*ledger.Entry
	for _, e := range s.timed {
		name := s.placeOf(e)
		if name == "" {
			within = append(within, e)
			continue
		}
		here := stop{e, calendar.Folded(name)}
		if last != nil && last.place != here.place && last.Appointment.Day(s.zone) == e.Appointment.Day(s.zone) &&
			!e.Appointment.Start.Before(last.Appointment.End) {
			l := leg{from: *last, to: here}
			for _, w := range within {
				a := &w.Appointment
				if !a.Travel || !a.End.After(last.Appointment.End) {
					continue
				}
				if l.recorded = true; !a.Start.Before(last.Appointment.End) && !a.End.After(e.Appointment.Start) {
					l.journeys += a.Duration()
				}
			}
			all = append(all, l)
		}
		if last == nil || !e.Appointment.End.Before(last.Appointment.End) {
			last, within = &here, nil
		}
	}
	return all
}

// AtLeast is how many journeys have to be known between two places, for the next one to be expected to take as long.
const AtLeast = 2

// Usual is how long journeys between two places took.
type Usual struct {
	Minutes  int // the median, rounded up
	Journeys int // of which it is that; fewer than AtLeast: nothing is known
}

// usual is what is known of journeys, by their places.
func usual(legs []leg) map[pair]Usual {
	took := map[pair][]time.Duration{}
	for _, l := range legs {
		if l.journeys > 0 {
			p := between(l.from.place, l.to.place)
			took[p] = append(took[p], l.journeys)
		}
	}
	known := map[pair]Usual{}
	for p, all := range took {
		slices.Sort(all)
		n := len(all)
		median := (all[(n-1)/2] + all[n/2]) / 2
		known[p] = Usual{Minutes: int((median + time.Minute - 1) / time.Minute), Journeys: n}
	}
	return known
}

// Gap is a journey that must have been made and is not recorded.
type Gap struct {
	From, To           *ledger.Entry
	FromPlace, ToPlace string // as most appointments have them
	// Usual says how long such journeys take. Without AtLeast of them nothing is suggested.
	Usual
	// Start and End are when the journey is suggested: as late as there is time for it. Zero: nothing is suggested.
	Start, End time.Time
	// Category is that of the journey; empty: none.
	Category string
	// Unreachable says that there was not time enough: the user cannot have been at both.
	Unreachable bool
}

// Gaps finds the journeys that are missing from the days of w. Entries are those of w and of the time before from which usual journeys are known.
func Gaps(entries []ledger.Entry, w calendar.Window, book *customer.Book, aliases Aliases) []Gap {
	s := look(entries, w.Zone, book, aliases)
	legs := s.legs()
	known := usual(legs)
	gaps := []Gap{}
	for _, l := range legs {
		day := l.to.Appointment.Day(w.Zone)
		if l.recorded || day.Before(w.From) || w.To.Before(day) {
			continue
		}
		g := Gap{From: l.from.Entry, To: l.to.Entry, FromPlace: mostOf(s.counts[l.from.place].spellings), ToPlace: mostOf(s.counts[l.to.place].spellings)}
		if u := known[between(l.from.place, l.to.place)]; u.Journeys >= AtLeast {
			g.Usual = u
			g.suggest(s, &l)
		}
		gaps = append(gaps, g)
	}
	return gaps
}

// suggest puts the journey into the latest stretch without an appointment that is long enough.
func (g *Gap) suggest(s *survey, l *leg) {
	long := time.Duration(g.Minutes) * time.Minute
	for _, free := range s.stretches(l) {
		if free.to.Sub(free.from) >= long {
			g.Start, g.End = free.to.Add(-long), free.to
			break
		}
	}
	if g.Unreachable = g.End.IsZero(); g.Unreachable {
		return
	}
	g.Category = s.payer(l)
}

// stretch is time without an appointment.
type stretch struct{ from, to time.Time }

// stretches are those of a leg, the latest first.
func (s *survey) stretches(l *leg) (all []stretch) {
	at, end := l.from.Appointment.End, l.to.Appointment.Start
	for _, e := range s.timed { // by start
		a := &e.Appointment
		if !a.End.After(at) || !a.Start.Before(end) {
			continue
		}
		if a.Start.After(at) {
			all = append(all, stretch{at, a.Start})
		}
		at = a.End
	}
	if end.After(at) {
		all = append(all, stretch{at, end})
	}
	slices.Reverse(all)
	return all
}

// payer says whose the journey of a leg is, as the customers' records have it: that of the appointment it leads to, or else of the one it comes from.
func (s *survey) payer(l *leg) string {
	to, from := s.customerOf(&l.to), s.customerOf(&l.from)
	if to != "" {
		if s.policy(to) == customer.NoTravel {
			return ""
		}
		return categoryOf(to, l.to.Appointment.BillingType)
	}
	if from != "" && s.policy(from) == customer.TravelBoth {
		return categoryOf(from, l.from.Appointment.BillingType)
	}
	return ""
}

// customerOf is the customer of an appointment, or else of its place.
func (s *survey) customerOf(at *stop) string {
	return cmp.Or(s.paying(at.Entry), s.counts[at.place].customer())
}

// paying is the customer of an appointment; empty: it has none, or is of the time that nobody pays for.
func (s *survey) paying(e *ledger.Entry) string {
	a := &e.Appointment
	if a.Customer == "" || category.OwnTime(a.Customer, a.BillingType) {
		return ""
	}
	return s.book.Named(a.Customer)
}

func (s *survey) policy(name string) customer.Policy {
	if c := s.book.Find(name); c != nil {
		return c.Policy()
	}
	return customer.TravelTo
}

func categoryOf(name string, billing calendar.BillingType) string {
	return name + " - " + string(cmp.Or(billing, calendar.Billable))
}
