package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
)

func TestWhatNeedsTheUser(t *testing.T) {
	m := newMachine(t)
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin").ok()
	run := func() result {
		return m.local("archive", "run", "--config", "work", "--period", october)
	}
	if r := run(); r.code != exitFailed {
		t.Fatalf("a run without a source: exit code %d\n%s%s", r.code, r.out, r.err)
	}

	m.local("action", "list").ok().says("run_failed", "open", "The run of 1–31 October 2026 failed")
	var actions []actionView
	m.local("action", "list", "--kind", "run_failed", "--output", "json").ok().decode(&actions)
	if len(actions) != 1 || actions[0].Subject.Kind != "run" || len(actions[0].History) != 1 {
		t.Fatalf("%+v", actions)
	}
	const again = `admin-assistant archive run --config work --period "2026-10-01 to 2026-10-31"`
	m.local("action", "show", actions[0].ID).ok().says("run "+actions[0].Subject.ID, "Nothing is lost", again)

	m.local("notification", "list", "--unread").ok().says("problems", "failed", `Archive run of "work" failed`, "unread")
	var notes []notificationView
	m.local("notification", "list", "--output", "json").ok().decode(&notes)
	if len(notes) != 1 || notes[0].Command != again || notes[0].Read != nil {
		t.Fatalf("%+v", notes)
	}
	m.local("notification", "read", notes[0].ID).ok().says(`Archive run of "work" failed`, "Nothing is lost",
		"    admin-assistant "+strings.TrimPrefix(strings.Join(append(m.flags(), "archive run --config work"), " "), " "))
	if out := m.local("notification", "list", "--unread").ok().out; strings.Contains(out, "failed") {
		t.Errorf("still unread: %s", out)
	}

	run() // fails again: the same action, another notification
	m.local("action", "list", "--output", "json").ok().decode(&actions)
	if len(actions) != 1 || len(actions[0].History) != 2 {
		t.Errorf("%+v", actions)
	}
	m.local("notification", "read", "--all").ok().says("1 marked as read")
	m.local("notification", "read", "--all", "--output", "json").ok().says(`"read": 0`)

	m.local("action", "dismiss", actions[0].ID).ok().says("dismissed", "you")
	if out := m.local("action", "list").ok().out; strings.Contains(out, "run_failed") {
		t.Errorf("still open: %s", out)
	}
	m.local("action", "list", "--state", "all").ok().says("dismissed")
	m.local("action", "resolve", actions[0].ID).fails(exitFailed, "dismissed already")

	run()
	m.local("action", "list", "--output", "json").ok().decode(&actions)
	m.local("action", "resolve", actions[0].ID).ok().says("resolved")
	run()
	m.local("calendar", "create", work).ok()
	run().ok()
	m.local("action", "list", "--state", "open", "--output", "json").ok().decode(&actions)
	if len(actions) != 0 {
		t.Errorf("a run that succeeded leaves %+v", actions)
	}
	m.local("notification", "list").ok().says(`Archive run of "work" went well`)

	m.local("notification", "read").fails(exitUsage, "--all")
	m.local("notification", "read", "nothing").fails(exitFailed, `no notification "nothing"`)
	m.local("action", "list", "--state", "done").fails(exitUsage, "state")

	if m.token != "" {
		return // e-mails of a deployment are not in files
	}
	// Nobody asked for e-mail.
	if mails, err := filepath.Glob(filepath.Join(m.data, "outbox", "*.eml")); err != nil || len(mails) != 0 {
		t.Errorf("e-mails: %q, %v", mails, err)
	}
	if info, err := os.Stat(filepath.Join(m.data, "outbox")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the outbox: %v, %v", info, err)
	}
}

func TestWhatARunAsks(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, sample(t)).ok()
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin").ok()
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	var actions []actionView
	m.local("action", "list", "--config", "work", "--kind", "overlap", "--period", october, "--output", "json").ok().decode(&actions)
	if len(actions) == 0 || actions[0].Span == nil || actions[0].Rule == "" {
		t.Fatalf("%+v", actions)
	}
	m.local("action", "list", "--kind", "overlap").ok().says("About", "When", `"Initech strategy", "Globex architecture"`, "They share time",
		"2026-10-", "work", "overlap")
	if out := m.local("action", "list", "--period", "2026-09-01").ok().out; strings.Contains(out, "overlap") {
		t.Errorf("of September: %s", out)
	}
	m.local("action", "list", "--config", "none").fails(exitFailed, "none")
	m.local("action", "show", actions[0].ID).ok().says("1 of ", "Archive: nothing, it is conflicted", "Source, when asked", "subject", "accepted by", "open")
	var detail actionDetail
	m.local("action", "show", actions[0].ID, "--output", "json").ok().decode(&detail)
	if len(detail.Participants) < 2 || detail.Participants[0].Source == nil || len(detail.Participants[0].Fields) == 0 {
		t.Errorf("%+v", detail)
	}
}

// TestAListNamesTheAppointmentsOfAnAction reads actions from an API of the test.
func TestAListNamesTheAppointmentsOfAnAction(t *testing.T) {
	appointment := func(subject string) *calendar.Appointment { return &calendar.Appointment{Subject: subject} }
	of := func(subjects ...string) (participants []actionParticipant) {
		for _, s := range subjects {
			participants = append(participants, actionParticipant{Source: appointment(s), Archive: appointment("old " + s)})
		}
		return participants
	}
	var detail any
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if detail == nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_ = json.NewEncoder(w).Encode(detail)
	}))
	defer api.Close()
	c, err := newClient(api.URL, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		detail any
		want   string
	}{
		{actionDetail{Participants: of("a")}, `"a"`},
		{actionDetail{Participants: of("a", "b", "c")}, `"a", "b", "c"`},
		{actionDetail{Participants: of("a", "b", "c", "d"), Others: 7}, `"a", "b", "c", 8 more`},
		{actionDetail{Participants: []actionParticipant{{Archive: appointment("gone")}, {}}}, `"gone"`},
		{actionDetail{Participants: []actionParticipant{{}}, Finding: &actionFinding{Appointment: appointment("found")}}, `"found"`},
		{actionDetail{Participants: []actionParticipant{{}}, Others: 7, Finding: &actionFinding{}}, ""},
		{nil, ""},
	} {
		detail = tt.detail
		if got := aboutAction(t.Context(), c, "1"); got != tt.want {
			t.Errorf("%+v is about %s, want %s", tt.detail, got, tt.want)
		}
	}
}
