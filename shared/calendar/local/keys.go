package local

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode"

	"adminassistant/shared/store"
)

// Items. Times in keys are UTC; all-day and floating times are read in UTC.
//
//	pk                  sk                          holds
//	CAL#<user>#<account>CALENDAR#<id>               a calendar (record); <account> is folded; in the index as CALENDARS#<user> / <id>
//	CAL#<user>#<account>NAME#<folded name>          keeps names unique
//	CAL#<user>#<account>PRIMARY                     keeps the default calendar the only one
//	CAL#<user>#<account>DELETING#<id>               a calendar whose events are being removed; in the index as CALENDARS#<user> / <id>
//	EVENTS#<calendar>   AT#<start>#<id>             an event of at most one day
//	EVENTS#<calendar>   LONG#<end>#<id>             a longer event
//	EVENTS#<calendar>   SERIES#<id>                 a series master
//	EVENTS#<calendar>   SERIES#<id>#<original start> an exception of that series
//	EVENTS#<calendar>   ZONE#<hash of its name>     a time zone that only an imported file explains
//	KEYS#<calendar>     ID#<unit>                   a unit: where its events are; its version guards every change of them
//	KEYS#<calendar>     MARK#<mark>                 the unit that holds the event with the mark
//	GENERATION#<calendar>#<id>#<shard> <unit>#<n>   a change that is made as a whole, see together; <n> is "gone" for a unit that goes
//
// A window is read by two queries: the short events that start in it or up to a day before, and, because LONG, SERIES and ZONE
// follow one another, the longer events that end in it or later together with all series and zones.
const (
	prefixAt     = "AT#"
	prefixLong   = "LONG#"
	prefixSeries = "SERIES#"
	prefixZone   = "ZONE#"
	afterZones   = "ZONE$" // follows every ZONE# key

	prefixID   = "ID#"
	prefixMark = "MARK#"

	prefixCalendar = "CALENDAR#"
	prefixDeleting = "DELETING#"
	prefixName     = "NAME#"
	keyPrimary     = "PRIMARY"

	keyTime = "20060102T150405Z"
	oneDay  = 24 * time.Hour
)

func accountPK(user, account string) string { return "CAL#" + user + "#" + fold(account) }
func eventsPK(calendar string) string       { return "EVENTS#" + calendar }
func keysPK(calendar string) string         { return "KEYS#" + calendar }

func (c *record) key() store.Key {
	return store.Key{PK: accountPK(c.user, c.account), SK: prefixCalendar + c.ID}
}

// indexed puts the item of a calendar into the index of all calendars of its user.
func (c *record) indexed(item *store.Item) *store.Item {
	item.IndexPK, item.IndexSK = indexPK(c.user), c.ID
	return item
}

func indexPK(user string) string { return "CALENDARS#" + user }

func idKey(calendar, unit string) store.Key {
	return store.Key{PK: keysPK(calendar), SK: prefixID + unit}
}

// markKey hashes a mark that could not be a key, or that looks like such a hash.
func markKey(calendar, mark string) store.Key {
	if len(mark) > 256 || strings.HasPrefix(mark, "sha256:") {
		mark = "sha256:" + digest(mark)
	}
	return store.Key{PK: keysPK(calendar), SK: prefixMark + mark}
}

// fold makes names that differ by case only, or by space around them, the same: as calendar.SameName compares them.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, strings.TrimSpace(name))
}

// digest is a hash of texts, in hexadecimal.
func digest(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

const idLength = 32

// The id of a unit follows from what must be there once only, so that a repeated write finds it.

func idOfTransaction(transactionID string) string {
	return digest("transaction", transactionID)[:idLength]
}

// uidOf is the iCalendar UID of an event that was made here.
func uidOf(id string) string { return id + uidSuffix }

const uidSuffix = "@admin-assistant"

// idOfUID is the id of a unit that was imported under the UID, or that was made here and has it.
func idOfUID(uid string) string {
	if id, ours := strings.CutSuffix(uid, uidSuffix); ours && len(id) == idLength && strings.Trim(id, "0123456789abcdef") == "" {
		return id
	}
	return digest("uid", uid)[:idLength]
}

// unitOf is the unit of an event's id: the part before the @ that an instance of a series has in its id.
func unitOf(eventID string) string {
	unit, _, _ := strings.Cut(eventID, "@")
	return unit
}
