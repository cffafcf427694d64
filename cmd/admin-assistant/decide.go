package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/limit"
)

// decisionsStart is what is decided about a config at once.
type decisionsStart struct {
	Config    string          `json:"config"`
	Decisions []decisionGiven `json:"decisions"`
	Partial   bool            `json:"partial,omitempty"`
	Preview   bool            `json:"preview,omitempty"`
}

type decisionGiven struct {
	Action       string             `json:"action,omitempty"`
	Verdicts     []decision.Verdict `json:"verdicts"`
	Note         string             `json:"note,omitempty"`
	AllowOverlap bool               `json:"allow_overlap,omitempty"`
	Supplement   bool               `json:"supplement,omitempty"`
}

// how says how decisions are carried out.
type how struct {
	note                             string
	allowOverlap, supplement, dryRun bool
}

func (h *how) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.note, "note", "", "why, in 500 characters at most; it is kept with the decision")
	cmd.Flags().BoolVar(&h.allowOverlap, "allow-overlap", false, "what stands then may share time with other appointments; needs --note")
	cmd.Flags().BoolVar(&h.supplement, "supplement", false,
		"days that a timesheet has locked may change: the customer's next one settles the difference; needs --note")
	cmd.Flags().BoolVar(&h.dryRun, "dry-run", false, "show what would happen, and write nothing")
}

// decideAll carries decisions about a config out, as many in a run as it takes, and shows what became of them. Of several, those are carried out that can be.
func (p *program) decideAll(ctx context.Context, c *client, config string, all []decisionGiven, h how) error {
	refused := error(nil)
	for some := range slices.Chunk(all, limit.Decisions) {
		for i := range some {
			some[i].Note, some[i].AllowOverlap = cmp.Or(some[i].Note, h.note), some[i].AllowOverlap || h.allowOverlap
			some[i].Supplement = some[i].Supplement || h.supplement
		}
		start := decisionsStart{Config: config, Decisions: some, Partial: len(all) > 1, Preview: h.dryRun}
		r, err := p.follow(ctx, c, request{method: http.MethodPost, path: "/v1/decisions", json: start})
		if err != nil {
			return err
		}
		err = p.showDecided(ctx, c, r)
		if exit := (exitError{}); errors.As(err, &exit) {
			refused, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	return refused
}

// copyAnswers are answers to actions about copies, by config and action.
type copyAnswers map[string]map[string]archive.RepairMode

func (all copyAnswers) add(config, action string, answer archive.RepairMode) {
	if all[config] == nil {
		all[config] = map[string]archive.RepairMode{}
	}
	all[config][action] = answer
}

// answerCopies carries answers to actions about the copies of a config out, as many in a run as it takes.
func (p *program) answerCopies(ctx context.Context, c *client, config string, answers map[string]archive.RepairMode, h how) error {
	var left error
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(answers)), limit.Decisions) {
		start := verifyStart{Actions: map[string]archive.RepairMode{}, AllowOverlap: h.allowOverlap, DryRun: h.dryRun}
		for _, id := range ids {
			start.Actions[id] = answers[id]
		}
		r, err := p.follow(ctx, c, request{method: http.MethodPost, path: "/v1/archive-configs/" + url.PathEscape(config) + "/repair", json: start})
		if err != nil {
			return err
		}
		err = p.showRepaired(ctx, c, r)
		if exit := (exitError{}); errors.As(err, &exit) {
			left, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	return left
}

// verdictDoes says what a verdict makes of an appointment.
var verdictDoes = map[decision.Word]string{
	decision.Keep: "kept", decision.KeepAs: "kept, changed", decision.Drop: "left out", decision.Merge: "merged", decision.Create: "added",
	decision.Accept: "taken over from the source", decision.KeepArchived: "stays as archived", decision.Withdraw: "withdrawn",
}

// showDecided prints what became of each appointment that a run decided about, and of the hours of customers.
func (p *program) showDecided(ctx context.Context, c *client, r runView) error {
	if p.output == "json" {
		return p.finish(r, r.decidedExit())
	}
	var items []runItem
	if r.State.Ended() {
		var err error
		if items, err = all[runItem](ctx, c, "/v1/runs/"+r.ID+"/items", nil, 0); err != nil {
			return err
		}
	}
	zone, err := p.zoneOf(ctx, c, &r)
	if err != nil {
		return err
	}
	kind := "decisions"
	if r.DryRun {
		kind = "preview of decisions"
	}
	head := r
	if r.Decided != nil && len(r.Decided.Refusals) > 0 {
		head.Problem = nil // it is the first of what was refused
	}
	p.printHead(&head, fmt.Sprintf("%s %s", kind, r.ID))
	var rows []table.Row
	var reasons []string
	for i := range items {
		it := &items[i]
		does := verdictDoes[it.Plan.Verdict]
		if it.Problem != nil {
			does = "not done, see below"
			if why := whyRefused(it.Problem.Detail, items, zone); !slices.Contains(reasons, why) {
				reasons = append(reasons, why)
			}
		}
		rows = append(rows, table.Row{when(&it.Plan.Appointment, zone), cmp.Or(it.Plan.Appointment.Subject, it.Key), does})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"When", "Subject", "Becomes"}, rows)
	}
	for _, why := range reasons {
		fmt.Fprintf(p.out, "refused: %s\n", printable(why))
	}
	d := r.Decided
	if d == nil {
		return r.decidedExit()
	}
	fmt.Fprintf(p.out, "%s: %d kept, %d changed, %d merged, %d left out, %d withdrawn, %d added\n", d.Sums(), d.Kept, d.Changed, d.Merged, d.Dropped, d.Withdrawn,
		d.Created)
	if r.DryRun || r.State.Ended() && len(d.Refusals) == 0 || d.Wrote() > 0 {
		p.printDecidedHours(d.Hours)
	}
	if !r.DryRun && d.Wrote() > 0 {
		fmt.Fprintf(p.out, "take that back with: %s\n", p.command("undo "+r.ID))
	}
	return r.decidedExit()
}

// whyRefused is why a decision was refused, with appointments by their names and with the flags by which it would not be.
func whyRefused(detail string, items []runItem, zone *time.Location) string {
	for i := range items {
		if at := &items[i].Plan.Appointment; at.Subject != "" {
			detail = strings.ReplaceAll(detail, items[i].Key, strconv.Quote(at.Subject)+" of "+when(at, zone))
		}
	}
	detail = strings.Replace(detail, "or allow the overlap and say why", "or allow the overlap with --allow-overlap and say why with --note", 1)
	return strings.Replace(detail, "is to be a supplement: ", "is to be a supplement, with --supplement and --note: ", 1)
}

func (p *program) printDecidedHours(hours []archive.HoursChange) {
	var rows []table.Row
	for _, h := range hours {
		rows = append(rows, table.Row{cmp.Or(h.Customer, noCustomer), hoursOf(int64(h.Before) * 60), hoursOf(int64(h.After) * 60)})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Customer", "Before", "After"}, rows)
	}
}

// decidedExit is the end of a command that decided.
func (r *runView) decidedExit() error {
	if r.Decided != nil && len(r.Decided.Refusals) > 0 {
		return exitError{exitPartial}
	}
	return r.exit()
}

// fieldFlags are new values of an appointment's fields, as flags.
type fieldFlags struct {
	cmd                                                      *cobra.Command
	start, end, subject, location, sensitivity, showAs, body string
	categories                                               []string
}

func (f *fieldFlags) flags(cmd *cobra.Command) {
	f.cmd = cmd
	cmd.Flags().StringVar(&f.start, "start", "", `new start in the config's zone, as in "2026-10-05 09:00"`)
	cmd.Flags().StringVar(&f.end, "end", "", "new end, like the start; 10:30 alone is of the same day")
	cmd.Flags().StringVar(&f.subject, "subject", "", "new subject")
	cmd.Flags().StringArrayVar(&f.categories, "category", nil, `new category, as in "Acme - billable"; repeat it for several, "" for none`)
	cmd.Flags().StringVar(&f.location, "location", "", "new location")
	cmd.Flags().StringVar(&f.sensitivity, "sensitivity", "", "normal, personal, private or confidential")
	cmd.Flags().StringVar(&f.showAs, "show-as", "", "free, tentative, busy, oof, workingElsewhere or unknown")
	cmd.Flags().StringVar(&f.body, "body", "", "new text")
}

// read returns the fields that are given; nil: none is. Times are read in a zone; a time of day alone is of the day that day returns; nil: of none.
func (f *fieldFlags) read(zone *time.Location, day func() *time.Time) (*decision.Fields, error) {
	out, any := &decision.Fields{}, false
	for _, text := range []struct {
		name, value string
		into        **string
	}{
		{"subject", f.subject, &out.Subject}, {"location", f.location, &out.Location}, {"sensitivity", f.sensitivity, &out.Sensitivity},
		{"show-as", f.showAs, &out.ShowAs}, {"body", f.body, &out.Body},
	} {
		if f.cmd.Flags().Changed(text.name) {
			*text.into, any = &text.value, true
		}
	}
	if f.cmd.Flags().Changed("category") {
		named := slices.DeleteFunc(slices.Clone(f.categories), func(c string) bool { return c == "" })
		out.Categories, any = &named, true
		if named == nil {
			out.Categories = &[]string{}
		}
	}
	if f.start != "" {
		t, err := readTime("start", f.start, day, zone)
		if err != nil {
			return nil, err
		}
		out.Start, any = &t, true
	}
	if f.end != "" {
		if out.Start != nil {
			day = func() *time.Time { return out.Start }
		}
		t, err := readTime("end", f.end, day, zone)
		if err != nil {
			return nil, err
		}
		out.End, any = &t, true
	}
	if !any {
		return nil, nil
	}
	return out, nil
}

// readTime reads a local time of a zone, or an instant with an offset. A time of day alone is of the day of another time.
func readTime(flag, text string, day func() *time.Time, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	local := strings.Replace(text, "T", " ", 1)
	if _, err := time.Parse("15:04", text); err == nil && day() != nil {
		local = day().In(zone).Format("2006-01-02 ") + text
	}
	t, err := time.ParseInLocation(minuteFormat, local, zone)
	if err != nil {
		return t, usageError{fmt.Errorf(`--%s must be a time as in "2026-10-05 09:00", not %q`, flag, text)}
	}
	if t.Format(minuteFormat) != local {
		return t, usageError{fmt.Errorf("--%s: %s does not exist in %s, where the clocks are put forward then", flag, local, zone)}
	}
	return t, nil
}

func (p *program) zoneNamed(ctx context.Context, c *client, config string) (id string, zone *time.Location, err error) {
	v, _, err := p.findConfig(ctx, c, config)
	if err != nil {
		return "", nil, err
	}
	zone, err = calendar.LoadZone(v.Timezone)
	return v.ID, zone, err
}

func (p *program) ledgerAmend() *cobra.Command {
	var config string
	var fields fieldFlags
	var h how
	cmd := &cobra.Command{
		Use: "amend KEY", Short: "Correct an appointment of the record", Args: cobra.ExactArgs(1),
		Long: "Correct an appointment in ledger and archive calendar; the source stays as it is. What is not given stays. Keys are those of \"ledger day\".\n" +
			"A correction is a decision: nightly runs keep it. The exit code is 3 when it was refused, as when it would share time with others.",
		Example: `  admin-assistant ledger amend a1b2c3@2026-10-05T07:00:00Z --config work --category "Acme - billable" --note "wrong customer"`,
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			id, zone, err := p.zoneNamed(ctx, c, config)
			if err != nil {
				return err
			}
			given, err := fields.read(zone, func() *time.Time {
				versions, err := all[entryView](ctx, c, "/v1/ledger/"+id+"/history", url.Values{"key": {args[0]}}, 0)
				if err != nil || len(versions) == 0 {
					return nil
				}
				return &versions[len(versions)-1].Appointment.Start
			})
			switch {
			case err != nil:
				return err
			case given == nil:
				return usageError{errors.New("say what is to be changed, as in --category or --start; see: admin-assistant ledger amend --help")}
			}
			return p.decideAll(ctx, c, id, []decisionGiven{{Verdicts: []decision.Verdict{{Key: args[0], Word: decision.KeepAs, Fields: given}}}}, h)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	fields.flags(cmd)
	h.flags(cmd)
	p.required(cmd, "config")
	return cmd
}

func (p *program) ledgerAdd() *cobra.Command {
	var config string
	var fields fieldFlags
	var h how
	cmd := &cobra.Command{
		Use: "add", Short: "Add an appointment of your own to the record", Args: cobra.NoArgs,
		Long:    "Add an appointment that no calendar has, such as a call that was never entered. It has no source, and stays until you withdraw it.",
		Example: `  admin-assistant ledger add --config work --start "2026-10-05 16:00" --end 16:30 --subject "Call" --category "Acme - billable"`,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			id, zone, err := p.zoneNamed(ctx, c, config)
			if err != nil {
				return err
			}
			given, err := fields.read(zone, func() *time.Time { return nil })
			if err != nil {
				return err
			}
			return p.decideAll(ctx, c, id, []decisionGiven{{Verdicts: []decision.Verdict{{Word: decision.Create, Fields: given}}}}, h)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	fields.flags(cmd)
	h.flags(cmd)
	p.required(cmd, "config", "start", "end", "subject")
	return cmd
}

func (p *program) ledgerWithdraw() *cobra.Command {
	var config string
	var h how
	cmd := &cobra.Command{
		Use: "withdraw KEY...", Short: "Take appointments out of the record", Args: cobra.MinimumNArgs(1),
		Long: "Take appointments out of the archive calendar. The ledger keeps every version, and that they were withdrawn.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			var all []decisionGiven
			for _, key := range args {
				all = append(all, decisionGiven{Verdicts: []decision.Verdict{{Key: key, Word: decision.Withdraw}}})
			}
			return p.decideAll(ctx, c, v.ID, all, h)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	h.flags(cmd)
	p.required(cmd, "config")
	return cmd
}

// chosen says which actions a command is about.
type chosen struct {
	all, series  bool
	kind, config string
}

func (o *chosen) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.all, "all", false, "all open actions of --kind, and of --config if it is given")
	cmd.Flags().StringVar(&o.kind, "kind", "", "with --all: the kind, as in drift")
	cmd.Flags().StringVar(&o.config, "config", "", "with --all: only those of this config")
	cmd.Flags().BoolVar(&o.series, "series", false, "also the open actions of the same kind about other events of the same series")
}

// ids are the actions that are meant, each once.
func (o *chosen) ids(ctx context.Context, c *client, args []string) ([]string, error) {
	switch {
	case o.all == (len(args) > 0):
		return nil, usageError{errors.New("name actions, or use --all with --kind")}
	case o.all && o.kind == "":
		return nil, usageError{errors.New("--all needs --kind, as in --kind drift")}
	case !o.all && (o.kind != "" || o.config != ""):
		return nil, usageError{errors.New("--kind and --config go with --all")}
	case o.all:
		found, err := all[actionView](ctx, c, "/v1/actions", given(map[string]string{"state": "open", "kind": o.kind, "config": o.config}), 0)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, errors.New("there is no such open action")
		}
		for _, a := range found {
			args = append(args, a.ID)
		}
	}
	ids := slices.Compact(slices.Sorted(slices.Values(args)))
	if !o.series {
		return ids, nil
	}
	for _, id := range slices.Clone(ids) {
		a, err := getAction(ctx, c, id)
		if err != nil {
			return nil, err
		}
		open, err := all[actionView](ctx, c, "/v1/actions", given(map[string]string{"state": "open", "kind": a.Kind, "config": a.Config}), 0)
		if err != nil {
			return nil, err
		}
		for _, one := range open {
			if one.Rule != a.Rule || slices.Contains(ids, one.ID) {
				continue
			}
			other, err := getAction(ctx, c, one.ID)
			if err != nil {
				return nil, err
			}
			if slices.Equal(a.series(), other.series()) {
				ids = append(ids, one.ID)
			}
		}
	}
	return ids, nil
}

// series are what the appointments of an action are occurrences of.
func (v *actionDetail) series() (names []string) {
	for i := range v.Participants {
		name := v.Participants[i].Key
		if at := strings.LastIndexByte(name, '@'); at > 0 {
			name = name[:at]
		}
		names = append(names, name)
	}
	return names
}

func getAction(ctx context.Context, c *client, id string) (v actionDetail, err error) {
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/v1/actions/" + url.PathEscape(id)}, &v)
	return v, err
}

// verdictFlags say what becomes of the appointments of actions.
type verdictFlags struct {
	verdicts   []string
	suggestion int
	each       string
	accept     bool
	fields     fieldFlags

	repair, adopt, leave bool // of copies
}

// copies is what becomes of copies; empty: the flags are about appointments of the source.
func (f *verdictFlags) copies() (answer archive.RepairMode, err error) {
	n := 0
	for mode, given := range map[archive.RepairMode]bool{archive.RepairFindings: f.repair, archive.AdoptFindings: f.adopt, archive.LeaveFindings: f.leave} {
		if given {
			answer, n = mode, n+1
		}
	}
	if n > 1 || n == 1 && f.given() {
		return "", usageError{errors.New("--repair, --adopt and --leave exclude each other, and all that decides about appointments of the source")}
	}
	return answer, nil
}

func (f *verdictFlags) given() bool {
	return len(f.verdicts) > 0 || f.suggestion != 0 || f.each != "" || f.accept
}

// read returns the verdicts about an action; none: nothing is suggested of it.
func (f *verdictFlags) read(v *actionDetail, zone *time.Location) ([]decision.Verdict, error) {
	each := f.each
	if f.accept {
		each = string(decision.Accept)
	}
	ways := 0
	for _, way := range []bool{len(f.verdicts) > 0, f.suggestion != 0, f.each != "", f.accept} {
		if way {
			ways++
		}
	}
	fields, err := f.fields.read(zone, func() *time.Time {
		if a := cmp.Or(v.Participants[0].Source, v.Participants[0].Archive); a != nil {
			return &a.Start
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case ways > 1:
		return nil, usageError{errors.New("--verdict, --suggestion, --each and --accept exclude each other")}
	case each != "" && (!slices.Contains(decision.Words, decision.Word(each)) ||
		slices.Contains([]decision.Word{decision.Create, decision.Merge, decision.KeepAs}, decision.Word(each))):
		return nil, usageError{fmt.Errorf("--each: %q is none of keep, drop, accept, keep_archived and withdraw", each)}
	case f.suggestion < 0:
		return nil, usageError{errors.New("--suggestion must be 1 or more")}
	case f.suggestion > 0 && fields == nil:
		if f.suggestion > len(v.Suggestions) {
			return nil, nil
		}
		return v.Suggestions[f.suggestion-1].Verdicts, nil
	}
	var verdicts []decision.Verdict
	if each != "" {
		for i := range v.Participants {
			verdicts = append(verdicts, decision.Verdict{Key: v.Participants[i].Key, Word: decision.Word(each)})
		}
	}
	for _, text := range f.verdicts {
		one, err := v.verdict(text)
		if err != nil {
			return nil, err
		}
		if (one.Word == decision.KeepAs || one.Word == decision.Merge && one.Into == one.Key) && fields != nil {
			one.Fields, fields = fields, nil
		}
		verdicts = append(verdicts, one)
	}
	if fields != nil {
		return nil, usageError{errors.New("--start, --subject and the like belong to a --verdict with keep_as, as in --verdict 1=keep_as")}
	}
	v.nameWinner(verdicts)
	return verdicts, nil
}

// key is the key of a participant, by its number or its key.
func (v *actionDetail) key(text string) (string, error) {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > len(v.Participants) {
			return "", usageError{fmt.Errorf("action %s has no appointment %d; it has %d", v.ID, n, len(v.Participants))}
		}
		return v.Participants[n-1].Key, nil
	}
	return text, nil
}

// verdict reads KEY=WORD, where the key may be the number of the appointment, and the word merge:KEY or accept:FIELD,FIELD.
func (v *actionDetail) verdict(text string) (one decision.Verdict, err error) {
	at := strings.LastIndexByte(text, '=')
	if at < 0 {
		return one, usageError{fmt.Errorf("--verdict must be KEY=WORD, as in 1=keep, not %q", text)}
	}
	if one.Key, err = v.key(text[:at]); err != nil {
		return one, err
	}
	word, more, _ := strings.Cut(text[at+1:], ":")
	one.Word = decision.Word(word)
	switch {
	case !slices.Contains(decision.Words, one.Word) || one.Word == decision.Create:
		return one, usageError{fmt.Errorf("--verdict: %q is none of keep, keep_as, drop, merge, accept, keep_archived and withdraw", word)}
	case one.Word == decision.Merge:
		one.Into, err = v.key(cmp.Or(more, one.Key))
	case one.Word == decision.Accept && more != "":
		for field := range strings.SplitSeq(more, ",") {
			one.Only = append(one.Only, decision.Field(field))
		}
	case more != "":
		err = usageError{fmt.Errorf("--verdict: nothing follows %s:", word)}
	}
	return one, err
}

// nameWinner says of what is dropped by what, if one stands.
func (v *actionDetail) nameWinner(verdicts []decision.Verdict) {
	winner, several := "", false
	for i := range verdicts {
		if w := verdicts[i].Word; w == decision.Keep || w == decision.KeepAs {
			winner, several = verdicts[i].Key, several || winner != ""
		}
	}
	for i := range verdicts {
		if one := &verdicts[i]; one.Word == decision.Drop && winner != "" && !several {
			one.By = winner
		}
	}
}

func (p *program) actionResolve() *cobra.Command {
	var of chosen
	var f verdictFlags
	var h how
	cmd := &cobra.Command{
		Use: "resolve [ACTION...]", Short: "Decide what an action asks, or say that it is done",
		Long: "Decide what actions ask about appointments: with --suggestion as \"action show\" suggests it, with --verdict for each appointment by its number or " +
			"key, with --each or --accept the same for all. Words: keep, keep_as (with --start, --subject and the like), drop, merge:KEY, accept or " +
			"accept:FIELD,FIELD, keep_archived, withdraw. What a verification found in the archive calendar (kind altered) takes --repair, --adopt or --leave. " +
			"Without these it says that what the action is about is done, where your word is enough.\n\n" +
			"Of several actions, those are decided that can be. The exit code is 3 when some were refused.",
		Example: "  admin-assistant action resolve 01KBA3ZQ2J8V5T1G7N9W4X6Y0D --suggestion 1\n" +
			"  admin-assistant action resolve 01KBA3ZQ2J8V5T1G7N9W4X6Y0D --verdict 1=keep --verdict 2=drop --note \"it did not take place\"\n" +
			"  admin-assistant action resolve --all --kind drift --accept --dry-run",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			ids, err := of.ids(ctx, c, args)
			if err != nil {
				return err
			}
			answer, err := f.copies()
			switch {
			case err != nil:
				return err
			case answer == archive.LeaveFindings && h == (how{}):
				return p.endActions(ctx, c, "dismiss", ids)
			case answer != "" && answer != archive.LeaveFindings && h.note == "":
				return p.resolveCopies(ctx, c, ids, answer, h)
			case answer != "":
				return usageError{errors.New("--note goes with --verdict, --suggestion, --each or --accept; nothing goes with --leave")}
			}
			if !f.given() {
				if h != (how{}) {
					return usageError{errors.New("--note, --allow-overlap and --dry-run go with --verdict, --suggestion, --each or --accept")}
				}
				return p.endActions(ctx, c, "resolve", ids)
			}
			return p.resolveActions(ctx, c, ids, &f, h)
		}),
	}
	cmd.Flags().StringArrayVar(&f.verdicts, "verdict", nil, "KEY=WORD, as in 1=keep; once for each appointment")
	cmd.Flags().IntVar(&f.suggestion, "suggestion", 0, "number of the suggestion that is taken")
	cmd.Flags().StringVar(&f.each, "each", "", "the same word for every appointment, as in keep_archived")
	cmd.Flags().BoolVar(&f.accept, "accept", false, "the archive takes what changed in the source")
	cmd.Flags().BoolVar(&f.repair, "repair", false, "of kind altered: the archive calendar gets what the ledger has")
	cmd.Flags().BoolVar(&f.adopt, "adopt", false, "of kind altered: the ledger takes what the archive calendar shows")
	cmd.Flags().BoolVar(&f.leave, "leave", false, "of kind altered: it stays as it is, and is not asked again while it does")
	f.fields.flags(cmd)
	of.flags(cmd)
	h.flags(cmd)
	return cmd
}

// resolveCopies answers actions about copies, those of a config in one run.
func (p *program) resolveCopies(ctx context.Context, c *client, ids []string, answer archive.RepairMode, h how) error {
	all := copyAnswers{}
	for _, id := range ids {
		v, err := getAction(ctx, c, id)
		if err != nil {
			return err
		}
		if v.Finding == nil {
			return usageError{fmt.Errorf("action %s is about no copy in an archive calendar; --%s is not for it", id, answer)}
		}
		all.add(v.Config, id, answer)
	}
	var left error
	for _, config := range slices.Sorted(maps.Keys(all)) {
		err := p.answerCopies(ctx, c, config, all[config], h)
		if exit := (exitError{}); errors.As(err, &exit) {
			left, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	return left
}

// resolveActions decides actions, those of a config in one run.
func (p *program) resolveActions(ctx context.Context, c *client, ids []string, f *verdictFlags, h how) error {
	var configs []string
	of := map[string][]decisionGiven{}
	zones := map[string]*time.Location{}
	var left error
	for _, id := range ids {
		v, err := getAction(ctx, c, id)
		if err != nil {
			return err
		}
		if len(v.Participants) == 0 {
			return usageError{fmt.Errorf("action %s is about no appointments; there is nothing to decide", id)}
		}
		if zones[v.Config] == nil {
			configs = append(configs, v.Config)
			if _, zones[v.Config], err = p.zoneNamed(ctx, c, v.Config); err != nil {
				return err
			}
		}
		verdicts, err := f.read(&v, zones[v.Config])
		if err != nil {
			return err
		}
		if len(verdicts) == 0 {
			fmt.Fprintf(p.err, "admin-assistant: action %s has no suggestion %d; it stays open\n", id, f.suggestion)
			left = exitError{exitPartial}
			continue
		}
		of[v.Config] = append(of[v.Config], decisionGiven{Action: id, Verdicts: verdicts})
	}
	for _, config := range configs {
		if len(of[config]) == 0 {
			continue
		}
		err := p.decideAll(ctx, c, config, of[config], h)
		if exit := (exitError{}); errors.As(err, &exit) {
			left, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	return left
}

// endActions resolves or dismisses actions on the user's word.
func (p *program) endActions(ctx context.Context, c *client, verb string, ids []string) error {
	var ended []actionView
	for _, id := range ids {
		var v actionView
		if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/actions/" + url.PathEscape(id) + "/" + verb}, &v); err != nil {
			return err
		}
		ended = append(ended, v)
	}
	if len(ended) == 1 {
		if p.output == "json" {
			return p.printJSON(ended[0])
		}
		zone, err := p.zoneOfAction(ctx, c, ended[0].Config)
		if err != nil {
			return err
		}
		return p.showAction(ended[0], zone)
	}
	if p.output == "json" {
		return p.printJSON(ended)
	}
	_, err := fmt.Fprintf(p.out, "%s %s\n", counted(len(ended), "action", "actions"), ended[0].State)
	return err
}

func (p *program) actionDismiss() *cobra.Command {
	var of chosen
	cmd := &cobra.Command{
		Use: "dismiss [ACTION...]", Short: "Say that actions do not matter",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			ids, err := of.ids(ctx, c, args)
			if err != nil {
				return err
			}
			return p.endActions(ctx, c, "dismiss", ids)
		}),
	}
	of.flags(cmd)
	return cmd
}

// printSuggestions prints what an action suggests.
func (p *program) printSuggestions(v *actionDetail, zone *time.Location) {
	for i := range v.Suggestions {
		s := &v.Suggestions[i]
		fmt.Fprintf(p.out, "Suggestion %d: %s\n", i+1, printable(s.Why))
		for j := range s.Verdicts {
			fmt.Fprintf(p.out, "  %s\n", printable(v.inWords(&s.Verdicts[j], zone)))
		}
	}
	if len(v.Suggestions) > 0 {
		fmt.Fprintf(p.out, "Take one with: %s\n\n", p.command("action resolve "+v.ID+" --suggestion 1"))
	}
}

// inWords says what a verdict comes to: `2 "Review": left out`.
func (v *actionDetail) inWords(d *decision.Verdict, zone *time.Location) string {
	text := verdictDoes[d.Word]
	for i := range v.Participants {
		if one := &v.Participants[i]; one.Key == d.Key {
			text = fmt.Sprintf("%d %q: %s", i+1, one.subject(), text)
		}
	}
	if f := d.Fields; f != nil {
		if d.Word == decision.Create && f.Subject != nil {
			text = fmt.Sprintf("%s: %q", text, *f.Subject)
		}
		if f.Start != nil && f.End != nil {
			text += ", " + when(&calendar.Appointment{Start: *f.Start, End: *f.End}, zone)
		}
	}
	return text
}

func (a *actionParticipant) subject() string {
	switch {
	case a.Source != nil:
		return a.Source.Subject
	case a.Archive != nil:
		return a.Archive.Subject
	}
	return a.Key
}
