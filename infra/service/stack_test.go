package service

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/functions/cloudtest"
	"adminassistant/functions/lambdatest"
	"adminassistant/infra/data"
	"adminassistant/infra/heads"
	"adminassistant/infra/infratest"
	"adminassistant/shared/queue"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// props are those of a stage with all settings set.
func props(stage string) Props {
	return Props{
		Stack: infratest.Stack("service"), Stage: stage, Commit: "abc123", LogLevel: "info", LogDays: 90,
		MailFrom: "aa@mail.example.com", MailIdentity: "example.com", AlarmEmail: "ops@example.com", PublicURL: "https://calendar.example.com",
		SignIn: SignIn{
			Authority: "https://login.example.com", Audience: "audience", Tenants: []string{"t1", "t2"}, Client: "cli",
			Programs: []string{"p1", "p2"}, ServiceRoles: []string{"r1", "r2"},
			Credentials: "sign-in/app", Redirect: "https://calendar.example.com/auth/callback",
		},
		Graph:   Graph{Tenant: "tenant", Client: "client", Credentials: "graph/app", URL: "https://graph.example.com/v1.0"},
		Reserve: stage == "prod", ArchiveConcurrency: 7, BackupConcurrency: 3, UnseenDays: 60,
	}
}

// The stack is made once for all tests: as in prod; as where each user's mailbox is reached by the user's own sign-in; and as in dev, with as few
// settings as can be.
var (
	prod = sync.OnceValues(func() (infratest.Template, error) {
		p := props("prod")
		p.Canary, p.Budget = 10*time.Minute, 50
		return synth(p)
	})
	delegated = sync.OnceValues(func() (infratest.Template, error) {
		p := props("staging")
		p.Graph = Graph{Delegated: true}
		return synth(p)
	})
	vouched = sync.OnceValues(func() (infratest.Template, error) {
		p := props("staging")
		p.Graph.Credentials, p.Graph.Federated = "", true
		p.SignIn.Credentials, p.SignIn.Federated, p.SignIn.Guests, p.SignIn.Identifiers = "", true, true, []string{"https://example.com/a"}
		return synth(p)
	})
	// full has as much as the settings take.
	full = sync.OnceValues(func() (infratest.Template, error) {
		p := props("staging")
		p.Graph, p.MailConfigurationSet, p.Canary = Graph{Delegated: true}, "set_1", 10*time.Minute
		p.MailSandbox = true
		for i := range 40 { // the most that the settings take
			p.SignIn.Tenants = append(p.SignIn.Tenants[:i], fmt.Sprintf("11111111-2222-4333-8444-%012d", i))
		}
		for i := range 10 {
			p.SignIn.Programs = append(p.SignIn.Programs[:i], fmt.Sprintf("22222222-2222-4333-8444-%012d", i))
		}
		return synth(p)
	})
	stamped = sync.OnceValues(func() (infratest.Template, error) {
		p := props("staging")
		p.StampURL, p.StampTrust = "https://tsa.example/tsr", "MIIB"
		return synth(p)
	})
	dev = sync.OnceValues(func() (infratest.Template, error) {
		p := props("dev")
		p.SignIn = SignIn{Authority: p.SignIn.Authority, Audience: p.SignIn.Audience, Tenants: p.SignIn.Tenants}
		p.Graph, p.AlarmEmail, p.Destroy, p.CORSOrigins = Graph{}, "", true, []string{"https://calendar.example.com"}
		return synth(p)
	})
)

func synth(p Props) (infratest.Template, error) {
	folder, err := os.MkdirTemp("", "service-stack-*")
	if err != nil {
		return infratest.Template{}, err
	}
	defer os.RemoveAll(folder)
	app, err := infratest.NewApp("../..", path.Join(folder, "out"))
	if err != nil {
		return infratest.Template{}, err
	}
	if err := infratest.Functions(folder, append(slices.Clone(names), prober)...); err != nil {
		return infratest.Template{}, err
	}
	p.Functions = folder
	p.Data = data.New(app, "data", data.Props{Stack: infratest.Stack("data")})
	if p.Stage == "prod" {
		p.Heads = heads.New(app, "heads", heads.Props{Stack: infratest.Stack("heads")})
	}
	s, err := New(app, "service", p)
	if err != nil {
		return infratest.Template{}, err
	}
	return infratest.Read(s)
}

func stack(t *testing.T, of func() (infratest.Template, error)) view {
	t.Helper()
	infratest.NeedNode(t)
	template, err := of()
	if err != nil {
		t.Fatal(err)
	}
	v := view{Template: template, names: map[string]string{}}
	for output, o := range template.Outputs {
		if id, ok := infratest.At(o.Value, "Ref").(string); ok {
			v.names[id] = strings.ToLower(strings.TrimPrefix(regexp.MustCompile(`[A-Z]`).ReplaceAllString(output, "-$0"), "-"))
		}
	}
	return v
}

// view is a template with names in place of logical ids: "queue-archive-dead", "function-api".
type view struct {
	infratest.Template
	names map[string]string
}

var (
	imported = regexp.MustCompile(`^([\w-]+):ExportsOutput(?:FnGetAtt|Ref)(Table|Bucket|Key|TokenKey)[0-9A-F]{8}(Arn)?`)
	mailSet  = regexp.MustCompile(`^mailSet[0-9A-F]{8}$`)
	generic  = regexp.MustCompile(`^functions(\w+?)(Log|Alias)[0-9A-F]{8}$`)
)

// name writes a value that CloudFormation computes for people: "table", "bucket/ledger/*", "queue-archive". The ARN, the URL and the
// name of a thing are all its name.
func (v view) name(value any) string {
	id := func(id string) string {
		if name := v.names[id]; name != "" {
			return name
		}
		if mailSet.MatchString(id) {
			return "mailset"
		}
		if m := generic.FindStringSubmatch(id); m != nil {
			return strings.ToLower(m[2]) + "-" + m[1]
		}
		return id
	}
	switch x := value.(type) {
	case string:
		return x
	case map[string]any:
		if ref, ok := x["Ref"].(string); ok {
			return id(ref)
		}
		if ref, ok := infratest.At(x, "Fn::GetAtt", 0).(string); ok {
			return id(ref)
		}
		if from, ok := x["Fn::ImportValue"].(string); ok {
			if m := imported.FindStringSubmatch(from); m != nil && m[1] == "heads" {
				return "heads" + strings.ToLower(m[2])
			} else if m != nil {
				return strings.ToLower(m[2])
			}
			return from
		}
		if parts, ok := infratest.At(x, "Fn::Join", 1).([]any); ok {
			var b strings.Builder
			for _, part := range parts {
				b.WriteString(v.name(part))
			}
			return b.String()
		}
	}
	return infratest.Text(value)
}

// named returns the resource of a type by the name of its output, such as "queue-archive".
func (v view) named(t *testing.T, name string) infratest.Resource {
	t.Helper()
	for id, r := range v.Resources {
		if v.names[id] == name {
			return r
		}
	}
	t.Fatalf("nothing is called %s", name)
	return infratest.Resource{}
}

// statement is what a function's role allows.
type statement struct {
	actions, resources []string
	condition          string
}

// may returns what a role allows: that of a function, or of the construct with that id.
func (v view) may(t *testing.T, construct string) []statement {
	t.Helper()
	var all []statement
	for id, policy := range v.Of(t, "AWS::IAM::Policy") {
		if !strings.HasPrefix(id, construct) {
			continue
		}
		for _, s := range infratest.At(policy.Properties, "PolicyDocument", "Statement").([]any) {
			if infratest.At(s, "Effect") != "Allow" || infratest.At(s, "NotAction") != nil || infratest.At(s, "NotResource") != nil {
				t.Fatalf("%s has %s", id, infratest.Text(s))
			}
			one := statement{actions: infratest.Strings(infratest.At(s, "Action"))}
			switch resources := infratest.At(s, "Resource").(type) {
			case []any:
				for _, r := range resources {
					one.resources = append(one.resources, v.name(r))
				}
			default:
				one.resources = []string{v.name(resources)}
			}
			slices.Sort(one.resources)
			if c := infratest.At(s, "Condition"); c != nil {
				one.condition = strings.ReplaceAll(infratest.Text(c),
					infratest.Text(map[string]any{"Fn::Join": []any{"", []any{"dynamodb.eu-central-1.", map[string]any{"Ref": "AWS::URLSuffix"}}}}), `"dynamodb"`)
				one.condition = strings.ReplaceAll(one.condition,
					infratest.Text(map[string]any{"Fn::Join": []any{"", []any{"s3.eu-central-1.", map[string]any{"Ref": "AWS::URLSuffix"}}}}), `"s3"`)
			}
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no policy belongs to %s", construct)
	}
	return all
}

// allowed says whether the statements allow an action on a resource, under whatever condition.
func allowed(may []statement, action, resource string) bool {
	matches := func(patterns []string, value string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			form := regexp.QuoteMeta(p)
			form = strings.ReplaceAll(strings.ReplaceAll(form, `\*`, ".*"), `\?`, ".")
			return regexp.MustCompile("^(?i)" + form + "$").MatchString(value)
		})
	}
	return slices.ContainsFunc(may, func(s statement) bool { return matches(s.actions, action) && matches(s.resources, resource) })
}

// ofTokens leaves out what is about the signing key, which has the key of tokens and, bound to another purpose, opens none of them.
func ofTokens(may []statement) []statement {
	return slices.DeleteFunc(slices.Clone(may), func(s statement) bool { return s.String() == cloudtest.Signs })
}

func (s statement) String() string {
	text := strings.Join(s.actions, " ") + " on " + strings.Join(s.resources, " ")
	if s.condition != "" {
		text += " if " + s.condition
	}
	return text
}

// TestPermissions compares what the functions may do with what the tests of the functions let them do.
func TestPermissions(t *testing.T) {
	v := stack(t, prod)
	var versions, reports []string
	application := slices.Collect(maps.Keys(v.Of(t, "AWS::CodeDeploy::Application")))[0]
	for id := range v.Of(t, "AWS::Lambda::Version") {
		versions = append(versions, id)
	}
	for id := range v.Of(t, "AWS::CodeDeploy::DeploymentGroup") {
		reports = append(reports,
			"codedeploy:PutLifecycleEventHookExecutionStatus on arn:aws:codedeploy:eu-central-1:111122223333:deploymentgroup:"+application+"/"+id)
	}
	slices.Sort(versions)
	for name := range cloudtest.Functions {
		want := cloudtest.May(name)
		if name == prober {
			want = append(append(want, reports...), "lambda:InvokeFunction on "+strings.Join(versions, " "))
		}
		t.Run(name+" may do what it is for, and nothing else", func(t *testing.T) {
			var got []string
			for _, s := range v.may(t, "functions"+name) {
				got = append(got, s.String())
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("the schedule may wake the dispatcher and report that it could not", func(t *testing.T) {
		var got []string
		for _, s := range v.may(t, "schedule") {
			got = append(got, s.String())
		}
		if diff := cmp.Diff([]string{"lambda:InvokeFunction on alias-dispatcher", "sqs:SendMessage on queue-schedule-dead"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("without Microsoft 365 nobody reads a secret, and the key of tokens is for the signing key alone", func(t *testing.T) {
		for _, name := range names {
			signing := 0
			for _, s := range stack(t, dev).may(t, "functions"+name) {
				if s.String() == cloudtest.Signs {
					signing++
				} else if strings.Contains(s.String(), "secretsmanager") || strings.Contains(s.String(), "tokenkey") {
					t.Errorf("%s: %s", name, s)
				}
			}
			if want := map[string]int{api: 1, archive: 1, notify: 1}[name]; signing != want {
				t.Errorf("%s may sign by %d statements, not %d", name, signing, want)
			}
		}
	})
	t.Run("where heads are kept nowhere nobody may do anything with them", func(t *testing.T) {
		for _, name := range names {
			for _, s := range stack(t, dev).may(t, "functions"+name) {
				if strings.Contains(s.String(), "heads") {
					t.Errorf("%s: %s", name, s)
				}
			}
		}
	})
	// more is what a function may do in one stack and not in the other.
	more := func(t *testing.T, name string, here, there view) []string {
		t.Helper()
		var got []string
		for _, s := range here.may(t, "functions"+name) {
			if !slices.ContainsFunc(there.may(t, "functions"+name), func(other statement) bool { return other.String() == s.String() }) {
				got = append(got, s.String())
			}
		}
		slices.Sort(got)
		return got
	}
	t.Run("where users' own sign-ins reach mailboxes, the API seals them, and those who carry out runs open them", func(t *testing.T) {
		here, plain := stack(t, delegated), stack(t, dev)
		opens := []string{cloudtest.OpensTokens, cloudtest.ReadsSignIn}
		for name, want := range map[string][]string{
			api: {cloudtest.SealsTokens, cloudtest.ReadsSignIn}, archive: opens, backup: opens, dispatcher: nil, notify: nil,
		} {
			if diff := cmp.Diff(want, more(t, name, here, plain)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

// TestForbidden names what would hurt most, on its own.
func TestRolesThatAWSVouchesFor(t *testing.T) {
	v := stack(t, vouched)
	for _, name := range names {
		n := 0
		for _, s := range v.may(t, "functions"+name) {
			if s.String() == cloudtest.Vouches {
				n++
			} else if allowed([]statement{s}, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:x") {
				t.Errorf("%s reads a secret: %s", name, s)
			}
		}
		if want := slices.Contains([]string{api, archive, backup}, name); (n == 1) != want || n > 1 {
			t.Errorf("%s may so %d times", name, n)
		}
		if told := v.Outputs["Role"+title(name)].Value != nil; told != slices.Contains([]string{api, archive, backup}, name) {
			t.Errorf("the role of %s is told: %t", name, told)
		}
	}
	for name := range stack(t, prod).Outputs {
		if strings.HasPrefix(name, "Role") {
			t.Errorf("%s is told where nobody needs it", name)
		}
	}
}

func TestForbidden(t *testing.T) {
	v := stack(t, prod)
	secret := "arn:aws:secretsmanager:eu-central-1:111122223333:secret:graph/app-AbCdEf"
	signIn := "arn:aws:secretsmanager:eu-central-1:111122223333:secret:sign-in/app-AbCdEf"
	for _, of := range []func() (infratest.Template, error){prod, delegated} {
		v := stack(t, of)
		t.Run("the API opens no user's tokens, whatever the stack", func(t *testing.T) {
			may := ofTokens(v.may(t, "functionsapi"))
			for _, action := range []string{"kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant", "kms:PutKeyPolicy"} {
				if allowed(may, action, "tokenkey") {
					t.Errorf("%s is allowed", action)
				}
			}
			if !allowed(may, "kms:GenerateDataKey", "tokenkey") {
				t.Error("it cannot seal them")
			}
		})
	}
	for _, c := range []struct{ function, action, resource string }{
		{api, "s3:PutObject", "bucket/backups/b/events.jsonl"},
		{api, "s3:DeleteObjectVersion", "bucket/backups/b/events.jsonl"},
		{api, "s3:DeleteObjectVersion", "bucket/ledger/c/bodies/d"},
		{api, "s3:PutObject", "bucket/ledger/c/bodies/d"},
		{api, "kms:Decrypt", "tokenkey"},
		{api, "secretsmanager:GetSecretValue", secret + "GhIjKl"},
		{notify, "secretsmanager:GetSecretValue", secret},
		{notify, "secretsmanager:GetSecretValue", signIn},
		{archive, "secretsmanager:GetSecretValue", signIn}, // an application reaches the mailboxes
		{archive, "kms:Decrypt", "tokenkey"},
		{dispatcher, "secretsmanager:GetSecretValue", signIn},
		{dispatcher, "kms:Decrypt", "tokenkey"},
		{dispatcher, "kms:GenerateDataKey", "tokenkey"},
		{dispatcher, "secretsmanager:GetSecretValue", secret},
		{dispatcher, "s3:GetObject", "bucket/backups/b/events.jsonl"},
		{archive, "s3:DeleteObject", "bucket/ledger/c/bodies/d"},
		{archive, "s3:GetObject", "bucket/backups/b/events.jsonl"},
		{archive, "secretsmanager:GetSecretValue", secret + "GhIjKl"},
		{archive, "s3:GetObject", "bucket/uploads/u/d"},
		{backup, "s3:PutObject", "bucket/uploads/u/d"},
		{backup, "s3:DeleteObject", "bucket/ledger/c/bodies/d"},
		{backup, "s3:PutObject", "bucket/ledger/c/bodies/d"},
		{backup, "s3:GetObject", "bucket/ledger/c/bodies/d"},
		{backup, "s3:DeleteObjectVersion", "bucket/backups/b/events.jsonl"},
		{notify, "kms:Decrypt", "tokenkey"},
		{notify, "s3:GetObject", "bucket/ledger/c/bodies/d"},
		{notify, "sqs:ReceiveMessage", "queue-notify-dead"},
		{api, "s3:PutObject", "headsbucket/heads/c/d"},
		{api, "s3:DeleteObjectVersion", "headsbucket/heads/c/d"},
		{archive, "s3:PutObject", "headsbucket/other"},
		{archive, "s3:DeleteObject", "headsbucket/heads/c/d"},
		{archive, "s3:DeleteObjectVersion", "headsbucket/heads/c/d"},
		{archive, "s3:PutObjectRetention", "headsbucket/heads/c/d"},
		{archive, "s3:BypassGovernanceRetention", "headsbucket/heads/c/d"},
		{backup, "s3:PutObject", "headsbucket/heads/c/d"},
		{backup, "kms:Decrypt", "tokenkey"},
		{archive, "dynamodb:DeleteTable", "table"},
		{prober, "s3:PutObject", "bucket/ledger/c/bodies/d"},
		{prober, "kms:Decrypt", "tokenkey"},
		{prober, "sqs:SendMessage", "queue-archive"},
		{prober, "lambda:UpdateAlias", "functionsapiFunction"},
		{archive, "dynamodb:Scan", "table"},
	} {
		t.Run(fmt.Sprintf("%s must not %s %s", c.function, c.action, c.resource), func(t *testing.T) {
			if allowed(ofTokens(v.may(t, "functions"+c.function)), c.action, c.resource) {
				t.Error("it is allowed")
			}
		})
	}
	t.Run("the check sees what is allowed", func(t *testing.T) {
		if may := v.may(t, "functions"+backup); !allowed(may, "s3:DeleteObject", "bucket/backups/b/events.jsonl") ||
			!allowed(may, "secretsmanager:GetSecretValue", secret) {
			t.Error("backup cannot do its work")
		}
	})
	t.Run("no action is a wildcard, and no resource but what X-Ray forces", func(t *testing.T) {
		for _, construct := range []string{
			"schedule", "functionsapi", "functionsdispatcher", "functionsarchive", "functionsbackup", "functionsnotify", "functionsprobe",
		} {
			for _, s := range v.may(t, construct) {
				if strings.Contains(strings.Join(s.actions, ""), "*") {
					t.Errorf("%s: %s", construct, s)
				}
				if slices.Contains(s.resources, "*") && !slices.Equal(s.actions, []string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}) {
					t.Errorf("%s: %s", construct, s)
				}
			}
		}
	})
	t.Run("a function may do what its own policy says, and no managed one", func(t *testing.T) {
		for id, role := range v.Of(t, "AWS::IAM::Role") {
			if managed := role.Properties["ManagedPolicyArns"]; managed != nil && !strings.Contains(id, "Rollout") {
				t.Errorf("%s has %v", id, managed)
			}
			if role.Properties["Policies"] != nil {
				t.Errorf("%s has policies of its own", id)
			}
		}
	})
}

func TestEnvironments(t *testing.T) {
	every := func(v map[string]string, stage string) map[string]string {
		v["STAGE"], v["TABLE"], v["LOG_LEVEL"] = stage, "table", "info"
		return v
	}
	signIn := func(v map[string]string) map[string]string {
		v["SIGN_IN_AUTHORITY"], v["SIGN_IN_AUDIENCE"], v["SIGN_IN_TENANTS"] = "https://login.example.com", "audience", "t1,t2"
		return v
	}
	asking := func(v map[string]string) map[string]string {
		v["SIGN_IN_CLIENT"], v["SIGN_IN_PROGRAMS"], v["SIGN_IN_SERVICE_ROLES"] = "cli", "p1,p2", "r1,r2"
		return v
	}
	web := func(v map[string]string) map[string]string {
		v["SIGN_IN_CREDENTIALS"], v["SIGN_IN_REDIRECT"], v["KEY"] = "sign-in/app", "https://calendar.example.com/auth/callback", "tokenkey"
		return v
	}
	graph := func(v map[string]string) map[string]string {
		v["GRAPH_TENANT"], v["GRAPH_CLIENT"], v["GRAPH_CREDENTIALS"], v["GRAPH_URL"] = "tenant", "client", "graph/app", "https://graph.example.com/v1.0"
		return v
	}
	runs := func(name string) map[string]string {
		upper := strings.ToUpper(name)
		return map[string]string{
			"BUCKET": "bucket", "LEASE": "1m0s", "HAND_ON": "1m0s", "QUEUE_NOTIFY": "queue-notify",
			"QUEUE_" + upper: "queue-" + name, "QUEUE_" + upper + "_DEAD": "queue-" + name + "-dead",
		}
	}
	queues := func(names ...string) map[string]string {
		v := map[string]string{}
		for _, name := range names {
			v["QUEUE_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = "queue-" + name
		}
		return v
	}
	with := func(v map[string]string, name, value string) map[string]string { v[name] = value; return v }
	sends := func(v map[string]string) map[string]string {
		return with(with(v, "MAIL_FROM", "aa@mail.example.com"), "MAIL_SET", "mailset")
	}
	check := func(t *testing.T, v view, name string, want map[string]string) {
		t.Helper()
		got := map[string]string{}
		function := v.named(t, "function-"+name).Properties
		for variable, value := range infratest.At(function, "Environment", "Variables").(map[string]any) {
			short, ok := strings.CutPrefix(variable, "ADMIN_ASSISTANT_")
			if !ok {
				t.Errorf("%s is none of ours", variable)
			}
			got[short] = v.name(value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for name, want := range map[string]map[string]string{
		api:        graph(web(signIn(asking(sends(with(queues("archive", "backup"), "BUCKET", "bucket")))))),
		dispatcher: with(queues("archive", "backup", "notify"), "UNSEEN_DAYS", "60"),
		archive:    graph(with(runs("archive"), "KEY", "tokenkey")),
		backup:     graph(runs("backup")),
		notify: with(with(sends(queues("notify", "notify-dead", "archive-dead", "backup-dead")), "PUBLIC_URL", "https://calendar.example.com"), "KEY",
			"tokenkey"),
	} {
		if name == api || name == archive {
			want["HEAD_BUCKET"] = "headsbucket"
		}
		t.Run(name+" knows what it needs, and nothing else", func(t *testing.T) { check(t, stack(t, prod), name, every(want, "prod")) })
	}
	for _, name := range names {
		t.Run(name+" is told all that it refuses to start without", func(t *testing.T) {
			source, err := os.ReadFile("../../functions/" + name + "/main.go")
			if err != nil {
				t.Fatal(err)
			}
			v := stack(t, dev)
			told := infratest.At(v.named(t, "function-"+name).Properties, "Environment", "Variables").(map[string]any)
			for _, variable := range regexp.MustCompile(`ADMIN_ASSISTANT_[A-Z_]+`).FindAllString(string(source), -1) {
				if told[variable] == nil {
					t.Errorf("%s is not set", variable)
				}
			}
		})
	}
	t.Run("an authority for time-stamps is known to those who ask it and check what it says", func(t *testing.T) {
		v := stack(t, stamped)
		for _, name := range names {
			told := infratest.At(v.named(t, "function-"+name).Properties, "Environment", "Variables").(map[string]any)
			asks := name == api || name == dispatcher || name == archive
			if (told["ADMIN_ASSISTANT_STAMP_URL"] == "https://tsa.example/tsr") != asks || (told["ADMIN_ASSISTANT_STAMP_TRUST"] == "MIIB") != asks {
				t.Errorf("%s is told %v", name, told)
			}
			if asks && told["ADMIN_ASSISTANT_KEY"] == nil {
				t.Errorf("%s cannot open heads", name)
			}
			opens := slices.ContainsFunc(v.may(t, "functions"+name), func(s statement) bool { return s.String() == cloudtest.Signs })
			if asks && !opens {
				t.Errorf("%s may not open heads", name)
			}
		}
	})
	t.Run("without Microsoft 365 nothing is said of it", func(t *testing.T) {
		check(t, stack(t, dev), archive, every(with(runs("archive"), "KEY", "tokenkey"), "dev"))
		check(t, stack(t, dev), api, every(signIn(sends(with(with(queues("archive", "backup"), "BUCKET", "bucket"), "KEY", "tokenkey"))), "dev"))
	})
	t.Run("who shows who it is by its role knows that", func(t *testing.T) {
		by := func(v map[string]string) map[string]string {
			delete(v, "GRAPH_CREDENTIALS")
			return with(v, "GRAPH_FEDERATED", "true")
		}
		for _, name := range []string{archive, backup} {
			want := by(graph(runs(name)))
			if name == archive {
				want["KEY"] = "tokenkey"
			}
			check(t, stack(t, vouched), name, every(want, "staging"))
		}
		in := by(graph(web(signIn(asking(sends(with(queues("archive", "backup"), "BUCKET", "bucket")))))))
		delete(in, "SIGN_IN_CREDENTIALS")
		in["SIGN_IN_FEDERATED"], in["SIGN_IN_GUESTS"], in["SIGN_IN_IDENTIFIERS"] = "true", "true", "https://example.com/a"
		check(t, stack(t, vouched), api, every(in, "staging"))
	})
	t.Run("who acts for users knows how they sign in", func(t *testing.T) {
		for _, name := range []string{archive, backup} {
			check(t, stack(t, delegated), name, every(with(web(signIn(runs(name))), "GRAPH_DELEGATED", "true"), "staging"))
		}
		check(t, stack(t, delegated), api,
			every(with(web(signIn(asking(sends(with(queues("archive", "backup"), "BUCKET", "bucket"))))), "GRAPH_DELEGATED", "true"), "staging"))
	})
}

// size is what a function is like.
type size struct {
	Memory, Timeout, Reserved float64
}

func TestFunctions(t *testing.T) {
	v := stack(t, prod)
	sizes := map[string]size{
		api: {512, 29, 0}, dispatcher: {256, 60, 2}, archive: {512, 900, 7}, backup: {1024, 900, 3}, notify: {256, 60, 9}, prober: {256, 600, 0},
	}
	if len(v.Of(t, "AWS::Lambda::Function")) != len(sizes) {
		t.Errorf("there are functions that nobody asked for")
	}
	for name, want := range sizes {
		f := v.named(t, "function-"+name)
		t.Run(name+" has its size", func(t *testing.T) {
			reserved, _ := f.Properties["ReservedConcurrentExecutions"].(float64)
			if got := (size{f.Properties["MemorySize"].(float64), f.Properties["Timeout"].(float64), reserved}); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
		t.Run(name+" is a traced arm64 program with a log that ends", func(t *testing.T) {
			if diff := cmp.Diff([]any{[]any{"arm64"}, "provided.al2023", "bootstrap", "Active"},
				[]any{f.Properties["Architectures"], f.Properties["Runtime"], f.Properties["Handler"], infratest.At(f.Properties, "TracingConfig", "Mode")}); diff != "" {
				t.Error(diff)
			}
			log := v.Resources[infratest.At(f.Properties, "LoggingConfig", "LogGroup", "Ref").(string)]
			if log.Type != "AWS::Logs::LogGroup" || log.Properties["RetentionInDays"] != 90.0 || log.DeletionPolicy != "Retain" {
				t.Errorf("its log is %v", log)
			}
		})
		t.Run(name+" has a role of its own that it waits for", func(t *testing.T) {
			if !slices.ContainsFunc(f.DependsOn, func(id string) bool { return strings.HasPrefix(id, "functions"+name+"RoleDefaultPolicy") }) {
				t.Errorf("it depends on %v", f.DependsOn)
			}
			if id := infratest.At(f.Properties, "Role", "Fn::GetAtt", 0).(string); !strings.HasPrefix(id, "functions"+name+"Role") {
				t.Errorf("its role is %s", id)
			}
		})
	}
	t.Run("they are as the tests of the functions have them", func(t *testing.T) {
		want, got := map[string]cloudtest.Deployed{}, map[string]cloudtest.Deployed{}
		for name, f := range cloudtest.Functions {
			if f.Queues == nil {
				f.Queues = map[string]int{}
			}
			want[name] = f
		}
		for name := range sizes {
			f := v.named(t, "function-"+name)
			got[name] = cloudtest.Deployed{
				Memory: int(f.Properties["MemorySize"].(float64)), Timeout: time.Duration(f.Properties["Timeout"].(float64)) * time.Second,
				AllowLoops: f.Properties["RecursiveLoop"] == "Allow", Queues: map[string]int{},
			}
		}
		for _, m := range v.Of(t, "AWS::Lambda::EventSourceMapping") {
			alias := v.name(m.Properties["FunctionName"])
			function := regexp.MustCompile(`functions(\w+?)Alias`).FindStringSubmatch(alias)
			if function == nil {
				t.Fatalf("a mapping of %s", alias)
			}
			got[function[1]].Queues[strings.TrimPrefix(v.name(m.Properties["EventSourceArn"]), "queue-")] = int(m.Properties["BatchSize"].(float64))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nothing is reserved where nobody asks for it", func(t *testing.T) {
		small := stack(t, dev)
		for _, name := range names {
			if reserved := small.named(t, "function-"+name).Properties["ReservedConcurrentExecutions"]; reserved != nil {
				t.Errorf("%s: %v", name, reserved)
			}
		}
		for _, mapping := range small.Of(t, "AWS::Lambda::EventSourceMapping") { // an account may have 10 instances for all of them
			from, most := small.name(mapping.Properties["EventSourceArn"]), 2.0
			if got := infratest.At(mapping.Properties, "ScalingConfig", "MaximumConcurrency"); from == "queue-notify" && got != most {
				t.Errorf("%s has %v at once", from, got)
			}
		}
	})
	t.Run("what is reserved is what a deployment says that it needs", func(t *testing.T) {
		sum := 0.0
		for _, size := range sizes {
			sum += size.Reserved
		}
		if p := props("prod"); sum != float64(Reserved(p.ArchiveConcurrency, p.BackupConcurrency)) {
			t.Errorf("%v", sum)
		}
	})
	t.Run("their variables fit into what Lambda has for them", func(t *testing.T) {
		v := stack(t, full)
		for name := range sizes {
			env := map[string]string{}
			for variable, value := range infratest.At(v.named(t, "function-"+name).Properties, "Environment", "Variables").(map[string]any) {
				text, known := value.(string)
				if !known {
					text = strings.Repeat("x", 130) // longer than an address of a queue
				}
				env[variable] = text
			}
			if err := lambdatest.CheckEnvironment(env); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("e-mail goes through the default configuration set as well, where there is one", func(t *testing.T) {
		for set, of := range map[string]func() (infratest.Template, error){"": prod, "configuration-set/set_1": full} {
			var text strings.Builder
			for _, s := range stack(t, of).may(t, "functions"+notify) {
				text.WriteString(s.String() + "\n")
			}
			if !strings.Contains(text.String(), "ses:SendEmail") || strings.Count(text.String(), "configuration-set/") != min(len(set), 1)+1 ||
				!strings.Contains(text.String(), set) {
				t.Errorf("%q: %s", set, text.String())
			}
		}
	})
	t.Run("in its sandbox SES asks for permission on whoever gets an e-mail, too, and the sender stays the one", func(t *testing.T) {
		for _, name := range []string{api, notify} {
			for sandbox, of := range map[bool]func() (infratest.Template, error){false: prod, true: full} {
				may := stack(t, of).may(t, "functions"+name)
				mails := slices.IndexFunc(may, func(s statement) bool { return slices.Contains(s.actions, "ses:SendEmail") })
				if mails < 0 {
					t.Fatalf("%s sends no e-mail", name)
				}
				const recipient = "arn:aws:ses:eu-central-1:111122223333:identity/*"
				if slices.Contains(may[mails].resources, recipient) != sandbox || may[mails].condition != `{"StringEquals":{"ses:FromAddress":"aa@mail.example.com"}}` {
					t.Errorf("%s, sandbox %t: %s", name, sandbox, may[mails])
				}
			}
		}
	})
	t.Run("code is named by its content", func(t *testing.T) {
		keys := map[any]bool{}
		for _, f := range v.Of(t, "AWS::Lambda::Function") {
			keys[infratest.At(f.Properties, "Code", "S3Key")] = true
		}
		other := stack(t, dev)
		for _, f := range other.Of(t, "AWS::Lambda::Function") { // without a canary nothing is tried
			if key := infratest.At(f.Properties, "Code", "S3Key"); !keys[key] {
				t.Errorf("the same code is called %v in another stack", key)
			}
		}
		if len(keys) != len(sizes) {
			t.Errorf("%d functions have %d codes", len(sizes), len(keys))
		}
	})
	t.Run("earlier versions stay to go back to", func(t *testing.T) {
		for id, version := range v.Of(t, "AWS::Lambda::Version") {
			if version.DeletionPolicy != "Retain" {
				t.Errorf("%s goes", id)
			}
		}
	})
	t.Run("a function that is not built is named", func(t *testing.T) {
		p := props("dev")
		p.Functions = t.TempDir()
		if err := infratest.Functions(p.Functions, api, dispatcher, archive, notify); err != nil {
			t.Fatal(err)
		}
		if _, err := New(nil, "service", p); err == nil || !strings.Contains(err.Error(), "function backup is not built") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRollout(t *testing.T) {
	v := stack(t, prod)
	groups := v.Of(t, "AWS::CodeDeploy::DeploymentGroup")
	t.Run("every alias moves by a deployment of its own", func(t *testing.T) {
		followed := map[string]bool{}
		for id, alias := range v.Of(t, "AWS::Lambda::Alias") {
			policy := func(path ...any) any {
				return infratest.At(alias.UpdatePolicy, append([]any{"Fn::If", 2, "CodeDeployLambdaAliasUpdate"}, path...)...)
			}
			group, _ := policy("DeploymentGroupName", "Ref").(string)
			if _, ok := groups[group]; !ok || alias.Properties["Name"] != "live" {
				t.Errorf("%s: %v", id, alias)
			}
			if hook := v.names[policy("BeforeAllowTrafficHook", "Ref").(string)]; hook != "function-probe" {
				t.Errorf("%s is tried by %s", id, hook)
			}
			followed[group] = true
		}
		if len(followed) != len(names) {
			t.Errorf("%d groups for %d functions", len(followed), len(names))
		}
	})
	t.Run("a version is tried by what is deployed with it, and the versions that are tried are those that are deployed", func(t *testing.T) {
		probe := v.named(t, "function-probe")
		told := v.name(infratest.At(probe.Properties, "Environment", "Variables", "ADMIN_ASSISTANT_VERSIONS"))
		for id := range v.Of(t, "AWS::Lambda::Version") {
			if !strings.Contains(told, "="+id) {
				t.Errorf("%s is not in %s", id, told)
			}
		}
		for id := range v.Of(t, "AWS::Lambda::Alias") {
			before := v.Closure(id)
			for other, r := range v.Resources {
				lets := r.Type == "AWS::IAM::Policy" && (strings.HasPrefix(other, "functionsRolloutRole") || strings.HasPrefix(other, "functionsprobeRole"))
				if (r.Type == "AWS::Lambda::Version" || v.names[other] == "function-probe" || lets) && !before[other] {
					t.Errorf("%s does not wait for %s", id, other)
				}
			}
		}
		if versions := v.Of(t, "AWS::Lambda::Version"); len(versions) != len(names) {
			t.Errorf("%d versions", len(versions))
		}
	})
	for stage, of := range map[string]func() (infratest.Template, error){"prod": prod, "dev": dev} {
		t.Run("the set of "+stage+" can be put back to earlier versions by one parameter, at once", func(t *testing.T) {
			v := stack(t, of)
			if p := v.Parameters["Versions"]; p.Type != "CommaDelimitedList" || p.Default != "newest,newest,newest,newest,newest" {
				t.Errorf("%+v", p)
			}
			if diff := cmp.Diff(map[string]any{"Fn::Not": []any{map[string]any{"Fn::Equals": []any{
				map[string]any{"Fn::Select": []any{0.0, map[string]any{"Ref": "Versions"}}}, "newest",
			}}}}, v.Conditions["PutBack"]); diff != "" {
				t.Error(diff)
			}
			for place, name := range names {
				for id, alias := range v.Of(t, "AWS::Lambda::Alias") {
					if !strings.HasPrefix(id, "functions"+name+"Alias") {
						continue
					}
					version := func(path ...any) any { return infratest.At(alias.Properties["FunctionVersion"], path...) }
					if version("Fn::If", 0) != "PutBack" || version("Fn::If", 1, "Fn::Select", 0) != float64(place) ||
						!strings.HasPrefix(version("Fn::If", 2, "Fn::GetAtt", 0).(string), "functions"+name) {
						t.Errorf("%s is at %v", id, alias.Properties["FunctionVersion"])
					}
					// no canary, no hook, and no alarm holds up what was good before
					if p := alias.UpdatePolicy; p != nil &&
						(infratest.At(p, "Fn::If", 0) != "PutBack" || infratest.At(p, "Fn::If", 1, "Ref") != "AWS::NoValue" || len(p) != 1) {
						t.Errorf("%s moves by %v", id, p)
					}
				}
			}
		})
		t.Run("what was deployed in "+stage+" is noted when all aliases are there", func(t *testing.T) {
			v := stack(t, of)
			for id, parameter := range v.Of(t, "AWS::SSM::Parameter") {
				before := v.Closure(id)
				for alias := range v.Of(t, "AWS::Lambda::Alias") {
					if !before[alias] {
						t.Errorf("it does not wait for %s", alias)
					}
				}
				value := func(which int) string { return v.name(infratest.At(parameter.Properties["Value"], "Fn::If", which)) }
				if infratest.At(parameter.Properties["Value"], "Fn::If", 0) != "PutBack" || !strings.HasPrefix(value(1), `{"put_back_to":"`) ||
					!strings.HasPrefix(value(2), `{"commit":"abc123","versions":"functionsapi`) || strings.Count(value(2), ",") != 5 {
					t.Errorf("it says %s or %s", value(1), value(2))
				}
			}
		})
	}
	t.Run("a tenth goes first, and alarms bring it back", func(t *testing.T) {
		for id, group := range groups {
			if got := group.Properties["DeploymentConfigName"]; got != "CodeDeployDefault.LambdaCanary10Percent10Minutes" {
				t.Errorf("%s: %v", id, got)
			}
			events := infratest.Strings(infratest.At(group.Properties, "AutoRollbackConfiguration", "Events"))
			if !slices.Equal(events, []string{"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}) ||
				infratest.At(group.Properties, "AutoRollbackConfiguration", "Enabled") != true || infratest.At(group.Properties, "AlarmConfiguration", "Enabled") != true {
				t.Errorf("%s: %v", id, group.Properties)
			}
			var watched []string
			for _, alarm := range infratest.At(group.Properties, "AlarmConfiguration", "Alarms").([]any) {
				watched = append(watched, v.Resources[infratest.At(alarm, "Name", "Ref").(string)].Properties["AlarmName"].(string))
			}
			slices.Sort(watched) // nothing that somebody who is not signed in can raise, as the gateway's counts are
			function := strings.TrimPrefix(regexp.MustCompile(`Deployment[0-9A-F]{8}$`).ReplaceAllString(id, ""), "functions")
			want := []string{"prod-canary-" + function, "prod-function-errors-" + function}
			if function == api {
				want = append(want, "prod-user-errors")
			}
			if diff := cmp.Diff(want, watched); diff != "" {
				t.Errorf("%s: %s", id, diff)
			}
		}
	})
	t.Run("without a canary aliases move at once", func(t *testing.T) {
		for id, r := range stack(t, dev).Resources {
			if strings.HasPrefix(r.Type, "AWS::CodeDeploy") || r.UpdatePolicy != nil {
				t.Errorf("%s is %s", id, r.Type)
			}
		}
	})
}

// TestMailThatComesBack follows word of it from SES to the queue of notify.
func TestMailThatComesBack(t *testing.T) {
	v := stack(t, prod)
	sets := v.Of(t, "AWS::SES::ConfigurationSet")
	var set string
	for id, s := range sets {
		set = id
		if diff := cmp.Diff([]any{}, infratest.At(s.Properties, "SuppressionOptions", "SuppressedReasons")); diff != "" {
			t.Errorf("SES leaves addresses out by itself: %s", diff)
		}
	}
	if len(sets) != 1 {
		t.Fatalf("there are %d configuration sets", len(sets))
	}
	for id, d := range v.Of(t, "AWS::SES::ConfigurationSetEventDestination") {
		to := infratest.At(d.Properties, "EventDestination")
		if infratest.At(d.Properties, "ConfigurationSetName", "Ref") != set || infratest.At(to, "Enabled") != true ||
			!slices.Equal(infratest.Strings(infratest.At(to, "MatchingEventTypes")), []string{"bounce", "complaint", "reject"}) ||
			!strings.HasSuffix(v.name(infratest.At(to, "EventBridgeDestination", "EventBusArn")), ":event-bus/default") {
			t.Errorf("%s: %s", id, infratest.Text(d.Properties))
		}
	}
	var rule string
	for id, r := range v.Of(t, "AWS::Events::Rule") {
		if infratest.At(r.Properties, "EventPattern", "source", 0) != "aws.ses" {
			continue
		}
		rule = id
		if infratest.At(r.Properties, "EventPattern", "detail", "mail", "tags", "ses:configuration-set", 0, "Ref") != set ||
			v.name(infratest.At(r.Properties, "Targets", 0, "Arn")) != "queue-notify" || infratest.At(r.Properties, "State") != "ENABLED" {
			t.Errorf("%s: %s", id, infratest.Text(r.Properties))
		}
		types := infratest.Strings(infratest.At(r.Properties, "EventPattern", "detail", "eventType"))
		if !slices.Equal(types, []string{"Bounce", "Complaint", "Reject"}) {
			t.Errorf("events are %q", types)
		}
	}
	let := false
	for _, policy := range v.Of(t, "AWS::SQS::QueuePolicy") {
		for _, s := range infratest.At(policy.Properties, "PolicyDocument", "Statement").([]any) {
			let = let || infratest.At(s, "Principal", "Service") == "events.amazonaws.com" && v.name(infratest.At(s, "Resource")) == "queue-notify" &&
				infratest.At(s, "Condition", "ArnEquals", "aws:SourceArn", "Fn::GetAtt", 0) == rule && rule != ""
		}
	}
	if !let {
		t.Error("the rule may not send to the queue of notify")
	}
}

func TestQueues(t *testing.T) {
	v := stack(t, prod)
	t.Run("all are encrypted and refuse plain HTTP", func(t *testing.T) {
		closed := map[string]bool{}
		for _, policy := range v.Of(t, "AWS::SQS::QueuePolicy") {
			for _, s := range infratest.At(policy.Properties, "PolicyDocument", "Statement").([]any) {
				if infratest.At(s, "Effect") == "Deny" && infratest.At(s, "Action") == "sqs:*" && infratest.At(s, "Condition", "Bool", "aws:SecureTransport") == "false" {
					closed[v.name(infratest.At(s, "Resource"))] = true
				}
			}
		}
		queues := v.Of(t, "AWS::SQS::Queue")
		for id, q := range queues {
			if q.Properties["SqsManagedSseEnabled"] != true || !closed[v.names[id]] {
				t.Errorf("%s: %v", v.names[id], q.Properties)
			}
		}
		if len(queues) != 7 {
			t.Errorf("there are %d queues", len(queues))
		}
	})
	for _, name := range []string{"archive", "backup", "notify"} {
		t.Run(name+" gives up after as many deliveries as the worker counts", func(t *testing.T) {
			q, dead := v.named(t, "queue-"+name), v.named(t, "queue-"+name+"-dead")
			if got := v.name(infratest.At(q.Properties, "RedrivePolicy", "deadLetterTargetArn")); got != "queue-"+name+"-dead" {
				t.Errorf("dead letters go to %s", got)
			}
			if got := infratest.At(q.Properties, "RedrivePolicy", "maxReceiveCount"); got != float64(queue.MaxReceives) {
				t.Errorf("after %v deliveries", got)
			}
			if q.Properties["MessageRetentionPeriod"].(float64) >= dead.Properties["MessageRetentionPeriod"].(float64) {
				t.Error("a dead letter keeps its age: it would be gone as soon as it got there")
			}
			const day = 24 * 60 * 60.0
			if got := q.Properties["MessageRetentionPeriod"]; got != 4*day { // a long weekend without a worker
				t.Errorf("what waits is gone after %v seconds", got)
			}
			if got := dead.Properties["MessageRetentionPeriod"]; got != 14*day { // the longest that there is
				t.Errorf("dead letters are gone after %v seconds", got)
			}
		})
	}
	batch := map[string]float64{"queue-archive": 1, "queue-backup": 1, "queue-notify": 10, "queue-archive-dead": 10, "queue-backup-dead": 10}
	consumer := map[string]string{
		"queue-archive": "archive", "queue-backup": "backup", "queue-notify": "notify", "queue-archive-dead": "notify", "queue-backup-dead": "notify",
	}
	atOnce := map[string]float64{}
	for _, mapping := range v.Of(t, "AWS::Lambda::EventSourceMapping") {
		source := v.name(mapping.Properties["EventSourceArn"])
		f := v.named(t, "function-"+consumer[source])
		t.Run(source+" is consumed by the alias of its function, failures one by one", func(t *testing.T) {
			if got := v.name(mapping.Properties["FunctionName"]); !strings.HasSuffix(got, ":live") || !strings.Contains(got, "functions"+consumer[source]+"Alias") {
				t.Errorf("by %s", got)
			}
			if diff := cmp.Diff([]any{"ReportBatchItemFailures"}, mapping.Properties["FunctionResponseTypes"]); diff != "" {
				t.Error(diff)
			}
			if got := mapping.Properties["BatchSize"]; got != batch[source] {
				t.Errorf("%v messages at once", got)
			}
		})
		t.Run(source+" shows messages again soon after its function can no longer be at work at them", func(t *testing.T) {
			hidden := v.named(t, source).Properties["VisibilityTimeout"].(float64)
			if longest := f.Properties["Timeout"].(float64); hidden <= longest || hidden > 16*60 {
				t.Errorf("after %v seconds, while the function may take %v", hidden, longest)
			}
		})
		most, _ := infratest.At(mapping.Properties, "ScalingConfig", "MaximumConcurrency").(float64)
		if most < 2 {
			t.Errorf("%s has a maximum concurrency of %v", source, most)
		}
		atOnce[consumer[source]] += most
		delete(batch, source)
	}
	if len(batch) != 0 {
		t.Errorf("nobody consumes %v", batch)
	}
	t.Run("no more is taken off queues than instances are reserved for", func(t *testing.T) {
		for name, most := range atOnce {
			if reserved := v.named(t, "function-"+name).Properties["ReservedConcurrentExecutions"]; reserved != most {
				t.Errorf("%s: %v at once, %v reserved", name, most, reserved)
			}
		}
	})
}

// only returns the one resource of a type.
func only(t *testing.T, v view, kind string) infratest.Resource {
	t.Helper()
	for _, r := range v.Of(t, kind) {
		if len(v.Of(t, kind)) == 1 {
			return r
		}
	}
	t.Fatalf("there is more than one %s", kind)
	return infratest.Resource{}
}

func TestSchedule(t *testing.T) {
	v := stack(t, prod)
	s := only(t, v, "AWS::Scheduler::Schedule")
	target := func(path ...any) any { return infratest.At(s.Properties, append([]any{"Target"}, path...)...) }
	t.Run("it wakes the dispatcher every minute, with the time", func(t *testing.T) {
		got := []any{s.Properties["ScheduleExpression"], s.Properties["State"], infratest.At(s.Properties, "FlexibleTimeWindow", "Mode"),
			v.name(target("Arn")), target("Input")}
		want := []any{"cron(* * * * ? *)", "ENABLED", "OFF", "alias-dispatcher", `{"scheduled_time":"<aws.scheduler.scheduled-time>"}`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a tick that cannot be delivered, or at which the dispatcher fails, is kept", func(t *testing.T) {
		failures := only(t, v, "AWS::Lambda::EventInvokeConfig").Properties
		got := []any{
			v.name(target("DeadLetterConfig", "Arn")), target("RetryPolicy", "MaximumEventAgeInSeconds"), target("RetryPolicy", "MaximumRetryAttempts"),
			v.name(infratest.At(failures, "DestinationConfig", "OnFailure", "Destination")), failures["MaximumEventAgeInSeconds"],
			failures["MaximumRetryAttempts"], failures["Qualifier"],
		}
		if diff := cmp.Diff([]any{"queue-schedule-dead", 300.0, 2.0, "queue-schedule-dead", 300.0, 2.0, "live"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nobody else's schedule can use its role", func(t *testing.T) {
		role := v.Resources[infratest.At(target("RoleArn"), "Fn::GetAtt", 0).(string)]
		want := map[string]any{"aws:SourceAccount": infratest.Account, "aws:SourceArn": "arn:aws:scheduler:eu-central-1:111122223333:schedule-group/default"}
		if diff := cmp.Diff(want, infratest.At(role.Properties, "AssumeRolePolicyDocument", "Statement", 0, "Condition", "StringEquals")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPI(t *testing.T) {
	v := stack(t, prod)
	t.Run("every request goes to the alias of the function", func(t *testing.T) {
		integration := only(t, v, "AWS::ApiGatewayV2::Integration").Properties
		got := []any{integration["PayloadFormatVersion"], integration["IntegrationType"], v.name(integration["IntegrationUri"])}
		if diff := cmp.Diff([]any{"2.0", "AWS_PROXY", "alias-api"}, got); diff != "" {
			t.Error(diff)
		}
		var keys []string
		for id, route := range v.Of(t, "AWS::ApiGatewayV2::Route") {
			keys = append(keys, route.Properties["RouteKey"].(string))
			if target := v.Refers(route.Properties["Target"]); len(target) != 1 || v.Resources[target[0]].Type != "AWS::ApiGatewayV2::Integration" {
				t.Errorf("%s goes to %v", id, target)
			}
			if route.Properties["AuthorizationType"] != "NONE" {
				t.Errorf("the gateway checks tokens by itself: %v", route)
			}
		}
		slices.Sort(keys)
		if diff := cmp.Diff(slices.Sorted(slices.Values(cloudtest.Routes)), keys); diff != "" {
			t.Errorf("the tests of the functions know others: %s", diff)
		}
		for _, permission := range v.Of(t, "AWS::Lambda::Permission") {
			if v.name(permission.Properties["FunctionName"]) != "alias-api" || permission.Properties["Principal"] != "apigateway.amazonaws.com" {
				t.Errorf("%v", permission)
			}
		}
		if n := len(v.Of(t, "AWS::Lambda::Permission")); n != len(keys) {
			t.Errorf("%d permissions for %d routes", n, len(keys))
		}
	})
	t.Run("what people ask who are not signed in is throttled by itself", func(t *testing.T) {
		for id, stage := range v.Of(t, "AWS::ApiGatewayV2::Stage") {
			settings, _ := stage.Properties["RouteSettings"].(map[string]any)
			if len(settings) != len(cloudtest.Routes)-1 {
				t.Errorf("%d routes have settings", len(settings))
			}
			before := v.Closure(id)
			for other, route := range v.Of(t, "AWS::ApiGatewayV2::Route") {
				key := route.Properties["RouteKey"].(string)
				rate, _ := infratest.At(settings[key], "ThrottlingRateLimit").(float64)
				burst, _ := infratest.At(settings[key], "ThrottlingBurstLimit").(float64)
				if key != "$default" && (rate < 1 || rate > apiRate/2 || burst < rate || burst > apiBurst/2) {
					t.Errorf("%s: %v a second, %v at once", key, rate, burst)
				}
				if key != "$default" && !before[other] {
					t.Errorf("the stage does not wait for %s, of which it has settings", key)
				}
			}
		}
	})
	stage := only(t, v, "AWS::ApiGatewayV2::Stage").Properties
	t.Run("it is throttled", func(t *testing.T) {
		if diff := cmp.Diff(map[string]any{"ThrottlingRateLimit": 200.0, "ThrottlingBurstLimit": 400.0},
			stage["DefaultRouteSettings"]); diff != "" || stage["StageName"] != "$default" {
			t.Error(diff, stage["StageName"])
		}
	})
	t.Run("its log has no path, query or header", func(t *testing.T) {
		log := v.Resources[infratest.At(stage, "AccessLogSettings", "DestinationArn", "Fn::GetAtt", 0).(string)]
		if log.Type != "AWS::Logs::LogGroup" || log.Properties["RetentionInDays"] != 90.0 {
			t.Errorf("it goes to %v", log)
		}
		format := infratest.At(stage, "AccessLogSettings", "Format").(string)
		if !strings.Contains(format, "$context.requestId") || !strings.Contains(format, "$context.status") {
			t.Errorf("it says too little: %s", format)
		}
		for _, word := range []string{"path", "Path", "query", "routeKey", "header", "authorizer", "userAgent", "request.", "domainName"} {
			if strings.Contains(format, "$context."+word) || strings.Contains(format, "$request.") {
				t.Errorf("%s may hold an address", word)
			}
		}
	})
	t.Run("each line of its log is JSON, whatever happened", func(t *testing.T) {
		format := infratest.At(stage, "AccessLogSettings", "Format").(string)
		for name, said := range map[string]map[string]string{
			"a request that went well": {"status": "200", "responseLength": "12", "integrationLatency": "5"},
			// messageString is message in quotes
			"an answer of the gateway itself": {"status": "503", "error.message": "Service Unavailable", "error.messageString": `"Service Unavailable"`},
			"a function that failed":          {"status": "500", "integrationErrorMessage": "The Lambda function returned an error"},
		} {
			line := regexp.MustCompile(`\$context(\.[A-Za-z]+)+`).ReplaceAllStringFunc(format, func(variable string) string {
				if value := said[strings.TrimPrefix(variable, "$context.")]; value != "" {
					return value
				}
				return "-" // what is not known
			})
			var read map[string]string
			if err := json.Unmarshal([]byte(line), &read); err != nil || read["status"] != said["status"] || said["error.message"] != "" &&
				read["error"] != said["error.message"] {
				t.Errorf("%s is written as %s: %v", name, line, err)
			}
		}
	})
	t.Run("no other site may call it", func(t *testing.T) {
		if cors := only(t, v, "AWS::ApiGatewayV2::Api").Properties["CorsConfiguration"]; cors != nil {
			t.Errorf("but %v", cors)
		}
	})
	t.Run("but one that is named", func(t *testing.T) {
		cors := only(t, stack(t, dev), "AWS::ApiGatewayV2::Api").Properties["CorsConfiguration"]
		if diff := cmp.Diff([]any{"https://calendar.example.com"}, infratest.At(cors, "AllowOrigins")); diff != "" || infratest.At(cors, "AllowCredentials") == true {
			t.Error(diff, cors)
		}
	})
}

func TestOutputs(t *testing.T) {
	outputs := stack(t, prod).Outputs
	want := []string{"ApiUrl", "AlarmTopic", "Deployed"}
	for _, q := range []string{"Archive", "Backup", "Notify", "ArchiveDead", "BackupDead", "NotifyDead", "ScheduleDead"} {
		want = append(want, "Queue"+q)
	}
	for _, name := range names {
		want = append(want, "Function"+title(name))
	}
	for _, name := range want {
		if outputs[name].Value == nil {
			t.Errorf("%s is not told", name)
		}
	}
}
