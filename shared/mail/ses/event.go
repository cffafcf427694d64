package ses

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
)

// event is what EventBridge hands on of a mail's fate, as far as it is read.
// https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
type event struct {
	Source string `json:"source"`
	Detail struct {
		Type string `json:"eventType"`
		Mail struct {
			Timestamp   time.Time           `json:"timestamp"`
			Destination []string            `json:"destination"`
			Tags        map[string][]string `json:"tags"`
		} `json:"mail"`
		Bounce struct {
			Type       string      `json:"bounceType"`
			Recipients []recipient `json:"bouncedRecipients"`
		} `json:"bounce"`
		Complaint struct {
			Feedback   string      `json:"complaintFeedbackType"`
			Recipients []recipient `json:"complainedRecipients"`
		} `json:"complaint"`
	} `json:"detail"`
}

type recipient struct {
	Address string `json:"emailAddress"`
}

// ParseEvent reads an event of SES as EventBridge puts it into a queue. about is false of a body that is none, which is left to others. A bounce that
// passes, as of a full mailbox, and word that a mail was welcome after all name no address. Errors are of kind fault.Malformed and show no address.
func ParseEvent(body []byte) (r mail.Return, about bool, err error) {
	var e event
	if json.Unmarshal(body, &e) != nil || e.Source != "aws.ses" {
		return r, false, nil
	}
	d := &e.Detail
	tag := func(name string) string { return strings.Join(d.Mail.Tags[name], ",") }
	whose, err := base64.RawURLEncoding.DecodeString(tag(tagFor))
	if err != nil || tag(tagMail) == "" || d.Mail.Timestamp.IsZero() {
		return r, true, fault.New(fault.Malformed, "an event of SES names no mail of ours")
	}
	r = mail.Return{ID: tag(tagMail), For: string(whose), Sent: d.Mail.Timestamp}
	var to []string
	switch d.Type {
	case "Bounce":
		r.Why = mail.Bounced
		if d.Bounce.Type == "Permanent" {
			to = addresses(d.Bounce.Recipients)
		}
	case "Complaint":
		r.Why = mail.Complained
		if d.Complaint.Feedback != "not-spam" {
			to = addresses(d.Complaint.Recipients)
		}
	case "Reject":
		r.Why, to = mail.Rejected, d.Mail.Destination
	default:
		return r, true, fault.New(fault.Malformed, "an event of SES is of the unknown type %.40q", d.Type)
	}
	for _, address := range to {
		a, err := mail.Address("to", address)
		if err != nil {
			return r, true, fault.New(fault.Malformed, "an event of SES names an address that is none")
		}
		r.To = append(r.To, a.Address)
	}
	return r, true, nil
}

func addresses(of []recipient) (list []string) {
	for _, r := range of {
		list = append(list, r.Address)
	}
	return list
}
