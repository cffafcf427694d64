package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/notify"
)

type meView struct {
	Tenant   string       `json:"tenant" doc:"Entra tenant id; \"local\" on one machine."`
	Object   string       `json:"object" doc:"Entra object id; the operating system's account on one machine."`
	Name     string       `json:"name"`
	Role     string       `json:"role" enum:"user,admin" doc:"What you may do: given here, or by the sign-in."`
	Settings settingsView `json:"settings"`
	// Mailboxes are names alone: who granted them is for administrators.
	Mailboxes []string `json:"mailboxes" nullable:"false" doc:"That administrators granted to you: calendar URIs may name them, beside your own."`
	Version   string   `json:"version" doc:"Of the service."`
	// MailReturned is there while it is so.
	MailReturned *returnedView `json:"mail_returned,omitempty" doc:"E-mail to your address came back, and none is sent to it any more."`
}

// returnedView says why nothing is mailed to an address.
type returnedView struct {
	Why   string    `json:"why" enum:"bounced,complained,rejected" doc:"Not taken by its server; called unwanted; not sent on."`
	At    time.Time `json:"at"`
	Admin bool      `json:"needs_administrator" doc:"Only an administrator lets e-mail through again."`
}

func viewReturned(m *notify.Mark) *returnedView {
	if m == nil {
		return nil
	}
	return &returnedView{Why: string(m.Why), At: m.At, Admin: m.ForAdministrators()}
}

// settingsView is a user's settings as a response has them.
type settingsView struct {
	Timezone      string                `json:"timezone" doc:"IANA time zone of periods that name none."`
	WeekStart     string                `json:"week_start" enum:"monday,sunday,saturday" doc:"First day of the week."`
	Locale        string                `json:"locale" doc:"Language and region (BCP 47)."`
	Email         string                `json:"email" doc:"Where e-mail goes; empty: nowhere."`
	Letterhead    string                `json:"letterhead" doc:"Your name and address as timesheets have them, a line each."`
	Retention     int                   `json:"retention_years" doc:"For how many years locked timesheets, and the entries under them, are to be kept."`
	DigestAt      string                `json:"digest_at" doc:"When the daily digest comes, in your time zone, as in 08:00."`
	Notifications account.Notifications `json:"notifications" doc:"By which channels you hear of what."`
}

func viewSettings(s account.Settings) settingsView {
	return settingsView{
		Timezone: s.Zone, WeekStart: s.WeekStart, Locale: s.Locale, Email: s.Email, Letterhead: s.Letterhead, DigestAt: s.DigestTime(),
		Retention:     s.RetentionYears(),
		Notifications: s.Notifications,
	}
}

// settingsInput is a user's settings as a request has them; what is left out has its default.
type settingsInput struct {
	Timezone      string              `json:"timezone,omitempty" default:"UTC" doc:"IANA time zone of periods that name none." example:"Europe/Berlin"`
	WeekStart     string              `json:"week_start,omitempty" enum:"monday,sunday,saturday" default:"monday" doc:"First day of the week."`
	Locale        string              `json:"locale,omitempty" default:"en" doc:"Language and region (BCP 47)." example:"de-DE"`
	Email         string              `json:"email,omitempty" doc:"Where e-mail goes; needed when any notification is wanted by e-mail."`
	Letterhead    string              `json:"letterhead,omitempty" doc:"Name and address for timesheets, a line each; without it, the name of your sign-in."`
	Retention     int                 `json:"retention_years,omitempty" minimum:"1" maximum:"30" doc:"Years to keep locked timesheets; 10 without it."`
	DigestAt      string              `json:"digest_at,omitempty" doc:"When the daily digest comes, in your time zone; 08:00 without it." example:"08:00"`
	Notifications *notificationsInput `json:"notifications,omitempty" doc:"By which channels you hear of what."`
}

// notificationsInput has the classes of account.Notifications; one that is left out has its default.
type notificationsInput struct {
	Runs     *account.Channels `json:"runs,omitempty" doc:"Runs that ended well."`
	Problems *account.Channels `json:"problems,omitempty" doc:"Runs that failed, wholly or in part, and jobs that are paused because of it."`
	Actions  *account.Channels `json:"actions,omitempty" doc:"Things that you have to decide, each as it comes up."`
	SignIn   *account.Channels `json:"sign_in,omitempty" doc:"Microsoft asks you to sign in again."`
	Digest   *account.Channels `json:"digest,omitempty" doc:"Once a day, all that waits for your decision."`
}

func (in *settingsInput) settings() account.Settings {
	s := account.DefaultSettings()
	s.Zone, s.WeekStart, s.Locale, s.Email, s.DigestAt, s.Letterhead = in.Timezone, in.WeekStart, in.Locale, in.Email, in.DigestAt, in.Letterhead
	s.Retention = in.Retention
	if n := in.Notifications; n != nil {
		for _, class := range []struct{ to, from *account.Channels }{
			{&s.Notifications.Runs, n.Runs}, {&s.Notifications.Problems, n.Problems}, {&s.Notifications.Actions, n.Actions},
			{&s.Notifications.SignIn, n.SignIn}, {&s.Notifications.Digest, n.Digest},
		} {
			if class.from != nil {
				*class.to = *class.from
			}
		}
	}
	return s
}

const headerConfirm = "X-Confirm"

func (s *server) meRoutes() {
	handle(s, route{pattern: "GET /v1/me", access: byUsers, tag: tagMe, summary: "Who am I?"}, s.getMe)
	handle(s, route{
		pattern: "PUT /v1/me/settings", access: byUsers, class: limit.Writes, action: "user.settings", needs: headerIfMatch,
		tag: tagMe, summary: "Replace your settings",
		description: "What is left out gets its default, each class of notifications too. The ETag is that of GET /v1/me.",
	}, s.putSettings)
	handle(s, route{
		pattern: "DELETE /v1/me/mail-returned", access: byUsers, class: limit.Removals, action: "user.mail_again",
		tag: tagMe, summary: "Have e-mail go to your address again",
		description: "After e-mail came back, none is sent to the address. What came back three times, or was called unwanted, only an administrator lets " +
			"through again. Where nothing came back, nothing happens.",
	}, s.mailAgain)
	handle(s, route{
		pattern: "DELETE /v1/me", access: byLeaving, class: limit.Removals, action: "user.erase", needs: headerConfirm,
		tag: tagMe, summary: "Erase all that is kept of you", success: http.StatusAccepted, document: erasedOK,
		description: erasing,
	}, s.deleteMe)
}

type meAnswer struct {
	ETag string `header:"ETag" doc:"Of the settings: goes into If-Match when they are replaced."`
	Body meView
}

// me is who asks, and what is kept of them.
func (s *server) me(ctx context.Context) (p account.Principal, profile account.Profile, err error) {
	if p, err = account.From(ctx); err == nil {
		profile, err = s.Users.Get(ctx, p.Tenant, p.Object)
	}
	return p, profile, err
}

func (s *server) getMe(ctx context.Context, _ *struct{}) (*meAnswer, error) {
	p, profile, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	grants, err := s.Users.Grants(ctx, p.Tenant, p.Object)
	if err != nil {
		return nil, err
	}
	mailboxes := make([]string, len(grants))
	for i, g := range grants {
		mailboxes[i] = g.Mailbox
	}
	returned, err := s.Notifications.Returned(ctx, profile.Settings.Email)
	if err != nil {
		return nil, err
	}
	return &meAnswer{ETag: etag(profile.SettingsVersion), Body: meView{
		Tenant: p.Tenant, Object: p.Object, Name: p.Name, Role: string(p.Role), Settings: viewSettings(profile.Settings), Mailboxes: mailboxes,
		Version: s.Version, MailReturned: viewReturned(returned),
	}}, nil
}

func (s *server) mailAgain(ctx context.Context, _ *struct{}) (*struct{}, error) {
	p, profile, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Notifications.MailAgain(ctx, profile.Settings.Email, p.Admin())
}

type settingsAnswer struct {
	ETag string `header:"ETag" doc:"Goes into If-Match when the settings are replaced."`
	Body settingsView
}

func (s *server) putSettings(ctx context.Context, in *struct {
	IfMatch
	Body settingsInput
}) (*settingsAnswer, error) {
	p, profile, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.check(profile.SettingsVersion); err != nil {
		return nil, err
	}
	if profile, err = s.Users.UpdateSettings(ctx, p, in.Body.settings(), profile.SettingsVersion); err != nil {
		return nil, ifChanged(err)
	}
	if s.Digests != nil {
		if err := s.Digests.DigestWanted(ctx, p.Key(), profile.Settings); err != nil {
			return nil, err
		}
	}
	return &settingsAnswer{ETag: etag(profile.SettingsVersion), Body: viewSettings(profile.Settings)}, nil
}

// erasing explains the routes that erase a user's data.
const erasing = "Answers 202 while the erasure is not finished, and 200 when it is: ask again, after the seconds that Retry-After names, until it is. " +
	"From the first request on, the user can do nothing else here. Everything is erased at once, as far as it can be done within a request; " +
	"the last pass comes some minutes later, " +
	"when all that was under way for the user has ended. When all is erased, a new sign-in begins afresh. What is kept: that the user was " +
	"erased, for 36 days; and the records of the audit log, " +
	"without name, address and browser. Locked timesheets whose retention period is not over are named before: 409 until the request says " +
	"that they may go."

type erasureView struct {
	State string     `json:"state" enum:"erasing,erased"`
	Begun *time.Time `json:"begun,omitempty" doc:"When the erasure began; left out when it was finished before."`
	Step  string     `json:"step,omitempty" doc:"What the erasure is at; empty when it only waits for its last pass."`
	Again *time.Time `json:"again,omitempty" doc:"From when on the next request goes on."`
}

type erasureAnswer struct {
	Status     int
	RetryAfter string `header:"Retry-After" doc:"Seconds after which to ask again."`
	Body       erasureView
}

// erasedOK documents the answer that the erasure is finished; 202 is documented as the success.
func erasedOK(op *huma.Operation) {
	op.Responses = map[string]*huma.Response{"200": {Description: "All is erased."}}
}

// erase erases a user. Where timesheets are to be kept, whoever asks has to have been told of them: kept says so.
func (s *server) erase(ctx context.Context, by account.Principal, object, kept string) (*erasureAnswer, error) {
	if err := s.toldOfRetained(ctx, by, object, kept); err != nil {
		return nil, err
	}
	p, err := s.Eraser.Erase(ctx, by, object)
	if err != nil {
		return nil, err
	}
	if p.Done {
		return &erasureAnswer{Status: http.StatusOK, Body: erasureView{State: string(account.Erased), Begun: orNil(p.Begun)}}, nil
	}
	wait := max(time.Second, p.Again.Sub(s.Clock()).Truncate(time.Second)+time.Second)
	return &erasureAnswer{
		Status: http.StatusAccepted, RetryAfter: strconv.Itoa(int(wait / time.Second)),
		Body: erasureView{State: string(account.Erasing), Begun: orNil(p.Begun), Step: p.Step, Again: orNil(p.Again)},
	}, nil
}

func (s *server) deleteMe(ctx context.Context, in *struct {
	Confirm string `header:"X-Confirm" doc:"Your own object id, as GET /v1/me has it: that you mean it."`
	Kept    string `query:"kept" doc:"Where timesheets are to be kept: what GET /v1/me/erasure has as kept."`
}) (*erasureAnswer, error) {
	p, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	if in.Confirm != p.Object {
		return nil, fault.Field(headerConfirm, "must be your own object id, as GET /v1/me has it: all that is kept of you will be erased for good")
	}
	return s.erase(ctx, p, p.Object, in.Kept)
}

type healthView struct {
	Status  string `json:"status" enum:"ok"`
	Version string `json:"version" doc:"Of the service."`
}

func (s *server) healthRoutes() {
	ok := &struct{ Body healthView }{healthView{Status: "ok", Version: s.Version}}
	handle(s, route{
		pattern: "GET /healthz", access: anyone, tag: tagHealth, summary: "Does the process work?",
	}, func(context.Context, *struct{}) (*struct{ Body healthView }, error) {
		return ok, nil
	})
	handle(s, route{
		pattern: "GET /readyz", access: anyone, tag: tagHealth, summary: "Can the store be reached?",
	}, func(ctx context.Context, _ *struct{}) (*struct{ Body healthView }, error) {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		if err := s.Ping(ctx); err != nil {
			return nil, notReady(err)
		}
		return ok, nil
	})
}
