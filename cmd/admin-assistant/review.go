package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

func (p *program) reviewCommand() *cobra.Command {
	var kind, config, period string
	var h how
	cmd := &cobra.Command{
		Use: "review", Short: "Go through what needs you, one by one, and decide it", Args: cobra.NoArgs,
		Long: "Go through the open actions one by one. Each shows what it asks about and what could be done; one key takes it. Nothing is written before the\n" +
			"end, when you are asked; then the decisions of each config are one run, which can be undone.\n" +
			"Without a terminal the open actions are listed, and the exit code is 3 if there are any.",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"state": "open", "kind": kind, "config": config, "period": period})
			open, err := all[actionView](ctx, c, "/v1/actions", query, 0)
			if err != nil {
				return err
			}
			in, terminal := p.in.(*os.File)
			if !terminal || p.output == "json" || !isTerminal(p.in) || !isTerminal(p.out) {
				return p.listOpen(ctx, c, open)
			}
			if len(open) == 0 {
				_, err := fmt.Fprintln(p.out, "Nothing needs you.")
				return err
			}
			inOrder(open)
			r := &review{
				p: p, c: c, keys: &terminalKeys{in: in, out: p.out}, width: width(p.out), zones: map[string]*time.Location{}, names: map[string]string{}, how: h,
			}
			return r.walk(ctx, open)
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only actions of this kind, as in overlap")
	cmd.Flags().StringVar(&config, "config", "", "only actions about this config")
	cmd.Flags().StringVar(&period, "period", "", `only actions about appointments of these days, as in "last week"`)
	h.flags(cmd)
	return cmd
}

// begins is when the first appointment of an action is; zero: it is about none.
func (v *actionView) begins() (at time.Time) {
	if v.Span != nil {
		at = v.Span.From
	}
	return at
}

// inOrder sorts actions by when what they ask about is.
func inOrder(actions []actionView) {
	slices.SortFunc(actions, func(a, b actionView) int {
		return cmp.Or(a.begins().Compare(b.begins()), a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
}

// listOpen prints open actions; that there are any is the exit code.
func (p *program) listOpen(ctx context.Context, c *client, open []actionView) error {
	if p.output == "json" {
		if err := p.printJSON(open); err != nil {
			return err
		}
	} else if len(open) == 0 {
		fmt.Fprintln(p.out, "Nothing needs you.")
	} else {
		places, err := readZones(ctx, c)
		if err != nil {
			return err
		}
		var rows []table.Row
		for _, v := range open {
			rows = append(rows, table.Row{identity(v.ID), v.Kind, v.Span.in(places.of(v.Config).zone)})
		}
		p.printTable(table.Row{"Action", "Kind", "When"}, rows)
		fmt.Fprintln(p.out, "Go through them at a terminal with: "+p.command("review"))
	}
	if len(open) > 0 {
		return exitError{exitPartial}
	}
	return nil
}

// keyboard is where a review gets its answers.
type keyboard interface {
	// key shows what is asked and waits for one key; io.EOF: there are no more, or the user broke off.
	key(prompt string) (byte, error)
	line() (string, error)
}

// terminalKeys are keys of a terminal, taken without Enter.
type terminalKeys struct {
	in      *os.File
	out     io.Writer
	pending []byte // read and not used yet
}

const keyEnd, keyBreak, keyEscape = 4, 3, 27

func (t *terminalKeys) key(prompt string) (byte, error) {
	if len(t.pending) > 0 {
		_, _ = io.WriteString(t.out, prompt)
	}
	for len(t.pending) == 0 {
		state, err := term.MakeRaw(int(t.in.Fd()))
		if err != nil {
			return 0, err
		}
		_, _ = io.WriteString(t.out, prompt) // not before: whoever answers a prompt with Ctrl-C is to be heard as one who did
		prompt = ""
		buffer := make([]byte, 16)
		n, err := t.in.Read(buffer)
		if err := errors.Join(err, term.Restore(int(t.in.Fd()), state)); err != nil {
			return 0, err
		}
		if t.pending = buffer[:n]; n > 0 && buffer[0] == keyEscape { // an arrow, or the like, is one key
			t.pending = buffer[:1]
		}
	}
	key := t.pending[0]
	if t.pending = t.pending[1:]; key == keyBreak || key == keyEnd {
		return 0, io.EOF
	}
	return key, nil
}

func (t *terminalKeys) line() (string, error) {
	var text []byte
	for {
		one := []byte{0}
		if len(t.pending) > 0 {
			one[0], t.pending = t.pending[0], t.pending[1:]
		} else if _, err := t.in.Read(one); err != nil {
			return "", err
		}
		if one[0] == '\n' || one[0] == '\r' {
			return strings.TrimSpace(string(text)), nil
		}
		text = append(text, one[0])
	}
}

// width is how many columns a terminal has.
func width(out io.Writer) int {
	if f := fileOf(out); f != nil {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}

// review is a walk through open actions.
type review struct {
	p     *program
	c     *client
	keys  keyboard
	width int // of the terminal in columns
	how   how
	zones map[string]*time.Location // by config
	names map[string]string
}

// reviewed is an action and what its user chose; nil: nothing yet.
type reviewed struct {
	id     string
	chosen *option
}

// option is one thing that can be done about an action.
type option struct {
	key      byte
	text     string
	verdicts []decision.Verdict // none, and no answer: it is dismissed
	answer   archive.RepairMode // of what a verification found
	shares   bool               // what stands then shares time
	note     string
}

func (r *review) printf(format string, args ...any) { fmt.Fprintf(r.p.out, format, args...) }

// line prints one line, cut off at the edge of the terminal.
func (r *review) line(format string, args ...any) {
	text := []rune(printable(fmt.Sprintf(format, args...)))
	if len(text) > r.width && r.width > 3 {
		text = append(text[:r.width-3], []rune("...")...)
	}
	fmt.Fprintln(r.p.out, string(text))
}

// walk shows one action after the other, takes the answers, and writes them at the end.
func (r *review) walk(ctx context.Context, open []actionView) error {
	all := make([]reviewed, len(open))
	for i := range open {
		all[i].id = open[i].ID
	}
	for i := 0; ; {
		if i == len(all) {
			back, err := r.finish(ctx, all)
			if !back || err != nil {
				return err
			}
			i--
			continue
		}
		v, err := getAction(ctx, r.c, all[i].id)
		if err != nil {
			return err
		}
		options, err := r.show(ctx, &v, i+1, &all[i], len(all))
		if err != nil {
			return err
		}
		step, err := r.ask(&all[i], options, len(v.Suggestions) > 0)
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("broken off; nothing was written")
		case err != nil:
			return err
		case step == quit:
			i = len(all)
		default:
			i = max(0, i+step)
		}
	}
}

// quit is the step of ask that goes to the end.
const quit = 1 << 20

// ask takes a key, and says by how many actions to go on.
func (r *review) ask(one *reviewed, options []option, suggested bool) (step int, err error) {
	keys := ""
	if suggested {
		keys = "y,"
	}
	for _, o := range options {
		keys += string(o.key) + ","
	}
	for {
		key, err := r.keys.key("[" + keys + "s,b,q,?] ")
		if err != nil {
			r.printf("\n")
			return 0, err
		}
		if key == 'y' && suggested {
			key = '1'
		}
		if key >= ' ' && key < 127 {
			r.printf("%c", key)
		}
		r.printf("\n")
		switch key {
		case 's':
			one.chosen = nil
			return 1, nil
		case 'b':
			return -1, nil
		case 'q':
			return quit, nil
		case '?':
			r.help()
			continue
		}
		for i := range options {
			o := options[i]
			if o.key != key {
				continue
			}
			if o.shares && r.how.note == "" {
				r.printf("Why may they share time? ")
				if o.note, err = r.keys.line(); err != nil {
					return 0, err
				}
				if o.note == "" {
					r.printf("It needs a reason.\n")
					break
				}
			}
			one.chosen = &o
			return 1, nil
		}
	}
}

func (r *review) help() {
	r.printf("%s\n", "y  take suggestion 1\n1-9, or the letter beside it  take that\nd  dismiss: it does not matter, and is not asked again\n"+
		"s  skip: it stays open\nb  back to the one before\nq  to the end, where you are asked whether to write\nCtrl-C  break off, and write nothing")
}

// place is the zone and the name of an action's config.
func (r *review) place(ctx context.Context, v *actionDetail) (*time.Location, string, error) {
	if r.zones[v.Config] == nil {
		if v.Config == "" {
			zone, err := userZone(ctx, r.c)
			r.zones[""] = zone
			return zone, "", err
		}
		config, _, err := r.p.findConfig(ctx, r.c, v.Config)
		if err != nil {
			return nil, "", err
		}
		if r.zones[v.Config], err = calendar.LoadZone(config.Timezone); err != nil {
			return nil, "", err
		}
		r.names[v.Config] = config.Name
	}
	return r.zones[v.Config], r.names[v.Config], nil
}

// show prints an action and what can be done about it.
func (r *review) show(ctx context.Context, v *actionDetail, number int, one *reviewed, of int) ([]option, error) {
	zone, config, err := r.place(ctx, v)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("%d of %d: %s", number, of, strings.ReplaceAll(v.Kind, "_", " "))
	if config != "" {
		head += ", config " + config
	}
	r.printf("\n")
	r.line("%s", head)
	for text := range strings.SplitSeq(cmp.Or(v.Why, v.Detail), "\n") {
		r.wrapped(text)
	}
	r.printf("\n")
	for i := range v.Participants {
		if v.Finding != nil {
			r.finding(v.Finding, zone)
			break
		}
		r.participant(i+1, &v.Participants[i], zone)
	}
	if v.Others > 0 {
		r.line("    and %d more", v.Others)
	}
	options := v.options()
	r.printf("\n")
	for i := range options {
		o := &options[i]
		mark := " "
		if one.chosen != nil && one.chosen.key == o.key {
			mark = ">"
		}
		r.line("%s %c  %s", mark, o.key, o.text)
		if i < len(v.Suggestions) {
			for j := range o.verdicts {
				r.line("       %s", v.inWords(&o.verdicts[j], zone))
			}
		}
	}
	return options, nil
}

// wrapped prints a text in lines that fit the terminal.
func (r *review) wrapped(text string) {
	line := ""
	for word := range strings.FieldsSeq(printable(text)) {
		if line != "" && len([]rune(line+" "+word)) > r.width {
			r.line("%s", line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		r.line("%s", line)
	}
}

// participant prints both sides of an appointment: what it is and, where they differ, what the archive has and what the source.
func (r *review) participant(number int, one *actionParticipant, zone *time.Location) {
	a := cmp.Or(one.Source, one.Archive)
	if a == nil {
		r.line("  %d  %s: %s; %s", number, one.Key, one.archived(), one.sourced())
		return
	}
	r.line("  %d  %s  %s", number, when(a, zone), a.Subject)
	about := []string{strings.Join(a.Categories, ", ")}
	if a.ShowAs != calendar.Busy {
		about = append(about, string(a.ShowAs))
	}
	if a.Sensitivity != calendar.Normal {
		about = append(about, string(a.Sensitivity))
	}
	if one.Organiser != nil && *one.Organiser {
		about = append(about, "you organise it")
	}
	if one.Accepted != nil && *one.Accepted > 0 {
		about = append(about, fmt.Sprintf("%d accepted", *one.Accepted))
	}
	switch {
	case one.Archive != nil && one.Gone:
		about = append(about, "archived, gone from the source")
	case one.Archive != nil:
		about = append(about, "archived")
	default:
		about = append(about, "not archived")
	}
	r.line("     %s", strings.Join(slices.DeleteFunc(about, func(s string) bool { return s == "" }), "; "))
	for _, f := range one.Fields {
		switch {
		case f.Differs && f.Field == "text_or_people":
			r.line("     text, people or link differ")
		case f.Differs:
			r.line("     %s", strings.ReplaceAll(f.Field, "_", " "))
			r.line("       archive: %s", cmp.Or(inZone(f.Archive, zone), "(nothing)"))
			r.line("       source:  %s", cmp.Or(inZone(f.Source, zone), "(nothing)"))
		}
	}
}

// finding prints what a verification found of a copy.
func (r *review) finding(f *actionFinding, zone *time.Location) {
	if f.Appointment != nil {
		r.line("     %s  %s", when(f.Appointment, zone), f.Appointment.Subject)
	}
	if f.Detail != "" {
		r.line("     %s", f.Detail)
	}
	for _, d := range f.Differences {
		r.line("     %s", strings.ReplaceAll(d.Field, "_", " "))
		r.line("       ledger:   %s", cmp.Or(inZone(d.Ledger, zone), "(nothing)"))
		r.line("       calendar: %s", cmp.Or(inZone(d.Calendar, zone), "(nothing)"))
	}
}

// options are what can be done about an action: first the suggestions, then what its kind allows.
func (v *actionDetail) options() (options []option) {
	number := func(o option) {
		if len(options) < 9 && !slices.ContainsFunc(options, func(other option) bool { return reflect.DeepEqual(other.verdicts, o.verdicts) }) {
			o.key = byte('1' + len(options))
			options = append(options, o)
		}
	}
	for _, s := range v.Suggestions {
		number(option{text: s.Why, verdicts: s.Verdicts})
	}
	each := func(word decision.Word) (verdicts []decision.Verdict) {
		for i := range v.Participants {
			verdicts = append(verdicts, decision.Verdict{Key: v.Participants[i].Key, Word: word})
		}
		return verdicts
	}
	letter := func(key byte, text string, word decision.Word) {
		options = append(options, option{key: key, text: text, verdicts: each(word)})
	}
	gone := len(v.Participants) > 0 && v.Participants[0].Gone
	switch {
	case v.Finding != nil:
		for _, answer := range v.Finding.Answers {
			key := map[archive.RepairMode]byte{archive.RepairFindings: 'r', archive.AdoptFindings: 'a'}[answer]
			options = append(options, option{key: key, text: strings.TrimSuffix(v.Finding.does(answer), ":") + ".", answer: answer})
		}
		return append(options, option{key: 'd', text: "Dismiss: leave it as it is; it is not asked again while it stays so."})
	case v.Others > 0 || len(v.Participants) == 0:
	case v.Kind == "overlap":
		for i := range v.Participants {
			verdicts := each(decision.Drop)
			for j := range verdicts {
				if verdicts[j].By = v.Participants[i].Key; i == j {
					verdicts[j] = decision.Verdict{Key: v.Participants[i].Key, Word: decision.Keep}
				}
			}
			number(option{text: fmt.Sprintf("Keep %d alone.", i+1), verdicts: verdicts})
		}
		options = append(options, option{key: 'k', text: "Keep all, although they share time.", verdicts: each(decision.Keep), shares: true})
	case gone:
		letter('w', "Withdraw it from the archive.", decision.Withdraw)
		letter('k', "Keep it in the archive.", decision.KeepArchived)
	case v.Kind == "drift":
		letter('a', "Accept the change.", decision.Accept)
		letter('k', "Keep it as archived.", decision.KeepArchived)
	case v.Kind == "altered": // of a whole run
	default:
		letter('k', "Keep it, as the source has it.", decision.Keep)
		letter('x', "Leave it out.", decision.Drop)
	}
	return append(options, option{key: 'd', text: "Dismiss: it does not matter."})
}

// finish says what was chosen, asks whether to write it, and does so. back says that the user wants to go back.
func (r *review) finish(ctx context.Context, all []reviewed) (back bool, err error) {
	var configs, dismissed []string
	of, copies := map[string][]decisionGiven{}, copyAnswers{}
	decided := 0
	for i := range all {
		o := all[i].chosen
		switch {
		case o == nil:
		case o.verdicts == nil && o.answer == "":
			dismissed = append(dismissed, all[i].id)
		default:
			v, err := getAction(ctx, r.c, all[i].id)
			if err != nil {
				return false, err
			}
			if !slices.Contains(configs, v.Config) {
				configs = append(configs, v.Config)
			}
			decided++
			if o.answer != "" {
				copies.add(v.Config, v.ID, o.answer)
				continue
			}
			of[v.Config] = append(of[v.Config], decisionGiven{Action: v.ID, Verdicts: o.verdicts, Note: o.note, AllowOverlap: o.shares})
		}
	}
	if decided+len(dismissed) == 0 {
		r.printf("\nNothing was decided; %d open.\n", len(all))
		return false, exitError{exitPartial}
	}
	r.printf("\n%d decided, %d dismissed, %d left open.\n", decided, len(dismissed), len(all)-decided-len(dismissed))
	for {
		key, err := r.keys.key("Write that? [y,n,b] ")
		r.printf("\n")
		switch {
		case err != nil || key == 'n':
			return false, errors.New("nothing was written")
		case key == 'b':
			return true, nil
		case key == 'y':
			return false, r.write(ctx, configs, of, copies, dismissed, len(all)-decided-len(dismissed))
		}
	}
}

// write carries out what was chosen: for each config a run for what is decided and one for copies, then what is dismissed.
func (r *review) write(
	ctx context.Context, configs []string, of map[string][]decisionGiven, copies copyAnswers, dismissed []string, open int,
) error {
	var left error
	if open > 0 {
		left = exitError{exitPartial}
	}
	for _, config := range configs {
		for _, carryOut := range []func() error{
			func() error { return r.p.decideAll(ctx, r.c, config, of[config], r.how) },
			func() error { return r.p.answerCopies(ctx, r.c, config, copies[config], r.how) },
		} {
			err := carryOut()
			if exit := (exitError{}); errors.As(err, &exit) {
				left, err = err, nil
			}
			if err != nil {
				return err
			}
		}
	}
	for _, id := range dismissed {
		if r.how.dryRun {
			break
		}
		if _, err := r.c.do(ctx, request{method: http.MethodPost, path: "/v1/actions/" + url.PathEscape(id) + "/dismiss"}, nil); err != nil {
			return err
		}
	}
	return left
}
