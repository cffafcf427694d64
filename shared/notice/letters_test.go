package notice

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/imports"
	"adminassistant/shared/mail"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

var (
	update = flag.Bool("update", false, "write what is sent into testdata")
	pages  = flag.String("pages", "", "a folder that the letters are written to as pages, to be looked at")
)

// told is something that a user is told of.
type told struct {
	name string
	of   func(w *world)
}

// endingIn tells of a run that ended.
func endingIn(name string, kind run.Kind, state run.State, result any, change ...func(*run.Run)) told {
	return told{name, func(w *world) {
		w.tell(w.ended(state, append([]func(*run.Run){func(r *run.Run) {
			r.Kind, r.Job = kind, ""
			if result != nil {
				r.Result, _ = json.Marshal(result) // plain data
			}
		}}, change...)...))
	}}
}

func problem(code, detail string) func(*run.Run) {
	return func(r *run.Run) { r.Problem = &run.Problem{Code: code, Detail: detail} }
}

// everything is one of each kind that a user may be told.
func everything() []told {
	archived := func(r archive.Result) *archive.Result { return &r }
	verify := func(r archive.VerifyResult) *archive.VerifyResult {
		r.Chain.OK = true
		return &r
	}
	var all []told
	add := func(t ...told) { all = append(all, t...) }
	add(
		endingIn("run that wrote", run.Archive, run.Succeeded, archived(archive.Result{Written: 1234})),
		endingIn("run that wrote one", run.Archive, run.Succeeded, archived(archive.Result{Written: 1}), func(r *run.Run) { r.To = r.From }),
		endingIn("run that found nothing new", run.Archive, run.Succeeded, archived(archive.Result{}),
			func(r *run.Run) { r.From, r.To = r.From.AddDays(-7), r.From }),
		endingIn("run found by another name", run.Archive, run.Succeeded, archived(archive.Result{Written: 5, Otherwise: []string{"x"}})),
		endingIn("run that asks", run.Archive, run.Succeeded,
			archived(archive.Result{Written: 5, Raised: map[action.Kind]int{action.Overlap: 2, action.Drift: 1, action.MissingCategory: 1}, Waiting: 6})),
		endingIn("run that asks one", run.Archive, run.Succeeded, archived(archive.Result{Written: 5, Raised: map[action.Kind]int{action.Overlap: 1}, Waiting: 2})),
		endingIn("run with what waits", run.Archive, run.Succeeded, archived(archive.Result{Written: 5, Waiting: 4})),
		endingIn("run with refused events", run.Archive, run.Partial, archived(archive.Result{Written: 5, Failed: 3}), func(r *run.Run) { r.Failed = 3 }),
		endingIn("run with a refused event", run.Archive, run.Partial, archived(archive.Result{Written: 5, Failed: 1}), func(r *run.Run) { r.Failed = 1 }),
		endingIn("shrunk window", run.Archive, run.Failed, archived(archive.Result{Shrunk: true})),
		endingIn("other keys", run.Archive, run.Failed, archived(archive.Result{KeysChanged: true})),
		endingIn("unreadable days", run.Archive, run.Partial, archived(archive.Result{UnreadableDays: 2, Written: 3}),
			problem(fault.Malformed.String(), "2 days could not be read, as their first 2026-10-07; all others were archived")),
		endingIn("archive calendar gone", run.Archive, run.Partial, archived(archive.Result{ArchiveMissing: true})),
		endingIn("damaged ledger", run.Archive, run.Failed, archived(archive.Result{LedgerDamaged: true})),
		endingIn("decision refused", run.Decide, run.Failed, &archive.DecideResult{Refused: 2, Refusals: make([]archive.Refusal, 2)},
			problem(fault.Conflict.String(), "it is not among what can be decided here any more: the source changed since")),
		endingIn("decision refused in part", run.Decide, run.Partial, &archive.DecideResult{Refused: 2, Refusals: make([]archive.Refusal, 2)}),
		endingIn("decision without an archive calendar", run.Decide, run.Failed, &archive.DecideResult{ArchiveMissing: true}),
		endingIn("verification that asks", run.Verify, run.Partial, verify(archive.VerifyResult{
			View: archive.CopyCounts{Compared: 9, Altered: 2, Foreign: 1}, Asks: archive.CopyQuestions{Raised: 2, Waiting: 3}, OnEdit: archive.AskOnEdit})),
		endingIn("verification with what waits", run.Verify, run.Partial, verify(archive.VerifyResult{
			View: archive.CopyCounts{Compared: 9, Altered: 2}, Asks: archive.CopyQuestions{Waiting: 3}, OnEdit: archive.AskOnEdit})),
		endingIn("verification with missing copies", run.Verify, run.Partial, verify(archive.VerifyResult{View: archive.CopyCounts{Compared: 9, Missing: 1}})),
		endingIn("verification with a damaged ledger", run.Verify, run.Partial, &archive.VerifyResult{}),
		endingIn("verification without an archive calendar", run.Verify, run.Partial, verify(archive.VerifyResult{View: archive.CopyCounts{CalendarMissing: true}})),
		endingIn("verification with unreadable days", run.Verify, run.Partial, verify(archive.VerifyResult{View: archive.CopyCounts{Compared: 9}})),
		endingIn("repair that left something", run.Repair, run.Partial, &archive.RepairResult{Left: 2}),
		endingIn("repair with a damaged ledger", run.Repair, run.Failed, &archive.RepairResult{LedgerDamaged: true}),
		endingIn("undo that left something", run.Undo, run.Succeeded, &undo.Result{Counts: undo.Totals{Undone: 5, Skipped: 2}}),
		endingIn("undo that left and failed", run.Undo, run.Succeeded, &undo.Result{Counts: undo.Totals{Undone: 5, Skipped: 1, Failed: 1}}),
		endingIn("undo of what changed", run.Undo, run.Failed, &undo.Result{}, problem(undo.Changed, "something changed")),
		endingIn("undo with a damaged ledger", run.Undo, run.Failed, &undo.Result{LedgerDamaged: true}),
		endingIn("backup", run.Backup, run.Succeeded, &backup.Result{}, func(r *run.Run) { r.From, r.To = calendar.Date{}, calendar.Date{} }),
		endingIn("backup found by another name", run.Backup, run.Succeeded, &backup.Result{Otherwise: "x"}),
		endingIn("backup that leaves out", run.Backup, run.Partial, &backup.Result{LeftOut: 2}, func(r *run.Run) { r.Failed = 2 }),
		endingIn("backup that lacks events", run.Backup, run.Partial, &backup.Result{Unread: []time.Time{due, due.Add(25 * time.Hour)}},
			func(r *run.Run) { r.Failed = 3 }),
		endingIn("backup that lacks many", run.Backup, run.Partial, &backup.Result{Unread: slices.Repeat([]time.Time{due}, 12)}, func(r *run.Run) { r.Failed = 12 }),
		endingIn("restore", run.Restore, run.Succeeded, &restore.Result{Written: 7}),
		endingIn("drill that differs", run.Drill, run.Partial, &restore.DrillResult{Comparison: restore.Comparison{Compared: 9, Differing: 2}}),
		endingIn("drill without a backup", run.Drill, run.Failed, &restore.DrillResult{}, problem(fault.NotFound.String(), "there is none")),
		endingIn("import", run.Import, run.Failed, nil, problem(fault.Invalid.String(), "no"), func(r *run.Run) { r.Config = "" }),
		endingIn("run of a newer version", "dream", run.Failed, nil, problem("dreamt", "no")),
	)
	for _, code := range []string{"invalid", "not_found", "conflict", "unauthenticated", "forbidden", "throttled", run.OutOfReach, "unavailable", "malformed",
		"setup", "locked", "internal"} {
		add(endingIn("failure "+code, run.Archive, run.Failed, nil, problem(code, "no"), func(r *run.Run) { r.Job = "J1" }))
	}
	add(
		told{"late job", func(w *world) { w.JobLate(w.t.Context(), w.lateJob()) }},
		told{"parked job", func(w *world) { w.JobParked(w.t.Context(), w.parkedJob()) }},
		told{"stuck job", func(w *world) {
			j := w.lateJob()
			j.Detail = "the config is unreadable"
			w.JobStuck(w.t.Context(), j)
		}},
		told{"mailbox out of reach", func(w *world) {
			for range 3 {
				w.fails()
				w.clock.Advance(24 * time.Hour)
			}
		}},
		told{"absence", func(w *world) {
			must(w.t, w.UnseenSoon(w.t.Context(), annKey, calendar.Date{Year: 2026, Month: 8, Day: 20}, calendar.Date{Year: 2026, Month: 10, Day: 20}))
			must(w.t, w.Unseen(w.t.Context(), annKey, 60))
		}},
		told{"digest", func(w *world) {
			w.wants("08:00", everywhere)
			w.asks(action.Overlap, "k1", "k2")
			w.asks(action.Drift, "k3")
			w.tell(w.ended(run.Failed))
			w.at("2026-10-13T06:00:30Z")
			w.digests()
		}},
	)
	for _, why := range []mail.Reason{mail.Bounced, mail.Complained, mail.Rejected} {
		add(
			told{"mail " + string(why), func(w *world) {
				p, err := w.users.Of(w.t.Context(), annKey)
				must(w.t, err)
				must(w.t, w.MailReturned(w.t.Context(), p, notify.Mark{Why: why, At: w.clock.Now(), Times: 1}))
			}},
			told{"sheet " + string(why), func(w *world) {
				must(w.t, w.SheetReturned(w.t.Context(), "S1", mail.Return{ID: "sheet-S1-1", For: annKey, Why: why, Sent: w.clock.Now()}))
			}},
		)
	}
	return all
}

// signIns are told in a world that acts for its user.
var signIns = []told{
	{"sign-in", func(w *world) { w.tell(w.ended(run.Failed, refused)) }},
	{"sign-in done", func(w *world) {
		w.tell(w.ended(run.Failed, refused))
		w.signInState(signedIn)
		must(w.t, w.SignedIn(w.t.Context(), annKey))
	}},
	{"blocked", func(w *world) {
		w.signInState(blockedNow)
		w.tell(w.ended(run.Failed, forbidden))
	}},
}

var tokens = regexp.MustCompile(`token=[\w-]+`)

// letters are all that is told by a scenario, as it is shown on the page and sent by mail.
func letters(t *testing.T, locale string, of told, w *world) string {
	w.set(func(s *account.Settings) {
		s.Locale, s.Zone, s.Email = locale, "Europe/Berlin", "ann@example.com"
		s.Notifications = account.Notifications{Runs: everywhere, Problems: everywhere, Actions: everywhere, SignIn: everywhere, Digest: everywhere}
	})
	w.Kinds[run.Undo], w.Kinds[run.Decide], w.Kinds[run.Import] = undo.RunKind, archive.DecideKind, imports.RunKind
	of.of(w)
	var out strings.Builder
	fmt.Fprintf(&out, "==== %s\n", of.name)
	reader := phrase.For(locale, "Europe/Berlin")
	for _, n := range w.notes() {
		if title, text, _ := n.In(reader); n.Mail != notify.Due {
			fmt.Fprintf(&out, "-- in the application: %s\n%s\n", title, text)
		}
	}
	for _, a := range w.actions(action.Open) {
		if len(a.Participants) == 0 {
			fmt.Fprintf(&out, "-- action %s\n%s\n", a.Kind, a.In(reader))
		}
	}
	for i, name := range w.send() {
		file, err := os.Open(name)
		must(t, err)
		mail, err := gomail.CreateReader(file)
		must(t, err)
		subject, err := mail.Header.Subject()
		must(t, err)
		fmt.Fprintf(&out, "-- mail: %s\n", subject)
		for {
			part, err := mail.NextPart()
			if err == io.EOF {
				break
			}
			must(t, err)
			text, err := io.ReadAll(part.Body)
			must(t, err)
			switch kind, _, _ := part.Header.(*gomail.InlineHeader).ContentType(); {
			case kind == "text/plain":
				out.Write(tokens.ReplaceAll(text, []byte("token=TOKEN")))
			case *pages != "":
				must(t, os.WriteFile(filepath.Join(*pages, fmt.Sprintf("%s-%s-%d.html", strings.ReplaceAll(of.name, " ", "-"), locale, i)), text, 0o600))
			}
		}
		must(t, file.Close())
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// TestWhatUsersAreTold compares everything that users are told with testdata, in both languages. Whoever changes words looks at what comes of it.
func TestWhatUsersAreTold(t *testing.T) {
	english := regexp.MustCompile(`(?i)\b(the|is|are|were|and|of|has|have|run|event|events|calendar|your|failed)\b`)
	for _, locale := range []string{"en", "de"} {
		var all []string
		for _, of := range everything() {
			all = append(all, letters(t, locale, of, newWorld(t)))
		}
		for _, of := range signIns {
			w, _, _ := delegated(t)
			all = append(all, letters(t, locale, of, w))
		}
		got := strings.Join(all, "\n")
		golden := filepath.Join("testdata", "letters-"+locale+".txt")
		if *update {
			must(t, os.MkdirAll("testdata", 0o755))
			must(t, os.WriteFile(golden, []byte(got), 0o644))
		}
		want, err := os.ReadFile(golden)
		must(t, err)
		if got != string(want) {
			t.Errorf("what is told in %s is not what %s has; if it is right, run the test with -update, and read the difference", locale, golden)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if strings.ContainsAny(line, "{}") || strings.Contains(line, "%!") {
				t.Errorf("not filled in: %s", line)
			}
			line = regexp.MustCompile(`admin-assistant [^.]*|https?://\S+|head of \w+|"[^"]*"|^--? .*|^==== .*|Admin Assistant`).ReplaceAllString(line, "")
			if locale == "de" && english.MatchString(line) {
				t.Errorf("English in a German letter: %s", line)
			}
		}
	}
}
