// Package notify tells users what became of their runs and jobs, and what needs them: in the application, and by e-mail.
//
// Items in the store:
//
//	ADDRESS#<hash of the address> / RETURNED   that nothing more is mailed to an address; see Mark
//	USER#<user> / NOTE#<id>   a notification; in the index as UNREAD#<user> / <id> while it is to be read in the application
//
// There is one notification for each transaction, such as a run: its id follows from the transaction's. What the transaction comes to
// later replaces what the notification says. A notification that is wanted by e-mail is stored first, as due; then a message that names it
// goes to a queue, and Mailer reserves the e-mail for itself, sends it and notes that. When Tell is repeated while the e-mail is due, the
// message is sent once more. So however often processes die, there is one notification and one e-mail; only an e-mail whose sending was cut
// off may come twice.
//
// Nothing here holds what is in a calendar: no subject, no address, no text of anybody's. It names configs and ids.
package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
	"adminassistant/shared/queue"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Class is a sort of notification, for which users choose channels.
type Class string

const (
	Runs     Class = "runs"     // runs that ended well
	Problems Class = "problems" // runs and jobs that did not go as they should
	Actions  Class = "actions"  // what the user has to decide
	SignIn   Class = "sign_in"  // access to Microsoft 365 has ended
	Digest   Class = "digest"   // once a day, what waits for the user
)

// channels are those that a user chose for a class.
func channels(n account.Notifications, c Class) account.Channels {
	switch c {
	case Runs:
		return n.Runs
	case Problems:
		return n.Problems
	case Actions:
		return n.Actions
	case SignIn:
		return n.SignIn
	case Digest:
		return n.Digest
	}
	return account.Channels{InApp: true}
}

// MailState is what became of a notification's e-mail.
type MailState string

const (
	NotMailed MailState = ""         // not wanted
	Due       MailState = "due"      // wanted, and not sent yet
	Sent      MailState = "sent"     // handed to the mail service
	Refused   MailState = "refused"  // the address is none that mail can be sent to
	Returned  MailState = "returned" // it came back, or an earlier one to the same address did and nothing more is sent to it
	Dropped   MailState = "dropped"  // not sent any more: not wanted meanwhile, too many, or too late
)

// Notification is what a user is told of one transaction.
type Notification struct {
	ID    string `json:"id"` // see ID
	User  string `json:"user"`
	Class Class  `json:"class"`
	// State is what the transaction has come to, in its own word, such as a run's state. A change of it is news.
	State   string `json:"state"`
	Percent int    `json:"percent"`
	// Heading and Says are to be put into the language of whoever reads it; see In. Says tells what happened and what is safe. Title and Text are the same in
	// English. Records that are older than Heading have these alone.
	Heading phrase.Phrase `json:"heading,omitzero"`
	Says    phrase.Text   `json:"says,omitempty"`
	Title   string        `json:"title"`
	Text    string        `json:"text"`
	// Command does what can be done about it, and Link shows it: a path of the API.
	Command string `json:"command,omitempty"`
	Link    string `json:"link,omitempty"`
	// Points are single things that it is about, each with a link of its own. Heads are the signed heads of ledgers, which are shown as they are.
	Points []Point  `json:"points,omitempty"`
	Heads  []string `json:"heads,omitempty"`

	MailOnly bool      `json:"mail_only,omitempty"` // it is not shown in the application
	Read     time.Time `json:"read,omitzero"`
	Mail     MailState `json:"mail,omitempty"`
	Sending  time.Time `json:"sending,omitzero"`  // until then the e-mail is somebody's alone who is about to send it
	Counted  bool      `json:"counted,omitempty"` // the e-mail counts among those of its user: however often sending it is tried, once
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	// Correlation is that of the transaction.
	Correlation string `json:"correlation_id,omitempty"`

	stored  int64
	unknown store.Unknown
}

// Point is one of the things that a notification is about.
type Point struct {
	Says phrase.Phrase `json:"says,omitzero"` // Text, to be put into the language of whoever reads it
	Text string        `json:"text"`
	Link string        `json:"link"` // path of the API that shows it
}

// In is the notification in the reader's language: its title, its text and its points. What cannot be put into words stays as it is stored.
func (n *Notification) In(r phrase.Reader) (title, text string, points []Point) {
	title, text, points = n.Title, n.Text, slices.Clone(n.Points)
	heading, known := n.Heading.In(r)
	said, alsoKnown := n.Says.In(r)
	if known && alsoKnown {
		title, text = heading, said
	}
	for i := range points {
		if said, known := points[i].Says.In(r); known {
			points[i].Text = said
		}
	}
	return title, text, points
}

// write puts down in English what is to be told.
func (n *Notification) write(zone string) {
	n.Title, n.Text, n.Points = n.In(phrase.For(string(phrase.English), zone))
}

// ID is the id of the notification of a transaction that began at an instant: always the same, and newer ones sort behind older ones.
func ID(began time.Time, transaction string) string {
	sum := sha256.Sum256([]byte(transaction))
	id := ulid.ULID{}
	_ = id.SetTime(uint64(max(began.UnixMilli(), 0))) // fails for times after the year 10889
	_ = id.SetEntropy(sum[:10])                       // has the right length
	return id.String()
}

const (
	// keep is how long a notification is kept.
	keep = 90 * 24 * time.Hour
	// most is how many notifications a user has; older ones go. They are counted when one in pruneEvery is stored, so that there may be
	// some more.
	most       = 1000
	pruneEvery = 32
	// attempts is how often a change is tried when others change the same at that moment.
	attempts = 8
	// MostCounted is up to where unread notifications are counted.
	MostCounted = 100
	// readAtOnce is how many are marked as read in one transaction.
	readAtOnce = 50
)

const prefix = "NOTE#"

func key(user, id string) store.Key { return store.OfUser(user, prefix+id) }

func unreadOf(user string) string { return "UNREAD#" + user }

// unread says whether it waits to be read in the application.
func (n *Notification) unread() bool { return !n.MailOnly && n.Read.IsZero() }

func (n *Notification) item() store.Item {
	data, err := n.unknown.Encode(n)
	if err != nil {
		panic(fmt.Sprintf("notify: %v", err)) // plain data
	}
	item := store.Item{Key: key(n.User, n.ID), Expires: n.Created.Add(keep), Data: data}
	if n.unread() {
		item.IndexPK, item.IndexSK = unreadOf(n.User), n.ID
	}
	return item
}

func decode(item store.Item) (*Notification, error) {
	n := &Notification{}
	unknown, err := store.Decode(item.Data, n)
	if err != nil || key(n.User, n.ID) != item.Key {
		return nil, fault.New(fault.Malformed, "notification %s is unreadable: %v", strings.TrimPrefix(item.SK, prefix), err)
	}
	n.stored, n.unknown = item.Version, unknown
	return n, nil
}

// Notifications keeps those of all users. Errors that are not described are those of the store and of the queue.
type Notifications struct {
	table store.Table
	queue queue.Queue
	clock func() time.Time
}

// New returns the notifications kept in table. Messages that name those that are due by e-mail go to messages.
func New(table store.Table, messages queue.Queue, clock func() time.Time) *Notifications {
	return &Notifications{table: table, queue: messages, clock: clock}
}

// Tell tells a user of a transaction, by the channels that the settings say. A repeat changes nothing, unless the transaction
// has another state by then: that replaces the one before, and is unread. E-mail is sent of the first state alone.
func (s *Notifications) Tell(ctx context.Context, settings account.Settings, n Notification) error {
	by := channels(settings.Notifications, n.Class)
	mailed := by.Email && settings.Email != ""
	if !by.InApp && !mailed {
		return nil
	}
	now := s.clock().UTC()
	n.write(settings.Zone)
	n.MailOnly, n.Read, n.Mail, n.Created, n.Updated = !by.InApp, time.Time{}, NotMailed, now, now
	n.Correlation = telemetry.Correlation(ctx)
	if mailed {
		n.Mail = Due
	}
	_, err := s.table.Put(ctx, n.item(), store.Absent())
	if errors.Is(err, store.ErrConflict) {
		known, err := s.change(ctx, n.User, n.ID, func(known *Notification) bool {
			if known.State == n.State {
				return false
			}
			known.Class, known.State, known.Percent, known.Command, known.Link = n.Class, n.State, n.Percent, n.Command, n.Link
			known.Heading, known.Says, known.Title, known.Text = n.Heading, n.Says, n.Title, n.Text
			known.MailOnly, known.Read, known.Updated, known.Correlation = n.MailOnly, time.Time{}, now, n.Correlation
			return true
		})
		if err != nil {
			return err
		}
		return s.name(ctx, known)
	}
	if err != nil {
		return fmt.Errorf("store a notification: %w", err)
	}
	if err := s.name(ctx, &n); err != nil {
		return err
	}
	return s.prune(ctx, &n)
}

// name sends the message that names a notification, if its e-mail is due.
func (s *Notifications) name(ctx context.Context, n *Notification) error {
	if n.Mail != Due {
		return nil
	}
	return s.send(ctx, n, 0)
}

func (s *Notifications) send(ctx context.Context, n *Notification, delay time.Duration) error {
	body, err := json.Marshal(Message{User: n.User, Notification: n.ID, Correlation: n.Correlation})
	if err != nil {
		return fmt.Errorf("name notification %s: %w", n.ID, err)
	}
	if err := s.queue.Send(ctx, body, delay); err != nil {
		return fmt.Errorf("send notification %s: %w", n.ID, err)
	}
	return nil
}

// Amend changes what a notification says about its transaction when the user has just seen to it: in place, as read, without e-mail. One
// that is not there is left out.
func (s *Notifications) Amend(ctx context.Context, user, id, state string, heading phrase.Phrase, says phrase.Text) error {
	now := s.clock().UTC()
	_, err := s.change(ctx, user, id, func(n *Notification) bool {
		if n.State == state {
			return false
		}
		n.State, n.Percent, n.Heading, n.Says, n.Command, n.Link, n.Updated = state, 100, heading, says, "", "", now
		n.write("")
		if n.Read.IsZero() {
			n.Read = now
		}
		if n.Mail == Due {
			n.Mail = Dropped
		}
		return true
	})
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	return err
}

var errBusy = fault.New(fault.Unavailable, "the notification is changed by others at the same time; try again")

// change reads a notification, changes it and stores it, again when somebody else changed it meanwhile. A change that returns false is
// none.
func (s *Notifications) change(ctx context.Context, user, id string, change func(*Notification) bool) (*Notification, error) {
	for range attempts {
		n, err := s.Get(ctx, user, id)
		if err != nil {
			return nil, err
		}
		if !change(n) {
			return n, nil
		}
		version, err := s.table.Put(ctx, n.item(), store.VersionIs(n.stored))
		if err == nil {
			n.stored = version
			return n, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("store notification %s: %w", id, err)
		}
	}
	return nil, errBusy
}

// Get returns a user's notification; one that is not there is of kind fault.NotFound.
func (s *Notifications) Get(ctx context.Context, user, id string) (*Notification, error) {
	item, err := s.table.Get(ctx, key(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "there is no notification %s", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read notification %s: %w", id, err)
	}
	return decode(item)
}

// List returns a page of what a user is shown in the application, the newest first, all or what is unread alone. A page may be short, or
// empty, and still have a next one: unreadable notifications and those for e-mail alone are left out.
func (s *Notifications) List(ctx context.Context, user string, unread bool, limit int, cursor string) (list []*Notification, next string, err error) {
	page, err := s.table.Query(ctx, query(user, unread, limit, cursor))
	if err != nil {
		return nil, "", fmt.Errorf("list notifications: %w", err)
	}
	for _, n := range readable(ctx, page.Items) {
		if !n.MailOnly {
			list = append(list, n)
		}
	}
	return list, page.Next, nil
}

func query(user string, unread bool, limit int, cursor string) store.Query {
	q := store.Query{PK: key(user, "").PK, Prefix: prefix, Desc: true, Limit: limit, Cursor: cursor}
	if unread {
		q.Index, q.PK, q.Prefix = true, unreadOf(user), ""
	}
	return q
}

func readable(ctx context.Context, items []store.Item) (list []*Notification) {
	for _, item := range items {
		n, err := decode(item)
		if err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("notification", strings.TrimPrefix(item.SK, prefix)).Msg("unreadable notification left out")
			continue
		}
		list = append(list, n)
	}
	return list
}

// Unread counts what a user has not read, up to MostCounted.
func (s *Notifications) Unread(ctx context.Context, user string) (int, error) {
	n, q := 0, query(user, true, MostCounted, "")
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return 0, fmt.Errorf("count notifications: %w", err)
		}
		n += len(page.Items)
		if q.Cursor = page.Next; q.Cursor == "" || n >= MostCounted {
			return min(n, MostCounted), nil
		}
	}
}

// MarkRead marks a user's notification as read; one that is not there, or is for e-mail alone, is of kind fault.NotFound.
func (s *Notifications) MarkRead(ctx context.Context, user, id string) (*Notification, error) {
	n, err := s.change(ctx, user, id, s.reading())
	if err == nil && n.MailOnly {
		return nil, fault.New(fault.NotFound, "there is no notification %s", id)
	}
	return n, err
}

// reading is the change that marks a notification as read.
func (s *Notifications) reading() func(*Notification) bool {
	now := s.clock().UTC()
	return func(n *Notification) bool {
		if !n.unread() {
			return false
		}
		n.Read = now
		return true
	}
}

// MarkAllRead marks what a user has not read as read, up to the notification of id until, or all if that is empty, and returns how many
// there were.
func (s *Notifications) MarkAllRead(ctx context.Context, user, until string) (int, error) {
	q := query(user, true, readAtOnce, "")
	if until != "" {
		q.To = until + "\x00"
	}
	read, marked := s.reading(), 0
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return marked, fmt.Errorf("list notifications: %w", err)
		}
		var ops []store.Op
		var list []*Notification
		for _, n := range readable(ctx, page.Items) {
			if read(n) {
				item := n.item()
				list, ops = append(list, n), append(ops, store.Op{Put: &item, If: store.VersionIs(n.stored)})
			}
		}
		err = nil
		if len(ops) > 0 {
			err = s.table.Transact(ctx, ops)
		}
		switch {
		case errors.Is(err, store.ErrConflict): // the index lags behind, or somebody else changes some of them: one by one
			for _, n := range list {
				if _, err := s.change(ctx, user, n.ID, read); err != nil && fault.Of(err) != fault.NotFound {
					return marked, err
				}
				marked++
			}
		case err != nil:
			return marked, fmt.Errorf("mark notifications as read: %w", err)
		default:
			marked += len(list)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return marked, nil
		}
	}
}

// prune removes a user's oldest notifications when there are too many. One in pruneEvery that are stored looks.
func (s *Notifications) prune(ctx context.Context, n *Notification) error {
	if sum := sha256.Sum256([]byte(n.ID)); sum[0]%pruneEvery != 0 {
		return nil
	}
	q, seen := query(n.User, false, store.MaxTransact, ""), 0
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("count notifications: %w", err)
		}
		var old []store.Key
		for _, item := range page.Items {
			if seen++; seen > most {
				old = append(old, item.Key)
			}
		}
		if err := store.Remove(ctx, s.table, old...); err != nil {
			return fmt.Errorf("remove old notifications: %w", err)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// Erase removes all of a user's notifications, readable or not.
func Erase(ctx context.Context, table store.Table, user string) error {
	if err := store.Clear(ctx, table, store.Query{PK: key(user, "").PK, Prefix: prefix}); err != nil {
		return fmt.Errorf("erase notifications: %w", err)
	}
	return nil
}
