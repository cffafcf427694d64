package notify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/mail"
	"adminassistant/shared/phrase"
	"adminassistant/shared/queue"
	"adminassistant/shared/store"
)

// receive takes a message off the queue; the zero message if there is none.
func (w *world) receive() queue.Message {
	w.t.Helper()
	messages, err := w.queue.Receive(w.t.Context(), 1, time.Minute, 0)
	must(w.t, err)
	if len(messages) == 0 {
		return queue.Message{}
	}
	return messages[0]
}

// mails are the texts of the files in the outbox.
func (w *world) mails() (texts []string) {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.folder, "*.eml"))
	must(w.t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(w.t, err)
		texts = append(texts, string(text))
	}
	return texts
}

// due tells of a run by e-mail and returns the message.
func (w *world) due() queue.Message {
	w.t.Helper()
	w.tell(w.user(both), failed(1))
	return w.receive()
}

// became checks what became of the e-mail, of its message and how many were sent.
func (w *world) became(state MailState, sent, waiting, dead int) {
	w.t.Helper()
	if n := w.get(failed(1)); n.Mail != state {
		w.t.Errorf("the e-mail is %q, want %q", n.Mail, state)
	}
	if got := len(w.mails()); got != sent {
		w.t.Errorf("%d e-mails were sent, want %d", got, sent)
	}
	stats, err := w.queue.Stats(w.t.Context())
	must(w.t, err)
	if stats.Waiting != waiting || stats.Dead != dead {
		w.t.Errorf("%d messages wait, %d are dead; want %d and %d", stats.Waiting, stats.Dead, waiting, dead)
	}
}

// refusing is a sender that fails for some time.
type refusing struct {
	mail.Sender
	err   error
	times int

	mu    sync.Mutex
	tried int
}

func (r *refusing) Send(ctx context.Context, m mail.Mail) error {
	r.mu.Lock()
	r.tried++
	refused := r.tried <= r.times
	r.mu.Unlock()
	if refused {
		return r.err
	}
	return r.Sender.Send(ctx, m)
}

func TestMailer(t *testing.T) {
	t.Run("sends what is due once, however often its message comes", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		for range 3 {
			must(t, w.mailer.Handle(t.Context(), m))
		}
		w.became(Sent, 1, 0, 0)
		if n := w.get(failed(1)); !n.Read.IsZero() || n.Title != failed(1).Title {
			t.Errorf("%+v", n)
		}
	})
	for name, change := range map[string]func(w *world){
		"is not wanted any more": func(w *world) { w.user(shown) },
		"goes to nobody, since the user was disabled": func(w *world) {
			_, err := account.NewUsers(w.Table, w.Now).Disable(t.Context(), account.Principal{Tenant: "tenant", Object: "boss"}, "ann")
			must(w.t, err)
		},
		"goes to nobody of whom nothing is known": func(w *world) {
			must(w.t, w.Table.Delete(t.Context(), store.Key{PK: "USER#" + ann, SK: "PROFILE"}, store.Any()))
		},
		"is too late": func(w *world) { w.Advance(tooLate + time.Second) },
	} {
		t.Run("drops what "+name, func(t *testing.T) {
			w := newWorld(t)
			m := w.due()
			change(w)
			if w.Now() != monday {
				m = w.receive()
			}
			must(t, w.mailer.Handle(t.Context(), m))
			w.became(Dropped, 0, 0, 0)
		})
	}
	t.Run("notes an address that is none, and does not try again", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		item, err := w.Table.Get(t.Context(), store.Key{PK: "USER#" + ann, SK: "PROFILE"})
		must(t, err)
		item.Data = []byte(strings.Replace(string(item.Data), "ann@example.com", "ann at home", 1))
		_, err = w.Table.Put(t.Context(), item, store.Any())
		must(t, err)
		must(t, w.mailer.Handle(t.Context(), m))
		w.became(Refused, 0, 0, 0)
	})
	t.Run("leaves what cannot be sent now to the queue", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		w.mailer.Sender = &refusing{Sender: w.mailer.Sender, err: fault.New(fault.Throttled, "too many at once"), times: 2}
		for n := 1; n <= 2; n++ {
			if again := w.mailer.Batch(t.Context(), []queue.Message{m}, w.mailer.Handle); len(again) != 1 || m.Receives != n {
				t.Fatalf("delivery %d: come again %q", m.Receives, again)
			}
			w.became(Due, 0, 1, 0)
			w.Advance(time.Minute)
			m = w.receive()
		}
		must(t, w.mailer.Handle(t.Context(), m))
		w.became(Sent, 1, 0, 0)
	})
	for name, c := range map[string]struct {
		err      error
		receives int
	}{
		"could not be sent too often": {fault.New(fault.Unavailable, "no answer"), queue.MaxReceives},
		"an operator has to see to":   {fault.New(fault.Internal, "the sender is not verified"), 1},
	} {
		t.Run("parks what "+name, func(t *testing.T) {
			w := newWorld(t)
			m := w.due()
			m.Receives = c.receives
			w.mailer.Sender = &refusing{Sender: w.mailer.Sender, err: c.err, times: 1}
			must(t, w.mailer.Handle(t.Context(), m))
			w.became(Due, 0, 0, 1)
		})
	}
	t.Run("sends once, of many at once with the same message", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		counting := &refusing{Sender: w.mailer.Sender}
		w.mailer.Sender = counting
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := w.mailer.Handle(t.Context(), m); err != nil && fault.Of(err) != fault.Unavailable {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if counting.tried != 1 {
			t.Errorf("sent %d times", counting.tried)
		}
		must(t, w.mailer.Handle(t.Context(), m))
		w.became(Sent, 1, 0, 0)
	})
	t.Run("goes on with what another one died over, when that one is dead for sure", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		_, _, err := w.mailer.claim(t.Context(), w.get(failed(1)))
		must(t, err)
		if err := w.mailer.Handle(t.Context(), m); !errors.Is(err, errSending) {
			t.Fatalf("meanwhile: %v", err)
		}
		w.Advance(sendTime)
		must(t, w.mailer.Handle(t.Context(), w.receive()))
		w.became(Sent, 1, 0, 0)
		if n := w.get(failed(1)); !n.Sending.IsZero() {
			t.Errorf("%+v", n)
		}
	})
	t.Run("does not give up what another one died over just before", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		_, _, err := w.mailer.claim(t.Context(), w.get(failed(1)))
		must(t, err)
		m.Receives = queue.MaxReceives // all of them within the time for which it is the other one's
		must(t, w.mailer.Handle(t.Context(), m))
		w.became(Due, 0, 1, 0)
		w.Advance(sendTime)
		must(t, w.mailer.Handle(t.Context(), w.receive()))
		w.became(Sent, 1, 0, 0)
	})
	t.Run("waits for a daily quota, without that counting as failures", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		waits := int(patience / queue.MaxDelay) // 36 hours
		w.mailer.Sender = &refusing{Sender: w.mailer.Sender, err: mail.ErrQuota, times: waits}
		for range waits {
			if m.Receives != 1 {
				t.Fatalf("delivery %d", m.Receives)
			}
			must(t, w.mailer.Handle(t.Context(), m))
			w.became(Due, 0, 1, 0)
			w.Advance(queue.MaxDelay + 5*time.Second) // a queue and a function take some time
			m = w.receive()
		}
		if waited := w.Now().Sub(monday); waited < 36*time.Hour {
			t.Fatalf("it waited for %s", waited)
		}
		must(t, w.mailer.Handle(t.Context(), m))
		w.became(Sent, 1, 0, 0)
	})
	t.Run("sends a user so many a day", func(t *testing.T) {
		w := newWorld(t)
		rules := limit.Default()
		rules[limit.Mails][0].Most = 3
		w.mailer.Limits = limit.New(w.Table, rules, w.Now)
		s := w.user(both)
		for i := range 5 {
			w.tell(s, failed(i))
			must(t, w.mailer.Handle(t.Context(), w.receive()))
		}
		if n := len(w.mails()); n != 3 {
			t.Errorf("%d were sent", n)
		}
		if n := w.get(failed(4)); n.Mail != Dropped {
			t.Errorf("the last one is %q", n.Mail)
		}
	})
	t.Run("counts an e-mail once, however often it is put off", func(t *testing.T) {
		w := newWorld(t)
		rules := limit.Default()
		rules[limit.Mails][0].Most = 2
		w.mailer.Limits = limit.New(w.Table, rules, w.clock)
		m := w.due()
		w.mailer.Sender = &refusing{Sender: w.mailer.Sender, err: mail.ErrQuota, times: 5}
		for range 5 {
			must(t, w.mailer.Handle(t.Context(), m))
			w.became(Due, 0, 1, 0)
			w.Advance(queue.MaxDelay)
			m = w.receive()
		}
		must(t, w.mailer.Handle(t.Context(), m))
		w.became(Sent, 1, 0, 0)
		w.tell(w.user(both), failed(2))
		must(t, w.mailer.Handle(t.Context(), w.receive()))
		if n := len(w.mails()); n != 2 {
			t.Errorf("%d were sent", n)
		}
	})
	for name, body := range map[string]string{
		"that is no message":                       "{",
		"that names no notification":               `{"user": "tenant#ann", "notification": "", "correlation_id": ""}`,
		"of another kind":                          `{"run_id": "R1", "kind": "archive", "user": "tenant#ann", "attempt_of": "", "correlation_id": ""}`,
		"that names a notification that cannot be": `{"user": "tenant#ann", "notification": "` + strings.Repeat("x", store.MaxSK) + `", "correlation_id": ""}`,
	} {
		t.Run("parks a message "+name, func(t *testing.T) {
			w := newWorld(t)
			must(t, w.queue.Send(t.Context(), []byte(body), 0))
			must(t, w.mailer.Handle(t.Context(), w.receive()))
			if stats, err := w.queue.Stats(t.Context()); err != nil || stats.Dead != 1 || stats.Waiting != 0 {
				t.Errorf("%+v, %v", stats, err)
			}
		})
	}
	t.Run("forgets a message whose notification is gone", func(t *testing.T) {
		w := newWorld(t)
		m := w.due()
		must(t, Erase(t.Context(), w.Table, ann))
		must(t, w.mailer.Handle(t.Context(), m))
		w.waiting(0)
	})
	t.Run("works until it is stopped", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.user(both), failed(1))
		ctx, stop := context.WithCancel(t.Context())
		w.mailer.Sender = stopping{w.mailer.Sender, stop}
		if err := w.mailer.Poll(ctx, w.mailer.Handle); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		w.became(Sent, 1, 0, 0) // what was sent is noted all the same, or it would be sent again
	})
}

// stopping is a sender that ends something when it has sent.
type stopping struct {
	mail.Sender
	stop func()
}

func (s stopping) Send(ctx context.Context, m mail.Mail) error {
	defer s.stop()
	return s.Sender.Send(ctx, m)
}

// read takes an e-mail of the outbox apart.
func read(t *testing.T, text string) (header gomail.Header, parts map[string]string) {
	t.Helper()
	r, err := gomail.CreateReader(strings.NewReader(text))
	must(t, err)
	parts = map[string]string{}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return r.Header, parts
		}
		must(t, err)
		body, err := io.ReadAll(p.Body)
		must(t, err)
		kind, _, err := p.Header.(*gomail.InlineHeader).ContentType()
		must(t, err)
		parts[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func TestTheEMail(t *testing.T) {
	w := newWorld(t)
	n := failed(1)
	n.Title = "Run of \"<b>work</b>\r\nBcc: eve@example.com\" failed"
	n.Text = "First <script>alert(1)</script> & more.\nNothing is lost."
	w.tell(w.user(both), n)
	must(t, w.mailer.Handle(t.Context(), w.receive()))
	header, parts := read(t, w.mails()[0])
	subject, err := header.Subject()
	if err != nil || subject != `Admin Assistant: Run of "<b>work</b>  Bcc: eve@example.com" failed` || header.Get("Bcc") != "" {
		t.Errorf("subject %q, Bcc %q, %v", subject, header.Get("Bcc"), err)
	}
	if to, err := netmail.ParseAddress(header.Get("To")); err != nil || to.Address != "ann@example.com" {
		t.Errorf("to %v, %v", to, err)
	}
	for _, want := range []string{
		"First <script>alert(1)</script> & more.\n\nNothing is lost.", "    admin-assistant archive run --config 'a & b'",
		"    https://api.example.com/runs/R1",
	} {
		if !strings.Contains(parts["text/plain"], want) {
			t.Errorf("the text does not say %q:\n%s", want, parts["text/plain"])
		}
	}
	page := parts["text/html"]
	for _, want := range []string{
		"<p>First &lt;script&gt;alert(1)&lt;/script&gt; &amp; more.</p><p>Nothing is lost.</p>", "&lt;b&gt;work",
		"--config &#39;a &amp; b&#39;</pre>", `<a href="https://api.example.com/runs/R1">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	for _, foreign := range []string{"<script", "<img", "<link", "<b>", "url(", "http:"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %q", foreign)
		}
	}

	t.Run("without a public address it has no links", func(t *testing.T) {
		n := n
		n.Points = []Point{{Text: "A point", Link: "/v1/runs/R1"}}
		if m := n.mail("ann@example.com", "", "", phrase.Reader{}); !strings.Contains(m.Text, "A point") ||
			strings.Contains(m.Text+m.HTML, "/runs/R1") || strings.Contains(m.HTML, "href") {
			t.Errorf("%s\n%s", m.Text, m.HTML)
		}
	})
	t.Run("with any names it can be sent", func(t *testing.T) {
		for _, title := range []string{strings.Repeat("ü", 600), "\x00\x1f\u2028", "a\xffb", strings.Repeat("x", 483), strings.Repeat("ü", 241) + "y"} {
			n := failed(1)
			n.Title, n.Text, n.Command = title, title, title
			if err := n.mail("ann@example.com", "", "", phrase.Reader{}).Check(); err != nil {
				t.Errorf("%q: %v", title, err)
			}
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"user": "tenant#ann", "notification": "01K", "correlation_id": "c"}`))
	f.Add([]byte(`{"user": "tenant#ann", "notification": "01K"}{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ParseMessage(body)
		if err != nil {
			if fault.Of(err) != fault.Malformed {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := json.Marshal(m)
		must(t, err)
		if back, err := ParseMessage(again); err != nil || back != m {
			t.Errorf("%+v became %+v, %v", m, back, err)
		}
	})
}
