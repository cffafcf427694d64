package calendar

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // for machines without a time zone database

	"adminassistant/shared/fault"
)

//go:generate go run ./internal/windowszones $CLDR windowszones.go

// ErrUnknownZone means that no time zone of that name is known.
var ErrUnknownZone = errors.New("unknown time zone")

// windowsZone is a Windows time zone, the IANA zone that it stands for, and the other IANA names that it covers, aliases
// included, separated by spaces.
type windowsZone struct{ windows, iana, others string }

// exchangeUTC is what Exchange calls UTC at times, in lower case. It does not accept that name.
const exchangeUTC = "tzone://microsoft/utc"

// furtherZones are names of neither table, in lower case: what Exchange calls UTC, and two that Windows still lists although
// Unicode CLDR has given them up (the meaning is CLDR 21's).
var furtherZones = map[string]string{
	"utc":                        "UTC",
	exchangeUTC:                  "UTC",
	"kamchatka standard time":    "Asia/Kamchatka",
	"mid-atlantic standard time": "Etc/GMT+2",
}

var (
	ianaNames = sync.OnceValue(func() map[string]string { // by Windows name in lower case
		names := maps.Clone(furtherZones)
		for _, z := range windowsZones {
			if key := strings.ToLower(z.windows); names[key] == "" {
				names[key] = z.iana
			}
		}
		return names
	})
	windowsNames = sync.OnceValue(func() map[string]string { // by IANA name, and by Windows name in lower case
		names := map[string]string{
			exchangeUTC: "UTC", "kamchatka standard time": "Kamchatka Standard Time", "mid-atlantic standard time": "Mid-Atlantic Standard Time",
		}
		for _, z := range windowsZones {
			names[z.iana], names[strings.ToLower(z.windows)] = z.windows, z.windows
			for name := range strings.FieldsSeq(z.others) {
				names[name] = z.windows
			}
		}
		return names
	})
)

// LoadZone returns the time zone of an IANA name ("Europe/Berlin", spelt so) or a Windows name ("W. Europe Standard Time", any
// case). The empty name, "Local" and whatever else is unknown are Invalid, ErrUnknownZone. A name that was asked for before is one map lookup.
func LoadZone(name string) (*time.Location, error) {
	zone, known := zones.get(name)
	if !known && len(name) <= maxZoneName {
		zone = findZone(name)
		zones.put(name, zone)
	}
	if zone == nil {
		return nil, fault.Wrap(fault.Invalid, zoneError(name))
	}
	return zone, nil
}

// zoneError is ErrUnknownZone with the name.
type zoneError string

func (e zoneError) Error() string {
	return fmt.Sprintf(`%v %.80q: expected an IANA name such as "Europe/Berlin" or a Windows name such as "W. Europe Standard Time"`, ErrUnknownZone, string(e))
}

func (zoneError) Unwrap() error { return ErrUnknownZone }

// WindowsName returns the Windows name of a zone that LoadZone knows: both Asia/Kolkata and Asia/Calcutta are India Standard Time, and a Windows
// name in any case is itself. False: Windows does not have the zone, and so it cannot be sent to Microsoft 365.
func WindowsName(name string) (string, bool) {
	windows, ok := windowsNames()[name]
	if !ok {
		windows, ok = windowsNames()[strings.ToLower(name)]
	}
	return windows, ok
}

// findZone is LoadZone without a memory; nil means unknown.
func findZone(name string) *time.Location {
	iana, ok := ianaNames()[strings.ToLower(name)]
	if !ok {
		if !ianaForm(name) {
			return nil
		}
		iana = name
	}
	zone, err := time.LoadLocation(iana)
	if err != nil {
		return nil
	}
	return zone
}

// ianaForm says whether name could be in the IANA database: words of letters, digits, "+", "-" and "_", joined by slashes, the first
// one beginning with a capital letter. That leaves out paths, and what else lies in a zoneinfo folder ("localtime", "right/Europe/Berlin").
// "Local" is not a zone but whatever the machine is set to.
func ianaForm(name string) bool {
	if name == "" || name == "Local" || name[0] < 'A' || name[0] > 'Z' {
		return false
	}
	for word := range strings.SplitSeq(name, "/") {
		if word == "" || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_") != "" {
			return false
		}
	}
	return true
}

// zoneMemory remembers what names mean; nil stands for nothing. Reading needs no lock. It stops learning when it is full, so that
// invented names cannot make it grow; there are some 750 real ones.
type zoneMemory struct {
	known   atomic.Pointer[map[string]*time.Location]
	learn   sync.Mutex
	unknown int // how many of known are nil
}

const (
	maxZones    = 2048
	maxUnknown  = 256
	maxZoneName = 64 // bytes; no real name is longer
)

var zones zoneMemory

func (m *zoneMemory) get(name string) (zone *time.Location, known bool) {
	if all := m.known.Load(); all != nil {
		zone, known = (*all)[name]
	}
	return zone, known
}

func (m *zoneMemory) put(name string, zone *time.Location) {
	m.learn.Lock()
	defer m.learn.Unlock()
	next := map[string]*time.Location{}
	if all := m.known.Load(); all != nil {
		next = *all
	}
	if _, known := next[name]; known || len(next) >= maxZones || zone == nil && m.unknown >= maxUnknown {
		return
	}
	if zone == nil {
		m.unknown++
	}
	next = maps.Clone(next)
	next[strings.Clone(name)] = zone
	m.known.Store(&next)
}
