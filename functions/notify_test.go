package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/account"
	"adminassistant/shared/awstest"
	"adminassistant/shared/notify"
	"adminassistant/shared/queue/sqs"
	"adminassistant/shared/run"
)

// mailSet is the configuration set that e-mails go through.
const mailSet = "admin-assistant-mails"

// postbox passes requests on to SES and keeps the mails that it took.
type postbox struct {
	url   string
	mu    sync.Mutex
	mails []sentMail
}

type sentMail struct {
	FromEmailAddress     string
	Destination          struct{ ToAddresses []string }
	ConfigurationSetName string
	EmailTags            []struct{ Name, Value string }
	Content              struct {
		Raw    struct{ Data []byte }
		Simple struct {
			Subject struct{ Data string }
			Body    struct{ Text, Html struct{ Data string } }
		}
	}
}

func (d *deployment) postbox() *postbox {
	d.t.Helper()
	_, err := sesv2.NewFromConfig(awstest.Moto(d.t)).CreateEmailIdentity(d.ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(mailFrom)})
	if err != nil && !strings.Contains(err.Error(), "already exist") {
		d.t.Fatal(err)
	}
	_, err = sesv2.NewFromConfig(awstest.Moto(d.t)).CreateConfigurationSet(d.ctx, &sesv2.CreateConfigurationSetInput{ConfigurationSetName: aws.String(mailSet)})
	if err != nil && !strings.Contains(err.Error(), "already exist") {
		d.t.Fatal(err)
	}
	there, err := url.Parse(d.other)
	must(d.t, err)
	p := &postbox{}
	way := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(there) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		way.ServeHTTP(answer, r)
		var m sentMail
		if answer.Code == http.StatusOK && json.Unmarshal(body, &m) == nil {
			p.mu.Lock()
			p.mails = append(p.mails, m)
			p.mu.Unlock()
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	d.t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *postbox) sent() []sentMail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mails)
}

// TestUsersAreTold follows a run that workers gave up on to the e-mail that its user gets, through the functions and the queues between them.
func TestUsersAreTold(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	box := d.postbox()
	api := d.start("api")
	mailer := d.start("notify", func(_ *lambdatest.Options, env map[string]string) {
		env["AWS_ENDPOINT_URL_SESV2"], env["ADMIN_ASSISTANT_PUBLIC_URL"] = box.url, "https://calendar.example.com/"
		env["ADMIN_ASSISTANT_MAIL_SET"] = mailSet
	})
	ask := func(method, path string, changes ...string) answer {
		t.Helper()
		r := d.request("api-get-me.json", at(method, path))
		for i := 0; i < len(changes); i += 2 {
			header(changes[i], changes[i+1])(&r)
		}
		return d.ask(api, r)
	}
	settings := d.request("api-get-me.json", at(http.MethodPut, "/v1/me/settings"), header("if-match", "*"), header("content-type", "application/json"),
		body(`{"email": "`+address+`", "notifications": {"problems": {"in_app": true, "email": true}}}`))
	read[map[string]any](t, d.ask(api, settings), http.StatusOK)
	config := d.config()
	const id = "01K7KMPQ8C9D3E4F5G6H7J8K06"
	d.queued(config.ID, id, func(r *run.Run) { r.State = run.Running })

	for range 2 { // SQS delivers the letter twice
		d.deliverAll(t, mailer, "archive-dead", d.replay("sqs-dead-letter.json", "archive-dead"))
	}
	d.drain("notify-dead") // the other letter of the sample
	batch := d.take("notify", 10)
	if len(batch.Records) == 0 {
		t.Fatal("no notification is due")
	}
	for range 2 {
		d.deliverAll(t, mailer, "notify", batch)
	}

	sent := box.sent()
	if len(sent) != 1 {
		t.Fatalf("%d e-mails were sent", len(sent))
	}
	m := sent[0]
	if m.FromEmailAddress != mailFrom || !slices.Equal(m.Destination.ToAddresses, []string{address}) ||
		!strings.Contains(m.Content.Simple.Subject.Data, " failed") {
		t.Errorf("sent %+v", m)
	}
	const link = "https://calendar.example.com/runs/" + id
	if b := m.Content.Simple.Body; !strings.Contains(b.Text.Data, "Nothing is lost") || !strings.Contains(b.Text.Data, link) ||
		!strings.Contains(b.Html.Data, `href="`+link+`"`) {
		t.Errorf("it says %s", b.Text.Data)
	}
	type list struct{ Items []map[string]any }
	notes := read[list](t, ask(http.MethodGet, "/v1/notifications"), http.StatusOK).Items
	if len(notes) != 1 || notes[0]["mail"] != "sent" || notes[0]["state"] != "failed" || m.EmailTags[0].Value != notes[0]["id"] ||
		m.ConfigurationSetName != mailSet {
		t.Errorf("the user is shown %v", notes)
	}
	actions := read[list](t, ask(http.MethodGet, "/v1/actions"), http.StatusOK).Items
	if len(actions) != 1 || actions[0]["kind"] != "run_failed" || actions[0]["state"] != "open" {
		t.Errorf("the user has to see to %v", actions)
	}
	d.empty()

	t.Run("a sample message is mailed once, and its malformed batch-mate is parked", func(t *testing.T) {
		d := d.in(t)
		s := account.DefaultSettings()
		s.Email, s.Notifications.Problems.Email = address, true
		n := notify.Notification{
			ID: "01K7KMPQ8C9D3E4F5G6H7J8N01", User: user, Class: notify.Problems, State: "late", Title: "Archive run was started late",
			Text: "Nothing is lost.",
		}
		must(t, notify.New(d.items, sqs.New(awstest.Moto(t), d.queues["notify"], d.queues["notify-dead"]), time.Now).Tell(d.ctx, s, n))
		d.drain("notify")
		event := d.replay("sqs-notify-with-malformed.json", "notify")
		for range 2 {
			d.deliverAll(t, mailer, "notify", event)
		}
		if sent := box.sent(); len(sent) != 2 || sent[1].Content.Simple.Subject.Data != "Admin Assistant: Archive run was started late" {
			t.Errorf("sent %+v", sent)
		}
		bodies, reasons := d.letters("notify-dead")
		if len(bodies) == 0 || bodies[0] != event.Records[1].Body || reasons[0] != "malformed" {
			t.Errorf("parked are %q, because of %q", bodies, reasons)
		}
		d.drain("notify-dead")
	})
	t.Run("an e-mail that comes back is the last one, and an event that nobody asked for is parked", func(t *testing.T) {
		d := d.in(t)
		event := d.replay("sqs-mail-returned-with-malformed.json", "notify")
		for range 2 {
			d.deliverAll(t, mailer, "notify", event)
		}
		bodies, reasons := d.letters("notify-dead")
		if len(bodies) == 0 || bodies[0] != event.Records[1].Body || reasons[0] != "malformed" {
			t.Errorf("parked are %q, because of %q", bodies, reasons)
		}
		d.drain("notify-dead")
		if me := read[map[string]any](t, ask(http.MethodGet, "/v1/me"), http.StatusOK); me["mail_returned"] == nil {
			t.Errorf("the user is shown %v", me)
		}
		s := account.DefaultSettings()
		s.Email, s.Notifications.Problems = address, account.Channels{Email: true}
		n := notify.Notification{ID: "01K7KMPQ8C9D3E4F5G6H7J8N02", User: user, Class: notify.Problems, State: "late", Title: "Late again", Text: "Nothing is lost."}
		must(t, notify.New(d.items, sqs.New(awstest.Moto(t), d.queues["notify"], d.queues["notify-dead"]), time.Now).Tell(d.ctx, s, n))
		d.deliverAll(t, mailer, "notify", d.take("notify", 10))
		if sent := box.sent(); len(sent) != 2 {
			t.Errorf("sent %+v", sent)
		}
		var told []string
		for _, note := range read[list](t, ask(http.MethodGet, "/v1/notifications"), http.StatusOK).Items {
			told = append(told, note["title"].(string)+": "+fmt.Sprint(note["mail"]))
		}
		for _, want := range []string{"Late again: returned", "E-mail to you came back: <nil>", "Archive run was started late: returned"} {
			if !slices.Contains(told, want) {
				t.Errorf("the user is not told %q, but %q", want, told)
			}
		}
		d.ask(api, d.request("api-get-me.json", at(http.MethodDelete, "/v1/me/mail-returned")))
		if me := read[map[string]any](t, ask(http.MethodGet, "/v1/me"), http.StatusOK); me["mail_returned"] != nil {
			t.Errorf("after it was put right the user is shown %v", me)
		}
	})
}
