package archive

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// The names of the canonical forms below. Another form needs another name, and the one before it must still be known, or everything would seem to have
// drifted: the first one had people by their names, and all of their addresses.
const (
	hashVersion = "appointment/2"
	firstHash   = "appointment/1"
)

// contentHash is the SHA-256 of the candidate's content in a canonical form, as "sha256:<hex>".
//
// The form is a sequence of strings, each after its length as a varint: what the source says (subject, body digest, location,
// categories in order, status words, the SMTP addresses of organiser and attendees, online link) with the times as modifications left them.
// Left out is what changes without the content changing: etag, change key, time of the last modification, the names of people and their
// answers and the zone in which the same instants are written. Also left out is what we add ourselves, such as privacy.
func contentHash(c *candidate) string { return digestOf(c.Event, &c.Appointment, hashVersion) }

func digestOf(e *calendar.Event, a *calendar.Appointment, version string) string {
	buf := make([]byte, 0, 512)
	add := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	flag := func(b bool) {
		if b {
			add("1")
		} else {
			add("")
		}
	}
	add(version)
	add(e.Subject)
	add(bodyDigest(e))
	flag(a.AllDay)
	switch {
	case a.AllDay && a.StartDate != (calendar.Date{}):
		add(a.StartDate.String())
		add(a.EndDate.String())
	case a.Start.IsZero(): // no usable time: the text that the source gave for it is all that there is
		add(e.Start.Local)
		add(e.End.Local)
	default:
		buf = binary.BigEndian.AppendUint64(buf, uint64(a.Start.Unix()))
		buf = binary.BigEndian.AppendUint32(buf, uint32(a.Start.Nanosecond()))
		buf = binary.BigEndian.AppendUint64(buf, uint64(a.End.Unix()))
		buf = binary.BigEndian.AppendUint32(buf, uint32(a.End.Nanosecond()))
	}
	add(e.Location)
	buf = binary.AppendUvarint(buf, uint64(len(e.Categories)))
	for _, category := range e.Categories {
		add(category)
	}
	add(string(a.ShowAs))
	add(string(a.Importance))
	add(string(orElse(e.Sensitivity, calendar.Normal)))
	flag(e.Cancelled)
	flag(e.IsOrganizer)
	add(string(orElse(e.Response, calendar.NoResponse)))
	if version == firstHash {
		add(e.Organizer.Name)
		add(e.Organizer.Address)
		for _, at := range byAddress(e.Attendees) {
			add(at.Name)
			add(at.Address)
			add(at.Type)
		}
	} else {
		var few [8]string // on the stack: most events have no more
		for _, address := range addresses(few[:0], e) {
			add(address)
		}
	}
	add("")
	add(e.OnlineURL)
	sum := sha256.Sum256(buf)
	return hashName(sum)
}

// hashName is a hash with the name of its algorithm.
func hashName(sum [sha256.Size]byte) string {
	text := make([]byte, 0, len("sha256:")+2*len(sum)) // on the stack: there is one for each event
	return string(hex.AppendEncode(append(text, "sha256:"...), sum[:]))
}

// comesFrom says whether the candidate is the version of the source that the standing one was made from.
func (c *candidate) comesFrom(s *Standing) bool { return c.Item.comesFrom(s.SourceHash, s.Source) }

// comesFrom says whether an item is the version of the source that has a content hash, in this form or an earlier one. was is that version; nil: not
// known. Where Exchange shows people by addresses of its own, now or then, they are not compared.
func (it *Item) comesFrom(hash string, was *calendar.Event) bool {
	if sameSource(it.Hash, hash) || sameSource(digestOf(it.Event, &it.Appointment, firstHash), hash) {
		return true
	}
	if was == nil || allSMTP(it.Event) && allSMTP(was) || len(it.Event.Attendees) != len(was.Attendees) {
		return false
	}
	e := *it.Event
	e.Organizer, e.Attendees = was.Organizer, was.Attendees
	return sameSource(digestOf(&e, &it.Appointment, hashVersion), hash)
}

// addsText says whether all that changed is that a text can be read now which could not be read when the standing one was archived.
func (c *candidate) addsText(s *Standing) bool {
	e := *c.Event
	if e.BodyUnread || e.Body.Content == "" {
		return false
	}
	e.Body, e.BodyDigest, e.BodyUnread = calendar.Body{}, "", true
	return sameSource(digestOf(&e, &c.Appointment, hashVersion), s.SourceHash)
}

// addresses appends to an empty list the SMTP addresses of organiser and attendees, in lower case, sorted, each once.
func addresses(list []string, e *calendar.Event) []string {
	if isSMTP(e.Organizer.Address) {
		list = append(list, strings.ToLower(e.Organizer.Address))
	}
	for i := range e.Attendees {
		if address := e.Attendees[i].Address; isSMTP(address) {
			list = append(list, strings.ToLower(address))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// isSMTP distinguishes addresses of the Internet from those that Exchange uses inside ("/o=ExchangeLabs/ou=...") and from names.
func isSMTP(address string) bool {
	return strings.Contains(address, "@") && !strings.HasPrefix(address, "/")
}

// allSMTP says whether everybody whom the event names has an SMTP address.
func allSMTP(e *calendar.Event) bool {
	return (e.Organizer.Address == "" || isSMTP(e.Organizer.Address)) &&
		!slices.ContainsFunc(e.Attendees, func(a calendar.Attendee) bool { return !isSMTP(a.Address) })
}

// standingVersion names the canonical form of what stands.
const standingVersion = "standing/1"

// StandingHash is the SHA-256 of what stands in the archive, as "sha256:<hex>": the appointment as it was archived, and the digest of its body. It
// differs from the content hash of the source where privacy, a modification or a decision changed something.
func StandingHash(a *calendar.Appointment, body string) string {
	text, err := json.Marshal(a)
	if err != nil {
		panic("archive: an appointment does not encode: " + err.Error()) // plain data
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", standingVersion, body, text))
	return hashName(sum)
}

// markedHash returns the content hash in a mark. A mark has only the beginning of it.
func markedHash(m ledger.Mark) string { return "sha256:" + m.Hash }

// sameSource says whether two content hashes are equal. Where one came from a mark, only its beginning is compared.
func sameSource(a, b string) bool {
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	return short == long || len(short) == len("sha256:")+32 && strings.HasPrefix(long, short)
}

// byAddress returns the attendees in an order that does not depend on the provider's; it sorts a copy only when it must.
func byAddress(attendees []calendar.Attendee) []calendar.Attendee {
	order := func(a, b calendar.Attendee) int {
		return cmp.Or(strings.Compare(a.Address, b.Address), strings.Compare(a.Name, b.Name), strings.Compare(a.Type, b.Type))
	}
	if slices.IsSortedFunc(attendees, order) {
		return attendees
	}
	return slices.SortedFunc(slices.Values(attendees), order)
}

// bodyDigest returns the digest of the event's body, or one made from the preview where a listing had no bodies. The digest for a body that was
// not read differs from that of every body that was read, an empty one too.
func bodyDigest(e *calendar.Event) string {
	switch {
	case e.Body.Content != "":
		return BodyDigest(e.Body)
	case e.BodyDigest != "":
		return e.BodyDigest
	case e.BodyUnread:
		return unreadDigest(e)
	case e.BodyPreview != "":
		return BodyDigest(calendar.Body{ContentType: "preview", Content: e.BodyPreview})
	}
	return ""
}

// Lean makes the events of a file take less room, from which a plan comes out as from all of them.
type Lean struct {
	people map[string][]calendar.Attendee // by all that they say
	key    []byte
}

// mostPeople is of how many groups of attendees one copy is kept.
const mostPeople = 10_000

// Event leaves the event's text out and notes its digest, and has it share its attendees with others that have the same. What is left is kept in one
// piece: of many events that needs less room than many small pieces among what reading leaves behind.
func (l *Lean) Event(e *calendar.Event) {
	l.share(e)
	e.BodyDigest = bodyDigest(e)
	e.Body, e.BodyPreview, e.ETag = calendar.Body{}, "", ""
	parts := [...]*string{&e.ID, &e.Subject, &e.Start.Local, &e.End.Local, &e.ChangeKey, &e.BodyDigest}
	var all [512]byte
	text := all[:0]
	for _, part := range parts {
		text = append(text, *part...)
	}
	whole := string(text)
	for _, part := range parts {
		*part, whole = whole[:len(*part)], whole[len(*part):]
	}
}

func (l *Lean) share(e *calendar.Event) {
	l.key = l.key[:0]
	for i := range e.Attendees {
		a := &e.Attendees[i]
		for _, text := range []string{a.Name, a.Address, a.Type, string(a.Response)} {
			l.key = append(binary.AppendUvarint(l.key, uint64(len(text))), text...)
		}
	}
	if len(l.key) == 0 {
		return
	}
	if known, ok := l.people[string(l.key)]; ok {
		e.Attendees = known
	} else if len(l.people) < mostPeople {
		if l.people == nil {
			l.people = map[string][]calendar.Attendee{}
		}
		l.people[string(l.key)] = e.Attendees
	}
}

// unreadDigest is the digest for a body that was not read.
func unreadDigest(e *calendar.Event) string {
	return BodyDigest(calendar.Body{ContentType: "unread", Content: "preview: " + e.BodyPreview})
}

// BodyDigest returns the digest of a body that goes into a content hash. It is empty for an empty body.
func BodyDigest(b calendar.Body) string {
	if b.Content == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(b.ContentType + "\x00" + b.Content))
	return hex.EncodeToString(sum[:])
}
