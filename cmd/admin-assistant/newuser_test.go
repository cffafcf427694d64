package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/pflag"
)

func TestWhatANewUserTypes(t *testing.T) {
	m := seeded(t)
	m.local("archive", "run", "-p", october).ok().says("of config work",
		"for you to decide\ndecide what is open with: admin-assistant --local review --config work\n")
	m.local("archive", "run", "-p", "2026-01").ok().says("0 for you to decide").without("decide what is open")
	m.local("archive", "run", "-c", "WORK", "-p", october, "--no-wait").ok()
	id := strings.TrimSpace(m.local("config", "show", "work", "--jq", ".id").ok().out)
	m.local("rule", "suggest", "-c", "work", "-p", october).ok().says("rule try --config work --period '" + october + "' --file FILE")
	m.local("run", "list", "-c", strings.ToLower(id[:20]), "--jq", ".items | length").ok().says("3\n") // the beginning of an id
	m.local("archive", "run", "-p", october, "--dry-run").ok().without("decide what is open")
	m.local("ledger", "day", "2026-10-15").ok().says("Initech strategy") // there is one config alone
	shown := m.local("run", "show", "last").ok().says("end 2026-10-07 17:00 -> 2026-10-07 16:30 (shortened)", `by "Initech hearing preparation"`,
		"\ntimes in Europe/Berlin\n")
	if raw := regexp.MustCompile(`\d{2}:\d{2}Z`).FindString(shown.out); raw != "" {
		t.Errorf("a time of no zone of the user's: %s", raw)
	}

	create := []string{"config", "create", "--name", "other"}
	m.local(create...).fails(exitUsage, "--source, --archive and --timezone are missing, as in: admin-assistant --local config create --name work --source ")
	m.local(append(create, "--source", "work")...).fails(exitUsage, "--archive and --timezone are missing, as in: ")
	create = append(create, "--source", "work", "--archive", "My archive")
	m.local(create...).fails(exitUsage, "--timezone is missing: ", ", as in Europe/Berlin, which is this machine's; see: ")
	create = append(create, "--timezone", "Europe/Berlin")
	m.local(append(create, "--overlaps", "dice")...).fails(exitUsage, ": --overlaps must be one of keep, ask, resolve\n")
	m.local(append(create, "--on-drift", "dice")...).fails(exitUsage, ": --on-drift must be one of ask, accept\n")
	m.local(append(create, "--source", "none")...).fails(exitFailed, `there is no calendar "none"; see: admin-assistant --local calendar list`)
	for _, account := range []string{"me", "team"} {
		m.local("calendar", "create", "local://"+account+"/calendars/Twice").ok()
	}
	m.local(append(create, "--archive", "twice")...).fails(exitUsage, `2 calendars are named "twice"`)
	m.local(create...).ok().says("local://me/calendars/Work", "local://me/calendars/My%20archive")
	m.local("calendar", "create", "local://me/calendars/Second").ok()
	m.local("config", "edit", "other", "--archive", "second").ok().says("local://me/calendars/Second")
	m.local("config", "edit", "other", "--archive", "Nowhere").fails(exitFailed, `there is no calendar "Nowhere"`)
	m.local("ledger", "day", "2026-10-15").fails(exitUsage, "--config is missing: which of 2 configs? work, other; see: ")
	m.local("ledger", "day", "2026-10-15", "-c", "wrok").fails(exitFailed,
		`there is no config "wrok"; did you mean "work"? See: admin-assistant --local config list`)
	m.local("archive", "run", "-c", "", "-p", october).fails(exitUsage, "--config is empty: ")
	m.local("archive", "run", "-c", "work", "-p", "").fails(exitUsage, "--period is empty: ")

	m.local("calendar", "create", "Home office").fails(exitUsage,
		"as in local://me/calendars/Home%20office, or in Outlook, as in msgraph://me/calendars/Home%20office")
	m.local("backup", "run", "--calendar", "Work").ok()
	m.local("backup", "list", "--calendar", "work").ok().says("local://me/calendars/Work")
	m.local("calendar", "create", "local://me/calendars/Third").ok()
	m.local("restore", "--file", sample(t), "--into", "third", "--dry-run").ok().says("into local://me/calendars/Third")
	m.local("--yes", "restore", "--file", sample(t), "--into", "Nowhere").fails(exitFailed, `there is no calendar "Nowhere"`)
	m.local("category", "list", "--calendar", "Work").ok()
	m.local("job", "create", "-c", "work", "--kind", "backup", "--calendar", "archive", "--daily", "04:00").ok() // which is a word

	for args, want := range map[string]string{
		"job run": `did you mean "trigger"?`, "ledger show": `did you mean "day"?`, "calendar view": `did you mean "events"?`,
		"ledger zzz": `unknown command "zzz": admin-assistant ledger has add, amend, day, head, history, prove, stamp, verify, withdraw; see: `,
		"zzz":        `unknown command "zzz"; see: `,
	} {
		m.local(strings.Fields(args)...).fails(exitUsage, want)
	}
	m.local("apply", "-f", "none.yaml").fails(exitUsage, `admin-assistant: the file "none.yaml" is not there`)
	m.local("apply", "-f", m.file("odd.yaml", "odd: 1\n")).fails(exitUsage, "odd.yaml: odd ")
	overlap := strings.TrimSpace(m.local("action", "list", "--kind", "overlap", "--jq", ".items[0].id").ok().out)
	m.local("action", "resolve", overlap).fails(exitFailed, "; see what there is to choose: admin-assistant --local action show "+overlap)
	sheet := struct{ ID string }{}
	m.local("timesheet", "create", "-c", "work", "-p", "2026-10", "--customer", "Acme", "-o", "json").ok().decode(&sheet)
	m.local("timesheet", "approve", sheet.ID).fails(exitUsage, ": --note is needed to approve the timesheet: ")
}

func TestWhatGetsInTheWayOfANewUser(t *testing.T) {
	m := seeded(t)
	m.local("config", "edit", "work", "--overlaps", "ask").ok()
	m.local("archive", "run", "-p", october).ok()

	// The one config that there is need not be said, whatever else has to be.
	m.local("rule", "try", "-p", october).ok().says("Nothing was saved", noCustomer)
	m.local("rule", "try").fails(exitUsage, ": --period is missing: ")
	m.local("ledger", "add", "--start", "2026-10-05 12:45").fails(exitUsage, ": --end and --subject are missing, as in: admin-assistant --local ledger add ")

	// What is wrong with a rule is said in the words of the flags.
	m.local("rule", "add", "acme", "--when", "subject word acme", "--category", "Acme - billable").ok()
	m.local("rule", "add", "lunch", "--when", "subject word lunch", "--exclude").ok()
	m.local("rule", "add", "Lunch", "--when", "subject word x", "--exclude").fails(exitFailed,
		`there is a rule "Lunch" already; change it with: admin-assistant --local rule edit Lunch`)
	for flags, want := range map[string]string{
		"x --when=subjct_word_x --exclude":                 ": --when: field must be one of subject, ",
		"x --when=subject_wrd_x --exclude":                 ": --when: op must be one of equals, ",
		"x --when=subject_word_x":                          ": what becomes of the events is missing: say --category, --privacy, --exclude or --travel\n",
		"x --exclude":                                      ": --when is missing: a rule needs one condition at least\n",
		"x --when=subject_word_x --privacy=secret":         ": --privacy ",
		"ä --when=subject_word_x --exclude":                ": id must have 1 to 64 letters",
		"x --when=subject_word_x --category=Acme_billable": ": --category ",
	} {
		args := strings.Fields(flags)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		m.local(append([]string{"rule", "add"}, args...)...).fails(exitUsage, want)
	}
	m.local("rule", "edit", "acme", "--when", "subjct word x").fails(exitUsage, ": --when: field must be one of ")
	m.local("rule", "add", "--file", m.file("rules.json", `[{"id": "x"}]`)).fails(exitUsage, "rules[0].all is empty")
	m.local("rule", "move", "acme", "3").fails(exitUsage, ": there is no place 3: the list has 2 rules\n")
	m.local("rule", "edit", "acme", "--at", "3").fails(exitUsage, ": there is no place 3: the list has 2 rules\n")
	m.local("rule", "move", "acme", "2").ok().says("1  lunch", "2  acme")
	m.local("rule", "delete", "lnch").fails(exitFailed, "see: admin-assistant --local rule list\n")

	for flags, want := range map[string]string{
		"--daily 25:00": `: --daily is "25:00": `, "--weekly mon@9": `: --weekly is "9": `, "--weekly mon": ": --weekly: give a time of day, HH:MM",
		"--weekly xyz@02:00": `: --weekly has "xyz": `, "--cron x": `: --cron is "x": `,
		"--monthly 40@02:00": ": --monthly is 40", "--daily 02:00 --timezone Berlin": ": --timezone ", "--daily 02:00 --days -1": ": --days ",
		"--kind backup --daily 02:00 --keep-last -1": ": --keep-last ",
	} {
		m.local(append([]string{"job", "create"}, strings.Fields(flags)...)...).fails(exitUsage, want)
	}

	m.local("customer", "create", "Acme").ok()
	for flags, want := range map[string]string{
		"--currency EUR --rate 2026-01-01:abc": ": --rate: work must be a decimal", "--rate 2026-13-01:1": ": --rate: from must be a day as in 2026-11-02",
		"--travel x":                     ": --travel must be one of ",
		"--rounding 2026-01-01:7:up:day": ": --rounding: increment must be ", "--email x": ": --email is no e-mail address",
		"--day-minutes -1": ": --day-minutes must be 0 ", "--currency x": ": --currency is ",
	} {
		m.local(append([]string{"customer", "edit", "Acme"}, strings.Fields(flags)...)...).fails(exitUsage, want)
	}

	// What arguments are missing or too many is said with the flags that were given.
	m.local("undo").fails(exitUsage, ": RUN or last is missing, as in: admin-assistant --local undo RUN; see: admin-assistant --local undo --help\n")
	m.local("backup", "run", "Work").fails(exitUsage,
		`: "Work" is too many: admin-assistant --local backup run takes flags alone, as in: admin-assistant --local backup run --calendar `)
	m.local("browser").fails(exitUsage, "which is started with: admin-assistant serve. It goes without --local and --profile\n")
	m.local("calendar", "list", "Work").fails(exitUsage, `takes no arguments; a text with spaces goes into quotes`)
	m.local("ledger", "history", "none").fails(exitFailed, `: the ledger has no appointment with key "none"; keys are those that "ledger day" shows`+"\n")
	m.local("run", "cancel", "last").fails(exitFailed, " has ended already: succeeded\n")

	// Decisions that are refused are about appointments, not keys, and say by which flags they would not be.
	m.local("action", "resolve", "--all", "--kind", "overlap", "--each", "kep").fails(exitUsage,
		`: --each: "kep" is none of keep, drop, accept, keep_archived and withdraw`+"\n")
	doctor := m.about("Doctor")
	m.local("action", "show", doctor.ID).ok().says("you organise it  ", " no\n")
	both := m.local("action", "resolve", doctor.ID, "--each", "keep").ends(exitPartial)
	both.says("Tue 2026-10-20 09:00-10:00  Doctor ", `refused: it would share time with "Umbrella data request" of Tue 2026-10-20 09:30-10:30, which stands; `+
		"change its times, or allow the overlap with --allow-overlap and say why with --note\n").without(doctor.Participants[0].Key)
	m.local("action", "resolve", doctor.ID, "--each", "keep", "--allow-overlap").fails(exitUsage, ": --note is missing: say why ")
	m.local("action", "resolve", doctor.ID, "--verdict", "1=keep_as", "--sensitivity", "secret").fails(exitUsage, ": --sensitivity ")
	if n := strings.Count(both.out, "would share time"); n != 1 {
		t.Errorf("the reason is there %d times: %s", n, both.out)
	}

	// A file is what its name says.
	sheet := struct{ ID string }{}
	m.local("timesheet", "create", "-p", "2026-10", "--customer", "Acme", "-o", "json").ok().decode(&sheet)
	begins := func(name, with string) {
		t.Helper()
		if text := string(mustRead(t, filepath.Join(m.files, name))); !strings.HasPrefix(text, with) {
			t.Errorf("%s begins with %.20q", name, text)
		}
	}
	for name, with := range map[string]string{"a.pdf": "%PDF", "a.XLSX": "PK", "a.json": "{", "a.csv": "date,", "a": "%PDF"} {
		m.local("timesheet", "export", sheet.ID, name).ok()
		begins(name, with)
	}
	m.local("timesheet", "export", sheet.ID, "b.docx").fails(exitUsage,
		`what "b.docx" is to be does not show from its name: say it with --format, which is pdf, xlsx, `)
	m.local("timesheet", "export", sheet.ID, "b.docx", "--format", "csv").ok()
	begins("b.docx", "date,")
	m.local("timesheet", "export", sheet.ID, filepath.Join("none", "a.pdf")).fails(exitUsage, "cannot be written: its folder is not there\n")
	m.local("calendar", "export", "Work", m.files).fails(exitUsage, "is a folder, not a file\n")
	m.local("backup", "run", "--calendar", "Work").ok()
	backup := strings.TrimSpace(m.local("backup", "list", "--jq", ".items[0].id").ok().out)
	for name, with := range map[string]string{"c.ics": "BEGIN:VCALENDAR", "c.jsonl": `{"format"`, "c.csv": "\ufefftype,", "c": `{"format"`} {
		m.local("backup", "download", backup, name).ok()
		begins(name, with)
	}

	m.run("hello\n", "--local", "mcp").fails(exitUsage, "standard input is no message of the Model Context Protocol")

	// A file of another kind is refused in words of ours.
	for _, args := range [][]string{{"timesheet", "verify"}, {"proof", "verify"}, {"apply", "-f"}, {"rule", "try", "-p", october, "--file"}} {
		for _, name := range []string{sample(t), m.file("empty", ""), m.file("other", `{"odd": 1}`), m.file("cut", `{"odd": `)} {
			r := m.local(append(args, name)...)
			r.fails(exitUsage)
			if words := append(byLibraries(r.err), strings.Fields(regexp.MustCompile("mapping values|unknown field").FindString(r.err))...); len(words) > 0 {
				t.Errorf("%s says %q, which are words of a library: %s", r.line, words, r.err)
			}
		}
	}
}

func TestWhyNoServerAnswers(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, tt := range []struct {
		host string
		err  error
		want string
	}{
		{"127.0.0.1", refused, "; start one with: admin-assistant serve, or work without one with: --local"},
		{"127.0.0.1", errors.New("it is slow"), " (it is slow); start one with: admin-assistant serve, or work without one with: --local"},
		{"api.example", refused, ": the machine is there, and does not listen"},
		{"api.example", errors.New("it is slow"), " (it is slow); is the address right, and is there a network?"},
		{"api.example", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}},
			", since no machine has the name api.example; is it written right, and is there a network?"},
		{"api.example", &net.DNSError{Err: "server misbehaving"}, " (lookup : server misbehaving); is the address right, and is there a network?"},
	} {
		if got := whyNoAnswer(tt.host, tt.err); got != tt.want {
			t.Errorf("%s, %v: %q, want %q", tt.host, tt.err, got, tt.want)
		}
	}
}

func TestAFieldThatIsWrongIsNamedAsItsFlag(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.String("on-drift", "", "")
	for _, tt := range []struct{ field, detail, want string }{
		{"on_drift", "on_drift is wrong", "--on-drift is wrong"}, {"on_drift", "it is wrong", "it is wrong"},
		{"on_drift", "on_drifts are wrong", "on_drifts are wrong"}, {"kind", "kind is wrong", "kind is wrong"}, {"", " is wrong", " is wrong"},
	} {
		if got := (&program{flags: flags}).flagged(problem{Field: tt.field, Detail: tt.detail}); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
	if got := (&program{}).flagged(problem{Field: "kind", Detail: "kind is wrong"}); got != "kind is wrong" {
		t.Errorf("before there is a command: %q", got)
	}
}

func TestAnAddressThatIsTaken(t *testing.T) {
	m := newMachine(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	m.run("", "serve", "--addr", taken.Addr().String()).
		fails(exitFailed, "cannot listen on "+taken.Addr().String()+": another program does, perhaps a server that runs already; name another address with --addr")
}

func TestTheDemoKeepsItsDataApart(t *testing.T) {
	m := newMachine(t)
	own := filepath.Join(m.files, "share", "admin-assistant")
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own+"-demo", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m.more = []string{"ADMIN_ASSISTANT_DATA=", "XDG_DATA_HOME=" + filepath.Dir(own)}
	m.run("", "serve", "--demo", "--addr", "127.0.0.1:0").fails(exitUsage, own+"-demo")
	if _, err := os.Stat(own); err == nil {
		t.Error("the demo made a folder for what is true")
	}
	p := &program{}
	if err := p.demoFolder(); err != nil || !p.dataGiven || filepath.Base(p.settings.Data) != "admin-assistant-demo" {
		t.Errorf("%+v, %v", p.settings.Data, err)
	}
	listener, err := p.listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	want := "admin-assistant --api http://" + listener.Addr().String() + " --data " + quoted(p.settings.Data) + " browser"
	if got := p.command("browser"); got != want {
		t.Errorf("it is found again with %q, want %q", got, want)
	}
	listener.Close()
	p.settings.API, p.dataGiven = "http://"+listener.Addr().String(), false
	if listener, err = p.listen(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if got := p.command("browser"); got != "admin-assistant browser" {
		t.Errorf("where every command goes anyway it is found again with %q", got)
	}
	p = &program{}
	p.settings.Data = "mine"
	if err := p.demoFolder(); err != nil || p.settings.Data != "mine" {
		t.Errorf("%+v, %v", p.settings.Data, err)
	}
}

func TestTimesAreOfTheColumnsThatAreShown(t *testing.T) {
	var out strings.Builder
	p := &program{out: &out}
	cells := [][]string{{"01A", "at 2026-10-01 09:00 sharp"}, {"01B", ""}}
	for _, tt := range []struct {
		times   []string
		columns []int
		want    bool
	}{{nil, []int{0, 1}, false}, {[]string{"2026-10-01 09:00"}, []int{0, 1}, true},
		{[]string{"2026-10-01 09:00"}, []int{0}, false}, {[]string{"2026-10-02 09:00"}, []int{1}, false}} {
		p.times = tt.times
		if got := p.haveTimes(cells, tt.columns); got != tt.want || p.times != nil {
			t.Errorf("%v in %v: %v", tt.times, tt.columns, got)
		}
	}
	p.times = []string{"x"}
	p.printTable(table.Row{"When"}, []table.Row{{"x"}})
	if !strings.Contains(out.String(), "\ntimes in ") {
		t.Errorf("%s", out.String())
	}
}

func TestTheHelpBeginsWithTheMainJob(t *testing.T) {
	m := newMachine(t)
	help := m.run("", "--help").ok().out
	at := -1
	for _, text := range []string{"Usage:\n  admin-assistant COMMAND\n", "Examples:\n", "Every day:\n  action", "  archive ", "Set up:\n  apply",
		"Keep safe:\n  audit",
		"Server and sign-in:\n  admin", "Additional Commands:\n  completion", "  help ", "  version ", "Flags:"} {
		next := strings.Index(help, text)
		if next < at || next < 0 {
			t.Errorf("%q is not in its place:\n%s", text, help)
		}
		at = next
	}
	if strings.Contains(help, "[flags]") || strings.Count(help, "\n  man ") > 0 {
		t.Errorf("%s", help)
	}
	m.run("", "run").ok().says("Usage:\n  admin-assistant run COMMAND\n", `Use "admin-assistant run COMMAND --help"`)
	m.run("", "hours", "--help").ok().says("Usage:\n  admin-assistant hours [flags]\n  admin-assistant hours COMMAND\n") // which does something itself
	m.run("", "run", "list", "--help").ok().says("Usage:\n  admin-assistant run list [flags]\n")
	for _, g := range groups {
		for _, name := range strings.Fields(g.commands) {
			if sub := child((&program{}).root(), name); sub == nil || sub.GroupID != g.title {
				t.Errorf("%s has no command %s", g.title, name)
			}
		}
	}
}
