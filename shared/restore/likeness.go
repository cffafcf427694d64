package restore

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// hash stands for texts: the first half of their SHA-256. The zero hash stands for nothing.
type hash [16]byte

func hashOf(texts ...string) hash {
	h := sha256.New()
	for _, text := range texts {
		var length [binary.MaxVarintLen64]byte
		h.Write(length[:binary.PutUvarint(length[:], uint64(len(text)))])
		h.Write([]byte(text))
	}
	return hash(h.Sum(nil)[:len(hash{})])
}

// String is the hash in the alphabet of base64 for URLs.
func (h hash) String() string { return base64.RawURLEncoding.EncodeToString(h[:]) }

// index finds things of a file by a hash: the last one that has it, and for each the one before that has the same.
type index struct {
	last   map[hash]int32
	before []int32 // of each thing; -1: none
}

// newIndex returns an index of n things.
func newIndex(n int) index {
	return index{last: make(map[hash]int32, n), before: make([]int32, n)}
}

func (x *index) add(key hash, i int32) {
	x.before[i] = -1
	if key == (hash{}) {
		return
	}
	if last, ok := x.last[key]; ok {
		x.before[i] = last
	}
	x.last[key] = i
}

// all yields the things that have a hash.
func (x *index) all(key hash) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		i, ok := x.last[key]
		for ok && i >= 0 && yield(i) {
			i = x.before[i]
		}
	}
}

// markPrefix begins the mark of every copy that a restore makes, and of nothing else.
const markPrefix = "restore:"

func markHash(scope string, key hash) hash { return hashOf("mark", scope, string(key[:])) }

// markOf is the mark of the copy of a thing by its key. Restoring a copy that carries a mark of ours gives it another mark: the one
// of an archive's copy would let the ledger take it for its own.
func markOf(scope, key string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(raw) != len(hash{}) {
		return "", fault.New(fault.Malformed, "%.60q is no key of a thing to restore", key)
	}
	return markPrefix + markHash(scope, hash(raw)).String(), nil
}

// parseMark reads what markOf made.
func parseMark(mark string) (hash, bool) {
	text, ours := strings.CutPrefix(mark, markPrefix)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ours || err != nil || len(raw) != len(hash{}) {
		return hash{}, false
	}
	return hash(raw), true
}

// reading understands the times of a file's events, or a calendar's.
type reading struct {
	zones    series.Zones
	floating *time.Location
}

// instant returns when a time is. Errors are Invalid.
func (r reading) instant(d calendar.DateTime) (time.Time, error) {
	zone := r.floating
	if d.Zone != "" {
		var err error
		if zone, err = r.zones(d.Zone); err != nil {
			return time.Time{}, err
		}
	}
	return calendar.DateTime{Local: d.Local}.Instant(zone)
}

// span returns when an event begins and ends: instants, or of an all-day event its dates as midnights in UTC. Errors are Invalid.
func (r reading) span(e *calendar.Event) (start, end time.Time, err error) {
	read := r.instant
	if e.AllDay {
		read = func(d calendar.DateTime) (time.Time, error) {
			w, err := d.Wall()
			return time.Date(w.Year, w.Month, w.Day, 0, 0, 0, 0, time.UTC), err
		}
	}
	if start, err = read(e.Start); err != nil {
		return start, end, fault.New(fault.Invalid, "its start cannot be read: %w", err)
	}
	if end, err = read(e.End); err != nil {
		return start, end, fault.New(fault.Invalid, "its end cannot be read: %w", err)
	}
	if end.Before(start) {
		return start, end, fault.New(fault.Invalid, "it ends before it begins")
	}
	return start, end, nil
}

// check says whether all times of k can be read, and no instance was changed in two ways. Errors are Invalid.
func (r reading) check(k *calendar.Kept) error {
	changed := make(map[string]bool, len(k.Exceptions))
	for i := range k.Exceptions {
		e := &k.Exceptions[i]
		at := originalDay(&k.Event, e.OriginalStart)
		if changed[at] {
			return fault.New(fault.Invalid, "the instance of %s is there twice", e.OriginalStart.UTC().Format(time.RFC3339))
		}
		changed[at] = true
		if _, _, err := r.span(e); err != nil {
			return fmt.Errorf("the instance of %s: %w", e.OriginalStart.UTC().Format(time.RFC3339), err)
		}
	}
	return nil
}

// likeness stands for what events of the same subject and times, and series of the same rules, have in common. It is zero for those without
// a subject, which are like no other, and for those whose times cannot be read; then there is an Invalid error.
func (r reading) likeness(e *calendar.Event) (hash, error) {
	start, end, err := r.span(e)
	if err != nil {
		return hash{}, err
	}
	subject := cases.Fold().String(strings.TrimSpace(e.Subject))
	if subject == "" {
		return hash{}, nil
	}
	texts := []string{"like", subject, stamp(start), stamp(end), fmt.Sprint(e.AllDay)}
	if e.Type == calendar.Master && e.Recurrence != nil {
		texts = append(texts, "series")
		for _, rule := range e.Recurrence.Rules {
			texts = append(texts, normalRule(rule))
		}
		for _, d := range e.Recurrence.Dates {
			at, err := r.instant(d)
			if err != nil {
				return hash{}, fault.New(fault.Invalid, "one of its dates cannot be read: %w", err)
			}
			texts = append(texts, stamp(at))
		}
	}
	return hashOf(texts...), nil
}

// detail is what distinguishes an event from others besides its UID: its contents.
func (r reading) detail(e *calendar.Event) hash {
	texts := []string{"detail", e.Subject, e.Start.Local, e.Start.Zone, e.End.Local, e.End.Zone, fmt.Sprint(e.AllDay), e.Location, e.Body.Content}
	if e.Recurrence != nil {
		texts = append(texts, e.Recurrence.Rules...)
	}
	return hashOf(texts...)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// normalRule writes a rule so that the same one, written by another program, is the same text.
func normalRule(rule string) string {
	parts := strings.FieldsFunc(strings.ToUpper(rule), func(r rune) bool { return r == ';' || r == ' ' })
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "INTERVAL=1" || strings.HasPrefix(part, "WKST=") })
	for i, part := range parts {
		if name, list, ok := strings.Cut(part, "="); ok && strings.Contains(list, ",") {
			values := strings.Split(list, ",")
			slices.Sort(values)
			parts[i] = name + "=" + strings.Join(values, ",")
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}
