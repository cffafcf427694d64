package web

import (
	"regexp"
	"strings"
)

// failures are what is wrong with forms, by words that the text of a failure has, in the languages other than that of the texts: the first that fits counts.
// A text that is not among them stays as it is.
var failures = []struct{ has, de string }{
	{"is missing: there are rates", "Fehlt: Es gibt Sätze."},
	{"is missing: the first day on which", "Fehlt: der erste Tag, ab dem das gilt."},
	{"is missing: say why the timesheet", "Fehlt: Warum wird der Stundenzettel wieder Entwurf?"},
	{"is missing; give a day", "Fehlt: ein Tag wie 2026-10-05."},
	{"is missing", "Fehlt."},
	{"is needed to approve the timesheet", "Ist nötig, weil noch etwas offen ist: Warum ist die Freigabe trotzdem richtig?"},
	{"must be a day as in 2026", "Muss ein Tag sein wie 2026-10-05."},
	{"before from", "Liegt vor dem ersten Tag."},
	{"are read at once", "Das sind zu viele Tage auf einmal."},
	{"are added up at once", "Das sind zu viele Tage auf einmal."},
	{"are tried at once", "Das sind zu viele Tage auf einmal."},
	{"must be a decimal as in 60.00 or a share", "Muss ein Betrag sein wie 60,00, oder ein Anteil wie 50%."},
	{"must be a share as in", "Muss ein Anteil sein wie 50%."},
	{"must be a decimal as in", "Muss ein Betrag sein wie 120,00, mit höchstens vier Stellen nach dem Komma."},
	{"a day from which there is another", "Ab diesem Tag gibt es schon einen anderen Eintrag."},
	{"must be a whole number of minutes", "Muss eine ganze Zahl von Minuten sein."},
	{"that divides an hour", "Muss eine Zahl von Minuten sein, die eine Stunde teilt, wie 6, 15 oder 30."},
	{"must be 0 to 1440", "Muss 0 bis 1440 sein."},
	{"which is no currency", "Ist keine Währung nach ISO 4217; schreiben Sie sie wie EUR."},
	{"is a name that the customer has already", "Diesen Namen hat der Kunde schon."},
	{"is a name of customer", "Diesen Namen hat ein anderer Kunde."},
	{"there is a customer", "Diesen Kunden gibt es schon."},
	{"is an alias of customer", "Diesen Namen hat ein anderer Kunde als Alias."},
	{"must be one that a category can name", "Muss ein Name sein, den eine Kategorie nennen kann."},
	{"must not begin or end with a space", "Darf nicht mit einem Leerzeichen beginnen oder enden."},
	{"must be one line", "Muss eine Zeile sein, ohne Steuerzeichen."},
	{"must have no control characters", "Darf keine Steuerzeichen haben."},
	{"must have at most", "Ist zu lang."},
	{"must have 1 to", "Ist leer oder zu lang, oder hat Zeichen, die hier nicht gehen."},
	{"is there twice", "Steht zweimal da."},
	{"must be the address alone", "Muss die Adresse allein sein, wie anna@example.com."},
	{"is no e-mail address", "Ist keine E-Mail-Adresse; schreiben Sie sie wie anna@example.com."},
	{"must be an address", "Ist keine E-Mail-Adresse, die hier geht."},
	{"is no address of customer", "Ist keine Adresse dieses Kunden."},
	{"has no address that timesheets", "Der Kunde hat keine Adresse für Stundenzettel."},
	{"is no category that could be read", "Ist keine Kategorie, die gelesen werden kann: „Kunde - billable“ oder „Kunde - non-billable“."},
	{"no list of categories tells apart", "Unterscheidet sich vom alten Namen nur in Groß- und Kleinschreibung oder Leerzeichen."},
	{"merge the two first", "Beide Kunden haben einen Eintrag: Legen Sie sie zuerst zusammen."},
	{"must be none, or preset0", "Muss eine der Farben sein."},
	{"is empty: a rule needs one condition", "Mindestens eine Bedingung ist nötig."},
	{"is empty: say category, privacy", "Sagen Sie, was geschehen soll: Kategorie, Privatheit, Auslassen oder Reise."},
	{"is empty: say with what", "Womit soll verglichen werden?"},
	{"cannot be read", "Kann nicht gelesen werden: „Kunde - billable“ oder „Kunde - non-billable“."},
	{"names no customer", "Nennt keinen Kunden."},
	{"must be true or false", "Muss ja oder nein sein."},
	{"must be a day in English", "Muss ein Wochentag sein."},
	{"must be a time of day", "Muss eine Uhrzeit sein wie 09:30."},
	{"must be a number of minutes", "Muss eine Zahl von Minuten sein."},
	{"must be a domain", "Muss eine Domain sein wie acme.example."},
	{"is no regular expression", "Ist kein regulärer Ausdruck nach RE2."},
	{"is no word", "Ist kein Wort: Es hat weder Buchstaben noch Ziffern."},
	{"has days of the period", "Ein anderer Stundenzettel dieses Kunden, der freigegeben oder abgeschlossen ist, hat Tage dieses Zeitraums."},
	{"is writing the ledger", "Ein Lauf schreibt gerade; versuchen Sie es, wenn er fertig ist."},
	{"supplements this one; reopen that one first", "Ein späterer Stundenzettel trägt diesem nach; öffnen Sie zuerst jenen."},
	{"lock that one first", "Er trägt einem anderen nach; schließen Sie zuerst jenen ab."},
	{"no mail is sent from here", "Von hier wird keine Mail verschickt."},
	{"and none is sent there any more", "Mail an diese Adresse kam zurück; dorthin geht keine mehr."},
	{"not known whether the mail", "Es ist nicht bekannt, ob die Mail abging; fragen Sie nach, bevor Sie sie nochmals senden."},
	{"must be one of", "Das passt hier nicht."},
	{", not ", "Das passt hier nicht."},
}

var lineOf = regexp.MustCompile(`^line (\d+) `)

// failure is what is wrong, as a sentence in the person's language.
func (s speech) failure(text string) string {
	if s.lang != "de" {
		return sentence(text)
	}
	before := ""
	if m := lineOf.FindStringSubmatch(text); m != nil {
		before = s.t("failure.line", m[1]) + " "
	}
	for _, f := range failures {
		if strings.Contains(text, f.has) {
			return before + f.de
		}
	}
	return sentence(text)
}
