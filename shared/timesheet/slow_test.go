package timesheet

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
)

// slow computes a sheet without locked ones anew: it goes day by day and second by second where Compute sorts and sweeps, and reckons in fractions.
func slow(entries []Entry, t Terms) *Sheet {
	s := &Sheet{Period: t.Period, Positions: []Position{}, Lines: []Line{}, Totals: []Total{}, LeftOut: []LeftOut{}, Overlaps: [][2]string{}}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int {
		if c := a.Appointment.Start.Compare(b.Appointment.Start); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	worked := map[int64]bool{}
	type where struct {
		customer, billing, kind, rate string
		rounding                      int
	}
	rounds := map[where][]Line{}
	for date := t.Period.From; !t.Period.To.Before(date); date = date.AddDays(1) {
		for _, e := range entries {
			a := e.Appointment
			if t.Customer != "" && a.Customer != "" && a.Customer != t.Customer {
				continue
			}
			if a.AllDay && (date.Before(a.StartDate) || !date.Before(a.EndDate)) || !a.AllDay && a.Start.In(t.Zone).Format(time.DateOnly) != date.String() {
				continue
			}
			reason := Reason("")
			if a.Customer == "" {
				reason = NoCustomer
			}
			if a.AllDay && t.DayMinutes == 0 {
				reason = WholeDay
			}
			if a.Sensitivity != "normal" && a.Sensitivity != "" {
				reason = Private
			}
			if reason != "" {
				if !slices.Contains(s.LeftOut, LeftOut{e.Key, reason}) {
					s.LeftOut = append(s.LeftOut, LeftOut{e.Key, reason})
				}
				continue
			}
			l := Line{
				Key: e.Key, Version: e.Version, Hash: e.Hash, Date: date, Customer: a.Customer, BillingType: a.BillingType, Kind: "work", Subject: a.Subject,
				Flags: []Flag{},
			}
			if a.Travel {
				l.Kind = "travel"
				if l.BillingType == "" {
					l.BillingType = "billable"
				}
			}
			if a.AllDay {
				l.Seconds = int64(60 * t.DayMinutes)
				l.Flags = append(l.Flags, "all_day")
				s.Worked += l.Seconds
			} else {
				l.Start, l.End = a.Start.Format("2006-01-02T15:04:05Z"), a.End.Format("2006-01-02T15:04:05Z")
				for at := a.Start.Unix(); at < a.End.Unix(); at++ {
					l.Seconds++
					worked[at] = true
				}
				if l.Seconds > 0 && a.End.Add(-time.Second).In(t.Zone).Format(time.DateOnly) != date.String() {
					l.Flags = append(l.Flags, "crosses_midnight")
				}
			}
			rate := ""
			best := calendar.Date{}
			for _, r := range t.Rates {
				if !date.Before(r.From) && best.Before(r.From) {
					best, rate = r.From, r.Work
					if l.Kind == "travel" {
						rate = r.Travel
					}
				}
			}
			if l.BillingType != "billable" {
				rate = ""
			} else if rate == "" {
				l.Flags = append(l.Flags, "no_rate")
			}
			l.Rate = rate
			if l.Seconds == 0 {
				l.Flags = append(l.Flags, "zero_length")
			}
			rounding := -1
			for i, r := range t.Rounding {
				if !date.Before(r.From) && (rounding < 0 || t.Rounding[rounding].From.Before(r.From)) {
					rounding = i
				}
			}
			l.Billed = l.Seconds
			if rounding >= 0 && t.Rounding[rounding].Scope == "entry" {
				l.Billed = slowRound(l.Seconds, t.Rounding[rounding])
			}
			s.Lines = append(s.Lines, l)
			at := where{l.Customer, string(l.BillingType), string(l.Kind), l.Rate, rounding}
			rounds[at] = append(rounds[at], l)
		}
	}
	s.Worked += int64(len(worked))
	for i, l := range s.Lines {
		for _, o := range s.Lines[i+1:] {
			if l.Start != "" && o.Start != "" && l.Start < o.End && o.Start < l.End && l.Start < l.End && o.Start < o.End {
				s.Overlaps = append(s.Overlaps, [2]string{min(l.Key, o.Key), max(l.Key, o.Key)})
			}
		}
	}
	slices.SortFunc(s.Overlaps, func(a, b [2]string) int { return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1]) })
	slices.SortStableFunc(s.Lines, func(a, b Line) int { return strings.Compare(a.Start+" "+a.Key, b.Start+" "+b.Key) })

	total := new(big.Rat)
	paid := false
	for at, lines := range rounds {
		p := Position{Customer: at.customer, BillingType: calendar.BillingType(at.billing), Kind: Kind(at.kind), Rate: at.rate, Currency: t.Currency}
		byDate := map[string]int64{}
		for _, l := range lines {
			p.Seconds += l.Seconds
			p.Billed += l.Billed
			byDate[l.Date.String()] += l.Seconds
		}
		if at.rounding >= 0 {
			switch r := t.Rounding[at.rounding]; r.Scope {
			case "position":
				p.Billed = slowRound(p.Seconds, r)
			case "day":
				p.Billed = 0
				for _, n := range byDate {
					p.Billed += slowRound(n, r)
				}
			}
		}
		if at.rate != "" {
			rate, _ := new(big.Rat).SetString(at.rate)
			cost := new(big.Rat).Mul(big.NewRat(p.Billed, 3600), rate)
			places := map[string]int{"EUR": 2, "JPY": 0, "KWD": 3}[t.Currency]
			p.Amount = cost.FloatString(places) // which rounds halves away from zero
			exact, _ := new(big.Rat).SetString(p.Amount)
			total.Add(total, exact)
			paid = true
		}
		s.Billed += p.Billed
		s.Positions = append(s.Positions, p)
	}
	if paid {
		s.Totals = append(s.Totals, Total{t.Currency, total.FloatString(map[string]int{"EUR": 2, "JPY": 0, "KWD": 3}[t.Currency])})
	}
	return s
}

func slowRound(seconds int64, r Rounding) int64 {
	if seconds == 0 {
		return 0
	}
	billed := seconds
	if step := int64(60 * r.Increment); step > 0 {
		billed = 0
		for r.Mode == "up" && billed < seconds || r.Mode == "nearest" && 2*(seconds-billed) >= step {
			billed += step
		}
	}
	if least := int64(60 * r.Least); billed < least {
		billed = least
	}
	return billed
}

// plainTerms are random terms as the slow computation takes them: rates are written in one way, and travel has a rate of its own.
func plainTerms(t *rapid.T) Terms {
	terms := randomTerms(t)
	for i := range terms.Rates {
		r := &terms.Rates[i]
		if r.Work == "27.5" {
			r.Work = "27.50"
		}
		if strings.HasSuffix(r.Travel, "%") {
			r.Travel = "17.3456"
		}
	}
	// neighbours that do the same part no position
	slices.SortFunc(terms.Rounding, func(a, b Rounding) int { return a.From.Compare(b.From) })
	terms.Rounding = slices.CompactFunc(terms.Rounding, func(a, b Rounding) bool { a.From = b.From; return a == b })
	return terms
}

func TestComputeIsAsASlowComputationHasIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []Entry
		for i := range rapid.IntRange(0, 25).Draw(t, "entries") {
			entries = append(entries, randomEntry(t, string(rune('a'+i)), 1))
		}
		terms := plainTerms(t)
		terms.Period = rapid.SampledFrom([]Period{
			{day("2026-10-01"), day("2026-10-31")}, {day("2026-10-25"), day("2026-10-25")}, {day("2026-10-20"), day("2026-12-24")},
		}).Draw(t, "period")
		got, err := Compute(entries, terms)
		if err != nil {
			t.Fatal(err)
		}
		if problem := got.wrong(terms.Zone, terms.Rounding); problem != "" {
			t.Fatalf("what was computed does not hold: %s", problem)
		}
		want := slow(entries, terms)
		// positions that the rounding parts have an order that is not that of the slow one, which has none
		order := func(a, b Position) int { return strings.Compare(string(mustText(a)), string(mustText(b))) }
		sorted := slices.Clone(got.Positions)
		slices.SortFunc(sorted, order)
		slices.SortFunc(want.Positions, order)
		if diff := cmp.Diff(want.Positions, sorted); diff != "" {
			t.Fatalf("positions (-slow +ours):\n%s", diff)
		}
		got, want.Positions = &*got, got.Positions
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-slow +ours):\n%s", diff)
		}
		if !slices.IsSortedFunc(got.Positions, func(a, b Position) int {
			return strings.Compare(a.Customer+"\x00"+string(a.BillingType)+"\x00"+string(a.Kind), b.Customer+"\x00"+string(b.BillingType)+"\x00"+string(b.Kind))
		}) {
			t.Fatalf("the positions are not sorted: %+v", got.Positions)
		}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rnd.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		rnd.Shuffle(len(terms.Rates), func(i, j int) { terms.Rates[i], terms.Rates[j] = terms.Rates[j], terms.Rates[i] })
		rnd.Shuffle(len(terms.Rounding), func(i, j int) { terms.Rounding[i], terms.Rounding[j] = terms.Rounding[j], terms.Rounding[i] })
		if again, err := Compute(entries, terms); err != nil || again.Hash() != got.Hash() {
			t.Fatalf("in another order it is another sheet: %v\n%s", err, cmp.Diff(got, again))
		}
	})
}

func TestDaysAddUpToPositions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []Entry
		for i := range rapid.IntRange(0, 25).Draw(t, "entries") {
			entries = append(entries, randomEntry(t, string(rune('a'+i)), 1))
		}
		terms := randomTerms(t)
		for i := range terms.Rounding {
			terms.Rounding[i].Scope = rapid.SampledFrom([]Scope{ByEntry, ByDay}).Draw(t, "scope")
		}
		s, err := Compute(entries, terms)
		if err != nil {
			t.Fatal(err)
		}
		d := &Document{Sheet: s, Zone: terms.Zone, Rounding: terms.Rounding}
		byDay := map[calendar.Date][]*Line{}
		for i := range s.Lines {
			l := &s.Lines[i]
			byDay[l.Date] = append(byDay[l.Date], l)
		}
		sum := int64(0)
		for day, lines := range byDay {
			billed, ok := d.BilledOn(day, lines)
			if !ok {
				t.Fatalf("%s is not known", day)
			}
			sum += billed
		}
		if sum != s.Billed {
			t.Fatalf("the days have %d seconds, the positions %d", sum, s.Billed)
		}
	})
}

func TestADayHasNoShareOfWhatIsRoundedByPosition(t *testing.T) {
	d := &Document{Rounding: []Rounding{
		{From: day("2026-10-01"), Increment: 15, Mode: Up, Scope: ByPosition}, {From: day("2026-10-02"), Scope: ByPosition, Least: 5},
		{From: day("2026-10-03"), Scope: ByPosition}, {From: day("2026-10-04"), Increment: 15, Mode: Up, Scope: ByDay},
	}}
	lines := []*Line{{Seconds: 60, Billed: 60, Rate: "1"}, {Seconds: 60, Billed: 60, Rate: "2"}}
	for text, want := range map[string]string{
		"2026-09-30": "120 true true", "2026-10-01": "120 false false", "2026-10-02": "120 false false", "2026-10-03": "120 true true",
		"2026-10-04": "1800 true false",
	} {
		billed, ok := d.BilledOn(day(text), lines)
		if got := fmt.Sprint(billed, ok, d.RoundsEntries(day(text))); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func mustText(p Position) []byte { return (&Sheet{Positions: []Position{p}}).JSON() }
