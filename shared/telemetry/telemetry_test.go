package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
)

var noon = time.Date(2026, 10, 5, 12, 0, 0, 0, time.FixedZone("", 7200))

// lines reads what was logged.
func lines(t *testing.T, b *bytes.Buffer) (logged []map[string]any) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		logged = append(logged, fields)
	}
	return logged
}

func TestNewLogger(t *testing.T) {
	log := func(t *testing.T, level string) []map[string]any {
		var b bytes.Buffer
		logger, err := NewLogger(&b, level, func() time.Time { return noon })
		if err != nil {
			t.Fatal(err)
		}
		logger.Debug().Msg("debug")
		logger.Info().Msg("info")
		logger.Warn().Msg("warn")
		logger.Error().Msg("error")
		return lines(t, &b)
	}
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1, "disabled": 0} {
		t.Run(level, func(t *testing.T) {
			logged := log(t, level)
			if len(logged) != want {
				t.Errorf("%d lines, want %d", len(logged), want)
			}
			for _, fields := range logged {
				if fields["time"] != "2026-10-05T10:00:00Z" || fields["level"] != fields["message"] {
					t.Errorf("%v", fields)
				}
			}
		})
	}
	for _, level := range []string{"", "loud", "1", "-1", "trace", "INFO", " info"} {
		t.Run("not "+level, func(t *testing.T) {
			var b bytes.Buffer
			logger, err := NewLogger(&b, level, time.Now)
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "log level" || err == nil {
				t.Errorf("got %v, want an invalid log level", err)
			}
			if logger.Error().Msg("x"); b.Len() > 0 {
				t.Errorf("it logs %s", b.String())
			}
		})
	}
}

func TestCorrelation(t *testing.T) {
	if got := Correlation(context.Background()); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	var b bytes.Buffer
	ctx := WithCorrelation(t.Context(), zerolog.New(&b), "first")
	zerolog.Ctx(ctx).Info().Msg("x")
	inner := WithCorrelation(ctx, zerolog.New(&b), "second")
	zerolog.Ctx(inner).Info().Msg("x")
	var logged []any
	for _, fields := range lines(t, &b) {
		logged = append(logged, fields["correlation_id"])
	}
	if diff := cmp.Diff([]any{"first", "second"}, logged); diff != "" {
		t.Error(diff)
	}
	if Correlation(ctx) != "first" || Correlation(inner) != "second" {
		t.Errorf("contexts carry %q and %q", Correlation(ctx), Correlation(inner))
	}
}

func TestHash(t *testing.T) {
	// The first 12 digits of the SHA-256 of "abc", as FIPS 180-2 has it.
	if got := Hash("abc"); got != "ba7816bf8f01" {
		t.Errorf("got %s", got)
	}
}

func TestFailureLogsNoTextThatIsMadeForTheUser(t *testing.T) {
	const secret = "Dinner with ann@example.com"
	for kind := fault.Internal; kind <= fault.Locked; kind++ {
		for name, err := range map[string]error{
			"given":  fault.New(kind, "%s", secret),
			"inside": fmt.Errorf("read: %w", fault.Wrap(kind, errors.New(secret))),
			"joined": errors.Join(fault.New(kind, "%s", secret)),
		} {
			var b bytes.Buffer
			logger := zerolog.New(&b)
			Failure(logger.Error(), err).Msg("failed")
			fields := lines(t, &b)[0]
			if fields["fault"] != kind.String() || fields["message"] != "failed" {
				t.Errorf("%s %s: %v", kind, name, fields)
			}
			if logged := strings.Contains(b.String(), secret); logged != (kind == fault.Internal || kind == fault.Setup || kind.Transient()) {
				t.Errorf("%s %s: the text is logged: %t", kind, name, logged)
			}
		}
	}
	t.Run("a field at fault is named, what is wrong with it is not", func(t *testing.T) {
		var b bytes.Buffer
		logger := zerolog.New(&b)
		Failure(logger.Warn(), fmt.Errorf("create: %w", fault.Field("archive", "is not %q", secret))).Msg("failed")
		want := map[string]any{"level": "warn", "fault": "invalid", "field": "archive", "message": "failed"}
		if diff := cmp.Diff(want, lines(t, &b)[0]); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an error that nobody classified is logged", func(t *testing.T) {
		var b bytes.Buffer
		logger := zerolog.New(&b)
		Failure(logger.Error(), errors.New("disk on fire")).Msg("failed")
		want := map[string]any{"level": "error", "fault": "internal", "error": "disk on fire", "message": "failed"}
		if diff := cmp.Diff(want, lines(t, &b)[0]); diff != "" {
			t.Error(diff)
		}
	})
}
