package graphsim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// state is what a server keeps in a file.
type state struct {
	IDs       uint64            `json:"ids"`
	Zones     []calendar.Zone   `json:"zones,omitempty"`
	Mailboxes []json.RawMessage `json:"mailboxes"` // of mailboxState
}

type mailboxState struct {
	Mailbox
	Calendars  []*Calendar `json:"calendars"`
	Categories []*Category `json:"categories,omitempty"`
	Events     []*record   `json:"events,omitempty"`
}

// SaveFile writes all mailboxes to a file, whole or not at all.
func (s *Server) SaveFile(path string) error {
	s.mu.RLock()
	saved, boxes := state{IDs: s.ids, Zones: s.zones}, s.mailboxes
	s.mu.RUnlock()
	for _, m := range boxes {
		m.mu.Lock()
		text, err := json.Marshal(mailboxState{m.Mailbox, m.calendars, m.categories, m.records})
		m.mu.Unlock()
		if err != nil {
			return fmt.Errorf("save mailbox %s: %w", m.ID, err)
		}
		saved.Mailboxes = append(saved.Mailboxes, text)
	}
	text, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // what is left after a failure
	_, err = next.Write(text)
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return fmt.Errorf("save the simulator's state: %w", err)
	}
	return os.Rename(next.Name(), path)
}

// LoadFile replaces all mailboxes by those of a file. A file that does not exist is fs.ErrNotExist; one that cannot be understood is Malformed.
func (s *Server) LoadFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var saved state
	if err := json.Unmarshal(text, &saved); err != nil {
		return malformed(path, err)
	}
	s.addZones(saved.Zones)
	var boxes []*mailbox
	for _, text := range saved.Mailboxes {
		m, err := s.loadMailbox(text)
		if err != nil {
			return malformed(path, err)
		}
		boxes = append(boxes, m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids, s.mailboxes = saved.IDs, boxes
	s.changes.Add(1)
	return nil
}

func malformed(path string, err error) error {
	return fault.New(fault.Malformed, "simulator state %s: %v", path, err)
}

func (s *Server) loadMailbox(text []byte) (*mailbox, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var saved mailboxState
	if err := in.Decode(&saved); err != nil {
		return nil, err
	}
	m := &mailbox{Mailbox: saved.Mailbox, server: s, calendars: saved.Calendars, categories: saved.Categories, byID: map[string]*record{}}
	for _, r := range saved.Events {
		if err := m.workOut(r); err != nil {
			return nil, err
		}
		for _, own := range r.Exceptions {
			if err := m.workOut(own); err != nil {
				return nil, err
			}
		}
		m.add(r)
	}
	return m, nil
}

// addZones makes time zones known that only a file explains.
func (s *Server) addZones(zones []calendar.Zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, z := range zones {
		if !slices.ContainsFunc(s.zones, func(old calendar.Zone) bool { return old.ID == z.ID }) {
			s.zones = append(s.zones, z)
		}
	}
}

// KeepFile saves the state to a file when it has changed, once in an interval and when ctx ends. wait returns after the last save, with its error.
func (s *Server) KeepFile(ctx context.Context, path string, every time.Duration) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		saved := int64(-1)
		save := func() error {
			now := s.Changes()
			if now == saved {
				return nil
			}
			err := s.SaveFile(path)
			if err == nil {
				saved = now
			}
			return err
		}
		for ctx.Err() == nil {
			s.clock.Sleep(ctx, every)
			_ = save() // the next save tries it anew; the last one counts
		}
		done <- save()
	}()
	return func() error { return <-done }
}
