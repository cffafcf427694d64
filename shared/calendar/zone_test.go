package calendar

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/fault"
)

// zoneNamed loads a zone that must be there.
func zoneNamed(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestLoadZone(t *testing.T) {
	for name, want := range map[string]string{
		"Europe/Berlin":               "Europe/Berlin",
		"America/North_Dakota/Beulah": "America/North_Dakota/Beulah",
		"Etc/GMT+5":                   "Etc/GMT+5",
		"W. Europe Standard Time":     "Europe/Berlin",
		"w. europe standard time":     "Europe/Berlin",
		"FLE Standard Time":           "Europe/Kyiv",
		"India Standard Time":         "Asia/Kolkata",
		"Asia/Calcutta":               "Asia/Calcutta",
		"UTC-11":                      "Etc/GMT+11",
		"UTC":                         "UTC",
		"utc":                         "UTC",
		"tzone://Microsoft/Utc":       "UTC",
		"TZONE://microsoft/UTC":       "UTC",
		"Kamchatka Standard Time":     "Asia/Kamchatka",
	} {
		for range 2 { // found, then remembered
			if zone, err := LoadZone(name); err != nil || zone.String() != want {
				t.Errorf("%q: got %v, %v; want %s", name, zone, err, want)
			}
		}
	}
}

func TestLoadZoneRefusesWhatIsNoZone(t *testing.T) {
	for _, name := range []string{
		"", "Local", "local", "localtime", "posixrules", "Customized Time Zone", "Europe/Atlantis", "../Europe/Berlin", "Europe/../Europe/Berlin", "/etc/localtime",
		"Europe//Berlin", "Europe/./Berlin", "Europe/", "Europe", `Europe\Berlin`, "right/Europe/Berlin", "posix/Europe/Berlin", " Europe/Berlin",
		"zone.tab", strings.Repeat("Europe/", 100),
	} {
		for range 2 {
			zone, err := LoadZone(name)
			if !errors.Is(err, ErrUnknownZone) || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), fmt.Sprintf("%.80q", name)) {
				t.Errorf("%q: got %v, %v; want it unknown by its name", name, zone, err)
			}
		}
	}
}

func TestEveryZoneOfTheTableLoads(t *testing.T) {
	if len(windowsZones) < 130 {
		t.Fatalf("only %d Windows zones", len(windowsZones))
	}
	for _, z := range windowsZones {
		if zone, err := LoadZone(z.windows); err != nil || z.windows != "UTC" && zone.String() != z.iana {
			t.Errorf("%s: got %v, %v; want %s", z.windows, zone, err, z.iana)
		}
		for name := range strings.FieldsSeq(z.iana + " " + z.others) {
			if _, err := LoadZone(name); err != nil {
				t.Error(err)
			}
			if windows, ok := WindowsName(name); !ok || windows != z.windows {
				t.Errorf("the Windows name of %s is %q, want %q", name, windows, z.windows)
			}
		}
	}
	for name, want := range map[string]string{
		"W. Europe Standard Time": "W. Europe Standard Time", "w. europe standard time": "W. Europe Standard Time", "utc": "UTC", "UTC": "UTC", "utc+12": "UTC+12",
		"tzone://Microsoft/Utc": "UTC", "TZONE://microsoft/UTC": "UTC", "kamchatka Standard Time": "Kamchatka Standard Time",
		"Mid-Atlantic Standard Time": "Mid-Atlantic Standard Time",
	} {
		if windows, ok := WindowsName(name); !ok || windows != want {
			t.Errorf("the Windows name of %s is %q, want %q", name, windows, want)
		}
	}
	for _, name := range []string{"Antarctica/Troll", "tzone://Microsoft/Custom", "europe/berlin", ""} {
		if windows, ok := WindowsName(name); ok {
			t.Errorf("%q, which Windows does not have, is %s", name, windows)
		}
	}
}

func TestTheZoneMemoryStopsLearningWhenItIsFull(t *testing.T) {
	var m zoneMemory
	for i := range maxUnknown + 10 {
		m.put(fmt.Sprint("Unknown/", i), nil)
	}
	if _, known := m.get(fmt.Sprint("Unknown/", maxUnknown)); known {
		t.Error("it learns unknown names without end")
	}
	for i := range maxZones {
		m.put(fmt.Sprint("Known/", i), time.UTC)
	}
	if n := len(*m.known.Load()); n != maxZones {
		t.Errorf("it holds %d names, want %d", n, maxZones)
	}
	if zone, known := m.get("Known/0"); !known || zone != time.UTC {
		t.Error("unknown names kept a known one out")
	}
}

func TestZonesLoadFromManyGoroutines(t *testing.T) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range windowsZones {
				z := windowsZones[(i*17+j)%len(windowsZones)]
				if _, err := LoadZone(z.windows); err != nil {
					t.Error(err)
				}
				if _, err := LoadZone(fmt.Sprint("Nowhere/", j)); err == nil {
					t.Error("nowhere was found")
				}
			}
		})
	}
	all.Wait()
}

func FuzzLoadZone(f *testing.F) {
	for _, seed := range []string{"Europe/Berlin", "UTC+12", "../x", "", "Local", "Etc/GMT-14"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		zone, err := LoadZone(name)
		if (err == nil) != (zone != nil) || zone == time.Local || err != nil && !errors.Is(err, ErrUnknownZone) {
			t.Fatalf("%q: got %v, %v", name, zone, err)
		}
	})
}

func BenchmarkLoadZone(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := LoadZone("W. Europe Standard Time"); err != nil {
			b.Fatal(err)
		}
	}
}
