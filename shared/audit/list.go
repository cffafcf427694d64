package audit

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Filter says which records are wanted: those that fit all that is set.
type Filter struct {
	From, To    time.Time // From <= Time < To
	Action      Action    // the action, or its first words: "run" and "run.archive" are both right for "run.archive.finished"
	Resource    Resource  // the kind, the id, or both
	Correlation string
	Outcome     Outcome
}

// filterForm is an action or its first words.
var filterForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// normal returns the filter with ids as they are recorded; errors are of kind fault.Invalid.
func (f Filter) normal() (Filter, error) {
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return f, fault.Field("to", "is not after from")
	}
	if f.Action != "" && !filterForm.MatchString(string(f.Action)) {
		return f, fault.Field("action", "must be an action such as run.start, or its first words, such as run; not %q", f.Action)
	}
	if f.Outcome != "" && !slices.Contains(outcomes, f.Outcome) {
		return f, fault.Field("outcome", "must be begun, ok, refused, failed or unreadable, not %q", f.Outcome)
	}
	for _, id := range []*string{&f.Resource.Kind, &f.Resource.ID, &f.Correlation} {
		*id = identifier(*id)
	}
	return f, nil
}

// matches says whether a record within the filter's times is wanted.
func (f *Filter) matches(r *Record) bool {
	return (f.Action == "" || r.Action == f.Action || strings.HasPrefix(string(r.Action), string(f.Action)+".")) &&
		(f.Resource.Kind == "" || r.Resource.Kind == f.Resource.Kind) &&
		(f.Resource.ID == "" || r.Resource.ID == f.Resource.ID) &&
		(f.Correlation == "" || r.Correlation == f.Correlation) &&
		(f.Outcome == "" || r.Outcome == f.Outcome)
}

// query asks for the records of the filter's times.
func (f *Filter) query(user string) store.Query {
	q := store.Query{PK: partition(user), From: firstSK, To: pastSK}
	if !f.From.IsZero() {
		q.From = lowest(f.From)
	}
	if !f.To.IsZero() {
		q.To = lowest(f.To)
	}
	return q
}

// read decodes a stored record; of one that is unreadable it returns what its key says.
func read(item *store.Item) Record {
	r, err := decode(item)
	if err == nil && r.ID == item.SK && !r.Time.IsZero() {
		return r
	}
	r = Record{ID: item.SK, Entry: Entry{Outcome: Unreadable}}
	if id, ok := parseID(item.SK); ok && id.Timestamp().Year() < 10000 { // later ones have no JSON
		r.Time = id.Timestamp().UTC()
	}
	return r
}

// Page is one page of a list. Next is the cursor of the next one, empty when there is no more; a page may have few records, or none,
// and still have a Next, because no more than a thousand records are looked at for one page.
type Page struct {
	Records []Record
	Next    string
}

const (
	// MaxPage is the largest number of records on a page.
	MaxPage = 200
	// maxExamined is about how many records are looked at for one page, and readAtOnce how many are read in one request.
	maxExamined, readAtOnce = 1000, 200
)

// List returns a page of a user's records, the newest first. limit is 1 to MaxPage; cursor is the Next of the page before, or empty.
// What is wrong with filter, limit or cursor is of kind fault.Invalid.
func (l *Log) List(ctx context.Context, user string, filter Filter, limit int, cursor string) (Page, error) {
	filter, err := filter.normal()
	if err != nil {
		return Page{}, err
	}
	if limit < 1 || limit > MaxPage {
		return Page{}, fault.Field("limit", "must be 1 to %d, not %d", MaxPage, limit)
	}
	q := filter.query(user)
	q.Desc, q.Limit = true, readAtOnce
	if (filter == Filter{From: filter.From, To: filter.To}) {
		q.Limit = limit
	}
	if cursor != "" { // the id of the last record that was looked at
		if _, ok := parseID(cursor); !ok {
			return Page{}, fault.Field("cursor", "is not one that a page of this list ended with; start again without it")
		}
		q.To = min(q.To, cursor)
	}
	page := Page{Records: []Record{}}
	for examined := 0; ; {
		found, err := l.table.Query(ctx, q)
		if err != nil {
			return Page{}, fmt.Errorf("read the audit log: %w", err)
		}
		for i := range found.Items {
			r := read(&found.Items[i])
			if !filter.matches(&r) {
				continue
			}
			page.Records = append(page.Records, r)
			if len(page.Records) == limit {
				if i < len(found.Items)-1 || found.Next != "" {
					page.Next = found.Items[i].SK
				}
				return page, nil
			}
		}
		if found.Next == "" {
			return page, nil
		}
		if examined += len(found.Items); examined >= maxExamined {
			page.Next = found.Items[len(found.Items)-1].SK
			return page, nil
		}
		q.Cursor = found.Next
	}
}
