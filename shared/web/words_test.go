package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/asked"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	spent "adminassistant/shared/hours"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/mail"
	"adminassistant/shared/restore"
	"adminassistant/shared/rule"
	"adminassistant/shared/run"
	"adminassistant/shared/timesheet"
	"adminassistant/shared/undo"
)

// sources are the files of the package that are no tests, but for the words themselves.
func sources(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "words") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// families are words that are looked up by a word of the program: the test below lists all of those.
var families = map[string][]string{}

func family[T ~string](name string, members ...T) {
	for _, m := range members {
		families[name] = append(families[name], string(m))
	}
}

func init() {
	for _, o := range archive.Outcomes {
		family("outcome", o)
		if o != archive.Vanished && o != archive.Created {
			family("means", o)
		}
	}
	family("run.kind", run.Archive, run.Backup, run.Restore, run.Decide, run.Undo, run.Verify, run.Repair, run.Import, run.Drill)
	family("run.state", run.Queued, run.Running, run.Succeeded, run.Partial, run.Failed, run.Cancelled)
	family("run.phase", "queued", "waiting", "reading", "planning", "writing", "comparing", "sealing", "done")
	family("kind", action.Kinds()...)
	family("suggest", asked.ByEarlier, asked.ByCustomer, asked.ByOrganiser, asked.ByAccepted, asked.ByLongest, asked.ByTrimming)
	family("does", decision.Words...)
	family("undo.does", undo.Removes, undo.Changes, undo.Creates, undo.Records, undo.Gone, undo.Nothing)
	family("reason", undo.Reasons...)
	family("ledger", ledger.Archived, ledger.Superseded, ledger.Conflicted, ledger.Declined, ledger.Withdrawn)
	family("sheet.state", timesheet.Draft, timesheet.Approved, timesheet.Final)
	family("sheet.says", timesheet.Draft, timesheet.Approved, timesheet.Final)
	family("sheet.kind", timesheet.Work, timesheet.Travel)
	family("sheet.reason", timesheet.Private, timesheet.Cancelled, timesheet.Declined, timesheet.Free, timesheet.WholeDay, timesheet.NoCustomer)
	family("sheet.flag", timesheet.AllDay, timesheet.CrossesMidnight, timesheet.NoRate, timesheet.ZeroLength)
	family("sheet.scope", timesheet.ByEntry, timesheet.ByDay, timesheet.ByPosition)
	family("sheet.rounding", timesheet.Nearest, timesheet.Up)
	family("sheet.format", timesheet.PDF, timesheet.XLSX, timesheet.CSV, timesheet.JSON, timesheet.Invoice)
	family("sheet.format.for", timesheet.PDF, timesheet.XLSX, timesheet.CSV, timesheet.JSON, timesheet.Invoice)
	family("mail.returned", mail.Bounced, mail.Complained, mail.Rejected)
	family("rulefield", rule.Fields()...)
	family("ruleop", rule.Ops()...)
	family("rulestate", archive.RuleActs, archive.RuleOff, archive.RuleDead, archive.RuleShadowed, archive.RuleIdle)
	family("rulebool", "true", "false")
	family("privacy", calendar.Personal, calendar.Private, calendar.Confidential)
	family("colour", calendar.Colours...)
	family("tally.reason", spent.Private, spent.Cancelled, spent.Declined, spent.Free, spent.NoCustomer, spent.AllDay)
	family("tally.by", spent.All...)
	family("tally.tab", spent.All...)
	family("trial", "this_month", "last_month", "last_90_days", "last_365_days")
	family("job.paused", job.ByUser, job.ConfigInactive, job.UserDisabled, job.SignInNeeded, job.NotSeen, job.Broken, job.UnknownKind)
	family("outcome", restore.Created, restore.Skipped, restore.Replaced, restore.Refused, restore.Failed, restore.SetAside, restore.Outside)
	family("users.state", account.Active, account.Disabled, account.Erasing, account.Erased)
	family("users.role", account.RoleUser, account.RoleAdmin)
	family("users.mail", mail.Bounced, mail.Complained, mail.Rejected)
	family("restore.policy", restore.Skip, restore.Replace, restore.Duplicate)
	family("backups.format", backup.Formats...)
	family("outcome", archive.FindingKinds...)
	family("finding", archive.FindingKinds...)
	family("done", archive.Recreated, archive.PutBack, archive.Removed, archive.Adopted, archive.TakenOut, archive.TakenIn, archive.Left)
	family("repair.all", archive.RepairFindings, archive.AdoptFindings, archive.LeaveFindings)
	for _, kind := range archive.FindingKinds {
		for _, mode := range kind.Answers() {
			family("repair."+string(mode), kind)
		}
	}
	family("rule", archive.RuleEqualRank, archive.RuleSharedTime, archive.RuleArchivedFirst, archive.RuleChanged, archive.RuleLeftOut, archive.RuleMerged,
		archive.RuleAbsorbed, archive.RuleCollides, archive.RuleLocked, archive.RuleVanished, archive.RuleManyVanished, archive.RuleNoOriginal,
		archive.RuleStale, archive.RuleNoCustomer, archive.RuleTravelNoCustomer, archive.RuleMissingTravel)
}

func TestEveryWordIsThereInBothLanguages(t *testing.T) {
	text := sources(t)
	for _, m := range regexp.MustCompile(`\.(?:t|n)\("([a-z._]+)"[,)]`).FindAllStringSubmatch(text, -1) {
		if !has(m[1]) && !(has(m[1]+".one") && has(m[1]+".many")) {
			t.Errorf("there is no word %q", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`"((?:nav|runs|item|undo)\.[a-z]+)"`).FindAllStringSubmatch(text, -1) {
		if !has(m[1]) && !has(m[1]+".many") {
			t.Errorf("there is no word %q", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`heads\([a-z.]+((?:,\s*"[^"]*")+)`).FindAllStringSubmatch(text, -1) {
		for i, name := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[1], -1) {
			if i%2 == 0 && name[1] != "" && !has(name[1]) {
				t.Errorf("there is no word %q, of the head of a column", name[1])
			}
		}
	}
	for of, members := range families {
		for _, member := range members {
			if !has(of + "." + member) {
				t.Errorf("there is no word for %s %q", of, member)
			}
		}
	}
	verbs := regexp.MustCompile(`%[sd]`)
	for name, w := range words {
		if w.en == "" || w.de == "" {
			t.Errorf("%s is missing in a language", name)
		}
		if en, de := verbs.FindAllString(w.en, -1), verbs.FindAllString(w.de, -1); strings.Join(en, "") != strings.Join(de, "") {
			t.Errorf("%s takes %v in English and %v in German", name, en, de)
		}
		if strings.Contains(w.en, "<") || strings.Contains(w.de, "<") {
			t.Errorf("%s has markup", name)
		}
	}
}

// TestNoTextStandsInAPage finds words that somebody wrote into a page and not into words.
func TestNoTextStandsInAPage(t *testing.T) {
	for _, m := range regexp.MustCompile(`g\.Textf?\("([^"]*[A-Za-zÄ-ü]{2}[^"]*)"\)`).FindAllStringSubmatch(sources(t), -1) {
		if !strings.HasPrefix(m[1], "admin-assistant ") {
			t.Errorf("%q stands in a page, and is not among the words", m[1])
		}
	}
}

// TestNoWordIsLeftOver finds words that no page has any more.
func TestNoWordIsLeftOver(t *testing.T) {
	text := sources(t)
	for name := range words {
		stem := strings.TrimSuffix(strings.TrimSuffix(name, ".one"), ".many")
		if strings.Contains(text, `"`+stem+`"`) {
			continue
		}
		dot := strings.LastIndex(name, ".")
		if of := name[:dot]; strings.Contains(text, `"`+of+`."`) || strings.Contains(text, `word("`+of+`"`) || strings.Contains(text, `choice("`+of+`"`) {
			continue
		}
		t.Errorf("no page has %s", name)
	}
}
