package sqlite

import (
	"context"

	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlitefile"
)

// Walk returns a page of all items, by their keys, from the beginning or from where a page before ended.
func (t *Table) Walk(ctx context.Context, cursor string) (store.Page, error) {
	last, _, err := store.WalkedTo(cursor)
	if err != nil {
		return store.Page{}, err
	}
	var page store.Page
	err = t.file.Read(ctx, func(tx *sqlitefile.Tx) error {
		size := 0
		return tx.Query("SELECT "+columns+" FROM items WHERE (pk, sk) > (?, ?) AND "+live+" ORDER BY pk, sk",
			[]any{[]byte(last.PK), []byte(last.SK), t.clock().Unix()}, func(scan func(...any) error) (bool, error) {
				item, err := scanItem(scan)
				if err != nil {
					return false, err
				}
				if size += len(item.PK) + len(item.SK) + len(item.Data); len(page.Items) > 0 && size > store.PageBytes {
					page.Next = page.Items[len(page.Items)-1].After()
					return false, nil
				}
				page.Items = append(page.Items, item)
				return true, nil
			})
	})
	if err != nil {
		return store.Page{}, err
	}
	return page, unpack(page.Items)
}
