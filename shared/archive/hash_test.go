package archive

import (
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

func hashOf(t *testing.T, e calendar.Event) string {
	t.Helper()
	return itemOf(t, planOf(day(e)), e.ID).Hash
}

func full() calendar.Event {
	return busy("a", "09:00", "10:00", billed, func(e *calendar.Event) {
		e.Body = calendar.Body{ContentType: "text", Content: "Agenda"}
		e.BodyPreview = "Agenda"
		e.Location = "Room 7"
		e.Organizer = calendar.Person{Name: "Olga", Address: "olga@example.com"}
		e.Attendees = []calendar.Attendee{
			{Person: calendar.Person{Name: "Ann", Address: "ann@example.com"}, Type: "required", Response: calendar.Accepted},
			{Person: calendar.Person{Name: "Bob", Address: "bob@example.com"}, Type: "optional"},
		}
		e.OnlineURL = "https://meet.example.com/1"
		e.Sensitivity = calendar.Personal
	})
}

func TestHashNoticesContent(t *testing.T) {
	before := hashOf(t, full())
	if !strings.HasPrefix(before, "sha256:") || len(before) != len("sha256:")+64 {
		t.Fatalf("%q", before)
	}
	seen := map[string]string{before: "nothing"}
	for what, change := range map[string]with{
		"the subject":             subject("b"),
		"its case":                subject("A"),
		"the body":                func(e *calendar.Event) { e.Body.Content = "No agenda" },
		"the body's type":         func(e *calendar.Event) { e.Body.ContentType = "html" },
		"no body":                 func(e *calendar.Event) { e.Body, e.BodyPreview = calendar.Body{}, "" },
		"the start":               func(e *calendar.Event) { e.Start = clock("09:01") },
		"the end":                 func(e *calendar.Event) { e.End = clock("2026-10-05T10:00:00.000000001") },
		"all day":                 allDay,
		"the location":            inRoom8,
		"no category":             categories(),
		"another category":        categories("Acme - non-billable"),
		"a further category":      categories("Acme - billable", "Online"),
		"the status":              shown(calendar.Tentative),
		"the importance":          high,
		"the sensitivity":         sensitive(calendar.Private),
		"cancelled":               cancelled,
		"declined":                declined,
		"the organiser's address": func(e *calendar.Event) { e.Organizer.Address = "olga@example.org" },
		"an attendee less":        func(e *calendar.Event) { e.Attendees = e.Attendees[:1] },
		"an attendee's address": func(e *calendar.Event) {
			e.Attendees = slices.Clone(e.Attendees)
			e.Attendees[1].Address = "rob@example.com"
		},
		"the link":                     func(e *calendar.Event) { e.OnlineURL = "" },
		"the location in the category": func(e *calendar.Event) { e.Location, e.Categories = "", []string{"Room 7", "Acme - billable"} },
	} {
		e := full()
		change(&e)
		h := hashOf(t, e)
		if other, ok := seen[h]; ok {
			t.Errorf("%s hashes like %s", what, other)
		}
		seen[h] = what
	}
}

func inRoom8(e *calendar.Event) { e.Location = "Room 8" }

func TestHashPassesOverWhatIsNoContent(t *testing.T) {
	before := hashOf(t, full())
	for what, change := range map[string]with{
		"etag":          func(e *calendar.Event) { e.ETag = "W/1" },
		"change key":    func(e *calendar.Event) { e.ChangeKey = "k" },
		"last modified": modified("2026-11-01T00:00:00Z"),
		"created":       func(e *calendar.Event) { e.Created = time.Unix(1, 0) },
		"an answer": func(e *calendar.Event) {
			e.Attendees = slices.Clone(e.Attendees)
			e.Attendees[1].Response = calendar.Declined
		},
		"names": func(e *calendar.Event) {
			e.Attendees = slices.Clone(e.Attendees)
			e.Attendees[1].Name, e.Organizer.Name = "bob@example.com", "olga@example.com"
		},
		"the case of an address":          func(e *calendar.Event) { e.Organizer.Address = "Olga@Example.com" },
		"an attendee who is listed twice": func(e *calendar.Event) { e.Attendees = append(slices.Clone(e.Attendees), e.Attendees[0]) },
		"an attendee who is required":     func(e *calendar.Event) { e.Attendees = slices.Clone(e.Attendees); e.Attendees[1].Type = "required" },
		"somebody without an address": func(e *calendar.Event) {
			e.Attendees = append(slices.Clone(e.Attendees), calendar.Attendee{Person: calendar.Person{Name: "Room"}})
		},
		"the order of the attendees": func(e *calendar.Event) { e.Attendees = slices.Clone(e.Attendees); slices.Reverse(e.Attendees) },
		"the zone of the same times": func(e *calendar.Event) {
			e.Start, e.End = calendar.DateTime{Local: "2026-10-05T07:00:00.0000000", Zone: "UTC"}, calendar.DateTime{Local: "2026-10-05T08:00:00Z"}
		},
		"a preview beside the body":    func(e *calendar.Event) { e.BodyPreview = "Agen" },
		"a digest instead of the body": func(e *calendar.Event) { e.BodyDigest, e.Body = BodyDigest(e.Body), calendar.Body{} },
		"the provider's id":            func(e *calendar.Event) { e.ID = "z" },
	} {
		e := full()
		change(&e)
		if hashOf(t, e) != before {
			t.Errorf("%s changes the hash", what)
		}
	}
	kept := full()
	slices.Reverse(kept.Attendees)
	first := kept.Attendees[0].Name
	hashOf(t, kept)
	if kept.Attendees[0].Name != first {
		t.Error("hashing sorts the event's own attendees")
	}
}

func TestHashTakesMissingWordsForTheirDefaults(t *testing.T) {
	said := busy("a", "09:00", "10:00", shown(calendar.Unknown), func(e *calendar.Event) { e.Response = calendar.NoResponse })
	unsaid := busy("a", "09:00", "10:00", shown(""), important(""), sensitive(""), func(e *calendar.Event) { e.Response = "" })
	if hashOf(t, said) != hashOf(t, unsaid) {
		t.Error("a word that is left out is another content")
	}
}

func TestHashOfAllDayIsOfItsDates(t *testing.T) {
	e := wholeDays("a", "2026-10-05", "2026-10-06")
	hashIn := func(zone string) string {
		s := setting(func(s *Settings) { s.Zone = zoneNamed(zone) })
		return itemOf(t, newPlan(day(e), calendar.Window{From: monday.From, To: monday.To, Zone: s.Zone}, s, nil), "a").Hash
	}
	if hashIn("Europe/Berlin") != hashIn("America/New_York") {
		t.Error("the config's zone changes the content")
	}
	if hashOf(t, e) == hashOf(t, wholeDays("a", "2026-10-05", "2026-10-07")) {
		t.Error("a day more is not noticed")
	}
}

func TestHashIsNotOfWhatWeAdd(t *testing.T) {
	it := itemOf(t, planOf(day(busy("a", "09:00", "10:00"))), "a")
	if it.Appointment.Sensitivity != calendar.Private || it.Hash != contentHash(&candidate{Item: &Item{Event: it.Event, Appointment: it.Appointment}}) {
		t.Errorf("%s %s", it.Appointment.Sensitivity, it.Hash)
	}
}

// Ledgers have the hash. If the same content got another one, everything would drift.
func TestHashStaysWhatItIs(t *testing.T) {
	if got, want := hashOf(t, full()), "sha256:48eab2526e094b6e1450dcfb8f05c6141f83527cb8af835e78a8e452502e7597"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Older ledgers have that of the first form, and marks its beginning.
	const first = "sha256:a961c9c79d4b5fc9b9525db3c399a38f5cf0ae703a1f3d484c8588dae2035e29"
	for _, hash := range []string{first, first[:len("sha256:")+32]} {
		held := heldAfter(t, planOf(day(full())))
		held[0].SourceHash = hash
		if it := itemOf(t, newPlan(day(full()), monday, settings, held), "a"); it.Outcome != Unchanged {
			t.Errorf("with %s it is %s", hash, it.Outcome)
		}
		renamed := full()
		renamed.Subject = "another"
		if it := itemOf(t, newPlan(day(renamed), monday, settings, held), "a"); it.Outcome != Drifted {
			t.Errorf("with %s a change is %s", hash, it.Outcome)
		}
	}
}

func TestPeopleWhomExchangeShowsByItsOwnAddresses(t *testing.T) {
	exchange := func(e *calendar.Event) {
		e.Attendees = slices.Clone(e.Attendees)
		e.Attendees[1].Address, e.Organizer.Address = "/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn=bob@1", "Olga"
	}
	was, now := full(), full()
	exchange(&now)
	third := now
	third.Attendees = append(slices.Clone(now.Attendees), calendar.Attendee{Person: calendar.Person{Address: "third@example.com"}})
	longer := now
	longer.End = clock("11:00")
	other := full()
	other.Attendees = slices.Clone(other.Attendees)
	other.Attendees[1].Address = "rob@example.com"
	for _, tt := range []struct {
		name      string
		was, now  calendar.Event
		unchanged bool
	}{
		{"are the same people", was, now, true},
		{"are the same people when they are shown as usual again", now, was, true},
		{"may be one more", was, third, false},
		{"may come for longer", was, longer, false},
		{"are others if all have their usual addresses", was, other, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held := heldAfter(t, planOf(day(tt.was)))
			held[0].Source = &tt.was
			if it := itemOf(t, newPlan(day(tt.now), monday, settings, held), "a"); (it.Outcome == Unchanged) != tt.unchanged {
				t.Errorf("it is %s", it.Outcome)
			}
		})
	}
}

func TestBodyDigest(t *testing.T) {
	if BodyDigest(calendar.Body{ContentType: "html"}) != "" {
		t.Error("no body has a digest")
	}
	if BodyDigest(calendar.Body{ContentType: "text", Content: "x"}) == BodyDigest(calendar.Body{ContentType: "html", Content: "x"}) {
		t.Error("text and HTML are the same")
	}
}
