package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// onSmallDisk runs lines of a shell with a data folder of half a megabyte. Where nobody may mount one it skips the test.
func (m *machine) onSmallDisk(lines string) (said string, err error) {
	m.t.Helper()
	if err := os.MkdirAll(m.data, 0o700); err != nil {
		m.t.Fatal(err)
	}
	mount := "mount -t tmpfs -o size=500k,mode=700 tmpfs " + m.data
	if out, err := exec.Command("unshare", "-rm", "sh", "-c", mount).CombinedOutput(); err != nil {
		m.t.Skipf("nobody may mount a small disk here: %v %s", err, out)
	}
	cmd := m.command(m.t.Context(), "")
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "exec unshare -rm sh -c '" + mount + "\n" + lines + "'"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	m := newMachine(t)
	for _, args := range [][]string{{"--local", "calendar", "list"}, {"--local", "calendar", "list", "-o", "json"}, {"--help"}, {"version"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := m.command(t.Context(), args...)
		var errs strings.Builder
		cmd.Stdout, cmd.Stderr = full, &errs
		if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), "the output cannot be written: the disk is full") {
			t.Errorf("%q: %v, %s", args, err, errs.String())
		}
		full.Close()
	}
}

// TestAFullDiskIsSaid imports on a disk that has too little room for it.
func TestAFullDiskIsSaid(t *testing.T) {
	m := newMachine(t)
	var file strings.Builder
	file.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	for i := range 400 {
		fmt.Fprintf(&file, "BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:20261005T090000Z\r\nDURATION:PT30M\r\n"+
			"SUMMARY:Event %d\r\nEND:VEVENT\r\n", i, i)
	}
	m.file("work.ics", file.String()+"END:VCALENDAR\r\n")
	said, err := m.onSmallDisk(`admin-assistant --local calendar create local://me/calendars/Work && exec admin-assistant --local calendar import Work work.ics`)
	if err == nil || !strings.Contains(said, "is full; free some space; run ") ||
		!strings.Contains(said, " goes on where it was with: admin-assistant --local run watch ") {
		t.Errorf("%v: %s", err, said)
	}
}
