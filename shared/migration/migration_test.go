package migration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/awstest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/dynamo"
	"adminassistant/shared/store/sqlite"
)

var now = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

func local(t *testing.T) *sqlite.Table {
	t.Helper()
	table, err := sqlite.Open(":memory:", clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	return table
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// minutes makes minutes of hours, in records whose keys begin with THING.
var minutes = Step{
	Name: "thing-minutes", What: "Things count minutes, not hours.",
	Of: func(k store.Key) bool { return strings.HasPrefix(k.SK, "THING#") },
	Change: func(it store.Item) (store.Item, error) {
		var all map[string]json.RawMessage
		if err := json.Unmarshal(it.Data, &all); err != nil {
			return it, err
		}
		hours, older := all["hours"]
		if !older {
			return it, nil
		}
		var n int
		if err := json.Unmarshal(hours, &n); err != nil {
			return it, err
		}
		delete(all, "hours")
		all["minutes"] = json.RawMessage(fmt.Sprint(60 * n))
		data, err := json.Marshal(all)
		it.Data = data
		return it, err
	},
}

// indexed puts what has minutes into the index; it follows minutes.
var indexed = Step{
	Name: "thing-index", What: "Things are found by their minutes.",
	Of: minutes.Of,
	Change: func(it store.Item) (store.Item, error) {
		var d struct{ Minutes *int }
		if err := json.Unmarshal(it.Data, &d); err != nil || d.Minutes == nil {
			return it, err
		}
		it.IndexPK, it.IndexSK = "THINGS", fmt.Sprintf("%06d", *d.Minutes)
		return it, nil
	},
}

// furnish stores n things of the older form, and two records that are none.
func furnish(t *testing.T, table store.Table, n int) {
	t.Helper()
	items := []store.Item{
		{Key: store.Key{PK: "A", SK: "OTHER#1"}, Data: []byte(`{"hours":1}`)},
		{Key: store.Key{PK: "Z", SK: "OTHER#2"}, Data: []byte(`no JSON`)},
	}
	for i := range n {
		items = append(items, store.Item{
			Key: store.Key{PK: fmt.Sprintf("P#%d", i%5), SK: fmt.Sprintf("THING#%03d", i)}, Expires: now.Add(time.Hour),
			Data: fmt.Appendf(nil, `{"hours":%d,"unknown":{"a":[1]}}`, i),
		})
	}
	must(t, table.BatchPut(t.Context(), items))
}

// short is a table with three items in a page.
type short struct{ Table }

func (s short) Walk(ctx context.Context, cursor string) (store.Page, error) {
	page, err := s.Table.Walk(ctx, cursor)
	if len(page.Items) > 3 {
		page.Items = page.Items[:3]
		page.Next = page.Items[2].After()
	}
	return page, err
}

// things looks whether all n things have the newer form, and nothing else was touched.
func things(t *testing.T, table Table, n int, inIndex bool) {
	t.Helper()
	found, cursor := 0, ""
	for {
		page, err := table.Walk(t.Context(), cursor)
		must(t, err)
		for _, it := range page.Items {
			switch {
			case it.PK == "MIGRATION":
			case !minutes.Of(it.Key):
				if it.Version != 1 {
					t.Errorf("%v was written", it.Key)
				}
			default:
				found++
				var d struct {
					Minutes, Hours *int
					Unknown        json.RawMessage
				}
				must(t, json.Unmarshal(it.Data, &d))
				var i int
				_, _ = fmt.Sscanf(it.SK, "THING#%d", &i)
				if d.Hours != nil || d.Minutes == nil || *d.Minutes != 60*i || string(d.Unknown) != `{"a":[1]}` || !it.Expires.Equal(now.Add(time.Hour)) {
					t.Errorf("%v is %.100s", it.Key, it.Data)
				}
				if (it.IndexPK == "THINGS") != inIndex {
					t.Errorf("%v is in the index of %q", it.Key, it.IndexPK)
				}
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if found != n {
		t.Errorf("%d things, not %d", found, n)
	}
}

func TestStepsAreCarriedOutInTheirOrderOnce(t *testing.T) {
	each(t, func(t *testing.T, table Table) {
		furnish(t, table, 30)
		m := &Migration{Table: table, Steps: []Step{minutes, indexed}, Clock: clock, Software: "v2"}
		pending, err := Pending(t.Context(), table, m.Steps)
		must(t, err)
		if !slices.Equal(pending, []string{"thing-minutes", "thing-index"}) {
			t.Errorf("pending are %q", pending)
		}
		would, err := m.Look(t.Context())
		must(t, err)
		if len(would) != 2 || would[0] != (Outcome{"thing-minutes", minutes.What, 30, 30}) {
			t.Errorf("it would do %+v", would)
		}
		page, err := table.Walk(t.Context(), "")
		must(t, err)
		if slices.ContainsFunc(page.Items, func(it store.Item) bool { return it.Version != 1 || it.PK == "MIGRATION" }) {
			t.Error("looking wrote something")
		}
		done, err := m.Run(t.Context())
		must(t, err)
		if !slices.Equal(done, []Outcome{{"thing-minutes", minutes.What, 30, 30}, {"thing-index", indexed.What, 30, 30}}) {
			t.Errorf("done is %+v", done)
		}
		things(t, table, 30, true)
		if pending, err := Pending(t.Context(), table, m.Steps); err != nil || len(pending) > 0 {
			t.Errorf("pending are %q, %v", pending, err)
		}
		if done, err := m.Run(t.Context()); err != nil || len(done) > 0 {
			t.Errorf("a second time it did %+v, %v", done, err)
		}
		if would, err := m.Look(t.Context()); err != nil || len(would) > 0 {
			t.Errorf("a second time it would do %+v, %v", would, err)
		}
		r, err := load(t.Context(), table, "thing-index")
		must(t, err)
		if r.By != "v2" || !r.Begun.Equal(now) || !r.Done.Equal(now) || r.Cursor != "" {
			t.Errorf("the record of a step is %+v", r)
		}
	})
}

// each runs a test on both kinds of tables.
func each(t *testing.T, test func(*testing.T, Table)) {
	t.Run("on one machine", func(t *testing.T) { test(t, local(t)) })
	t.Run("in the cloud", func(t *testing.T) {
		cfg := awstest.DynamoDB(t)
		test(t, dynamo.New(cfg, awstest.Table(t, cfg, dynamo.Schema)))
	})
}

var errDied = errors.New("the process died")

// mortal is a table whose process dies at its nth request.
type mortal struct {
	Table
	left int
}

func (m *mortal) lives() error {
	if m.left--; m.left < 0 {
		return errDied
	}
	return nil
}

func (m *mortal) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if err := m.lives(); err != nil {
		return store.Item{}, err
	}
	return m.Table.Get(ctx, key)
}

func (m *mortal) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if err := m.lives(); err != nil {
		return 0, err
	}
	return m.Table.Put(ctx, item, cond)
}

func (m *mortal) Walk(ctx context.Context, cursor string) (store.Page, error) {
	if err := m.lives(); err != nil {
		return store.Page{}, err
	}
	return m.Table.Walk(ctx, cursor)
}

func TestARecordIsAnotherByEachOfItsParts(t *testing.T) {
	one := store.Item{Key: store.Key{PK: "P", SK: "S"}, IndexPK: "I", IndexSK: "J", Expires: now, Data: []byte("{}")}
	elsewhere := one
	elsewhere.Expires, elsewhere.Version = now.In(time.FixedZone("", 3600)), 7
	if !same(one, elsewhere) {
		t.Error("a version, or a time that is written otherwise, makes another record")
	}
	for part, change := range map[string]func(*store.Item){
		"pk": func(it *store.Item) { it.PK = "x" }, "sk": func(it *store.Item) { it.SK = "x" }, "index pk": func(it *store.Item) { it.IndexPK = "x" },
		"index sk": func(it *store.Item) { it.IndexSK = "x" }, "end": func(it *store.Item) { it.Expires = now.Add(time.Second) },
		"data": func(it *store.Item) { it.Data = []byte("[]") },
	} {
		other := one
		if change(&other); same(one, other) {
			t.Errorf("one with another %s is the same", part)
		}
	}
}

func TestAStepKeepsWhenItBegan(t *testing.T) {
	table := short{local(t)}
	furnish(t, table, 12)
	later := now
	m := &Migration{Table: table, Steps: []Step{minutes}, Clock: func() time.Time { later = later.Add(time.Minute); return later }}
	_, err := m.Run(t.Context())
	must(t, err)
	r, err := load(t.Context(), table, minutes.Name)
	must(t, err)
	if !r.Begun.Equal(now.Add(time.Minute)) || !r.Done.After(r.Begun) {
		t.Errorf("it began at %s and was done at %s", r.Begun, r.Done)
	}
}

func TestLookingCountsAllPages(t *testing.T) {
	table := short{local(t)}
	furnish(t, table, 12)
	m := &Migration{Table: table, Steps: []Step{minutes}, Clock: clock}
	would, err := m.Look(t.Context())
	must(t, err)
	if len(would) != 1 || would[0].Read != 12 || would[0].Changed != 12 {
		t.Errorf("it would do %+v", would)
	}
	_, err = m.Run(t.Context())
	must(t, err)
	again := minutes
	again.Name = "thing-minutes-again"
	m.Steps = []Step{again} // which finds all of them as it wants them
	if would, err := m.Look(t.Context()); err != nil || would[0].Read != 12 || would[0].Changed != 0 {
		t.Errorf("where nothing is to be changed it would do %+v, %v", would, err)
	}
}

func TestAMigrationThatIsKilledAnywhereGoesOn(t *testing.T) {
	for n := 0; ; n++ {
		table := short{local(t)}
		furnish(t, table, 12)
		m := &Migration{Steps: []Step{minutes, indexed}, Clock: clock, Table: &mortal{table, n}}
		_, err := m.Run(t.Context())
		if err != nil && !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		m.Table = table
		if _, err := m.Run(t.Context()); err != nil {
			t.Fatalf("after %d requests: %v", n, err)
		}
		things(t, table, 12, true)
		if err == nil {
			if n < 30 {
				t.Errorf("it took %d requests in all, so that it was in one page", n)
			}
			return
		}
	}
}

func TestAMigrationThatGoesOnLooksAtNoPageTwice(t *testing.T) {
	table := short{local(t)}
	furnish(t, table, 12)
	walks := &counting{Table: table}
	m := &Migration{Steps: []Step{minutes}, Clock: clock, Table: walks}
	_, err := m.Run(t.Context())
	must(t, err)
	all := walks.pages
	if all < 3 {
		t.Fatalf("there are %d pages", all)
	}
	must(t, table.Delete(t.Context(), key(minutes.Name), store.Any()))
	dying := &counting{Table: table, most: 2}
	m.Table = dying
	if _, err := m.Run(t.Context()); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	walks.pages = 0
	m.Table = walks
	done, err := m.Run(t.Context())
	must(t, err)
	if walks.pages != all-2 {
		t.Errorf("it went on with %d pages of %d, after 2", walks.pages, all)
	}
	if done[0].Read != 12 {
		t.Errorf("it told of %d things", done[0].Read)
	}
}

// counting counts pages, and ends the process after most of them.
type counting struct {
	Table
	pages, most int
}

func (c *counting) Walk(ctx context.Context, cursor string) (store.Page, error) {
	if c.most > 0 && c.pages == c.most {
		return store.Page{}, errDied
	}
	c.pages++
	return c.Table.Walk(ctx, cursor)
}

func TestTwoMigrationsAtOnceDoItOnce(t *testing.T) {
	each(t, func(t *testing.T, table Table) {
		table = short{table}
		furnish(t, table, 24)
		failed := make(chan error, 3)
		for range cap(failed) {
			go func() {
				m := &Migration{Table: table, Steps: []Step{minutes, indexed}, Clock: clock}
				_, err := m.Run(t.Context())
				failed <- err
			}()
		}
		for range cap(failed) {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		things(t, table, 24, true)
		if pending, err := Pending(t.Context(), table, []Step{minutes, indexed}); err != nil || len(pending) > 0 {
			t.Errorf("pending are %q, %v", pending, err)
		}
	})
}

// meddled has somebody else at work between the reading of a page and the writing of its records.
type meddled struct {
	Table
	meddle func()
}

func (m *meddled) Walk(ctx context.Context, cursor string) (store.Page, error) {
	page, err := m.Table.Walk(ctx, cursor)
	m.meddle()
	return page, err
}

func TestWhatOthersWriteMeanwhileIsKept(t *testing.T) {
	table := local(t)
	furnish(t, table, 3)
	at := func(i int) store.Key { return store.Key{PK: fmt.Sprintf("P#%d", i), SK: fmt.Sprintf("THING#%03d", i)} }
	m := &Migration{Steps: []Step{minutes}, Clock: clock, Table: &meddled{table, func() {
		_, err := table.Put(t.Context(), store.Item{Key: at(0), Data: []byte(`{"minutes":7}`)}, store.Any())
		must(t, err)
		must(t, table.Delete(t.Context(), at(1), store.Any()))
		_, err = table.Put(t.Context(), store.Item{Key: at(2), Data: []byte(`{"hours":3}`)}, store.Any())
		must(t, err)
	}}}
	done, err := m.Run(t.Context())
	must(t, err)
	if done[0].Changed != 1 {
		t.Errorf("it changed %d", done[0].Changed)
	}
	for i, want := range []string{`{"minutes":7}`, "", `{"minutes":180}`} {
		item, err := table.Get(t.Context(), at(i))
		if want == "" {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a record that was deleted is there again: %v", err)
			}
			continue
		}
		if err != nil || string(item.Data) != want {
			t.Errorf("%v is %s, %v, want %s", at(i), item.Data, err, want)
		}
	}
}

func TestOneThatIsBehindGoesOnBehindTheOther(t *testing.T) {
	table := short{local(t)}
	furnish(t, table, 12)
	slow := &meddled{Table: table}
	walked := 0
	slow.meddle = func() {
		if walked++; walked == 2 { // what the slow one noted after its first page is there already
			m := &Migration{Steps: []Step{minutes}, Clock: clock, Table: &counting{Table: table, most: 3}}
			if _, err := m.Run(t.Context()); !errors.Is(err, errDied) {
				t.Error(err)
			}
		}
	}
	pages := &counting{Table: slow}
	m := &Migration{Steps: []Step{minutes}, Clock: clock, Table: pages}
	_, err := m.Run(t.Context())
	must(t, err)
	things(t, table, 12, false)
	if walks := (&counting{Table: table}); true {
		must(t, table.Delete(t.Context(), key(minutes.Name), store.Any()))
		m.Table = walks
		_, err := m.Run(t.Context())
		must(t, err)
		if pages.pages != walks.pages-2 { // its first two, and those behind the fourth
			t.Errorf("it walked %d pages of %d", pages.pages, walks.pages)
		}
	}
}

func TestAStepThatIsNoneStopsBeforeItWrites(t *testing.T) {
	grow := minutes
	grow.Change = func(it store.Item) (store.Item, error) {
		it.Data = append([]byte(" "), it.Data...)
		return it, nil
	}
	moves := minutes
	moves.Change = func(it store.Item) (store.Item, error) {
		it.SK = "THING#999"
		return it, nil
	}
	breaks := minutes
	breaks.Change = func(it store.Item) (store.Item, error) {
		if len(it.Data) == 1 {
			return it, errors.New("no JSON")
		}
		it.Data = []byte("x")
		return it, nil
	}
	fails := minutes
	fails.Change = func(it store.Item) (store.Item, error) { return it, errors.New("unreadable") }
	for name, step := range map[string]Step{
		"it changes a record anew each time": grow, "it changes keys": moves, "it makes what it cannot read": breaks, "it cannot read a record": fails,
	} {
		t.Run(name, func(t *testing.T) {
			table := local(t)
			furnish(t, table, 3)
			m := &Migration{Steps: []Step{step, indexed}, Clock: clock, Table: table}
			for what, do := range map[string]func(context.Context) ([]Outcome, error){"look": m.Look, "run": m.Run} {
				if _, err := do(t.Context()); err == nil || !strings.Contains(err.Error(), "step thing-minutes: ") || !strings.Contains(err.Error(), "THING#00") {
					t.Errorf("%s: %v", what, err)
				}
			}
			page, err := table.Walk(t.Context(), "")
			must(t, err)
			for _, it := range page.Items {
				if it.Version != 1 || it.PK == "MIGRATION" {
					t.Errorf("%v was written: %s", it.Key, it.Data)
				}
			}
		})
	}
}

func TestTheRecordOfAStepKeepsWhatANewerVersionPutIntoIt(t *testing.T) {
	table := short{local(t)}
	furnish(t, table, 12)
	m := &Migration{Steps: []Step{minutes}, Clock: clock, Table: &counting{Table: table, most: 1}}
	if _, err := m.Run(t.Context()); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	item, err := table.Get(t.Context(), key(minutes.Name))
	must(t, err)
	item.Data = append([]byte(`{"newer":1,`), item.Data[1:]...)
	_, err = table.Put(t.Context(), item, store.Any())
	must(t, err)
	m.Table = table
	_, err = m.Run(t.Context())
	must(t, err)
	if item, err = table.Get(t.Context(), key(minutes.Name)); err != nil || !strings.Contains(string(item.Data), `"newer":1`) {
		t.Errorf("it is %s, %v", item.Data, err)
	}
}

func TestStepsAreNamedOnceAndTold(t *testing.T) {
	seen := map[string]bool{}
	for _, step := range Steps {
		if step.Name == "" || seen[step.Name] || step.What == "" || step.Of == nil || step.Change == nil {
			t.Errorf("step %q is named twice, or something of it is missing", step.Name)
		}
		seen[step.Name] = true
	}
}
