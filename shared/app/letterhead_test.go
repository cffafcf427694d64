package app

import (
	"strings"
	"testing"
)

func TestTimesheetsHaveTheLetterheadOfTheSettings(t *testing.T) {
	o := openOne(t)
	o.do("ann", "PUT", "/v1/me/settings", `{"email": "ann@example.com"}`, "", "If-Match", "*")
	sender := o.timesheets().Sender
	p, err := sender(t.Context(), "tenant#ann")
	if err != nil || p.Name == "" || len(p.Lines) != 0 || p.Email != "ann@example.com" {
		t.Errorf("without one: %+v, %v", p, err)
	}
	o.do("ann", "PUT", "/v1/me/settings", `{"letterhead": "Ann Muster\nMusterweg 1\n10115 Berlin"}`, "", "If-Match", "*")
	p, err := sender(t.Context(), "tenant#ann")
	if err != nil || p.Name != "Ann Muster" || strings.Join(p.Lines, "|") != "Musterweg 1|10115 Berlin" || p.Email != "" {
		t.Errorf("got %+v, %v", p, err)
	}
	if p, err := sender(t.Context(), "tenant#nobody"); err != nil || p.Name != "" {
		t.Errorf("of somebody who was never here: %+v, %v", p, err)
	}
}
