// Package sqlite keeps queues in a SQLite file, for one machine. Several processes may use the file at once.
package sqlite

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/store/sqlitefile"
)

var schema = sqlitefile.Schema{
	Name:        "queue",
	Application: 0x41416471, // "AAdq"
	Steps: []string{`
		-- All times are Unix milliseconds.
		CREATE TABLE messages (
			id       TEXT NOT NULL PRIMARY KEY,
			queue    TEXT NOT NULL,
			body     BLOB NOT NULL,
			sent     INTEGER NOT NULL,
			visible  INTEGER NOT NULL,
			receives INTEGER NOT NULL
		) STRICT;
		CREATE INDEX messages_visible ON messages (queue, visible);
		CREATE INDEX messages_sent ON messages (queue, sent);
		CREATE TABLE dead (
			id       TEXT NOT NULL PRIMARY KEY,
			queue    TEXT NOT NULL,
			body     BLOB NOT NULL,
			sent     INTEGER NOT NULL,
			receives INTEGER NOT NULL,
			died     INTEGER NOT NULL,
			reason   TEXT NOT NULL
		) STRICT;
		CREATE INDEX dead_died ON dead (queue, died)`,
	},
}

const (
	// deadFor is how long dead letters are kept (the longest that SQS keeps a message).
	deadFor = 14 * 24 * time.Hour
	// buryAtOnce is how many messages one Receive moves to the dead letters at most, so that it stays short.
	buryAtOnce = 100
	// pollEvery is how often a waiting Receive looks for messages of other processes. Those of its own process wake it.
	pollEvery = 250 * time.Millisecond
)

// File holds queues by name.
type File struct {
	file  *sqlitefile.File
	clock func() time.Time

	mu   sync.Mutex
	sent map[string]chan struct{} // by queue; closed, and removed, when a message became visible
}

// Queue is one queue of a file.
type Queue struct {
	*File
	name string
}

var _ queue.Queue = (*Queue)(nil)

// Open opens or makes the file; ":memory:" is one that is gone when closed. clock decides which messages are visible. Errors: see sqlitefile.Open.
func Open(path string, clock func() time.Time) (*File, error) {
	file, err := sqlitefile.Open(path, schema)
	if err != nil {
		return nil, err
	}
	return &File{file: file, clock: clock, sent: map[string]chan struct{}{}}, nil
}

// Close closes the file and with it all queues.
func (f *File) Close() error { return f.file.Close() }

// Queue returns the queue of a name, which need not have been used before.
func (f *File) Queue(name string) *Queue { return &Queue{File: f, name: name} }

func (f *File) now() int64 { return f.clock().UnixMilli() }

// Send adds a message.
func (q *Queue) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if err := queue.CheckSend(body, delay); err != nil {
		return err
	}
	now := q.now()
	err := q.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		_, err := tx.Exec("INSERT INTO messages (id, queue, body, sent, visible, receives) VALUES (?, ?, ?, ?, ?, 0)",
			rand.Text(), q.name, body, now, now+delay.Milliseconds())
		return err
	})
	if err == nil {
		q.wake()
	}
	return err
}

// wake stops the waiting of this process's receivers; they look anew, and find when the next message will be visible.
func (q *Queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.sent[q.name]; c != nil {
		close(c)
		delete(q.sent, q.name)
	}
}

// woken is closed at the next wake.
func (q *Queue) woken() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sent[q.name] == nil {
		q.sent[q.name] = make(chan struct{})
	}
	return q.sent[q.name]
}

// Receive returns visible messages, those that have been visible longest first. It also moves those that have been
// delivered queue.MaxReceives times to the dead letters.
func (q *Queue) Receive(ctx context.Context, limit int, visibility, wait time.Duration) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit, visibility, wait); err != nil {
		return nil, err
	}
	ended := time.NewTimer(wait)
	defer ended.Stop()
	for {
		woken := q.woken() // before looking, so that nothing is missed in between
		in, some, err := q.nextVisible(ctx)
		if err != nil {
			return nil, err
		}
		if some && in <= 0 {
			messages, err := q.take(ctx, limit, visibility)
			if err != nil || len(messages) > 0 {
				return messages, err
			}
		}
		pause := pollEvery
		if some && in > 0 {
			pause = min(pause, in)
		}
		timer := time.NewTimer(pause)
		select {
		case <-woken:
		case <-timer.C:
		case <-ended.C:
			timer.Stop()
			return nil, nil
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

// nextVisible says in what time the next message is visible; some is false when there is none.
func (q *Queue) nextVisible(ctx context.Context) (in time.Duration, some bool, err error) {
	err = q.file.Read(ctx, func(tx *sqlitefile.Tx) error {
		return tx.Query("SELECT visible FROM messages WHERE queue = ? ORDER BY visible LIMIT 1", []any{q.name}, func(scan func(...any) error) (bool, error) {
			var visible int64
			err := scan(&visible)
			in, some = time.Duration(visible-q.now())*time.Millisecond, true
			return false, err
		})
	})
	return in, some, err
}

// take delivers what is visible.
func (q *Queue) take(ctx context.Context, limit int, visibility time.Duration) ([]queue.Message, error) {
	var messages []queue.Message
	err := q.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		messages = nil
		if err := q.bury(tx); err != nil {
			return err
		}
		now := q.now()
		err := tx.Query(`UPDATE messages SET receives = receives + 1, visible = ? WHERE id IN (
				SELECT id FROM messages WHERE queue = ? AND visible <= ? AND receives < ? ORDER BY visible, sent LIMIT ?
			) RETURNING id, body, receives, sent`,
			[]any{now + visibility.Milliseconds(), q.name, now, queue.MaxReceives, limit},
			func(scan func(...any) error) (bool, error) {
				var m queue.Message
				var sent int64
				err := scan(&m.ID, &m.Body, &m.Receives, &sent)
				m.Sent, m.Receipt = time.UnixMilli(sent).UTC(), receipt(m.ID, m.Receives)
				messages = append(messages, m)
				return true, err
			})
		return err
	})
	if err != nil {
		return nil, err // what was read is not committed
	}
	return messages, nil
}

// bury moves messages that were delivered often enough to the dead letters, and forgets dead letters that are too old.
func (q *Queue) bury(tx *sqlitefile.Tx) error {
	now := q.now()
	moved, err := tx.Exec(`INSERT INTO dead (id, queue, body, sent, receives, died, reason)
		SELECT id, queue, body, sent, receives, ?, 'delivered ' || receives || ' times without success' FROM messages
		WHERE queue = ? AND visible <= ? AND receives >= ? ORDER BY visible LIMIT ?`, now, q.name, now, queue.MaxReceives, buryAtOnce)
	if err != nil || moved == 0 {
		return err
	}
	if _, err := tx.Exec("DELETE FROM messages WHERE queue = ? AND visible <= ? AND receives >= ? AND EXISTS (SELECT 1 FROM dead WHERE dead.id = messages.id)",
		q.name, now, queue.MaxReceives); err != nil {
		return err
	}
	return q.forget(tx)
}

func (q *Queue) forget(tx *sqlitefile.Tx) error {
	_, err := tx.Exec("DELETE FROM dead WHERE queue = ? AND died < ?", q.name, q.now()-deadFor.Milliseconds())
	return err
}

// receipt names a delivery by the message and the number of its deliveries.
func receipt(id string, receives int) string { return fmt.Sprintf("%s.%d", id, receives) }

func parseReceipt(s string) (id string, receives int, err error) {
	id, number, found := strings.Cut(s, ".")
	receives, err = strconv.Atoi(number)
	if !found || id == "" || err != nil || receipt(id, receives) != s {
		return "", 0, fault.Field("receipt", "is not one that a message came with")
	}
	return id, receives, nil
}

// Delete removes a message for good.
func (q *Queue) Delete(ctx context.Context, receipt string) error {
	id, receives, err := parseReceipt(receipt)
	if err != nil {
		return err
	}
	return q.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		_, err := tx.Exec("DELETE FROM messages WHERE id = ? AND receives = ? AND queue = ?", id, receives, q.name)
		return err
	})
}

// Extend hides the message for that long from now. A receipt that is no longer the newest changes nothing, without error.
func (q *Queue) Extend(ctx context.Context, receipt string, visibility time.Duration) error {
	id, receives, err := parseReceipt(receipt)
	if err != nil {
		return err
	}
	if err := queue.CheckVisibility(visibility); err != nil {
		return err
	}
	err = q.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		_, err := tx.Exec("UPDATE messages SET visible = ? WHERE id = ? AND receives = ? AND queue = ?", q.now()+visibility.Milliseconds(), id, receives, q.name)
		return err
	})
	if err == nil {
		q.wake()
	}
	return err
}

// Park moves the message to the dead letters. One whose receipt is no longer the newest stays, without error: it is with somebody else.
func (q *Queue) Park(ctx context.Context, m queue.Message, reason string) error {
	id, receives, err := parseReceipt(m.Receipt)
	if err != nil {
		return err
	}
	return q.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		if err := q.forget(tx); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO dead (id, queue, body, sent, receives, died, reason)
			SELECT id, queue, body, sent, receives, ?, ? FROM messages WHERE id = ? AND receives = ? AND queue = ?`,
			q.now(), reason, id, receives, q.name); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM messages WHERE id = ? AND receives = ? AND queue = ?", id, receives, q.name)
		return err
	})
}

// Stats counts the messages.
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	var stats queue.Stats
	err := q.file.Read(ctx, func(tx *sqlitefile.Tx) error {
		return tx.Query(`SELECT (SELECT count(*) FROM messages WHERE queue = ?1), (SELECT count(*) FROM dead WHERE queue = ?1),
			(SELECT min(sent) FROM messages WHERE queue = ?1)`, []any{q.name}, func(scan func(...any) error) (bool, error) {
			var oldest *int64
			err := scan(&stats.Waiting, &stats.Dead, &oldest)
			if oldest != nil {
				stats.Oldest = time.UnixMilli(*oldest).UTC()
			}
			return false, err
		})
	})
	return stats, err
}

// Dead is a dead letter.
type Dead struct {
	ID       string
	Body     []byte
	Sent     time.Time
	Receives int
	Died     time.Time // when it became one
	Reason   string
}

// DeadLetters returns up to limit dead letters, the latest first. They are kept for 14 days.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]Dead, error) {
	var dead []Dead
	err := q.file.Read(ctx, func(tx *sqlitefile.Tx) error {
		return tx.Query("SELECT id, body, sent, receives, died, reason FROM dead WHERE queue = ? ORDER BY died DESC, id LIMIT ?", []any{q.name, limit},
			func(scan func(...any) error) (bool, error) {
				var d Dead
				var sent, died int64
				err := scan(&d.ID, &d.Body, &sent, &d.Receives, &died, &d.Reason)
				d.Sent, d.Died = time.UnixMilli(sent).UTC(), time.UnixMilli(died).UTC()
				dead = append(dead, d)
				return true, err
			})
	})
	return dead, err
}
