package notice

import (
	"context"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
)

// A mailbox may be out of reach for a while, as when Microsoft 365 moves it. Runs that fail for that reason are told of and raise nothing, until
// they failed on three days one after the other: then one action says since when, and what to do.

// runs are the runs of all users.
type runs interface {
	List(ctx context.Context, user, config string, limit int, cursor string) ([]*run.Run, string, error)
}

const (
	// patientDays is on how many days runs must have failed before the user has to do something.
	patientDays = 3
	// runsBack is how many earlier runs are looked at.
	runsBack = 100
)

// unreached is the cause of the action about a mailbox that is out of reach for the runs of a kind and scope.
func unreached(r *run.Run) action.Cause {
	return action.Cause{Kind: action.MailboxOutOfReach, Of: string(r.Kind) + "#" + r.Scope()}
}

func outOfReach(r *run.Run) bool {
	return r.State == run.Failed && r.Problem != nil && r.Problem.Code == run.OutOfReach
}

// raiseUnreached opens the action about the mailbox of a run that failed because it is out of reach, if that lasts.
func (n *Notices) raiseUnreached(ctx context.Context, r *run.Run) error {
	since, days, err := n.unreachedSince(ctx, r)
	if err != nil || days < patientDays {
		return err
	}
	_, err = n.Actions.Raise(ctx, action.Action{
		User: r.User, Cause: unreached(r), Subject: action.Subject{Kind: "run", ID: r.ID}, Config: r.Config, At: r.Ended,
		Says: phrase.Text{
			phrase.New("unreached", phrase.On(since), phrase.N(days)), phrase.New("unreached.why"), phrase.New("unreached.do"), run.Safe,
			phrase.AsItIs(show(r.ID)).New(),
		},
	})
	return err
}

// unreachedSince returns since when runs like r have failed because the mailbox is out of reach, and on how many days, in UTC. One that ended otherwise
// ends the row; one that was cancelled says nothing.
func (n *Notices) unreachedSince(ctx context.Context, r *run.Run) (since time.Time, days int, err error) {
	since = r.Ended
	seen := map[calendar.Date]bool{calendar.DateOf(r.Ended, time.UTC): true}
	for cursor, looked := "", 0; ; {
		list, next, err := n.Runs.List(ctx, r.User, r.Scope(), runsBack, cursor)
		if err != nil {
			return since, 0, err
		}
		for _, earlier := range list {
			switch {
			case earlier.Kind != r.Kind || !earlier.State.Ended() || earlier.State == run.Cancelled || !earlier.Ended.Before(r.Ended):
			case !outOfReach(earlier):
				return since, len(seen), nil
			default:
				seen[calendar.DateOf(earlier.Ended, time.UTC)] = true
				if earlier.Ended.Before(since) {
					since = earlier.Ended
				}
			}
		}
		if looked += len(list); next == "" || looked >= runsBack {
			return since, len(seen), nil
		}
		cursor = next
	}
}
