package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// notPlayed are examples of helps that are not carried out here, and why.
var notPlayed = map[string]string{
	"admin-assistant backup run --calendar msgraph://me@example.com/calendars/primary": "needs Microsoft 365",
	"admin-assistant doctor --api https://assistant.example.com":                       "needs a deployment: TestDoctor",
	"admin-assistant --profile work doctor":                                            "needs a sign-in: TestDoctor",
	"admin-assistant login --profile work --api https://assistant.example.com":         "needs a sign-in: TestLogin",
	"admin-assistant --profile work whoami":                                            "needs a sign-in: TestLogin",
	"admin-assistant mcp --read-only":                                                  "needs a server: TestAnAssistantReadsAndProposes",
	"admin-assistant serve":                                                            "serves until it is stopped: TestServe",
	"admin-assistant serve --demo --addr 127.0.0.1:8081":                               "serves until it is stopped: TestTheDemoAsksAndIsScheduledOnce",
	"admin-assistant ledger stamp --config work --file october.stamp.json":             "needs an authority for time-stamps: TestATimeStampIsCheckedOffline",
	"admin-assistant proof verify october.stamp.json --trust authority.pem":            "needs an authority for time-stamps: TestATimeStampIsCheckedOffline",
	"admin-assistant verify --config work --answer 1f2e3d4c5b=adopt --answer 6a79880011=repair": "needs copies that somebody altered: " +
		"TestWhatAVerificationFindsIsRepairedAdoptedOrLeft",
}

// played are all other examples, in an order in which one follows on the other. What stands behind an arrow is typed in the example's place, since its ids and
// files are those of nobody; what begins with + is typed between examples.
var played = `
admin-assistant calendar create local://me/calendars/Work
admin-assistant calendar import local://me/calendars/Work work.ics
admin-assistant calendar import local://me/calendars/Work work.ics --mirror
admin-assistant config create --name work --source local://me/calendars/Work --archive local://me/calendars/Archive --timezone Europe/Berlin
admin-assistant settings set --timezone Europe/Berlin --email me@example.com --notify problems=app,email --notify digest=email
admin-assistant settings set --letterhead "Ann Example" --letterhead "Main Street 1, Berlin"
admin-assistant customer create Acme --alias "Acme GmbH" --currency EUR --rate 2026-01-01:120.00:50% --rounding 2026-01-01:15:up:day
admin-assistant rule add --config work --file rules.json
admin-assistant rule add acme --config work --name "Acme by domain" --when "attendee_domain domain acme.example" --category "Acme - billable"
admin-assistant rule add lunch --config work --name Lunch --when "subject word lunch | gym" --when "start_time at_least 11:30" --exclude --at 1
admin-assistant rule list --config work --output json > rules.json
admin-assistant rule edit --config work --file rules.json
admin-assistant rule edit acme --config work --category "Acme - non-billable"
admin-assistant rule move acme 1 --config work
admin-assistant rule try --config work --period "last month" --file rules.json
admin-assistant rule suggest --config work --file suggested.json
admin-assistant rule try --config work --period "last 90 days" --file suggested.json
admin-assistant archive plan --config work --period "last week"
admin-assistant archive plan --events october.json --config config.json --output json
+admin-assistant archive plan --events work.ics --config config.json --output json > plan.json
admin-assistant archive run --config work --period "2026-10-01 to 2026-10-31"
+admin-assistant archive run --config work --period "last month"
admin-assistant run watch last
admin-assistant run list --since yesterday
admin-assistant run list --config work --state failed
admin-assistant run items last --failed
admin-assistant run items last --output csv --fields key,plan.outcome,plan.appointment.subject
admin-assistant hours --period "last month" --by day
admin-assistant hours working-time --period "last month" --output csv
admin-assistant place alias "Acme HQ, Room 4" "Acme HQ"
admin-assistant action resolve 01KBA3ZQ2J8V5T1G7N9W4X6Y0D --suggestion 1 -> admin-assistant action resolve $OVERLAP --suggestion 1
admin-assistant action resolve 01KBA3ZQ2J8V5T1G7N9W4X6Y0D --verdict 1=keep --verdict 2=drop --note "it did not take place" ->` +
	` admin-assistant action resolve $OVERLAP --verdict 1=keep --verdict 2=drop --note "it did not take place"
admin-assistant ledger amend a1b2c3@2026-10-05T07:00:00Z --config work --category "Acme - billable" --note "wrong customer"
admin-assistant ledger add --config work --start "2026-10-05 16:00" --end 16:30 --subject "Call" --category "Acme - billable"
admin-assistant undo 01KBA3ZQ2J8V5T1G7N9W4X6Y0D --dry-run -> admin-assistant undo $RUN --dry-run
admin-assistant undo last --config work
+sed 's/Review/Review of plans/; s/DTSTAMP:20260101/DTSTAMP:20260201/' work.ics > newer.ics
+admin-assistant calendar import Work newer.ics
+admin-assistant archive run --period 2026-10
admin-assistant action resolve --all --kind drift --accept --dry-run
admin-assistant ledger verify --config work
admin-assistant ledger head --config work > head.txt
admin-assistant ledger verify --config work --since head-2026-10-31.txt -> admin-assistant ledger verify --config work --since head.txt
admin-assistant ledger head --config work --key
admin-assistant ledger prove --config work --period "last month" --file october.proof.json
admin-assistant proof verify october.proof.json --key admin-assistant-1f2e3d4c+5b6a7988+AbC... -> admin-assistant proof verify october.proof.json --key $KEY
admin-assistant verify --config work
admin-assistant verify --config work --period "last month" --repair --dry-run
admin-assistant verify --config work --adopt
admin-assistant backup run --config work --archive --period "last month"
admin-assistant restore --backup 01JF0Z... --into local://me/calendars/Work -> admin-assistant restore --backup $BACKUP --into local://me/calendars/Work
admin-assistant restore --file work.ics --into local://me/calendars/Copy --create --policy duplicate
admin-assistant job create --config work --daily 23:59
admin-assistant job create --config work --kind backup --weekly mon,thu@04:00 --keep-last 7 --keep-monthly 12
admin-assistant timesheet create --period "last month" --customer Acme
admin-assistant timesheet compute --entries plan.json --terms terms.json --output json
+admin-assistant timesheet approve $SHEET --note "it is right"
+admin-assistant timesheet lock $SHEET
+admin-assistant timesheet export $SHEET sheet.pdf
admin-assistant timesheet verify timesheet-2026-10-01-2026-10-31-acme.pdf -> admin-assistant timesheet verify sheet.pdf
+admin-assistant customer edit Acme --email billing@acme.example
admin-assistant timesheet send 01K... --to billing@acme.example -> admin-assistant timesheet send $SHEET --to billing@acme.example
admin-assistant export > setup.yaml
admin-assistant apply -f setup.yaml --dry-run
admin-assistant audit list --from yesterday
admin-assistant audit list --action run --outcome failed
admin-assistant --local calendar subscribe local://me/calendars/Work ~/Exports
admin-assistant --local doctor
admin-assistant mcp --local
admin-assistant user erase --export everything.zip
`

// stood are what names in place of ids stand for.
var stood = strings.NewReplacer(
	"$OVERLAP", `$(admin-assistant --local action list --kind overlap --jq '.items[0].id')`, "$RUN", `$(admin-assistant --local run list --jq '.items[0].id')`,
	"$BACKUP", `$(admin-assistant --local backup list --jq '.items[0].id')`, "$SHEET", `$(admin-assistant --local timesheet list --jq '.items[0].id')`,
	"$KEY", `"$(admin-assistant --local ledger head --config work --key)"`,
)

// below are all commands below one.
func below(cmd *cobra.Command) (all []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		all = append(append(all, sub), below(sub)...)
	}
	return all
}

func TestExamplesOfHelpsDoWhatTheySay(t *testing.T) {
	left := map[string]bool{}
	root := (&program{}).root()
	for _, cmd := range below(root) {
		for line := range strings.Lines(cmd.Example) {
			left[strings.TrimSpace(line)] = true
		}
	}
	m := newMachine(t)
	lastMonth := time.Now().AddDate(0, 0, -time.Now().Day()).Format("200601")
	event := func(uid, day, from, to, subject string, more ...string) string {
		return strings.Join(append([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z", "DTSTART:" + day + "T" + from + "00Z",
			"DTEND:" + day + "T" + to + "00Z", "SUMMARY:" + subject, "CATEGORIES:Acme - billable"}, append(more, "END:VEVENT", "")...), "\r\n")
	}
	m.file("work.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n"+
		event("a1b2c3", "20261005", "0700", "0800", "Review", `LOCATION:Acme HQ\, Room 4`)+
		event("b1", "20261006", "0700", "0900", "Workshop")+event("b2", "20261006", "0800", "0830", "Call")+
		event("c1", "20261007", "0700", "0900", "Design")+event("c2", "20261007", "0800", "0830", "Lunch talk")+
		event("d1", lastMonth+"05", "1200", "1300", "Handover")+"END:VCALENDAR\r\n")
	m.file("rules.json", `[{"id": "offers", "name": "Offers", "on": true, "all": [{"field": "subject", "op": "word",
		"any": ["offer"]}], "then": {"privacy": "private"}}]`)
	m.file("october.json", `{"value": []}`)
	m.file("config.json", `{"id": "work", "timezone": "Europe/Berlin", "purpose": "general", "overlaps": "resolve",
		"window": {"from": "2026-10-01", "to": "2026-10-31"}, "rules": []}`)
	m.file("terms.json", `{"timezone": "Europe/Berlin", "period": {"from": "2026-10-01", "to": "2026-10-31"}, "customer": "Acme", "currency": "EUR",
		"rates": [{"from": "2026-01-01", "work": "120.00"}], "locked": []}`)
	if err := os.Mkdir(filepath.Join(m.files, "Exports"), 0o700); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.TrimPrefix(played, "\n")) {
		line = strings.TrimSuffix(line, "\n")
		example, typed, other := strings.Cut(line, " -> ")
		if between, ok := strings.CutPrefix(line, "+"); ok {
			typed = between
		} else if !other {
			typed = example
		}
		if !strings.HasPrefix(line, "+") && !left[example] {
			t.Errorf("no help has the example %s", example)
		}
		delete(left, example)
		if strings.HasPrefix(typed, "admin-assistant ") && !strings.Contains(typed, "--local") {
			typed = strings.Replace(typed, "admin-assistant ", "admin-assistant --local --yes ", 1)
		}
		cmd := m.command(t.Context(), "")
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", stood.Replace(typed)}
		cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v: %s", typed, err, out.String())
		}
	}
	for example, why := range notPlayed {
		if !left[example] {
			t.Errorf("no help has the example %s, which is said not to be played: %s", example, why)
		}
		delete(left, example)
	}
	if len(left) > 0 {
		t.Errorf("examples that nobody tried:\n%s", strings.Join(slices.Sorted(maps.Keys(left)), "\n"))
	}

	first := newMachine(t) // the first help has a story of its own
	first.file("work.ics", string(mustRead(t, filepath.Join(m.files, "work.ics"))))
	lines := slices.Collect(strings.Lines(root.Example))
	for _, line := range lines[:len(lines)-1] {
		if screen, code := first.sees(80, false, strings.TrimSpace(line)); code != exitOK {
			t.Errorf("%s: exit code %d: %s", line, code, screen)
		}
	}
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "admin-assistant --local review" { // which asks: TestReview
		t.Errorf("the story ends with %s", last)
	}
}
