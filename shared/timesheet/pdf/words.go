package pdf

import (
	"fmt"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/timesheet"
)

// words are all that a page says by itself, in one language.
type words struct {
	title, number, period, made, state, order, buyer, invoice         string
	positions, description, rate, time, billed, amount, sums          string
	entries, travel, supplements, fromTo, subject, allDay             string
	work, travelling, notBilled, noRate                               string
	crossesMidnight, replaced, newOne, reversal                       string
	noSubject, rounding, noRounding, check, hash, link, head, command string
	attached, draft, page                                             string
	states                                                            map[timesheet.State]string
	scopes                                                            map[timesheet.Scope]string
	weekdays                                                          [7]string
	timesheet.Language
}

var english = words{
	title: "Timesheet", number: "Timesheet no.", period: "Period", made: "Date", state: "Status", order: "Order number", buyer: "Your reference",
	invoice:   "Invoice",
	positions: "Summary", description: "Description", rate: "Rate per hour", time: "Time", billed: "Billed", amount: "Amount",
	sums: "Total time", entries: "Work", travel: "Travel", supplements: "Supplements to earlier timesheets", fromTo: "From – to", subject: "Subject",
	allDay: "all day", work: "Work", travelling: "Travel", notBilled: "not billed", noRate: "no rate",
	crossesMidnight: "ends on a later day; counted on the day on which it starts", replaced: "replaces", newOne: "new", reversal: "takes back",
	noSubject: "(no subject)", rounding: "Rounding", noRounding: "Time is not rounded.", check: "How to check this timesheet", hash: "SHA-256",
	link: "Ledger link",
	head: "Ledger head", command: "Command",
	attached: "The file that proves it is attached to this document. The command needs no account and no connection.",
	draft:    "DRAFT – computed when it was looked at, and not binding", page: "Page %d of %d",
	states: map[timesheet.State]string{timesheet.Draft: "draft", timesheet.Approved: "approved", timesheet.Final: "final"},
	scopes: map[timesheet.Scope]string{timesheet.ByEntry: "for each entry", timesheet.ByDay: "for each day",
		timesheet.ByPosition: "for each line of the summary"},
	weekdays: [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
}

var german = words{
	title: "Leistungsnachweis", number: "Nachweis Nr.", period: "Zeitraum", made: "Datum", state: "Stand", order: "Bestellnummer", buyer: "Ihre Referenz",
	invoice: "Rechnung", positions: "Zusammenfassung", description: "Bezeichnung", rate: "Stundensatz", time: "Zeit", billed: "Berechnet",
	amount: "Betrag", sums: "Zeit gesamt", entries: "Leistungen", travel: "Reisezeit", supplements: "Nachträge zu früheren Nachweisen",
	fromTo: "Von – bis", subject: "Betreff", allDay: "ganztägig", work: "Arbeitszeit", travelling: "Reisezeit", notBilled: "nicht berechnet",
	noRate:          "ohne Stundensatz",
	crossesMidnight: "endet an einem späteren Tag; zählt zu dem Tag, an dem es beginnt",
	replaced:        "ersetzt", newOne: "neu", reversal: "Storno",
	noSubject: "(ohne Betreff)", rounding: "Rundung", noRounding: "Zeiten werden nicht gerundet.", check: "So lässt sich dieser Nachweis prüfen", hash: "SHA-256",
	link: "Glied der Kette", head: "Kopf der Kette", command: "Befehl",
	attached: "Die Beweisdatei ist diesem Dokument angehängt. Der Befehl braucht weder Konto noch Verbindung.",
	draft:    "ENTWURF – beim Ansehen berechnet, nicht verbindlich", page: "Seite %d von %d",
	states:   map[timesheet.State]string{timesheet.Draft: "Entwurf", timesheet.Approved: "freigegeben", timesheet.Final: "abgeschlossen"},
	scopes:   map[timesheet.Scope]string{timesheet.ByEntry: "je Eintrag", timesheet.ByDay: "je Tag", timesheet.ByPosition: "je Zeile der Zusammenfassung"},
	weekdays: [7]string{"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"},
	Language: timesheet.Language{German: true},
}

func wordsOf(locale string) *words {
	if timesheet.LanguageOf(locale).German {
		return &german
	}
	return &english
}

// weekday writes a day with its name: Mon 5 Oct 2026, Mo 05.10.2026.
func (w *words) weekday(d calendar.Date) string { return w.weekdays[d.Weekday()] + " " + w.Date(d) }

// made writes the day of an instant.
func (w *words) dayOf(t time.Time, zone *time.Location) string {
	return w.Date(calendar.DateOf(t, zone))
}

// roundingText says in words how time is rounded.
func (w *words) roundingText(r timesheet.Rounding) string {
	scope := w.scopes[r.Scope]
	var text string
	switch {
	case r.Increment == 0:
		text = w.noRounding
	case w.German && r.Mode == timesheet.Up:
		text = fmt.Sprintf("Zeiten werden %s auf volle %d Minuten aufgerundet.", scope, r.Increment)
	case w.German:
		text = fmt.Sprintf("Zeiten werden %s auf die nächsten %d Minuten gerundet, die Hälfte nach oben.", scope, r.Increment)
	case r.Mode == timesheet.Up:
		text = fmt.Sprintf("Time is rounded up to %d minutes %s.", r.Increment, scope)
	default:
		text = fmt.Sprintf("Time is rounded to the nearest %d minutes %s, halves upwards.", r.Increment, scope)
	}
	switch {
	case r.Least == 0:
	case w.German:
		text += fmt.Sprintf(" Es zählen %s mindestens %d Minuten.", scope, r.Least)
	default:
		text += fmt.Sprintf(" At least %d minutes count %s.", r.Least, scope)
	}
	return text
}

// roundings says how time is rounded in a period.
func (w *words) roundings(all []timesheet.Rounding, p timesheet.Period) []string {
	in := timesheet.RoundingIn(all, p)
	if len(in) == 0 {
		return []string{w.noRounding}
	}
	var texts []string
	if p.From.Before(in[0].From) {
		texts = append(texts, w.noRounding)
	}
	for _, r := range in {
		text := w.roundingText(r)
		switch {
		case !p.From.Before(r.From):
		case w.German:
			text = "Ab " + w.Date(r.From) + ": " + text
		default:
			text = "From " + w.Date(r.From) + ": " + text
		}
		texts = append(texts, text)
	}
	return texts
}
