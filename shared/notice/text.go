package notice

import (
	"context"
	"slices"

	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
)

// text is what the user is told of a run's end: as its kind says where it says something, else as of any run.
func (n *Notices) text(e *ending, about about) (title phrase.Phrase, text phrase.Text, command string) {
	r, words := e.Run, e.words
	switch r.State {
	case run.Succeeded:
		title = phrase.New("end.well")
		for _, also := range []phrase.Phrase{words.Waits, words.Asks} {
			if also.Of != "" {
				title = also
			}
		}
		text = phrase.Text{phrase.New("ended.well", r.Window())}
		if e.wrote > 0 {
			text = phrase.Text{phrase.New("ended.wrote", phrase.N(e.wrote), r.Window())}
		}
		command = show(r.ID)
	case run.Partial:
		title = phrase.New("end.refused", phrase.N(r.Failed))
		text = phrase.Text{phrase.New("ended.refused", phrase.N(r.Failed), r.Window()), run.Safe, phrase.New("try.again").New()}
		command = about.repeat(e.kind, r)
		if e.kind.Retries {
			command = retry(r.ID)
		}
	default:
		title = phrase.New("end.failed")
		text = phrase.Text{phrase.New("ended.failed", r.Window(), phrase.Is(why(r.Problem))), run.Safe}
		if r.Job != "" {
			text = append(text, phrase.New("try.job").New())
		}
		command = about.repeat(e.kind, r)
	}
	if words.Again != "" {
		helps := *r
		if helps.Kind = words.Again; helps.Kind != r.Kind {
			helps.Job = "" // which starts runs of r's kind
		}
		command = about.repeat(n.Kinds.Of(helps.Kind), &helps, words.Flags...)
	} else if words.Text != nil {
		command = show(r.ID)
	}
	if words.Title.Of != "" {
		title = words.Title
	}
	if words.Text != nil {
		text = words.Text
	}
	if (r.State == run.Succeeded || words.Complete) && words.Asks.Of+words.Waits.Of != "" {
		for i, also := range words.AsksText {
			also.Begins = i == 0
			text = append(slices.Clip(text), also)
		}
		command = about.questions()
	}
	return about.title(e.Kind, title), text, command
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

// title is the title of a notification about a run or a job of a kind; end goes on after its name.
func (a about) title(of run.Kind, end phrase.Phrase) phrase.Phrase {
	kind := phrase.New("run." + string(of))
	if !phrase.Has(kind.Of) { // of a newer version
		kind = phrase.New("run.other")
	}
	if a.name == "" {
		return phrase.New("title", phrase.Is(kind), phrase.Is(end))
	}
	return phrase.New("title.of", phrase.Is(kind), phrase.Name(a.name), phrase.Is(end))
}

// why says why a run failed, by the kind of its failure. The text of a failure itself may name calendars and addresses; the run has it.
func why(p *run.Problem) phrase.Phrase {
	if p != nil && phrase.Has("reason."+p.Code) {
		return phrase.New("reason." + p.Code)
	}
	return phrase.New("reason.other")
}
