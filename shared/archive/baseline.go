package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/store"
)

// A copy is compared with what it showed when it was first read after it was written. That is kept by days, in hashes:
//
//	BASELINE#<config> / <day>#<part>   what the copies of a day showed, the day being that of their start in UTC
//
// It is no part of the ledger and nobody seals it: without it copies are compared with what was written, as far as the service leaves that as it is.
type baseline struct {
	draft  sum // of what was written
	key    sum // of the copy's change key when it was found to be as it was
	fields [formFields]sum
}

// baselineForm begins the stored form of a baseline. One in another form does not count.
const baselineForm = 1

const baselineSize = 1 + 8 + 8 + 8*formFields

func (b *baseline) encode() string {
	data := append(append([]byte{baselineForm}, b.draft[:]...), b.key[:]...)
	for _, f := range b.fields {
		data = append(data, f[:]...)
	}
	return base64.RawStdEncoding.EncodeToString(data)
}

func decodeBaseline(text string) (b baseline, ok bool) {
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(data) != baselineSize || data[0] != baselineForm {
		return b, false
	}
	copy(b.draft[:], data[1:])
	copy(b.key[:], data[9:])
	for i := range b.fields {
		copy(b.fields[i][:], data[17+8*i:])
	}
	return b, true
}

// baselinePage is what an item has: baselines by the name of their copy.
type baselinePage struct {
	Copies map[string]string `json:"copies"`
}

// baselinesPerPage bounds an item to less than what a store takes.
const baselinesPerPage = 1500

func baselinePartition(config string) string { return "BASELINE#" + config }

// baselineName names the copy that was written with a mark.
func baselineName(mark string) string {
	h := sha256.Sum256([]byte(mark))
	return base64.RawStdEncoding.EncodeToString(h[:16])
}

// baselines are those of some days.
type baselines struct {
	table  store.Table
	config string
	days   map[string]map[string]string // by day and name
	parts  map[string]int               // how many items a day has
	dirty  map[string]bool
}

func baselineDay(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// readBaselines reads those of copies that start in [from, to).
func readBaselines(ctx context.Context, table store.Table, config string, from, to time.Time) (*baselines, error) {
	b := &baselines{table: table, config: config, days: map[string]map[string]string{}, parts: map[string]int{}, dirty: map[string]bool{}}
	q := store.Query{PK: baselinePartition(config), From: baselineDay(from), To: baselineDay(to.Add(24*time.Hour - 1))}
	items, err := store.All(ctx, table, q)
	if err != nil {
		return nil, fmt.Errorf("read what copies showed: %w", err)
	}
	for _, item := range items {
		day, _, _ := strings.Cut(item.SK, "#")
		b.parts[day]++
		var page baselinePage
		if err := json.Unmarshal(item.Data, &page); err != nil {
			zerolog.Ctx(ctx).Error().Str("item", item.SK).Msg("unreadable note of what copies showed begun anew")
		}
		if b.days[day] == nil {
			b.days[day] = map[string]string{}
		}
		maps.Copy(b.days[day], page.Copies)
	}
	return b, nil
}

func (b *baselines) get(start time.Time, mark string) (baseline, bool) {
	return decodeBaseline(b.days[baselineDay(start)][baselineName(mark)])
}

func (b *baselines) set(start time.Time, mark string, to baseline) {
	day, name, text := baselineDay(start), baselineName(mark), to.encode()
	if b.days[day] == nil {
		b.days[day] = map[string]string{}
	}
	if b.days[day][name] != text {
		b.days[day][name], b.dirty[day] = text, true
	}
}

// keep removes the baselines of all other copies from a day.
func (b *baselines) keep(day string, names map[string]bool) {
	for name := range b.days[day] {
		if !names[name] {
			delete(b.days[day], name)
			b.dirty[day] = true
		}
	}
}

// write stores the days that changed.
func (b *baselines) write(ctx context.Context) error {
	var put []store.Item
	var gone []store.Key
	for _, day := range slices.Sorted(maps.Keys(b.dirty)) {
		part := 0
		key := func() store.Key {
			return store.Key{PK: baselinePartition(b.config), SK: fmt.Sprintf("%s#%04d", day, part)}
		}
		for some := range slices.Chunk(slices.Sorted(maps.Keys(b.days[day])), baselinesPerPage) {
			page := baselinePage{Copies: make(map[string]string, len(some))}
			for _, name := range some {
				page.Copies[name] = b.days[day][name]
			}
			data, err := json.Marshal(page)
			if err != nil {
				return fmt.Errorf("store what copies show: %w", err)
			}
			put = append(put, store.Item{Key: key(), Data: data})
			part++
		}
		for ; part < b.parts[day]; part++ {
			gone = append(gone, key())
		}
	}
	var err error
	if len(put) > 0 {
		err = b.table.BatchPut(ctx, put)
	}
	for some := range slices.Chunk(gone, store.MaxTransact) {
		err = errors.Join(err, store.Remove(ctx, b.table, some...))
	}
	if err != nil {
		return fmt.Errorf("store what copies show: %w", err)
	}
	return nil
}

// eraseBaselines removes what is kept of a config's copies.
func eraseBaselines(ctx context.Context, table store.Table, config string) error {
	if err := store.Clear(ctx, table, store.Query{PK: baselinePartition(config)}); err != nil {
		return fmt.Errorf("erase what copies showed: %w", err)
	}
	return nil
}
