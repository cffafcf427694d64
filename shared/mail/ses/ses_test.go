package ses

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/awstest"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/mail/mailtest"
)

// verified returns the settings of an engine in which the address that tests send from is verified.
func verified(t testing.TB) aws.Config {
	t.Helper()
	cfg := awstest.Moto(t)
	client := sesv2.NewFromConfig(cfg)
	if _, err := client.CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("assistant@example.com")}); err != nil &&
		!strings.Contains(err.Error(), "already exist") {
		t.Fatal(err)
	}
	return cfg
}

func sender(t testing.TB, cfg aws.Config, configurationSet string) *Sender {
	t.Helper()
	s, err := New(cfg, mailtest.From, configurationSet, noon)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func noon() time.Time { return time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC) }

// request is what SES is asked, as its documentation has it.
type request struct {
	FromEmailAddress, ConfigurationSetName string
	Destination                            struct{ ToAddresses, CcAddresses, BccAddresses []string }
	EmailTags                              []struct{ Name, Value string }
	ReplyToAddresses                       []string
	Content                                struct {
		Raw    *struct{ Data []byte }
		Simple struct {
			Subject text
			Body    struct{ Text, Html text }
			Headers []struct{ Name, Value string }
		}
	}
}

type text struct{ Data, Charset string }

// requests are those that SES granted.
type requests struct {
	mu    sync.Mutex
	asked []request
}

func (r *requests) watch(t testing.TB, cfg aws.Config) aws.Config {
	return awstest.Faults(t, cfg, func(q *http.Request, _ int) awstest.Answer {
		var asked request
		if err := json.Unmarshal(awstest.Body(t, q), &asked); err != nil {
			t.Errorf("read a request: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, asked)
		return awstest.Answer{}
	})
}

// TestSES looks at what was asked of the engine, which keeps only one of a mail's two bodies.
func TestSES(t *testing.T) {
	cfg := verified(t)
	mailtest.Run(t, func(t *testing.T) mailtest.Box {
		var r requests
		return mailtest.Box{Sender: sender(t, r.watch(t, cfg), ""), Sent: func(t testing.TB) []mailtest.Received {
			var sent []mailtest.Received
			for _, asked := range r.asked {
				to, simple := asked.Destination, asked.Content.Simple
				if len(to.ToAddresses) != 1 || len(to.CcAddresses)+len(to.BccAddresses) != 0 {
					t.Fatalf("a mail goes to %+v", to)
				}
				if raw := asked.Content.Raw; raw != nil {
					got, header := mailtest.Read(t, bytes.NewReader(raw.Data))
					if header.Get("Auto-Submitted") != "" || header.Get("Date") != "Mon, 05 Oct 2026 12:00:00 +0000" {
						t.Errorf("the header is %v", header)
					}
					if from, to := got.From, got.To; from == "" || to == "" || asked.FromEmailAddress == "" {
						t.Errorf("a whole message is from %q to %q", from, to)
					}
					sent = append(sent, got)
					continue
				}
				for _, s := range []text{simple.Subject, simple.Body.Text, simple.Body.Html} {
					if s.Data != "" && s.Charset != "UTF-8" {
						t.Errorf("a text is of the character set %q", s.Charset)
					}
				}
				sent = append(sent, mailtest.Received{
					From: asked.FromEmailAddress, To: to.ToAddresses[0], Subject: simple.Subject.Data, Text: simple.Body.Text.Data, HTML: simple.Body.Html.Data,
					ReplyTo: strings.Join(asked.ReplyToAddresses, " "),
				})
			}
			return sent
		}}
	})
}

// TestTheEngineHasTheMail reads what moto keeps of mails.
func TestTheEngineHasTheMail(t *testing.T) {
	cfg := verified(t)
	m := mail.Mail{ID: "seen-in-the-engine", To: "Anna Müller <anna@example.com>", Subject: "Seen in the engine ✓", Text: "first"}
	whole := mail.Mail{ID: "with-a-file", To: "ben@example.com", Subject: "With a file, in the engine", Text: "first",
		Files: []mail.File{{Name: "a.pdf", Type: "application/pdf", Content: []byte("%PDF")}}}
	for _, m := range []mail.Mail{m, whole} {
		if err := sender(t, cfg, "").Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.Get(os.Getenv("AWS_ENDPOINT_URL") + "/moto-api/mails")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound && os.Getenv("CI") != "true" {
		t.Skip("the engine is not the one of cmd/awslocal, which shows its mails")
	}
	var all []struct {
		Source, Subject, Body string
		Raw                   string `json:"raw_data"`
		Destinations          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		t.Fatalf("%s: %v", response.Status, err)
	}
	seen := 0
	for _, got := range all {
		if got.Raw != "" {
			if r, _ := mailtest.Read(t, strings.NewReader(got.Raw)); r.Subject == whole.Subject {
				seen++
				if len(r.Files) != 1 || !cmp.Equal(r.Files, whole.Files) || r.Text != "first" || got.Source != `"Admin Assistant" <assistant@example.com>` {
					t.Errorf("the engine has %+v", got)
				}
			}
		}
		if got.Subject != m.Subject {
			continue
		}
		seen++
		var to struct{ ToAddresses []string }
		if err := json.Unmarshal(got.Destinations, &to); err != nil {
			t.Fatal(err)
		}
		if got.Body != "first" || got.Source != `"Admin Assistant" <assistant@example.com>` ||
			!cmp.Equal(to.ToAddresses, []string{"=?utf-8?q?Anna_M=C3=BCller?= <anna@example.com>"}) {
			t.Errorf("the engine has %+v", got)
		}
	}
	if seen != 2 {
		t.Errorf("the engine has %d mails, and %d of these two", len(all), seen)
	}
}

func TestRequest(t *testing.T) {
	cfg := verified(t)
	var r requests
	m := mail.Mail{ID: "run-1", To: "anna@example.com", Subject: "Secret subject", Text: "secret text"}
	for _, set := range []string{"", "mails"} {
		if err := sender(t, r.watch(t, cfg), set).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.asked) != 2 || r.asked[0].ConfigurationSetName != "" || r.asked[1].ConfigurationSetName != "mails" {
		t.Fatalf("SES was asked %+v, want once without and once with a configuration set", r.asked)
	}
	got := r.asked[0]
	if len(got.EmailTags) != 1 || got.EmailTags[0].Name != "mail" || got.EmailTags[0].Value != "run-1" {
		t.Errorf("tags %+v, want the mail's id alone", got.EmailTags)
	}
	if h := got.Content.Simple.Headers; len(h) != 1 || h[0].Name != "Auto-Submitted" || h[0].Value != "auto-generated" {
		t.Errorf("headers %+v", h)
	}
}

func TestASenderThatIsNoAddressIsRefused(t *testing.T) {
	for _, from := range []string{"", "assistant", "a@example.com, b@example.com"} {
		if _, err := New(aws.Config{}, from, "", noon); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "from" {
			t.Errorf("from %q: error %v of kind %s, want kind invalid for the field from", from, err, fault.Of(err))
		}
	}
}

func TestFailures(t *testing.T) {
	cfg := verified(t)
	m := mail.Mail{ID: "run-1", To: "Anna <anna@example.com>", Subject: "Secret subject", Text: "secret text"}
	for _, c := range []struct {
		name    string
		status  int
		code    string
		message string
		kind    fault.Kind
		quota   bool
		text    string
	}{
		{"rejected", 400, "MessageRejected", "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: anna@example.com",
			fault.Internal, false, "sandbox"},
		{"a domain that is not verified", 400, "MailFromDomainNotVerifiedException", "example.com is not verified", fault.Internal, false,
			"verify the sender's domain"},
		{"a suspended account", 400, "AccountSuspendedException", "", fault.Internal, false, "AWS support"},
		{"sending is paused", 400, "SendingPausedException", "", fault.Internal, false, "resume"},
		{"a malformed address", 400, "BadRequestException", "Missing final '@domain' in anna@example.com", fault.Internal, false, "malformed"},
		{"no such configuration set", 404, "NotFoundException", "", fault.Internal, false, "configuration set"},
		{"not allowed", 403, "AccessDeniedException", "not authorized to perform ses:SendEmail on identity/assistant@example.com", fault.Internal, false,
			"ses:SendEmail"},
		{"something new", 400, "TeapotException", "anna@example.com", fault.Internal, false, "400 TeapotException to request \"req-1\""},
		{"too many a second", 429, "TooManyRequestsException", "Maximum sending rate exceeded.", fault.Throttled, false, "TooManyRequestsException"},
		{"too many a second, as the first version says it", 400, "ThrottlingException", "Maximum sending rate exceeded.", fault.Throttled, false,
			"ThrottlingException"},
		{"too many a day", 429, "TooManyRequestsException", "Daily message quota exceeded.", fault.Throttled, true, "quota"},
		{"too many a day, as a limit", 400, "LimitExceededException", "Daily sending quota exceeded", fault.Throttled, true, "quota"},
		{"down", 500, "InternalServiceErrorException", "", fault.Unavailable, false, "InternalServiceErrorException"},
		{"down without an answer of SES", 503, "", "", fault.Unavailable, false, "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"message": c.message})
			if err != nil {
				t.Fatal(err)
			}
			answer := awstest.Answer{Status: c.status, Body: string(body), Header: http.Header{"X-Amzn-Requestid": {"req-1"}}}
			if c.code != "" {
				answer.Header.Set("X-Amzn-Errortype", c.code)
			}
			asked := 0
			err = sender(t, awstest.Faults(t, cfg, func(*http.Request, int) awstest.Answer { asked++; return answer }), "").Send(t.Context(), m)
			if again := c.kind != fault.Internal && !c.quota; (asked > 1) != again {
				t.Errorf("it was asked %d times", asked)
			}
			if err == nil || fault.Of(err) != c.kind || errors.Is(err, mail.ErrQuota) != c.quota || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("error %v of kind %s, want kind %s that says %q", err, fault.Of(err), c.kind, c.text)
			}
			for _, secret := range []string{"anna", "example.com", "ecret"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
		})
	}
	t.Run("the line is cut", func(t *testing.T) {
		err := sender(t, awstest.Faults(t, cfg, func(*http.Request, int) awstest.Answer { return awstest.Answer{Lost: true} }), "").Send(t.Context(), m)
		if err == nil || fault.Of(err) != fault.Unavailable || strings.Contains(err.Error(), "example.com") {
			t.Errorf("error %v of kind %s, want kind unavailable", err, fault.Of(err))
		}
	})
	t.Run("the engine rejects a sender that is not verified", func(t *testing.T) {
		s, err := New(cfg, "stranger@example.org", "", noon)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), m); err == nil || fault.Of(err).Transient() || strings.Contains(err.Error(), "example") {
			t.Errorf("error %v of kind %s", err, fault.Of(err))
		}
	})
	t.Run("a failure that passes is not noticed", func(t *testing.T) {
		busy := awstest.Answer{Status: 429, Header: http.Header{"X-Amzn-Errortype": {"TooManyRequestsException"}},
			Body: `{"message":"Maximum sending rate exceeded."}`}
		err := sender(t, awstest.Faults(t, cfg, func(_ *http.Request, attempt int) awstest.Answer {
			if attempt == 1 {
				return busy
			}
			return awstest.Answer{}
		}), "").Send(t.Context(), m)
		if err != nil {
			t.Error(err)
		}
	})
}
