package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// linkMember is the member of a result that names the ledger's link of the run. The link covers the run's digest, which therefore leaves it out.
const linkMember = "link"

// Digest is a SHA-256, in hex, over what a run that has ended says of itself: its window, options and input, its state, result, problem and times,
// and the digest of its items. Its form is sealed, so that it never changes; what is added is left out where it is empty.
func (r *Run) Digest() (string, error) {
	result, err := withoutLink(r.Result)
	if err != nil {
		return "", fault.New(fault.Malformed, "the result of run %s is unreadable: %v", r.ID, err)
	}
	data, err := json.Marshal(struct {
		ID        string          `json:"id"`
		User      string          `json:"user"`
		Kind      Kind            `json:"kind"`
		Config    string          `json:"config"`
		Calendar  string          `json:"calendar"`
		From      calendar.Date   `json:"from"`
		To        calendar.Date   `json:"to"`
		Options   Options         `json:"options"`
		Input     json.RawMessage `json:"input,omitempty"`
		AttemptOf string          `json:"attempt_of"`
		Job       string          `json:"job"`
		State     State           `json:"state"`
		Progress  Progress        `json:"progress"`
		Result    json.RawMessage `json:"result,omitempty"`
		Problem   *Problem        `json:"problem,omitempty"`
		Failed    int             `json:"failed"`
		Pages     int             `json:"pages"`
		Items     string          `json:"items"`
		Created   string          `json:"created"`
		Started   string          `json:"started"`
		Ended     string          `json:"ended"`
		Flags     map[string]bool `json:"flags,omitempty"`
	}{
		r.ID, r.User, r.Kind, r.Config, r.Calendar, r.From, r.To, r.Options, r.Input, r.AttemptOf, r.Job, r.State, r.Progress, result, r.Problem,
		r.Failed, r.Pages, r.ItemsDigest, instant(r.Created), instant(r.Started), instant(r.Ended), r.Flags,
	})
	if err != nil {
		return "", fault.New(fault.Malformed, "run %s is unreadable: %v", r.ID, err)
	}
	sum := sha256.Sum256(append([]byte("run/1\n"), data...))
	return hex.EncodeToString(sum[:]), nil
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// withoutLink returns a result without the name of its link, its members in order.
func withoutLink(result json.RawMessage) (json.RawMessage, error) {
	if len(result) == 0 {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(result, &members); err != nil {
		return nil, err
	}
	delete(members, linkMember)
	return json.Marshal(members)
}

// Link is the hash of the ledger's link that the run added; empty: it added none, or its result is unreadable.
func (r *Run) Link() string {
	var result struct {
		Link string `json:"link"`
	}
	if json.Unmarshal(r.Result, &result) != nil {
		return ""
	}
	return result.Link
}

// addPage returns the digest of pages of items when one more follows those of which the digest is given; "" is that of none.
func addPage(digest string, page []byte) string {
	sum := sha256.Sum256(page)
	sum = sha256.Sum256([]byte("run-items/1\n" + digest + "\n" + hex.EncodeToString(sum[:])))
	return hex.EncodeToString(sum[:])
}

// VerifyItems says what is wrong with the stored items of a run that has ended; empty: nothing.
func (s *Store) VerifyItems(ctx context.Context, r *Run) (problem string, err error) {
	digest, pages := "", 0
	q := store.Query{PK: itemKey(r.ID, 0).PK, Prefix: "ITEM#"}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return "", fmt.Errorf("read items of run %s: %w", r.ID, err)
		}
		for _, item := range page.Items {
			if item.Key != itemKey(r.ID, pages) {
				return fmt.Sprintf("page %d of its items is missing", pages+1), nil
			}
			digest = addPage(digest, item.Data)
			pages++
			if pages == r.Pages { // a worker that died after it lost the run may have left more
				break
			}
		}
		if page.Next == "" || pages >= r.Pages {
			break
		}
		q.Cursor = page.Next
	}
	switch {
	case pages < r.Pages:
		return fmt.Sprintf("page %d of its items is missing", pages+1), nil
	case r.Pages > 0 && digest != r.ItemsDigest:
		return "its items are not what was written", nil
	}
	return "", nil
}
