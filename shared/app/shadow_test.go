package app

import (
	"fmt"
	"testing"
	"time"

	"adminassistant/shared/flag"
)

func TestAnAdministratorHasAVersionOfThePlanShadowedAndThenPutInForce(t *testing.T) {
	later := time.Duration(0)
	o := openOneAt(t, func() time.Time { return time.Now().Add(later) })
	calendarID := o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	for i, subject := range []string{"Acme review", "Acme\u00a0review"} {
		o.imports(calendarID, fmt.Sprintf("%d@example.com", i), "DTSTART:20261005T070000Z", "DTEND:20261005T080000Z", "SUMMARY:"+subject)
	}
	config := o.do("ann", "POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/Archive", "timezone": "UTC", "overlaps": "keep"}`, "id")
	ran := func(state flag.State) (counts, shadow map[string]any) {
		t.Helper()
		later += time.Minute // what was read of flags counts no more
		_, err := o.flags.Set(t.Context(), "tenant", "boss", flag.Flag{Name: flag.AlikeDuplicates, State: state})
		must(t, err)
		id := o.do("ann", "POST", "/v1/runs", `{"kind": "archive", "config": "`+config+`", "period": "2026-10-05 to 2026-10-05", "dry_run": true}`, "id")
		o.work()
		_, run := o.ask("GET", "/v1/runs/"+id, "")
		result, _ := run["result"].(map[string]any)
		counts, _ = result["counts"].(map[string]any)
		shadow, _ = result["shadow"].(map[string]any)
		return counts, shadow
	}
	for _, c := range []struct {
		state  flag.State
		merged float64
		shadow bool
	}{{flag.Off, 0, false}, {flag.Shadow, 0, true}, {flag.On, 1, false}, {flag.Off, 0, false}} {
		counts, shadow := ran(c.state)
		if counts["merged"] != c.merged || (shadow != nil) != c.shadow {
			t.Errorf("%s: %v, %v", c.state, counts, shadow)
		}
		if c.shadow && (shadow["flag"] != "plan.alike_duplicates" || shadow["changed"] != 1.0) {
			t.Errorf("told is %v", shadow)
		}
	}
}
