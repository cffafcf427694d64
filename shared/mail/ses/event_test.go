package ses

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
)

// sentEvent is an event of SES about a mail of ann's, as EventBridge hands it on.
func sentEvent(kind, about string) string {
	return `{"version": "0", "id": "e1", "detail-type": "Email", "source": "aws.ses", "account": "111122223333", "time": "2026-10-05T12:00:02Z",
		"region": "eu-central-1", "resources": [], "detail": {"eventType": "` + kind + `", ` + about + `,
		"mail": {"timestamp": "2026-10-05T12:00:00.123Z", "source": "assistant@example.com", "messageId": "m1",
		"destination": ["Anna <anna@example.com>"], "tags": {"ses:configuration-set": ["set"], "mail": ["01K7"], "for": ["dGVuYW50I2Fubg"]}}}}`
}

const bounced = `"bounce": {"bounceType": "Permanent", "bounceSubType": "General", "timestamp": "2026-10-05T12:00:01Z",
	"bouncedRecipients": [{"emailAddress": "anna@example.com", "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no anna"}]}`

func TestEvents(t *testing.T) {
	to := []string{"anna@example.com"}
	for _, c := range []struct {
		name, kind, about string
		why               mail.Reason
		to                []string
	}{
		{"a bounce for good", "Bounce", bounced, mail.Bounced, to},
		{"a bounce that passes names no address", "Bounce", strings.Replace(bounced, "Permanent", "Transient", 1), mail.Bounced, nil},
		{"a bounce of which nobody knows why names no address", "Bounce", strings.Replace(bounced, "Permanent", "Undetermined", 1), mail.Bounced, nil},
		{"a complaint", "Complaint", `"complaint": {"complainedRecipients": [{"emailAddress": "anna@example.com"}], "complaintFeedbackType": "abuse"}`,
			mail.Complained, to},
		{"a complaint without a word", "Complaint", `"complaint": {"complainedRecipients": [{"emailAddress": "anna@example.com"}]}`, mail.Complained, to},
		{"word that it was no complaint names no address", "Complaint",
			`"complaint": {"complainedRecipients": [{"emailAddress": "anna@example.com"}], "complaintFeedbackType": "not-spam"}`, mail.Complained, nil},
		{"a rejection", "Reject", `"reject": {"reason": "Bad content"}`, mail.Rejected, to},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, about, err := ParseEvent([]byte(sentEvent(c.kind, c.about)))
			want := mail.Return{ID: "01K7", For: "tenant#ann", To: c.to, Why: c.why, Sent: time.Date(2026, 10, 5, 12, 0, 0, 123e6, time.UTC)}
			if diff := cmp.Diff(want, r); !about || err != nil || diff != "" {
				t.Errorf("about a mail: %v, error %v, %s", about, err, diff)
			}
		})
	}
	for name, body := range map[string]string{
		"a message of ours": `{"user": "tenant#ann", "notification": "01K7", "correlation_id": ""}`, "half a message": `{"source": "aws.ses"`, "nothing": "",
		"an event of another service": `{"source": "aws.kms", "detail": {}}`,
	} {
		t.Run(name+" is left to others", func(t *testing.T) {
			if _, about, err := ParseEvent([]byte(body)); about || err != nil {
				t.Errorf("about a mail: %v, error %v", about, err)
			}
		})
	}
	good := sentEvent("Bounce", bounced)
	for name, body := range map[string]string{
		"of a mail that is none of ours":       strings.Replace(good, `"mail": ["01K7"]`, `"x": ["01K7"]`, 1),
		"for nobody that could be read":        strings.Replace(good, "dGVuYW50I2Fubg", "!", 1),
		"without a time":                       strings.Replace(good, "2026-10-05T12:00:00.123Z", "0001-01-01T00:00:00Z", 1),
		"of a new type":                        sentEvent("Opened", `"open": {}`),
		"about an address that is none":        strings.Replace(good, `"emailAddress": "anna@example.com"`, `"emailAddress": "anna"`, 1),
		"about a destination that is no other": strings.Replace(sentEvent("Reject", `"reject": {}`), "Anna <anna@example.com>", "anna", 1),
	} {
		t.Run("an event "+name+" is malformed, and its error shows no address", func(t *testing.T) {
			_, about, err := ParseEvent([]byte(body))
			if !about || fault.Of(err) != fault.Malformed || strings.Contains(err.Error(), "anna") {
				t.Errorf("about a mail: %v, error %v", about, err)
			}
		})
	}
}

func TestAMailsTagsComeBackInItsEvents(t *testing.T) {
	cfg := verified(t)
	var r requests
	m := mail.Mail{ID: "01K7", For: "tenant-1#Ann/ä", To: "anna@example.com", Subject: "Done", Text: "Done"}
	if err := sender(t, r.watch(t, cfg), "").Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	tags := map[string][]string{}
	for _, tag := range r.asked[0].EmailTags {
		tags[tag.Name] = []string{tag.Value}
	}
	written, err := json.Marshal(tags)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(sentEvent("Bounce", bounced), `{"ses:configuration-set": ["set"], "mail": ["01K7"], "for": ["dGVuYW50I2Fubg"]}`, string(written), 1)
	if got, _, err := ParseEvent([]byte(body)); err != nil || got.ID != m.ID || got.For != m.For {
		t.Errorf("it is %q for %q, error %v", got.ID, got.For, err)
	}
}
