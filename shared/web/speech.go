package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/calendar"
	"adminassistant/shared/phrase"
)

// speech is the language in which a person reads.
type speech struct{ lang string }

// speechOf is the language of the settings, if the user has chosen any, else that of the browser.
func speechOf(r *http.Request, settings *account.Settings, chosen bool) speech {
	wanted := r.Header.Get("Accept-Language")
	if chosen {
		wanted = settings.Locale
	}
	return speech{string(phrase.Match(wanted))}
}

// reader is the person as one who reads phrases, in the zone of the settings.
func (v *view) reader() phrase.Reader {
	return phrase.Reader{Language: phrase.Language(v.lang), Zone: v.zone()}
}

// speechFor is the language of whoever asks, if that is known, else that of the browser.
func (s *web) speechFor(r *http.Request) speech {
	if who, err := account.From(r.Context()); err == nil {
		if p, err := s.Users.Remembered(r.Context(), who); err == nil {
			return speechOf(r, &p.Settings, p.SettingsVersion > 0)
		}
	}
	return speechOf(r, nil, false)
}

// t is a text by its name in words, with what belongs into it.
func (s speech) t(name string, args ...any) string {
	w, ok := words[name]
	if !ok {
		return name
	}
	text := w.en
	if s.lang == "de" {
		text = w.de
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// has says whether there is a text of that name.
func has(name string) bool { _, ok := words[name]; return ok }

// word is a stable word of the program in the person's language; one that is not known stays as it is.
func (s speech) word(of, word string) string {
	if has(of + "." + word) {
		return s.t(of + "." + word)
	}
	return strings.ReplaceAll(word, "_", " ")
}

// n is how many of something there are: name.one or name.many.
func (s speech) n(name string, n int) string {
	if n == 1 {
		return s.t(name + ".one")
	}
	return s.t(name+".many", n)
}

func (s speech) month(m time.Month) string { return phrase.Language(s.lang).Month(m) }

func (s speech) weekday(d time.Weekday) string { return s.t("weekday." + strconv.Itoa(int(d))) }

func (s speech) weekdayShort(d time.Weekday) string {
	return s.t("weekday.short." + strconv.Itoa(int(d)))
}

// day is "15 October 2026", "15. Oktober 2026".
func (s speech) day(d calendar.Date) string { return phrase.Language(s.lang).Day(d) }

// longDay is "Thursday 15 October 2026".
func (s speech) longDay(d calendar.Date) string {
	return s.t("form.long", s.weekday(d.Weekday()), s.day(d))
}

// shortDay is "Thu 15 Oct".
func (s speech) shortDay(d calendar.Date) string {
	return s.t("form.short", s.weekdayShort(d.Weekday()), d.Day, s.t("month.short."+strconv.Itoa(int(d.Month))))
}

// days are a first and a last day: "12–18 October 2026".
func (s speech) days(from, to calendar.Date) string { return phrase.Language(s.lang).Days(from, to) }

// clock is 15:04.
func clock(t time.Time, zone *time.Location) string {
	if repeated(t, zone) {
		return t.In(zone).Format("15:04 MST")
	}
	return t.In(zone).Format("15:04")
}

// repeated says whether clocks show a time twice, since they are put back around it.
func repeated(t time.Time, zone *time.Location) bool {
	_, offset := t.In(zone).Zone()
	for _, near := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		_, other := t.Add(near).In(zone).Zone()
		twin := t.Add(time.Duration(offset-other) * time.Second)
		if _, at := twin.In(zone).Zone(); other != offset && at == other {
			return true
		}
	}
	return false
}

// moment is when something happened: the time alone today, else with its day.
func (s speech) moment(t, now time.Time, zone *time.Location) string {
	if t.IsZero() {
		return s.t("form.never")
	}
	if on := calendar.DateOf(t, zone); on != calendar.DateOf(now, zone) {
		return s.t("form.moment", s.shortDay(on), clock(t, zone))
	}
	return s.t("form.today", clock(t, zone))
}

// hours is how long something is: h:mm.
func hours(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "−", -d
	}
	minutes := int(d.Round(time.Minute) / time.Minute)
	return fmt.Sprintf("%s%d:%02d", sign, minutes/60, minutes%60)
}

// change is hours with its sign.
func change(d time.Duration) string {
	if d > 0 {
		return "+" + hours(d)
	}
	return hours(d)
}

// spoken is how long something is, as one says it: "2 hours 30 minutes".
func (s speech) spoken(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	h, m := minutes/60, minutes%60
	switch {
	case h == 0:
		return s.n("minutes", m)
	case m == 0:
		return s.n("hours", h)
	}
	return s.n("hours", h) + " " + s.n("minutes", m)
}
