// Package backup copies calendars into files that are proven before they count, decides which of them stay, and reads such files, and those
// of others, for whoever restores.
//
// Items in the store:
//
//	USER#<user> / BACKUP#<ulid>   a backup; in the index as BACKUPS#<user>#<SHA-256 of the calendar's URI by its id> / <ulid>
//
// Objects, of which the manifest is written last, and without which there is no backup:
//
//	backups/<SHA-256 of the user>/<ulid>/<attempt>/manifest.json
//	backups/<SHA-256 of the user>/<ulid>/<attempt>/<file>
//	backups/<SHA-256 of the user>/<ulid>/draft.json   while a run is handed on: what it has made so far
//
// The item names the attempt that counts; objects of others are left over from workers that died, and go with the next run.
package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// Record is what is kept of a backup beside its files.
type Record struct {
	ID       string        `json:"id"`
	User     string        `json:"user"`
	Config   string        `json:"config,omitempty"` // id of the archive config whose calendar it is; empty: somebody named the calendar
	Job      string        `json:"job,omitempty"`    // whose retention decides how long it stays; empty: it stays
	Calendar Calendar      `json:"calendar"`
	From     calendar.Date `json:"from"` // with To, zero: all there is
	To       calendar.Date `json:"to"`   // included
	Made     time.Time     `json:"made"`
	Counts   Counts        `json:"counts"`
	Bytes    int64         `json:"bytes"` // of the files as they are stored
	// OwnClocks is nil if the backup has no such series.
	OwnClocks *OwnClocks `json:"own_clocks,omitempty"`
	Attempt   string     `json:"attempt"`
	// Manifest is the digest of the manifest. The run that made the backup has it too, and the audit log covers the run.
	Manifest string `json:"manifest"`
	// Going says that the backup is being deleted: its files may be gone already.
	Going bool `json:"going,omitempty"`

	stored  int64
	unknown store.Unknown
}

// Backups keeps backups.
type Backups struct {
	table store.Table
	blobs blob.Blob
}

// New returns the backups kept in table and blobs.
func New(table store.Table, blobs blob.Blob) *Backups { return &Backups{table: table, blobs: blobs} }

const recordPrefix = "BACKUP#"

func recordKey(user, id string) store.Key {
	return store.OfUser(user, recordPrefix+id)
}

// userFolder is where all objects of a user are.
func userFolder(user string) string { return fmt.Sprintf("backups/%x/", sha256.Sum256([]byte(user))) }

// folderOf is where all objects of a backup are.
func folderOf(user, id string) string { return userFolder(user) + id + "/" }

// key is where an object of an attempt is.
func key(user, id, attempt, name string) string { return folderOf(user, id) + attempt + "/" + name }

// index is the partition of the index with the backups of one calendar. An id of Microsoft 365 is one in all mailboxes, and a mailbox has several names:
// there the account is left out.
func index(user string, uri calendar.URI, id string) string {
	if uri.Provider == calendar.ProviderGraph {
		uri.Account = "any"
	}
	return indexByName(user, uri, id)
}

// indexByName is the index with the name that the account was given. Backups of Microsoft 365 that are older than index without it are there.
func indexByName(user string, uri calendar.URI, id string) string {
	uri.Account, uri.Calendar = strings.ToLower(uri.Account), id
	return "BACKUPS#" + run.CalendarScope(user, uri.String())
}

func (r *Record) item() *store.Item {
	data, err := r.unknown.Encode(r)
	if err != nil {
		panic(fmt.Sprintf("backup: %v", err)) // plain data
	}
	return &store.Item{Key: recordKey(r.User, r.ID), IndexPK: index(r.User, r.Calendar.URI, r.Calendar.ID), IndexSK: r.ID, Data: data}
}

func readRecord(item store.Item) (*Record, error) {
	r := &Record{}
	unknown, err := store.Decode(item.Data, r)
	if err != nil {
		return nil, fault.New(fault.Malformed, "backup %s is unreadable: %v", strings.TrimPrefix(item.SK, recordPrefix), err)
	}
	r.stored, r.unknown = item.Version, unknown
	return r, nil
}

// Get returns a user's backup; one that is not there is of kind fault.NotFound.
func (b *Backups) Get(ctx context.Context, user, id string) (*Record, error) {
	r, err := b.find(ctx, user, id)
	if err == nil && r.Going {
		return nil, errNone(id)
	}
	return r, err
}

func errNone(id string) error { return fault.New(fault.NotFound, "there is no backup %s", id) }

// find is Get for a backup that may be going.
func (b *Backups) find(ctx context.Context, user, id string) (*Record, error) {
	item, err := b.table.Get(ctx, recordKey(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNone(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read backup %s: %w", id, err)
	}
	return readRecord(item)
}

// Newest returns the newest backup that holds all of a calendar, which is named by the provider's id. Where none has that id, which may have changed, it is
// the newest one that was made under the calendar's URI. None is of kind fault.NotFound.
func (b *Backups) Newest(ctx context.Context, user string, uri calendar.URI, id string) (*Record, error) {
	newest, err := b.newestIn(ctx, user, index(user, uri, id))
	if err != nil {
		return nil, err
	}
	if former := indexByName(user, uri, id); former != index(user, uri, id) {
		older, err := b.newestIn(ctx, user, former)
		if err != nil {
			return nil, err
		}
		if newest == nil || older != nil && older.ID > newest.ID {
			newest = older
		}
	}
	if newest != nil {
		return newest, nil
	}
	all, err := b.all(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if whole := !r.Going && r.From == (calendar.Date{}); whole && r.Calendar.URI.Same(uri) && (newest == nil || newest.ID < r.ID) {
			newest = r
		}
	}
	if newest == nil {
		return nil, fault.New(fault.NotFound, "there is no backup of all of the calendar yet; make one first")
	}
	return newest, nil
}

// newestIn is Newest of a partition of the index; nil: there is none.
func (b *Backups) newestIn(ctx context.Context, user, partition string) (*Record, error) {
	q := store.Query{Index: true, PK: partition, Desc: true, Limit: store.MaxTransact}
	for {
		page, err := b.table.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("find the newest backup: %w", err)
		}
		for _, item := range page.Items {
			r, err := readRecord(item)
			if err != nil {
				return nil, err
			}
			if r.Going || r.From != (calendar.Date{}) {
				continue
			}
			if r, err = b.Get(ctx, user, r.ID); fault.Of(err) != fault.NotFound || err == nil { // the index may lag behind
				return r, err
			}
		}
		if page.Next == "" {
			return nil, nil
		}
		q.Cursor = page.Next
	}
}

// Filter says which backups are wanted; what is empty does not matter.
type Filter struct {
	Calendar calendar.URI // by name or id, or as the run names it
	Config   string       // id
	Job      string
}

func (f Filter) fits(r *Record) bool {
	uri := r.Calendar.URI
	named := uri
	named.Calendar = r.Calendar.Name
	byID := uri
	byID.Calendar = r.Calendar.ID
	return (f.Calendar == (calendar.URI{}) || f.Calendar.Same(uri) || f.Calendar.Same(named) || f.Calendar.Same(byID)) &&
		(f.Config == "" || f.Config == r.Config) && (f.Job == "" || f.Job == r.Job)
}

// looks is how many pages List looks at for one of its own.
const looks = 10

// List returns a page of a user's backups, the newest first. It may have few, or none, and still have a next: no more than ten times the
// limit are looked at for one.
func (b *Backups) List(ctx context.Context, user string, f Filter, limit int, cursor string) (records []*Record, next string, err error) {
	q := store.Query{PK: store.UserPartition(user), Prefix: recordPrefix, Desc: true, Limit: limit, Cursor: cursor}
	for range looks {
		q.Limit = limit - len(records) // so that the page ends where its cursor says
		page, err := b.table.Query(ctx, q)
		if err != nil {
			return nil, "", fmt.Errorf("list backups: %w", err)
		}
		for _, item := range page.Items {
			r, err := readRecord(item)
			if err != nil {
				return nil, "", err
			}
			if !r.Going && f.fits(r) {
				records = append(records, r)
			}
		}
		q.Cursor = page.Next
		if page.Next == "" || len(records) == limit {
			break
		}
	}
	return records, q.Cursor, nil
}

// all returns every backup of a user, those that are going too.
func (b *Backups) all(ctx context.Context, user string) ([]*Record, error) {
	items, err := store.All(ctx, b.table, store.Query{PK: store.UserPartition(user), Prefix: recordPrefix})
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	records := make([]*Record, len(items))
	for i := range items {
		if records[i], err = readRecord(items[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// Delete removes a backup, or goes on removing one. From its first step on the backup is no longer there for anybody. One that is not
// there is of kind fault.NotFound.
func (b *Backups) Delete(ctx context.Context, user, id string) error {
	r, err := b.find(ctx, user, id)
	if err != nil {
		return err
	}
	if !r.Going {
		r.Going = true
		if _, err := b.table.Put(ctx, *r.item(), store.VersionIs(r.stored)); err != nil && !errors.Is(err, store.ErrConflict) { // then somebody else deletes it
			return fmt.Errorf("delete backup %s: %w", id, err)
		}
	}
	if err := b.blobs.Delete(ctx, key(user, id, r.Attempt, manifestName)); err != nil {
		return fmt.Errorf("delete backup %s: %w", id, err)
	}
	if err := b.clear(ctx, folderOf(user, id), ""); err != nil {
		return fmt.Errorf("delete backup %s: %w", id, err)
	}
	if err := b.table.Delete(ctx, recordKey(user, id), store.Any()); err != nil {
		return fmt.Errorf("delete backup %s: %w", id, err)
	}
	return nil
}

// clear deletes the objects of a folder, but for those under keep; "" keeps none.
func (b *Backups) clear(ctx context.Context, folder, keep string) error {
	objects, err := b.blobs.List(ctx, folder)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if keep != "" && strings.HasPrefix(o.Key, keep) {
			continue
		}
		if err := b.blobs.Delete(ctx, o.Key); err != nil {
			return err
		}
	}
	return nil
}

// tidy removes what workers that died left of backups that are not there, and goes on with those that are going.
func (b *Backups) tidy(ctx context.Context, user string, runs *run.Store) error {
	objects, err := b.blobs.List(ctx, userFolder(user))
	if err != nil {
		return fmt.Errorf("list the files of backups: %w", err)
	}
	records, err := b.all(ctx, user)
	if err != nil {
		return err
	}
	attempts := map[string]string{} // by backup
	for _, r := range records {
		if r.Going {
			if err := b.Delete(ctx, user, r.ID); err != nil && fault.Of(err) != fault.NotFound {
				return err
			}
		}
		attempts[r.ID] = r.Attempt
	}
	for _, o := range objects {
		id, file, _ := strings.Cut(strings.TrimPrefix(o.Key, userFolder(user)), "/")
		attempt, known := attempts[id]
		if !known {
			if attempt, err = b.attempt(ctx, user, id, runs); err != nil {
				return err
			}
			attempts[id] = attempt
		}
		if attempt == underWay || strings.HasPrefix(file, attempt+"/") {
			continue
		}
		if err := b.blobs.Delete(ctx, o.Key); err != nil {
			return fmt.Errorf("remove the files of a backup that is not there: %w", err)
		}
	}
	return nil
}

// underWay stands for all attempts of a run that has not ended, and none for those of one that ended without a backup.
const underWay, none = "*", "-"

// attempt returns whose files of a backup count.
func (b *Backups) attempt(ctx context.Context, user, id string, runs *run.Store) (string, error) {
	r, err := runs.Get(ctx, user, id)
	switch {
	case err != nil && fault.Of(err) != fault.NotFound:
		return "", err
	case err == nil && !r.State.Ended():
		return underWay, nil
	}
	record, err := b.find(ctx, user, id) // stored with the end of the run
	switch {
	case fault.Of(err) == fault.NotFound && err != nil:
		return none, nil
	case err != nil:
		return "", err
	}
	return record.Attempt, nil
}

// Erase removes all backups of a user. It gets further with every call.
func Erase(ctx context.Context, table store.Table, blobs blob.Blob, user string) error {
	if err := New(table, blobs).clear(ctx, userFolder(user), ""); err != nil {
		return fmt.Errorf("erase the files of backups: %w", err)
	}
	if err := store.Clear(ctx, table, store.Query{PK: store.UserPartition(user), Prefix: recordPrefix}); err != nil {
		return fmt.Errorf("erase backups: %w", err)
	}
	return nil
}
