// Package sqlite keeps a store.Table in a SQLite file, for one machine. Several processes may use the file at once.
package sqlite

import (
	"context"
	"time"

	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlitefile"
)

var schema = sqlitefile.Schema{
	Name:        "store",
	Application: 0x41416473, // "AAds"
	Steps: []string{`
		CREATE TABLE items (
			pk       BLOB NOT NULL,
			sk       BLOB NOT NULL,
			index_pk BLOB,
			index_sk BLOB,
			version  INTEGER NOT NULL,
			expires  INTEGER, -- Unix seconds
			data     BLOB NOT NULL,
			PRIMARY KEY (pk, sk)
		) STRICT, WITHOUT ROWID;
		CREATE INDEX items_index ON items (index_pk, index_sk, pk, sk) WHERE index_pk IS NOT NULL;
		CREATE INDEX items_expires ON items (expires) WHERE expires IS NOT NULL`,
	},
}

// purgeAtOnce is how many expired items a write removes at most, so that expired ones go as fast as new ones can come.
const purgeAtOnce = 32

// Table is the store. An expired item is as good as gone: it is not returned, and conditions do not see it.
type Table struct {
	file  *sqlitefile.File
	clock func() time.Time
}

var _ store.Table = (*Table)(nil)

// Open opens or makes the file; ":memory:" is a store that is gone when closed. clock decides what has expired. Errors: see sqlitefile.Open.
func Open(path string, clock func() time.Time) (*Table, error) {
	file, err := sqlitefile.Open(path, schema)
	if err != nil {
		return nil, err
	}
	return &Table{file: file, clock: clock}, nil
}

// Close stops what is under way and closes the file.
func (t *Table) Close() error { return t.file.Close() }

// Ping reads from the file.
func (t *Table) Ping(ctx context.Context) error {
	return t.file.Read(ctx, func(tx *sqlitefile.Tx) error {
		return tx.Query("SELECT 1 FROM items LIMIT 1", nil, func(func(...any) error) (bool, error) { return false, nil })
	})
}

const columns = "pk, sk, index_pk, index_sk, version, expires, data"

// scanItem reads a row of columns; the data is still packed.
func scanItem(scan func(...any) error) (store.Item, error) {
	var item store.Item
	var indexPK, indexSK []byte
	var expires *int64
	if err := scan(&item.PK, &item.SK, &indexPK, &indexSK, &item.Version, &expires, &item.Data); err != nil {
		return store.Item{}, err
	}
	item.IndexPK, item.IndexSK = string(indexPK), string(indexSK)
	if expires != nil {
		item.Expires = time.Unix(*expires, 0).UTC()
	}
	return item, nil
}

const live = "(expires IS NULL OR expires > ?)"

// get returns the items of a key, one or none, with packed data.
func (t *Table) get(tx *sqlitefile.Tx, key store.Key) (items []store.Item, err error) {
	err = tx.Query("SELECT "+columns+" FROM items WHERE pk = ? AND sk = ? AND "+live, []any{[]byte(key.PK), []byte(key.SK), t.clock().Unix()},
		func(scan func(...any) error) (bool, error) {
			item, err := scanItem(scan)
			items = append(items, item)
			return true, err
		})
	return items, err
}

func unpack(items []store.Item) error {
	for i := range items {
		data, err := store.Unpack(items[i].Data)
		if err != nil {
			return err
		}
		items[i].Data = data
	}
	return nil
}

// Get returns the item of a key, or store.ErrNotFound.
func (t *Table) Get(ctx context.Context, key store.Key) (store.Item, error) {
	items, err := t.GetMany(ctx, []store.Key{key})
	if err != nil {
		return store.Item{}, err
	}
	if len(items) == 0 {
		return store.Item{}, store.ErrNotFound
	}
	return items[0], nil
}

// GetMany returns those items that exist, each once.
func (t *Table) GetMany(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	for _, key := range keys {
		if err := key.Check(); err != nil {
			return nil, err
		}
	}
	var items []store.Item
	err := t.file.Read(ctx, func(tx *sqlitefile.Tx) error {
		seen := make(map[store.Key]bool, len(keys))
		for _, key := range keys {
			if seen[key] {
				continue
			}
			seen[key] = true
			found, err := t.get(tx, key)
			if err != nil {
				return err
			}
			items = append(items, found...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, unpack(items)
}

// The four orders in which a page is read. Each walks one index between two bounds; of the two on the side where the page
// begins, the cursor counts.
const (
	tableUp   = "SELECT " + columns + " FROM items WHERE pk = ? AND sk >= ? AND sk < ? AND " + live + " ORDER BY sk LIMIT ?"
	tableDown = "SELECT " + columns + " FROM items WHERE pk = ? AND sk >= ? AND sk < ? AND " + live + " ORDER BY sk DESC LIMIT ?"
	indexUp   = "SELECT " + columns + " FROM items WHERE index_pk = ? AND (index_sk, pk, sk) > (?, ?, ?) AND index_sk < ? AND " + live +
		" ORDER BY index_sk, pk, sk LIMIT ?"
	indexDown = "SELECT " + columns + " FROM items WHERE index_pk = ? AND (index_sk, pk, sk) < (?, ?, ?) AND index_sk >= ? AND " + live +
		" ORDER BY index_sk DESC, pk DESC, sk DESC LIMIT ?"
)

// statement is the SQL of a query and its arguments but the last one, the limit.
func (t *Table) statement(q store.Query) (query string, args []any, err error) {
	last, resumed, err := q.Last()
	if err != nil {
		return "", nil, err
	}
	from, to := q.Bounds()
	if to == "" {
		to = "\xff" // no UTF-8 is after it
	}
	now := t.clock().Unix()
	if !q.Index {
		if resumed && q.Desc {
			to = min(to, last.SK)
		} else if resumed {
			from = max(from, last.SK+"\x00") // the next key there can be
		}
		query = tableUp
		if q.Desc {
			query = tableDown
		}
		return query, []any{[]byte(q.PK), []byte(from), []byte(to), now}, nil
	}
	// Without a cursor the page begins before, or after, all items of the bound: no item has an empty key.
	after := store.Item{IndexSK: from}
	query, other := indexUp, to
	if q.Desc {
		after, query, other = store.Item{IndexSK: to}, indexDown, from
	}
	if resumed && (q.Desc && last.IndexSK < to || !q.Desc && last.IndexSK >= from) {
		after = last
	}
	return query, []any{[]byte(q.PK), []byte(after.IndexSK), []byte(after.PK), []byte(after.SK), []byte(other), now}, nil
}

// Query returns a page of up to store.PageBytes of packed items.
func (t *Table) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := q.Check(); err != nil {
		return store.Page{}, err
	}
	query, args, err := t.statement(q)
	if err != nil {
		return store.Page{}, err
	}
	limit := -1
	if q.Limit > 0 {
		limit = q.Limit + 1 // to know whether there is more
	}
	var page store.Page
	err = t.file.Read(ctx, func(tx *sqlitefile.Tx) error {
		size := 0
		return tx.Query(query, append(args, limit), func(scan func(...any) error) (bool, error) {
			item, err := scanItem(scan)
			if err != nil {
				return false, err
			}
			size += len(item.PK) + len(item.SK) + len(item.Data)
			if n := len(page.Items); n > 0 && (n == q.Limit || size > store.PageBytes) {
				page.Next = q.After(&page.Items[n-1])
				return false, nil
			}
			page.Items = append(page.Items, item)
			return true, nil
		})
	})
	if err != nil {
		return store.Page{}, err
	}
	data := 0
	for i := range page.Items {
		if err := unpack(page.Items[i : i+1]); err != nil {
			return store.Page{}, err
		}
		if data += len(page.Items[i].Data); i > 0 && data > store.PageData {
			page.Next, page.Items = q.After(&page.Items[i-1]), page.Items[:i:i]
			break
		}
	}
	return page, nil
}

// Put writes one item.
func (t *Table) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	packed, _, err := item.Pack()
	if err != nil {
		return 0, err
	}
	var version int64
	err = t.write(ctx, func(tx *sqlitefile.Tx) error {
		before, err := t.check(tx, item.Key, cond)
		if err != nil {
			return err
		}
		version = before + 1
		return put(tx, &item, packed, version)
	})
	return version, err
}

// Delete removes one item.
func (t *Table) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	return t.Transact(ctx, []store.Op{{Delete: &key, If: cond}})
}

// Transact does all of the operations or none.
func (t *Table) Transact(ctx context.Context, ops []store.Op) error {
	if err := store.CheckOps(ops); err != nil {
		return err
	}
	packed := make([][]byte, len(ops))
	total := 0
	for i, op := range ops {
		if op.Put == nil {
			continue
		}
		var size int
		var err error
		if packed[i], size, err = op.Put.Pack(); err != nil {
			return err
		}
		total += size
	}
	if err := store.CheckTransactBytes(total); err != nil {
		return err
	}
	return t.write(ctx, func(tx *sqlitefile.Tx) error {
		versions := make([]int64, len(ops))
		for i, op := range ops {
			var err error
			if versions[i], err = t.check(tx, op.Key(), op.If); err != nil {
				return err
			}
		}
		for i, op := range ops {
			var err error
			switch {
			case op.Put != nil:
				err = put(tx, op.Put, packed[i], versions[i]+1)
			case op.Delete != nil:
				_, err = tx.Exec("DELETE FROM items WHERE pk = ? AND sk = ?", []byte(op.Delete.PK), []byte(op.Delete.SK))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// BatchPut writes the items in few transactions, none of which keeps other writers waiting for long.
func (t *Table) BatchPut(ctx context.Context, items []store.Item) error {
	packed := make([][]byte, len(items))
	sizes := make([]int, len(items))
	for i := range items {
		var err error
		if packed[i], sizes[i], err = items[i].Pack(); err != nil {
			return err
		}
	}
	for done := 0; done < len(items); {
		first := done
		for size := 0; done < len(items) && done-first < 500 && size < store.MaxTransactBytes; done++ {
			size += sizes[done]
		}
		err := t.write(ctx, func(tx *sqlitefile.Tx) error {
			for i := first; i < done; i++ {
				before, err := t.check(tx, items[i].Key, store.Any())
				if err != nil {
					return err
				}
				if err := put(tx, &items[i], packed[i], before+1); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const purge = "DELETE FROM items WHERE (pk, sk) IN (SELECT pk, sk FROM items WHERE expires <= ? ORDER BY expires LIMIT ?)"

// write runs fn in a transaction that removes some expired items too.
func (t *Table) write(ctx context.Context, fn func(*sqlitefile.Tx) error) error {
	return t.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		_, err := tx.Exec(purge, t.clock().Unix(), purgeAtOnce)
		return err
	})
}

// check returns the version of what has the key, 0 for nothing, or store.ErrConflict if the condition does not hold for it.
func (t *Table) check(tx *sqlitefile.Tx, key store.Key, cond store.Condition) (version int64, err error) {
	err = tx.Query("SELECT version FROM items WHERE pk = ? AND sk = ? AND "+live, []any{[]byte(key.PK), []byte(key.SK), t.clock().Unix()},
		func(scan func(...any) error) (bool, error) { return false, scan(&version) })
	if err == nil && !cond.Holds(version) {
		err = store.ErrConflict
	}
	return version, err
}

func put(tx *sqlitefile.Tx, item *store.Item, packed []byte, version int64) error {
	var indexPK, indexSK, expires any
	if item.IndexPK != "" {
		indexPK, indexSK = []byte(item.IndexPK), []byte(item.IndexSK)
	}
	if !item.Expires.IsZero() {
		expires = item.Expires.Unix()
	}
	if packed == nil {
		packed = []byte{}
	}
	_, err := tx.Exec(`INSERT INTO items (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (pk, sk) DO UPDATE SET index_pk = excluded.index_pk, index_sk = excluded.index_sk,
			version = excluded.version, expires = excluded.expires, data = excluded.data`,
		[]byte(item.PK), []byte(item.SK), indexPK, indexSK, version, expires, packed)
	return err
}
