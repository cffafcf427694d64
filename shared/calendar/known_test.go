package calendar

import (
	"errors"
	"strings"
	"testing"
)

func TestACalendarIsFoundByItsNameOrItsID(t *testing.T) {
	named := func(name string) URI { return URI{Provider: ProviderGraph, Account: "me@example.com", Calendar: name} }
	list := []Info{{ID: "A", Name: "Work"}, {ID: "B", Name: "Hours"}, {ID: "C", Name: "Twice"}, {ID: "D", Name: "Twice"}}
	for _, tt := range []struct {
		name      string
		uri       URI
		known     Known
		want      string // id; "": it is not found
		err       error
		otherwise string
	}{
		{name: "by its name", uri: named("Work"), want: "A"},
		{name: "by its name, whatever it was known by", uri: named("work"), known: Known{ID: "B", Name: "Hours"}, want: "A"},
		{name: "that nothing is known of", uri: named("Archive"), err: ErrNotFound},
		{name: "by its id, as it was renamed", uri: named("Archive"), known: Known{ID: "B", Name: "Archive"}, want: "B",
			otherwise: `calendar "Hours" is named "Archive" here, as it was before; it was found by its id`},
		{name: "by its name, as its id changed", uri: named("Z"), known: Known{ID: "Z", Name: "Hours", ByID: true}, want: "B",
			otherwise: `calendar "Hours" has another id than the one that it is named by here; it was found by its name`},
		{name: "by its name, as its id changed again", uri: named("Z"), known: Known{ID: "Y", Name: "Hours", ByID: true, By: named("Z").String()}, want: "B",
			otherwise: "has another id"},
		{name: "that is gone", uri: named("Archive"), known: Known{ID: "Z", Name: "Archive"}, err: ErrNotFound},
		{name: "by a name that two have", uri: named("Z"), known: Known{ID: "Z", Name: "Twice", ByID: true}, err: ErrAmbiguous},
		{name: "that was another one when it was found", uri: named("Archive"), known: Known{ID: "B", Name: "Hours", By: named("Hours").String()}, err: ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := NewNamed(tt.uri, tt.known)
			info, err := n.Pick(list)
			if !errors.Is(err, tt.err) || info.ID != tt.want {
				t.Fatalf("%+v, %v", info, err)
			}
			if tt.want == "" {
				return
			}
			if text := n.Otherwise(info); !strings.Contains(text, tt.otherwise) || (text == "") != (tt.otherwise == "") {
				t.Errorf("it says %q", text)
			}
			again := NewNamed(tt.uri, n.Seen(info))
			if seen := again.Known; seen != (Known{ID: info.ID, Name: info.Name, ByID: tt.known.ByID, By: tt.uri.String()}) {
				t.Errorf("then it is known by %+v", seen)
			}
		})
	}
	if seen := NewNamed(named("A"), Known{}).Seen(list[0]); !seen.ByID {
		t.Errorf("%+v is named by its id", seen)
	}
}
