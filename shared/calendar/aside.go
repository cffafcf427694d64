package calendar

import "fmt"

// Aside is an event of a file that was set aside: it cannot be read, or does not make sense. The others are not affected by it.
type Aside struct {
	Line    int    `json:"line" doc:"Where the event, or what is wrong with it, stands in the file, from 1; 0: not known."`
	UID     string `json:"uid" doc:"Empty where the file has none that could be read."`
	Subject string `json:"subject"`
	Reason  string `json:"reason" enum:"unreadable,invalid_time"`
	Detail  string `json:"detail" doc:"What is wrong, in words."`
}

// Reasons for setting an event aside.
const (
	Unreadable  = "unreadable"   // the text is broken, or says what nobody understands
	InvalidTime = "invalid_time" // when it is cannot be read, or cannot be
)

// String is the reason with all that says which event it is.
func (a Aside) String() string {
	text := a.Detail
	if a.UID != "" {
		text = fmt.Sprintf("event %.200q: %s", a.UID, text)
	}
	if a.Line > 0 {
		text = fmt.Sprintf("line %d: %s", a.Line, text)
	}
	return text
}
