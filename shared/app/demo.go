package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"adminassistant/shared/calendar/graphsim"
)

// DemoAccount is the owner of the demo mailbox.
const DemoAccount = "demo@example.com"

// OpenDemoMailbox serves a simulated Outlook mailbox on this machine until it is closed, and returns settings that reach it. The
// mailbox is kept in the data folder; a new one is filled with the iCalendar file.
func OpenDemoMailbox(s Settings, file io.Reader) (_ Settings, closing func() error, err error) {
	dir, err := s.DataDir()
	if err != nil {
		return s, nil, err
	}
	state := filepath.Join(dir, "demo-mailbox.json")
	token := rand.Text()
	sim := graphsim.New(graphsim.Options{Token: token})
	if err = sim.LoadFile(state); errors.Is(err, fs.ErrNotExist) {
		if err = sim.AddMailbox(graphsim.Mailbox{ID: "demo", Address: DemoAccount, Name: "Demo", TimeZone: "Europe/Berlin"}); err == nil {
			err = sim.LoadICS(DemoAccount, "", file)
		}
	}
	if err != nil {
		return s, nil, fmt.Errorf("demo mailbox: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, nil, fmt.Errorf("demo mailbox: %w", err)
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
	keeping, stop := context.WithCancel(context.Background())
	kept := sim.KeepFile(keeping, state, 2*time.Second)
	s.GraphURL, s.GraphToken = "http://"+listener.Addr().String()+"/v1.0", token
	return s, func() error {
		err := server.Close()
		stop()
		return errors.Join(err, kept())
	}, nil
}
