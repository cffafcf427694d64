package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestKind(t *testing.T) {
	plain := errors.New("plain")
	missing := New(NotFound, "no such thing")
	down := New(Unavailable, "down")
	window := Field("window.to", "is before %s", "window.from")
	for _, c := range []struct {
		name  string
		err   error
		kind  Kind
		field string
		text  string
	}{
		{"what nobody classified is internal", plain, Internal, "", "plain"},
		{"no error has the zero kind", nil, Internal, "", ""},
		{"the kind that was given", missing, NotFound, "", "no such thing"},
		{"the kind that was given to another's error", Wrap(Throttled, plain), Throttled, "", "plain"},
		{"a field at fault is invalid", window, Invalid, "window.to", "window.to is before window.from"},
		{"a field with a per cent sign", Field("100%d", "is %d", 3), Invalid, "100%d", "100%d is 3"},
		{"under more text", fmt.Errorf("read: %w", missing), NotFound, "", "read: no such thing"},
		{"under a lot of text", fmt.Errorf("a: %w", fmt.Errorf("b: %w", window)), Invalid, "window.to", "a: b: window.to is before window.from"},
		{"the first kind counts, not a later one", Wrap(Internal, fmt.Errorf("read: %w", missing)), NotFound, "", "read: no such thing"},
		{"nor one with a text of its own", New(Malformed, "read: %w", missing), NotFound, "", "read: no such thing"},
		{"only text is no cause", New(Malformed, "read: %v", missing), Malformed, "", "read: no such thing"},
		{"the first field counts too", Wrap(Conflict, Wrap(NotFound, window)), Invalid, "window.to", "window.to is before window.from"},
		{"the field of a failure that was wrapped further in", Field("window", "is wrong: %w", missing), NotFound, "window", "window is wrong: no such thing"},

		{"joined ones have the kind of the first", errors.Join(down, missing), Unavailable, "", "down\nno such thing"},
		{"of joined ones the first that has a kind", errors.Join(plain, missing, down), NotFound, "", "plain\nno such thing\ndown"},
		{"the innermost below joined ones", errors.Join(plain, Wrap(Conflict, fmt.Errorf("x: %w", down))), Unavailable, "", "plain\nx: down"},
		{"joined ones that were wrapped", Wrap(Conflict, errors.Join(plain, missing)), NotFound, "", "plain\nno such thing"},
		{"joined ones without a kind that were wrapped", Wrap(Conflict, errors.Join(plain, io.EOF)), Conflict, "", "plain\nEOF"},
		{"the first field of joined ones", errors.Join(missing, window, Field("other", "is wrong")), NotFound, "window.to",
			"no such thing\nwindow.to is before window.from\nother is wrong"},
		{"several causes in one text", fmt.Errorf("%w while %w", plain, down), Unavailable, "", "plain while down"},
		{"several causes in one text of a kind", New(Conflict, "%w while %w", plain, io.EOF), Conflict, "", "plain while EOF"},

		{"a deadline", fmt.Errorf("read: %w", context.DeadlineExceeded), Unavailable, "", "read: context deadline exceeded"},
		{"a cancellation", context.Canceled, Unavailable, "", "context canceled"},
		{"a cancellation among others", errors.Join(plain, context.Canceled), Unavailable, "", "plain\ncontext canceled"},
		{"a cancellation that has a kind", Wrap(Conflict, context.Canceled), Conflict, "", "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Of(c.err); got != c.kind {
				t.Errorf("kind %s, want %s", got, c.kind)
			}
			if got := FieldOf(c.err); got != c.field {
				t.Errorf("field %q, want %q", got, c.field)
			}
			if c.err != nil && c.err.Error() != c.text {
				t.Errorf("text %q, want %q", c.err, c.text)
			}
		})
	}
}

func TestWrapOfNothingIsNothing(t *testing.T) {
	if err := Wrap(Unavailable, nil); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestCausesAreFound(t *testing.T) {
	for name, err := range map[string]error{
		"wrap":           Wrap(Unavailable, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)),
		"new":            New(Unavailable, "read: %w", io.ErrUnexpectedEOF),
		"new with two":   New(Unavailable, "read: %w, %w", io.EOF, io.ErrUnexpectedEOF),
		"field":          Field("file", "is cut off: %w", io.ErrUnexpectedEOF),
		"below a kind":   New(Invalid, "import: %w", Wrap(Malformed, io.ErrUnexpectedEOF)),
		"below a joined": errors.Join(io.EOF, New(Invalid, "import: %w", io.ErrUnexpectedEOF)),
	} {
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v hides its cause", name, err)
		}
		if f := new(Error); !errors.As(err, &f) {
			t.Errorf("%s: %v hides its kind", name, err)
		}
	}
	if errors.Is(New(Unavailable, "read: %v", io.EOF), io.EOF) {
		t.Error("what is only text is a cause")
	}
}

func TestEveryKind(t *testing.T) {
	transient := map[Kind]bool{Throttled: true, Unavailable: true}
	seen := map[string]bool{}
	for k := Internal; k <= Locked; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d has the name %q", k, name)
		}
		seen[k.String()] = true
		if k.Transient() != transient[k] {
			t.Errorf("%s is transient: %t", k, k.Transient())
		}
		if k.Public() != (k != Internal) {
			t.Errorf("%s is public: %t", k, k.Public())
		}
	}
	if len(seen) != len(names) {
		t.Errorf("%d kinds have %d names", len(seen), len(names))
	}
}
