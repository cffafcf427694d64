package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// erasedDetail is the detail of an erasure's record that says up to which record personal fields are erased.
const erasedDetail = "erased_to"

// Erase removes the personal fields from all records of e.User's chain, and returns from how many. It begins with recording e, without such fields and
// with how far it goes, and goes on with the records, from the oldest. After an interruption, calling Erase once more finishes it; until then Verify
// names the records that it has not come to. An unreadable record is passed over: the error, of kind fault.Malformed, names the first one.
func (l *Log) Erase(ctx context.Context, e Entry) (erased int, err error) {
	e.Personal = Personal{}
	var upTo string // id
	if e.Details == nil {
		e.Details = Details{}
	}
	_, err = l.add(ctx, []Entry{e}, "", nil, func(was head) { upTo = was.ID })
	if err != nil || upTo == "" {
		return 0, err
	}
	var unreadable error
	q := store.Query{PK: partition(e.User), From: firstSK, To: upTo + " ", Limit: MaxAppend}
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return erased, fmt.Errorf("read the audit log: %w", err)
		}
		var ops []store.Op
		for i := range page.Items {
			item := &page.Items[i]
			var r Record
			unknown, err := store.Decode(item.Data, &r)
			if err != nil || r.ID != item.SK || r.User != e.User {
				if unreadable == nil {
					unreadable = fault.New(fault.Malformed, "audit record %s is unreadable; its personal fields could not be erased", item.SK)
				}
				continue
			}
			if len(r.Salt) == 0 && r.Personal == (Personal{}) {
				continue
			}
			r.Salt, r.Personal = nil, Personal{} // without the salt nobody can try out what the digest is of
			bare := r.item()
			var escaped bytes.Buffer
			json.HTMLEscape(&escaped, encode(unknown, r)) // as all records are
			bare.Data = escaped.Bytes()
			ops = append(ops, store.Op{Put: &bare, If: store.VersionIs(item.Version)})
		}
		if len(ops) > 0 {
			if err := l.table.Transact(ctx, ops); err != nil {
				return erased, fmt.Errorf("erase personal fields from the audit log: %w", err)
			}
			erased += len(ops)
		}
		if page.Next == "" {
			return erased, unreadable
		}
		q.Cursor = page.Next
	}
}
