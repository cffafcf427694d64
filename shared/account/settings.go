package account

import (
	"cmp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
)

// Settings are what a user chooses.
type Settings struct {
	Zone      string `json:"timezone"`        // IANA
	WeekStart string `json:"week_start"`      // monday, sunday or saturday
	Locale    string `json:"locale"`          // BCP 47, in its canonical form
	Email     string `json:"email,omitempty"` // where e-mail goes; empty: nowhere
	// Letterhead is the user as timesheets have them: name and address, a line each. Empty: the name that the sign-in service gave.
	Letterhead string `json:"letterhead,omitempty"`
	// Retention is for how many years locked timesheets, and the entries under them, are to be kept; 0: see RetentionYears.
	Retention int `json:"retention_years,omitempty"`
	// DigestAt is when the daily digest comes, in Zone: "08:00". Empty: the user chose none; see DigestTime.
	DigestAt      string        `json:"digest_at,omitempty"`
	Notifications Notifications `json:"notifications"`
}

// Notifications say by which channels a user hears of what, for each class.
type Notifications struct {
	Runs     Channels `json:"runs" doc:"Runs that ended well."`
	Problems Channels `json:"problems" doc:"Runs that failed, wholly or in part, and jobs that are paused because of it."`
	Actions  Channels `json:"actions" doc:"Things that you have to decide, each as it comes up."`
	SignIn   Channels `json:"sign_in" doc:"Microsoft asks you to sign in again."`
	Digest   Channels `json:"digest" doc:"Once a day, all that waits for your decision."`
}

// Channels are the ways on which a notification goes.
type Channels struct {
	InApp bool `json:"in_app"`
	Email bool `json:"email"`
}

// DefaultSettings are those of a user who has chosen nothing.
func DefaultSettings() Settings {
	shown := Channels{InApp: true}
	return Settings{
		Zone: "UTC", WeekStart: "monday", Locale: "en",
		Notifications: Notifications{Runs: shown, Problems: shown, Actions: shown, SignIn: shown},
	}
}

var weekStarts = map[string]time.Weekday{"monday": time.Monday, "sunday": time.Sunday, "saturday": time.Saturday}

// defaultDigestAt is when the digest comes to a user who chose no time.
const defaultDigestAt = "08:00"

const digestForm = "15:04"

// DigestTime is when the daily digest comes: hours and minutes in Zone, as in "08:00".
func (s *Settings) DigestTime() string { return cmp.Or(s.DigestAt, defaultDigestAt) }

// Weekday is the day on which the user's week begins.
func (s *Settings) Weekday() time.Weekday { return weekStarts[s.WeekStart] }

const (
	defaultRetention = 10
	maxRetention     = 30
)

// RetentionYears is for how many years locked timesheets are to be kept.
func (s *Settings) RetentionYears() int { return cmp.Or(s.Retention, defaultRetention) }

// maxLocale is the longest locale in bytes.
const maxLocale = 64

const (
	maxLetterhead      = 1000 // characters
	maxLetterheadLines = 10
)

// normal returns the settings as they are stored. Errors are of kind fault.Invalid and name the field.
func (s Settings) normal() (Settings, error) {
	zone, err := calendar.LoadZone(s.Zone)
	if err != nil {
		return s, fault.Field("timezone", "is an %w", err)
	}
	s.Zone = zone.String() // the IANA name of a Windows one
	if _, ok := weekStarts[s.WeekStart]; !ok {
		return s, fault.Field("week_start", "is %.20q: expected monday, sunday or saturday", s.WeekStart)
	}
	locale, err := language.Parse(s.Locale)
	if _, sure := locale.Base(); err != nil || len(s.Locale) > maxLocale || locale.IsRoot() || sure == language.No {
		return s, fault.Field("locale", "is %.40q: expected a language as in en, de-CH or zh-Hant-TW", s.Locale)
	}
	s.Locale = locale.String()
	if _, err := time.Parse(digestForm, s.DigestTime()); err != nil || len(s.DigestTime()) != len(digestForm) {
		return s, fault.Field("digest_at", "is %.20q: expected hours and minutes as in 08:00", s.DigestAt)
	}
	if s.Retention < 0 || s.Retention > maxRetention {
		return s, fault.Field("retention_years", "must be 1 to %d", maxRetention)
	}
	s.Email = strings.TrimSpace(s.Email)
	if s.Email != "" {
		if _, err := mail.Address("email", s.Email); err != nil {
			return s, err
		}
	}
	s.Letterhead = strings.TrimSpace(s.Letterhead)
	if utf8.RuneCountInString(s.Letterhead) > maxLetterhead || strings.Count(s.Letterhead, "\n") >= maxLetterheadLines {
		return s, fault.Field("letterhead", "must have at most %d lines, and %d characters in all", maxLetterheadLines, maxLetterhead)
	}
	if !utf8.ValidString(s.Letterhead) || strings.ContainsFunc(s.Letterhead, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
		return s, fault.Field("letterhead", "must have no control characters but line ends")
	}
	if n := s.Notifications; s.Email == "" && (n.Runs.Email || n.Problems.Email || n.Actions.Email || n.SignIn.Email || n.Digest.Email) {
		return s, fault.Field("email", "is missing; give the address for the notifications that you want by e-mail")
	}
	return s, nil
}
