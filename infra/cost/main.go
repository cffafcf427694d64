// Command cost prints what the deployed system costs a month, as docs/cost.md has it.
//
//	go run ./infra/cost > docs/cost.md
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
)

// users is what most of the page is about.
const users = 1000

// scale is for how many users the bill is shown.
var scale = []float64{10, 100, users, 10_000}

// Lever is a decision that could be made otherwise.
type Lever struct {
	What, Price string
	Change      func(u *Usage)
}

var levers = []Lever{
	{"Trace 5 % of the requests, not the first of every second as well", "a rare failure may have no trace", func(u *Usage) { u.TraceFirst = 0 }},
	{"Give backups 512 MB", "holds only if they take no longer and stay below that", func(u *Usage) { u.BackupGB /= 2 }},
	{"No dashboard", "the alarms remain", func(u *Usage) { u.Dashboards = 0 }},
	{"Compress plans in the bucket to a tenth", "they are no longer readable as they lie", func(u *Usage) { u.PlanBytes /= 10 }},
	{"Let a run's items expire after 90 days", "older runs show their sums, but no items", func(u *Usage) { u.NightBytes -= u.ItemBytes * (1 - 3/u.History) }},
	{"Forget plans after 90 days", "older runs show their items, but no plan", func(u *Usage) { u.PlanBytes *= 3 / u.History }},
	{"Do not bound how many messages of a queue are worked on at once",
		"two polls wait in place of five; a burst can use up the account's concurrency", func(u *Usage) { u.Pollers = 2 }},
	{"Log no line for a call in the gateway", "calls that never reach the function leave no trace", func(u *Usage) { u.CallLog -= 450 }},
}

func main() {
	if _, err := os.Stdout.Write(page(typical)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// page writes docs/cost.md.
func page(u Usage) []byte {
	var b bytes.Buffer
	say := func(format string, args ...any) { b.WriteString(folded(fmt.Sprintf(format, args...)) + "\n") }
	at := func(n float64) []Line { return Serverless(u, n) }
	bill, fixed := at(users), Sum(at(0))
	total := Sum(bill)
	each := (total - fixed) / users
	var shared []Line
	for _, l := range bill {
		if l.Both {
			shared = append(shared, l)
		}
	}
	always := AlwaysOn(u, users)
	own := total - Sum(shared)

	say("# What it costs")
	say("")
	say("`go run ./infra/cost` prints this page; its prices, assumptions and sums are in that folder, and a test compares the two.")
	say("")
	firstMonth := u
	firstMonth.History = 1
	say("**%s users cost about $%.0f a month** when a year of history is stored, and $%.0f in the first month: $%.2f that are due without a "+
		"single user, and in the end %.1f cents for each.",
		thousands(users), total, Sum(Serverless(firstMonth, users)), fixed, 100*each)
	say("")
	say("Of the $%.0f, $%.2f are for what runs and stores: Lambda, API Gateway, DynamoDB, SQS, the scheduler. The smallest sensible system of "+
		"containers costs $%.0f in place of that.",
		total, own, Sum(always))
	say("The other $%.2f (files, keys, e-mail, logs, metrics, alarms, traces, traffic) both would need. So it is $%.0f against $%.0f.",
		Sum(shared), total, Sum(always)+Sum(shared))
	say("")
	say("Prices are public list prices of us-east-1 as published in %s. They change: look them up before you decide by them. No free tier, no "+
		"discount, no support plan, no tax.", pricesOf)
	say("")
	say("## By item, %s users", thousands(users))
	say("")
	say("| item | what for | dollars a month | of that fixed |")
	say("|---|---|--:|--:|")
	none := at(0)
	for i, l := range bill {
		say("| %s | %s | %.2f | %.2f |", l.What, l.Why, l.Dollars, none[i].Dollars)
	}
	say("| **all** | | **%.2f** | **%.2f** |", total, fixed)
	say("")
	say("## By number of users")
	say("")
	say("| users | dollars a month | for each user | containers, at least |")
	say("|--:|--:|--:|--:|")
	for _, n := range scale {
		lines := at(n)
		other := Sum(AlwaysOn(u, n))
		for _, l := range lines {
			if l.Both {
				other += l.Dollars
			}
		}
		say("| %s | %.2f | %.3f | %.2f |", thousands(n), Sum(lines), Sum(lines)/n, other)
	}
	say("")
	say("The containers are the same ones in every row, which cannot hold for the last: two small containers and a small database do not " +
		"archive 10,000 calendars in a night.")
	say("If they did, both systems would cost the same at about %s users. "+
		"Beyond a few thousand users, calculate again with what was measured by then.", thousands(even(u)))
	say("")
	say("## Against containers, %s users", thousands(users))
	say("")
	say("| item | what for | dollars a month |")
	say("|---|---|--:|")
	for _, l := range always {
		say("| %s | %s | %.2f |", l.What, l.Why, l.Dollars)
	}
	say("| **in place of Lambda, API Gateway, DynamoDB, SQS and the scheduler** | | **%.2f** |", Sum(always))
	say("| those | | %.2f |", own)
	say("| what both need | files, keys, e-mail, logs, metrics, alarms, traces, traffic | %.2f |", Sum(shared))
	say("")
	say("A standby database and a NAT gateway in each zone, which DynamoDB and Lambda have built in, would add $%.0f.", (databaseHour+natHour+addressHour)*hours)
	say("")
	say("## What dominates")
	say("")
	byCost := slices.Clone(bill)
	slices.SortStableFunc(byCost, func(a, b Line) int { return cmp.Compare(b.Dollars, a.Dollars) })
	say("The largest items for %s users:", thousands(users))
	say("")
	for _, l := range byCost[:6] {
		say("- %s: $%.2f, %.0f %%", l.What, l.Dollars, 100*l.Dollars/total)
	}
	say("")
	say("Up to a few hundred users, being watched costs more than running: of the $%.2f fixed, alarms, metrics and the dashboard are $%.2f.",
		fixed, u.AlarmMetrics*alarmMetric+u.Metrics*customMetric+u.Dashboards*dashboard)
	say("Five queues cost $%.2f whether or not anything is in them: each is asked %s times a month, five polls of 20 seconds at a time.",
		u.Queues*emptyReceives(u)*queueRequest, thousands(emptyReceives(u)))
	say("What could be decided otherwise:")
	say("")
	say("| lever | saves, dollars a month | price |")
	say("|---|--:|---|")
	for _, l := range levers {
		changed := u
		l.Change(&changed)
		say("| %s | %.2f | %s |", l.What, total-Sum(Serverless(changed, users)), l.Price)
	}
	say("")
	say("## A probe from outside")
	say("")
	say("The setting `outside-probe` (off) has Route 53 ask the API from three regions. It costs, whatever the number of users:")
	say("")
	say("| item | what for | dollars a month |")
	say("|---|---|--:|")
	probe := OutsideProbe(u)
	for _, l := range probe {
		say("| %s | %s | %.2f |", l.What, l.Why, l.Dollars)
	}
	say("| **all** | | **%.2f** |", Sum(probe))
	say("")
	say("## Assumptions")
	say("")
	say("Measured by a test, with the code that runs in production, for a window of 30 days with 300 events:")
	say("")
	say("- a night in which nothing is new: %.0f read units (the ledger of the window, strongly consistent) and %.0f write units (more than "+
		"half of them the run's items); the table grows by %.0f KB, the bucket by %.0f KB (the plan)",
		u.NightReads, u.NightWrites, u.NightBytes/1000, u.PlanBytes/1000)
	say("- each new or changed appointment: %.1f write units (its entry, intended and then done, and where it stands) and %.1f read units; the "+
		"table grows by %.1f KB", u.AppointmentWrites, u.AppointmentReads, u.AppointmentBytes/1000)
	say("")
	say("Assumed:")
	say("")
	say("- each user: %.0f new or changed appointments a day, one archive and one backup run a night, %.0f calls of the API a month (%.0f %% "+
		"of them change something), %.0f e-mails a month", u.AppointmentsADay, u.Calls, 100*u.WritingCalls, u.Emails)
	say("- an archive run takes %.0f s at %.0f MB, a backup %.0f s at %.0f MB, a call %.0f ms at %.0f MB, a tick %.0f ms at %.0f MB",
		u.ArchiveSeconds, 1024*u.ArchiveGB, u.BackupSeconds, 1024*u.BackupGB, 1000*u.CallSeconds, 1024*u.CallGB, 1000*u.TickSeconds, 1024*u.TickGB)
	say("- a backup has %.0f files, together %.0f KB; %.0f are kept (7 daily, 4 weekly, 12 monthly, and deleted ones for 90 days)",
		u.BackupObjects, u.BackupBytes/1000, u.BackupsKept)
	say("- %.0f months of history; logs are kept for %.0f months; bytes of log: %.0f a call, %.0f a run, %.0f a tick", u.History, u.LogMonths,
		u.CallLog, u.RunLog, u.TickLog)
	say("- users call in %.0f hours of a month, nightly runs are spread over an hour: that decides how many requests are the first of "+
		"their second", u.WorkSeconds/3600)
	say("- %.0f metrics of our own in every hour, %.0f metrics in the alarms, %.0f dashboard, %.0f keys (each a dollar more after its first "+
		"and its second rotation), %.0f secret",
		u.Metrics, u.AlarmMetrics, u.Dashboards, u.Keys, u.Secrets)
	return b.Bytes()
}

// folded breaks a paragraph, or an item of a list, into lines that end before column 160. Rows of tables cannot be broken.
func folded(text string) string {
	const most, far = 160, 140
	if len(text) < most || strings.HasPrefix(text, "|") {
		return text
	}
	indent := ""
	if strings.HasPrefix(text, "- ") {
		indent = "  "
	}
	var b strings.Builder
	width := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case width+1+len(word) > far:
			b.WriteString("\n" + indent)
			width = len(indent)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	return b.String()
}

// even is for how many users, to the nearest hundred, the containers cost what the deployed system costs, as if they could serve them.
func even(u Usage) float64 {
	n := 0.0
	for own := 0.0; own < Sum(AlwaysOn(u, n)); {
		n += 100
		own = 0
		for _, l := range Serverless(u, n) {
			if !l.Both {
				own += l.Dollars
			}
		}
	}
	return n
}

// thousands writes 657000 as 657,000.
func thousands(n float64) string {
	s := fmt.Sprintf("%.0f", n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
