package sqlite

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/store/sqlitefile"
)

func count(t *testing.T, table *Table, query string, args ...any) (n int) {
	t.Helper()
	err := table.file.Read(t.Context(), func(tx *sqlitefile.Tx) error {
		return tx.Query(query, args, func(scan func(...any) error) (bool, error) { return false, scan(&n) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestQueryPlans notices a query that would read more than its page: one that scans the table, or sorts.
func TestQueryPlans(t *testing.T) {
	table := open(t, ":memory:", time.Now)
	for _, tt := range []struct {
		name, query string
		args        int
		want        string
	}{
		{"table upwards", tableUp, 5, "PRIMARY KEY (pk=? AND sk>? AND sk<?)"},
		{"table downwards", tableDown, 5, "PRIMARY KEY (pk=? AND sk>? AND sk<?)"},
		{"index upwards", indexUp, 7, "items_index (index_pk=? AND (index_sk,pk,sk)>(?,?,?)"},
		{"index downwards", indexDown, 7, "items_index (index_pk=? AND index_sk>? AND (index_sk,pk,sk)<(?,?,?)"},
		{"purge", purge, 2, "items_expires (expires<?)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := make([]any, tt.args)
			for i := range args {
				args[i] = []byte("a")
			}
			args[len(args)-1] = 1
			var plan []string
			err := table.file.Read(t.Context(), func(tx *sqlitefile.Tx) error {
				return tx.Query("EXPLAIN QUERY PLAN "+tt.query, args, func(scan func(...any) error) (bool, error) {
					var id, parent, unused int
					var detail string
					err := scan(&id, &parent, &unused, &detail)
					plan = append(plan, detail)
					return true, err
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(plan, "\n")
			if !strings.Contains(text, tt.want) || strings.Contains(text, "SCAN items") || strings.Contains(text, "TEMP B-TREE") {
				t.Errorf("plan is\n%s\nwant a search of %s", text, tt.want)
			}
		})
	}
}
