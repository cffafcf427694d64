package ics

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// surveyed writes a file by a Survey.
func surveyed(t interface{ Fatal(...any) }, f File) string {
	kept := map[string]*calendar.Kept{}
	var order []*calendar.Kept
	for _, e := range f.Events {
		if instance(&e) {
			k := kept[e.SeriesMasterID]
			k.Exceptions = append(k.Exceptions, e)
			continue
		}
		k := &calendar.Kept{Event: e}
		kept[e.ID] = k
		order = append(order, k)
	}
	s := NewSurvey(f.Zones, stamp)
	for _, k := range order {
		if err := s.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	err := s.Write(&b, f.Name, func(each func(calendar.Kept) error) error {
		for _, k := range order {
			if err := each(*k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestASurveyWritesWhatWriteDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := randomFile(t)
		var b bytes.Buffer
		if err := Write(&b, f, stamp); err != nil {
			t.Fatal(err)
		}
		if got := surveyed(t, f); got != b.String() {
			t.Errorf("a survey writes\n%s\nbut Write\n%s", got, b.String())
		}
	})
}

func TestASurveyLeavesOutWhatCannotBeWritten(t *testing.T) {
	good := calendar.Event{ID: "good", Subject: "good", Start: calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "UTC"},
		End: calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "UTC"}}
	series := good
	series.Type, series.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=DAILY", "FREQ=WEEKLY"}}
	late := good
	late.Start.Local = "tomorrow"
	lost := good
	lost.Type, lost.SeriesMasterID, lost.Start.Zone = calendar.Exception, "daily", "Nowhere/Land"
	daily := good
	daily.ID, daily.Type, daily.Recurrence = "daily", calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=DAILY"}}
	all := []calendar.Kept{{Event: series}, {Event: late}, {Event: daily, Exceptions: []calendar.Event{lost}}, {Event: good}}

	s := NewSurvey(nil, stamp)
	for i := range all {
		if err := s.Add(&all[i]); i < 3 && fault.Of(err) != fault.Invalid || i == 3 && err != nil {
			t.Errorf("%s: %v", all[i].Event.ID, err)
		}
	}
	var b bytes.Buffer
	err := s.Write(&b, "", func(each func(calendar.Kept) error) error {
		for _, k := range all {
			if err := each(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := written(t, File{Events: []calendar.Event{good}}); b.String() != want {
		t.Errorf("written is\n%s\nwant\n%s", b.String(), want)
	}

	torn := errors.New("torn")
	if err := s.Write(&b, "", func(func(calendar.Kept) error) error { return torn }); !errors.Is(err, torn) {
		t.Errorf("the error of whoever gives the events: %v", err)
	}
	if err := s.Write(errWriter{torn}, "", func(each func(calendar.Kept) error) error { return each(all[3]) }); !errors.Is(err, torn) {
		t.Errorf("the error of the stream: %v", err)
	}
}
