package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"adminassistant/shared/fault"
)

const (
	// MaxPK and MaxSK are the largest sizes of keys in bytes (DynamoDB's), of the table and of the index.
	MaxPK = 2048
	MaxSK = 1024
	// MaxTransactBytes is the largest size of all items of a transaction together (DynamoDB's 4 MB).
	MaxTransactBytes = 4 << 20
	// PageBytes is about where a page of a query ends, in bytes as stored (DynamoDB's 1 MB).
	PageBytes = 1 << 20
	// PageData is how many bytes of documents a page of a query has at most, but for its first item: what is small as it is stored may be large.
	PageData = 4 << 20

	itemOverhead = 128 // names of the attributes, version and time to live, rounded up
)

// Check says whether the key can be used: both parts are UTF-8, not empty, and at most MaxPK and MaxSK bytes long. Else fault.Invalid.
func (k Key) Check() error {
	if err := checkPart("partition key", k.PK, MaxPK); err != nil {
		return err
	}
	return checkPart("sort key", k.SK, MaxSK)
}

func checkPart(what, s string, longest int) error {
	switch {
	case s == "":
		return fault.New(fault.Invalid, "%s is empty", what)
	case len(s) > longest:
		return fault.New(fault.Invalid, "%s has %d bytes, at most %d are allowed", what, len(s), longest)
	case !utf8.ValidString(s):
		return fault.New(fault.Invalid, "%s %q is not UTF-8", what, s)
	}
	return nil
}

// Check says whether the item's keys can be used; index keys are both there or both empty. Else fault.Invalid.
func (it *Item) Check() error {
	if err := it.Key.Check(); err != nil {
		return err
	}
	if it.IndexPK == "" && it.IndexSK == "" {
		return nil
	}
	if err := checkPart("index partition key", it.IndexPK, MaxPK); err != nil {
		return err
	}
	return checkPart("index sort key", it.IndexSK, MaxSK)
}

// Pack checks the item and returns its data as Pack does, and the size that counts against MaxItem: keys, packed data and
// what the store adds. Errors: fault.Invalid and ErrTooLarge, which names the item.
func (it *Item) Pack() (packed []byte, size int, err error) {
	if err := it.Check(); err != nil {
		return nil, 0, err
	}
	packed, err = Pack(it.Data)
	if err != nil {
		return nil, 0, fmt.Errorf("item %s %s: %w", it.PK, it.SK, err)
	}
	size = len(it.PK) + len(it.SK) + len(it.IndexPK) + len(it.IndexSK) + len(packed) + itemOverhead
	if size > MaxItem {
		return nil, 0, fmt.Errorf("item %s %s: %w: %d bytes after compression, at most %d", it.PK, it.SK, ErrTooLarge, size, MaxItem)
	}
	return packed, size, nil
}

// Key is the key that the operation is about; the zero Key if it is none.
func (op *Op) Key() Key {
	switch {
	case op.Put != nil:
		return op.Put.Key
	case op.Delete != nil:
		return *op.Delete
	case op.Check != nil:
		return *op.Check
	}
	return Key{}
}

// CheckOps says whether a transaction can be tried: at most MaxTransact operations, each with one of Put, Delete and Check, on
// usable keys, no two on the same. Else fault.Invalid. Items are checked by Pack.
func CheckOps(ops []Op) error {
	if len(ops) > MaxTransact {
		return fault.New(fault.Invalid, "a transaction of %d operations, at most %d are allowed", len(ops), MaxTransact)
	}
	seen := make(map[Key]bool, len(ops))
	for i := range ops {
		op := &ops[i]
		set := 0
		for _, is := range []bool{op.Put != nil, op.Delete != nil, op.Check != nil} {
			if is {
				set++
			}
		}
		if set != 1 {
			return fault.New(fault.Invalid, "operation %d of a transaction must have exactly one of put, delete and check, not %d", i, set)
		}
		key := op.Key()
		if err := key.Check(); err != nil {
			return err
		}
		if seen[key] {
			return fault.New(fault.Invalid, "two operations of a transaction on %s %s", key.PK, key.SK)
		}
		seen[key] = true
	}
	return nil
}

// CheckTransactBytes says whether items of that size together, as Item.Pack gives it, fit into one transaction. Else ErrTooLarge.
func CheckTransactBytes(total int) error {
	if total > MaxTransactBytes {
		return fmt.Errorf("transaction: %w: %d bytes after compression, at most %d", ErrTooLarge, total, MaxTransactBytes)
	}
	return nil
}

// After is the cursor of a page that ended with item: base64 of the JSON array of the keys that order the query, sort key
// last of all; the index adds its own before.
func (q *Query) After(item *Item) string {
	keys := []string{item.PK, item.SK}
	if q.Index {
		keys = []string{item.IndexPK, item.IndexSK, item.PK, item.SK}
	}
	text, _ := json.Marshal(keys) // strings always can be
	return base64.RawURLEncoding.EncodeToString(text)
}

// Last reads the query's cursor: the keys of the item that the page before ended with, and false when there is no cursor. A
// cursor that is malformed, or of another query, is fault.Invalid.
func (q *Query) Last() (Item, bool, error) {
	if q.Cursor == "" {
		return Item{}, false, nil
	}
	invalid := func() (Item, bool, error) {
		return Item{}, false, fault.Field("cursor", "is not one that a page of this query ended with; start again without it")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil {
		return invalid()
	}
	var keys []string
	if err := json.Unmarshal(text, &keys); err != nil {
		return invalid()
	}
	var item Item
	switch {
	case !q.Index && len(keys) == 2:
		item.Key = Key{keys[0], keys[1]}
	case q.Index && len(keys) == 4 && keys[0] != "":
		item = Item{Key: Key{keys[2], keys[3]}, IndexPK: keys[0], IndexSK: keys[1]}
	default:
		return invalid()
	}
	if item.Check() != nil || (!q.Index && item.PK != q.PK) || (q.Index && item.IndexPK != q.PK) {
		return invalid()
	}
	return item, true, nil
}

// Bounds narrows Prefix, From and To to one range of sort keys: from <= sort key < to, by bytes. An empty to is no bound. The
// range may be empty, with to <= from.
func (q *Query) Bounds() (from, to string) {
	from, to = max(q.Prefix, q.From), q.To
	if end := prefixEnd(q.Prefix); end != "" && (to == "" || end < to) {
		to = end
	}
	return from, to
}

// prefixEnd is the smallest string of bytes that is after all that begin with prefix; empty when there is none.
func prefixEnd(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return ""
	}
	b[len(b)-1]++
	return string(b)
}

// Check says whether the query can be asked. Else fault.Invalid.
func (q *Query) Check() error {
	if err := checkPart("partition key", q.PK, MaxPK); err != nil {
		return err
	}
	if q.Limit < 0 {
		return fault.Field("limit", "is negative")
	}
	return nil
}
