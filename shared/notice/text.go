package notice

import (
	"cmp"
	"context"
	"fmt"

	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// text is what the user is told of a run's end: in the words of its kind where it has some, else as of any run.
func (n *Notices) text(e *ending, about about) (title, text, command string) {
	r, words := e.Run, e.words
	switch r.State {
	case run.Succeeded:
		title = cmp.Or(words.Asks, words.Waits, " went well")
		text = fmt.Sprintf("The run of %s did all that it was to do.", r.Days())
		if e.wrote > 0 {
			text = fmt.Sprintf("The run of %s wrote %s. All of it is recorded.", r.Days(), run.Counted(e.wrote, "event", "events"))
		}
		command = show(r.ID)
	case run.Partial:
		title = ": " + run.Counted(r.Failed, "event", "events") + " failed"
		text = fmt.Sprintf("The run of %s did all but %s, which the calendar refused. %s\nTry what failed again.",
			r.Days(), run.Counted(r.Failed, "event", "events"), run.Safe)
		command = about.repeat(e.kind, r)
		if e.kind.Retries {
			command = retry(r.ID)
		}
	default:
		title = " failed"
		text = fmt.Sprintf("The run of %s failed: %s. %s", r.Days(), why(r.Problem), run.Safe)
		if r.Job != "" {
			text += "\nIts job tries again at its next time."
		}
		command = about.repeat(e.kind, r)
	}
	if words.Again != "" {
		helps := *r
		if helps.Kind = words.Again; helps.Kind != r.Kind {
			helps.Job = "" // which starts runs of r's kind
		}
		command = about.repeat(n.Kinds.Of(helps.Kind), &helps, words.Flags...)
	} else if words.Text != "" {
		command = show(r.ID)
	}
	title, text = about.title(e.kind)+cmp.Or(words.Title, title), cmp.Or(words.Text, text)
	if (r.State == run.Succeeded || words.Complete) && words.Asks+words.Waits != "" {
		if words.AsksText != "" {
			text += "\n" + words.AsksText
		}
		command = about.questions()
	}
	return title, text, command
}

// about is what a run or a job is about, in words. Calendars are not named: their URIs hold addresses.
type about struct {
	id, name string // of its config; empty: it has none
	archive  string // URI of the config's archive calendar
}

// about returns what a run is about; a config that is gone has its id for a name.
func (n *Notices) about(ctx context.Context, r *run.Run) (about, error) {
	if r.Config == "" {
		return about{}, nil
	}
	c, err := n.Configs.Get(ctx, r.User, r.Config)
	switch kind := fault.Of(err); {
	case err == nil:
		return about{c.ID, c.Name, c.Archive.String()}, nil
	case kind == fault.NotFound || kind == fault.Malformed:
		return about{id: r.Config, name: r.Config}, nil
	}
	return about{}, err
}

// title begins the title of a notification.
func (a about) title(of run.Description) string {
	if a.name == "" {
		return of.Title
	}
	return fmt.Sprintf("%s of %q", of.Title, a.name)
}

// reasons describe kinds of failure. The text of a failure itself may name calendars and addresses; the run has it.
var reasons = map[string]string{
	fault.Invalid.String():         "something that it was given does not fit",
	fault.NotFound.String():        "a calendar or a config that it needs was not found",
	fault.Conflict.String():        "the state of things did not allow it",
	fault.Unauthenticated.String(): "access to the calendar was refused",
	fault.Forbidden.String():       "access to the calendar is not allowed",
	fault.Throttled.String():       "the calendar service asked to slow down for too long",
	run.OutOfReach:                 "the mailbox is out of reach; if it stays so for three days, there is an action that says what to do",
	fault.Unavailable.String():     "a service did not answer at any attempt",
	fault.Malformed.String():       "something that is stored cannot be read",
	fault.Setup.String():           "Microsoft does not accept this installation any more; its operator has to mend that, and there is nothing for you to do",
	fault.Locked.String():          "the period is locked",
}

// why says why a run failed.
func why(p *run.Problem) string {
	code := ""
	if p != nil {
		code = p.Code
	}
	return cmp.Or(reasons[code], "something went wrong on our side")
}
