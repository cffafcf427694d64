// Package ses sends mail with Amazon SES.
package ses

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/mail/message"
)

// Sender sends from one address, which is verified in SES, or its domain is.
type Sender struct {
	client        *sesv2.Client
	from          string
	address       *netmail.Address // from
	clock         func() time.Time
	configuration *string
}

// tagMail and tagFor are the tags that events of a mail show: its id, and whose it is.
const (
	tagMail = "mail"
	tagFor  = "for"
)

var _ mail.Sender = (*Sender)(nil)

// New returns a sender. configurationSet names the configuration set of SES that mails go through; empty is the account's default. clock gives the date of
// mails with files. It asks nothing of SES yet. A from that is no address is of kind fault.Invalid, field "from".
func New(cfg aws.Config, from, configurationSet string, clock func() time.Time) (*Sender, error) {
	a, err := mail.Address("from", from)
	if err != nil {
		return nil, err
	}
	s := &Sender{from: header(a), address: a, clock: clock, client: sesv2.NewFromConfig(cfg, func(o *sesv2.Options) { o.Retryer = unlessQuota{o.Retryer} })}
	if configurationSet != "" {
		s.configuration = &configurationSet
	}
	return s, nil
}

// unlessQuota is a retryer that does not ask again for what a quota of a day refuses, and does not take it for a sign to ask more slowly.
type unlessQuota struct{ aws.Retryer }

func ofQuota(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && daily(answer)
}

func (u unlessQuota) IsErrorRetryable(err error) bool {
	return !ofQuota(err) && u.Retryer.IsErrorRetryable(err)
}

// GetAttemptToken is that of the retryer below, which may hold requests back.
func (u unlessQuota) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	below, ok := u.Retryer.(aws.RetryerV2)
	if !ok {
		return u.GetInitialToken(), nil
	}
	done, err := below.GetAttemptToken(ctx)
	if err != nil {
		return nil, err
	}
	return func(err error) error {
		if ofQuota(err) {
			err = nil
		}
		return done(err)
	}, nil
}

// daily says whether an answer that there are too many e-mails is about a quota of a day. Its code is that of too many at once.
func daily(answer smithy.APIError) bool {
	return strings.Contains(strings.ToLower(answer.ErrorMessage()), "daily")
}

// header is the address as SES accepts it: ASCII, a name of other letters as RFC 2047 has it.
func header(a *netmail.Address) string {
	if a.Name == "" {
		return a.Address
	}
	return a.String()
}

// Send hands the mail to SES. The mail's id goes along as the tag mail, and whose it is as the tag for, in base64 since tags take few letters: the
// events of a configuration set show them.
func (s *Sender) Send(ctx context.Context, m mail.Mail) error {
	if err := m.Check(); err != nil {
		return err
	}
	to, err := mail.Address("to", m.To)
	if err != nil {
		return err
	}
	content, err := s.content(m)
	if err != nil {
		return err
	}
	tags := []types.MessageTag{{Name: aws.String(tagMail), Value: &m.ID}}
	if m.For != "" {
		tags = append(tags, types.MessageTag{Name: aws.String(tagFor), Value: aws.String(base64.RawURLEncoding.EncodeToString([]byte(m.For)))})
	}
	in := &sesv2.SendEmailInput{
		FromEmailAddress:     &s.from,
		Destination:          &types.Destination{ToAddresses: []string{header(to)}},
		ConfigurationSetName: s.configuration,
		EmailTags:            tags,
		Content:              content,
	}
	if m.ReplyTo != "" && content.Simple != nil {
		reply, err := mail.Address("reply_to", m.ReplyTo)
		if err != nil {
			return err
		}
		in.ReplyToAddresses = []string{header(reply)}
	}
	_, err = s.client.SendEmail(ctx, in)
	return classify(err)
}

// content is what SES is to send: the texts, or, of a mail with files, the whole message, for which a role needs ses:SendRawEmail as well.
func (s *Sender) content(m mail.Mail) (*types.EmailContent, error) {
	if len(m.Files) > 0 {
		raw, err := message.Write(m, s.address, s.clock())
		if err != nil {
			return nil, err
		}
		return &types.EmailContent{Raw: &types.RawMessage{Data: raw}}, nil
	}
	text := func(data string) *types.Content {
		return &types.Content{Data: &data, Charset: aws.String("UTF-8")}
	}
	body := &types.Body{Text: text(m.Text)}
	if m.HTML != "" {
		body.Html = text(m.HTML)
	}
	var headers []types.MessageHeader
	for _, h := range m.Headers() {
		headers = append(headers, types.MessageHeader{Name: aws.String(h[0]), Value: aws.String(h[1])})
	}
	return &types.EmailContent{Simple: &types.Message{Subject: text(m.Subject), Body: body, Headers: headers}}, nil
}

// advice is what an operator can do about what SES refuses for good.
var advice = map[string]string{
	"AccessDeniedException":              "allow ses:SendEmail for this sender in the function's role",
	"AccountSuspendedException":          "the account may send no mail for good; ask AWS support",
	"BadRequestException":                "it takes the sender or the recipient for malformed",
	"MailFromDomainNotVerifiedException": "verify the sender's domain in SES",
	"MessageRejected":                    "verify the sender in SES; while the account is in the sandbox the recipient, too",
	"NotFoundException":                  "there is no such configuration set; check the setting that names it",
	"SendingPausedException":             "sending is paused for the account or the configuration set; resume it",
}

// classify says what an error of SES means. Its own text is left out, since it quotes addresses.
func classify(err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return awssdk.Fault(err, "send mail") // no answer: the text is about connections
	}
	kind := fault.Of(awssdk.Fault(err, "send mail"))
	if kind == fault.Throttled && daily(answer) {
		return mail.ErrQuota
	}
	answered := answer.ErrorCode()
	if response := (*awshttp.ResponseError)(nil); errors.As(err, &response) {
		answered = fmt.Sprintf("%d %s to request %q", response.HTTPStatusCode(), answered, response.ServiceRequestID())
	}
	if hint := advice[answer.ErrorCode()]; hint != "" {
		return fault.New(fault.Internal, "send mail: SES answered %s: %s", answered, hint)
	}
	return fault.New(kind, "send mail: SES answered %s", answered)
}
