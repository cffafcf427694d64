package proof_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
	"adminassistant/shared/signing"
	"adminassistant/shared/store/sqlite"
)

// witnessed returns a verifier of a ledger that is empty, with a witness.
func witnessed(t *testing.T, kept func(key *signing.Key) (heads, problems []string, err error)) *proof.Verifier {
	t.Helper()
	clock := func() time.Time { return time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC) }
	table, err := sqlite.Open(":memory:", clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	blobs, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	private, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.Parse(private)
	if err != nil {
		t.Fatal(err)
	}
	return &proof.Verifier{
		Ledger: ledger.New(table, blobs, key), Runs: run.NewStore(table), Audit: audit.New(table, clock, func() string { return "id" }),
		Backups: backup.New(table, blobs), Signer: key, Clock: clock,
		Kept: func(_ context.Context, config string) (heads, problems []string, err error) {
			if config != "work" {
				t.Errorf("the witness is asked for %q", config)
			}
			return kept(key)
		},
	}
}

func TestWhatIsWrongAtTheWitnessIsToldAndTheRestIsComparedAllTheSame(t *testing.T) {
	v := witnessed(t, func(key *signing.Key) (heads, problems []string, err error) {
		head, err := key.Sign(context.Background(), ledger.Checkpoint{Origin: ledger.Origin("work"), Size: 3}.Text())
		return []string{head}, []string{"one is foreign"}, err
	})
	report, err := v.Verify(t.Context(), "tenant#user", "work", nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.OK || report.Misfits != 2 || report.First == nil || !strings.Contains(report.First.Problem, "links 1 to 3 are missing") {
		t.Errorf("got %+v, %+v", report, report.First)
	}
}

func TestAProblemAtTheWitnessIsNotAllRight(t *testing.T) {
	v := witnessed(t, func(*signing.Key) (heads, problems []string, err error) { return nil, []string{"one is foreign"}, nil })
	report, err := v.Verify(t.Context(), "tenant#user", "work", nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.OK || report.Misfits != 1 || report.First.Problem != "one is foreign" {
		t.Errorf("got %+v, %+v", report, report.First)
	}
}

func TestWithoutAnAnswerOfTheWitnessNothingIsVerified(t *testing.T) {
	silent := errors.New("no answer")
	v := witnessed(t, func(*signing.Key) (heads, problems []string, err error) { return nil, nil, silent })
	if report, err := v.Verify(t.Context(), "tenant#user", "work", nil); !errors.Is(err, silent) {
		t.Errorf("got %+v, %v", report, err)
	}
}
