package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/cost.md anew")

func TestPage(t *testing.T) {
	const name = "../../docs/cost.md"
	got := page(typical)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/cost.md is not what the model says; run: go test ./infra/cost -update\n%s", diff)
	}
}

func line(t *testing.T, lines []Line, what string) float64 {
	t.Helper()
	for _, l := range lines {
		if l.What == what {
			return l.Dollars
		}
	}
	t.Fatalf("there is no line %q", what)
	return 0
}

// TestLines has sums that were done by hand.
func TestLines(t *testing.T) {
	u := Usage{
		Calls: 900, CallSeconds: 0.1, CallGB: 0.5, CallReads: 2, WritingCalls: 0.1, WritingCallWrites: 4, TickReads: 8,
		Queues: 5, Pollers: 5, PollLength: 20, AlarmMetrics: 31, Emails: 10, BackupBytes: 1 << 30, BackupsKept: 3, PlanBytes: 0, HeadPuts: 2,
		WorkSeconds: 3600, NightSeconds: 3600,
	}
	bill := Serverless(u, 1000)
	for what, want := range map[string]float64{
		"Lambda, api":           900_000*0.0000002 + 45_000*0.0000133334, // 45,000 GB-seconds
		"API Gateway":           0.90,
		"DynamoDB, writes":      360_000 * 0.000000625,
		"DynamoDB, reads":       (1_800_000 + 43_800*8) * 0.000000125,
		"SQS, empty receives":   5 * 657_000 * 0.0000004,
		"EventBridge Scheduler": 43_800 * 0.000001,
		"SES":                   1,
		"S3, requests":          1000 * 2 * 730 / 24.0 * 0.000005,
		"S3, storage":           3000 * 0.023,
		"CloudWatch alarms":     3.10,
	} {
		if got := line(t, bill, what); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %.6f dollars, want %.6f", what, got, want)
		}
	}
	probe := OutsideProbe(u)
	for what, want := range map[string]float64{
		"Route 53, health check": 1.50,
		"API Gateway and Lambda": 525_600*0.000001 + 525_600*0.0000002 + 26_280*0.0000133334,
		"DynamoDB, reads":        262_800 * 0.000000125,
	} {
		if got := line(t, probe, what); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %.6f dollars, want %.6f", what, got, want)
		}
	}
	containers := AlwaysOn(u, 0)
	for what, want := range map[string]float64{"Fargate": 28.8350, "NAT gateway": 32.85, "RDS": 23.36, "Public IPv4 addresses": 10.95} {
		if got := line(t, containers, what); math.Abs(got-want) > 1e-4 {
			t.Errorf("%s: %.6f dollars, want %.6f", what, got, want)
		}
	}
	if empty := emptyReceives(u); empty != 657_000 {
		t.Errorf("%.0f empty receives, want 657,000", empty)
	}
}

func TestTraced(t *testing.T) {
	u := Usage{TraceFirst: 1, TraceRest: 0.05}
	for _, c := range []struct{ calls, seconds, least, most float64 }{
		{0, 3600, 0, 0},
		{60, 3600, 59, 60},          // one a minute: hardly ever two in a second
		{3600, 3600, 2275, 2420},    // 1 - 1/e of the seconds have one, and a twentieth of the others
		{360_000, 3600, 3600, 22e3}, // every second has one
	} {
		if got := traced(u, c.calls, c.seconds); got < c.least || got > c.most {
			t.Errorf("%.0f calls in %.0f s: %.1f traces, want %.0f to %.0f", c.calls, c.seconds, got, c.least, c.most)
		}
	}
}

func TestModel(t *testing.T) {
	t.Run("more users cost more, and each of them less", func(t *testing.T) {
		before, share := Sum(Serverless(typical, 0)), math.Inf(1)
		if before <= 0 {
			t.Errorf("nobody costs %.2f", before)
		}
		for _, n := range []float64{1, 10, 100, 1000, 10_000, 100_000} {
			sum := Sum(Serverless(typical, n))
			if sum <= before || sum/n >= share {
				t.Errorf("%.0f users: %.2f, %.4f each, after %.2f and %.4f", n, sum, sum/n, before, share)
			}
			before, share = sum, sum/n
		}
	})
	t.Run("every assumption counts", func(t *testing.T) {
		sum := func(u Usage) float64 {
			return Sum(Serverless(u, users)) + Sum(AlwaysOn(u, users))
		}
		for i := range reflect.TypeFor[Usage]().NumField() {
			name := reflect.TypeFor[Usage]().Field(i).Name
			u := typical
			reflect.ValueOf(&u).Elem().Field(i).SetFloat(0.5 * reflect.ValueOf(typical).Field(i).Float())
			switch changed := sum(u); {
			case name == "ItemBytes": // says what part of NightBytes a lever is about
			case math.IsNaN(changed) || math.Abs(changed-sum(typical)) < 1e-6:
				t.Errorf("half of %s changes nothing", name)
			}
		}
	})
	t.Run("every lever saves", func(t *testing.T) {
		for _, l := range levers {
			u := typical
			l.Change(&u)
			saved := Sum(Serverless(typical, users)) - Sum(Serverless(u, users))
			if saved <= 0.01 || saved > Sum(Serverless(typical, users))/3 {
				t.Errorf("%s: saves %.2f", l.What, saved)
			}
		}
	})
	t.Run("no line costs less than nothing, or has the name of another", func(t *testing.T) {
		seen := map[string]bool{}
		for _, l := range slices.Concat(Serverless(typical, users), AlwaysOn(typical, users)) {
			if !(l.Dollars >= 0) || seen[l.What] || l.Why == "" || strings.Contains(l.What+l.Why, "|") {
				t.Errorf("%+v", l)
			}
			seen[l.What] = true
		}
		for _, l := range OutsideProbe(typical) {
			if !(l.Dollars > 0) || l.Why == "" || strings.Contains(l.What+l.Why, "|") {
				t.Errorf("%+v", l)
			}
		}
	})
}

func TestThousands(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 10: "10", 999: "999", 1000: "1,000", 10_000: "10,000", 657_000: "657,000", 3_285_000: "3,285,000"} {
		if got := thousands(n); got != want {
			t.Error(fmt.Sprint(n), got, want)
		}
	}
}
