package timesheet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

// Retained is a locked sheet that its user wants to keep for some time.
type Retained struct {
	Record *Record
	Until  calendar.Date // the last day of the retention period
}

// Retained returns the locked sheets of a user whose retention period of so many years is not over, the newest first. The period begins with the end of
// the year in which a sheet was locked, as most laws have it.
func (s *Sheets) Retained(ctx context.Context, user string, years int) (kept []Retained, err error) {
	items, err := store.All(ctx, s.Table, store.Query{PK: store.UserPartition(user), Prefix: Prefix, Desc: true})
	if err != nil {
		return nil, fmt.Errorf("list timesheets: %w", err)
	}
	for _, item := range items {
		r, err := decodeRecord(item)
		if err != nil {
			return nil, err
		}
		if r.State != Final {
			continue
		}
		zone, err := calendar.LoadZone(r.Zone)
		if err != nil {
			return nil, err
		}
		until := calendar.Date{Year: calendar.DateOf(r.Made, zone).Year + years, Month: time.December, Day: 31}
		if today := calendar.DateOf(s.Clock(), zone); !until.Before(today) {
			kept = append(kept, Retained{Record: r, Until: until})
		}
	}
	return kept, nil
}

// RetainedCode stands for exactly these sheets: whoever names it has been told of each of them. Of none it is empty.
func RetainedCode(kept []Retained) string {
	if len(kept) == 0 {
		return ""
	}
	var all []string
	for _, k := range kept {
		all = append(all, k.Record.ID+" "+k.Record.Hash+" "+k.Until.String())
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:6])
}

// Law says for how long somebody has to keep what invoices stand on.
type Law struct {
	Country string // ISO 3166
	Years   int
	What    string
	Law     string
	Source  string // address of the law, or of what the authority says
}

// Laws are those that are known here. They are no advice: which of them holds for whom is not known.
var Laws = []Law{
	{"DE", 8, "invoices, and the records that they stand on, from the end of the year", "AO § 147 (1) no. 4, (3), (4); HGB § 257; UStG § 14b",
		"https://www.gesetze-im-internet.de/ao_1977/__147.html"},
	{"AT", 7, "books, records and vouchers, from the end of the year", "BAO § 132 (1)",
		"https://www.ris.bka.gv.at/NormDokument.wxe?Abfrage=Bundesnormen&Gesetzesnummer=10003940&Paragraf=132"},
	{"CH", 10, "books and accounting vouchers, from the end of the business year", "OR Art. 958f",
		"https://www.fedlex.admin.ch/eli/cc/27/317_321_377/de#art_958_f"},
	{"GB", 6, "VAT records; five years after 31 January for the self-employed without VAT", "VAT Notice 700/21",
		"https://www.gov.uk/guidance/record-keeping-for-vat-notice-70021"},
}
