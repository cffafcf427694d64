package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/infra/infratest"
	"adminassistant/infra/service"
)

const (
	guid  = "5f0c2a52-2f0e-4c3a-9a43-2d6f3f2f7c11"
	guid2 = "0d9f7a6e-53a7-4a4e-8b61-6a2b6c8f3e22"
)

// guids are so many ids, separated by commas.
func guids(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("11111111-2222-4333-8444-%012d", i)
	}
	return strings.Join(list, ",")
}

// least is what every deployment of a stage has to say.
func least(stage string) map[string]string {
	return map[string]string{
		"stage": stage, "account": infratest.Account, "region": infratest.Region, "mail-from": "aa@mail.example.com",
		"alarm-email": "ops@example.com", "sign-in-audience": guid, "sign-in-tenants": guid2,
	}
}

// given is the settings of a stage with some changed; an empty value leaves one out.
func given(stage string, changes map[string]string) source {
	all := least(stage)
	maps.Copy(all, changes)
	return func(name string) string { return all[name] }
}

func TestRead(t *testing.T) {
	t.Run("what is left out has the stage's value", func(t *testing.T) {
		for stage, want := range map[string]settings{
			"dev":     {LogDays: 14, Budget: 10, ArchiveConcurrency: 2, BackupConcurrency: 2},
			"staging": {LogDays: 30, Budget: 20, Reserve: true, ArchiveConcurrency: 5, BackupConcurrency: 5, Canary: 5 * time.Minute},
			"prod":    {LogDays: 90, Budget: 100, Reserve: true, ArchiveConcurrency: 20, BackupConcurrency: 20, Canary: 10 * time.Minute},
		} {
			got, err := read(given(stage, nil))
			want.Stage, want.Account, want.Region, want.Functions, want.LogLevel = stage, infratest.Account, infratest.Region, "dist/functions", "info"
			want.Commit = "unknown"
			want.MailFrom, want.MailIdentity, want.AlarmEmail = "aa@mail.example.com", "mail.example.com", "ops@example.com"
			want.UnseenDays = 60
			want.SignIn = service.SignIn{Authority: "https://login.microsoftonline.com", Audience: guid, Tenants: []string{guid2}}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v %s", stage, err, diff)
			}
		}
	})
	t.Run("all can be said", func(t *testing.T) {
		got, err := read(given("dev", map[string]string{
			"functions": "/built", "commit": "v1.2-3-gabc", "mail-identity": "example.com", "mail-configuration-set": "set_1", "mail-sandbox": "on", "alarm-email": "",
			"sign-in-authority": "https://login.microsoftonline.us/",
			"sign-in-tenants":   guid + ", " + guid2, "graph-tenant": "example.com", "graph-client": guid2, "graph-credentials": "graph/app",
			"graph-url": "https://graph.microsoft.us/v1.0", "sign-in-client": guid2, "sign-in-credentials": "sign-in/app",
			"sign-in-programs": guid + "," + guid2, "sign-in-service-roles": "service",
			"sign-in-identifiers": "https://example.com/assistant", "sign-in-guests": "true", "unseen-days": "30",
			"public-url": "https://calendar.example.com/", "outside-probe": "off", "log-level": "debug", "log-days": "731", "removal": "destroy", "canary": "30m",
			"archive-concurrency": "3", "backup-concurrency": "400", "reserved-concurrency": "on",
			"account-concurrency": "1000", "budget": "0", "table": "restored-table", "bucket": "restored-bucket",
			"copy-vault": "arn:aws:backup:eu-west-1:444455556666:backup-vault:copies", "cors-origins": "https://a.example.com,http://localhost:3000",
			"table-warm-reads": "12000", "table-warm-writes": "40000",
		}))
		want := settings{
			Stage: "dev", Account: infratest.Account, Region: infratest.Region, Functions: "/built", Commit: "v1.2-3-gabc",
			Table: "restored-table", Bucket: "restored-bucket", CopyVault: "arn:aws:backup:eu-west-1:444455556666:backup-vault:copies",
			MailFrom: "aa@mail.example.com", MailIdentity: "example.com", MailConfigurationSet: "set_1", MailSandbox: true,
			PublicURL: "https://calendar.example.com",
			SignIn: service.SignIn{
				Authority: "https://login.microsoftonline.us", Audience: guid, Tenants: []string{guid, guid2}, Client: guid2,
				Programs: []string{guid, guid2}, ServiceRoles: []string{"service"}, Identifiers: []string{"https://example.com/assistant"}, Guests: true,
				Credentials: "sign-in/app", Redirect: "https://calendar.example.com/auth/callback",
			},
			Graph:      service.Graph{Tenant: "example.com", Client: guid2, Credentials: "graph/app", URL: "https://graph.microsoft.us/v1.0"},
			UnseenDays: 30, LogLevel: "debug", LogDays: 731, Destroy: true, Canary: 30 * time.Minute, Reserve: true,
			ArchiveConcurrency: 3, BackupConcurrency: 400,
			CORSOrigins: []string{"https://a.example.com", "http://localhost:3000"}, WarmReads: 12000, WarmWrites: 40000,
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
	t.Run("the probe from outside has an address to ask, and somebody to tell", func(t *testing.T) {
		on := map[string]string{"outside-probe": "on", "public-url": "https://calendar.example.com"}
		if got, err := read(given("dev", on)); err != nil || !got.OutsideProbe {
			t.Error(err, got.OutsideProbe)
		}
		for refused, changes := range map[string]map[string]string{
			"needs public-url":                  {"public-url": ""},
			"needs alarm-email":                 {"alarm-email": ""},
			"has no such region":                {"region": "us-gov-west-1"},
			"cn-north-1 has no such region":     {"region": "cn-north-1"},
			`must be one of on, off, not "yes"`: {"outside-probe": "yes"},
		} {
			all := maps.Clone(on)
			maps.Copy(all, changes)
			if _, err := read(given("dev", all)); err == nil || !strings.Contains(err.Error(), refused) || !strings.Contains(err.Error(), "outside-probe") {
				t.Errorf("%v: %v", changes, err)
			}
		}
	})
	t.Run("an authority for time-stamps is asked that the certificates of a file are of", func(t *testing.T) {
		got, err := read(given("dev", map[string]string{"stamp-url": "https://tsa.example/tsr", "stamp-trust": "testdata/authority.pem"}))
		if err != nil || got.StampURL != "https://tsa.example/tsr" || !strings.HasPrefix(got.StampTrust, "MII") || strings.ContainsAny(got.StampTrust, "\n-") {
			t.Errorf("got %q, %v", got.StampTrust, err)
		}
	})
	t.Run("instances are reserved where the account has enough of them", func(t *testing.T) {
		for _, c := range []struct {
			stage, account, said string
			want                 bool
		}{
			{"dev", "", "", false}, {"dev", "1000", "", false}, {"dev", "", "on", true}, {"prod", "", "", true}, {"prod", "", "off", false},
			{"prod", "10", "", false}, {"prod", "199", "", false}, {"prod", "200", "", true}, {"staging", "121", "on", true},
		} {
			got, err := read(given(c.stage, map[string]string{"account-concurrency": c.account, "reserved-concurrency": c.said}))
			if err != nil || got.Reserve != c.want {
				t.Errorf("%+v: %t %v", c, got.Reserve, err)
			}
		}
	})
	t.Run("a deployment of prod can be made at once, to repair it", func(t *testing.T) {
		if got, err := read(given("prod", map[string]string{"canary": "off"})); err != nil || got.Canary != 0 {
			t.Error(err, got.Canary)
		}
	})
	t.Run("a secret is found by its ARN in the same account and region", func(t *testing.T) {
		arn := "arn:aws:secretsmanager:" + infratest.Region + ":" + infratest.Account + ":secret:graph/app-AbCdEf"
		got, err := read(given("dev", map[string]string{"graph-tenant": guid, "graph-client": guid2, "graph-credentials": arn}))
		if err != nil || got.Graph.Credentials != arn {
			t.Error(err, got.Graph)
		}
	})
	web := func(changes map[string]string) map[string]string {
		all := map[string]string{"sign-in-credentials": "sign-in/app", "public-url": "https://calendar.example.com", "graph-delegated": "true"}
		maps.Copy(all, changes)
		return all
	}
	t.Run("mailboxes can be reached by each user's own sign-in", func(t *testing.T) {
		got, err := read(given("prod", web(map[string]string{"graph-url": "https://graph.microsoft.us/v1.0"})))
		if err != nil || got.Graph != (service.Graph{Delegated: true, URL: "https://graph.microsoft.us/v1.0"}) {
			t.Error(err, got.Graph)
		}
	})
	graph := func(changes map[string]string) map[string]string {
		all := map[string]string{"graph-tenant": guid, "graph-client": guid2, "graph-credentials": "graph/app"}
		maps.Copy(all, changes)
		return all
	}
	t.Run("applications can show who they are by the functions' roles", func(t *testing.T) {
		got, err := read(given("prod", map[string]string{
			"graph-tenant": guid, "graph-client": guid2, "graph-credentials": "federated", "sign-in-credentials": "federated",
			"public-url": "https://calendar.example.com",
		}))
		if err != nil || got.Graph != (service.Graph{Tenant: guid, Client: guid2, Federated: true}) || !got.SignIn.Federated || got.SignIn.Credentials != "" ||
			got.SignIn.Redirect != "https://calendar.example.com/auth/callback" || !got.SignIn.Web() {
			t.Error(err, got.Graph, got.SignIn)
		}
		got, err = read(given("prod", map[string]string{
			"graph-delegated": "true", "sign-in-credentials": "federated", "public-url": "https://calendar.example.com",
		}))
		if err != nil || !got.Graph.Delegated || got.UnseenDays != 0 {
			t.Error(err, got.Graph, got.UnseenDays)
		}
	})
	for _, c := range []struct {
		name    string
		stage   string
		changes map[string]string
		want    []string // settings that the error names, in order
	}{
		{"no stage", "", nil, []string{"stage"}},
		{"more instances reserved than the account can spare", "staging", map[string]string{"reserved-concurrency": "on", "account-concurrency": "120"},
			[]string{"reserved-concurrency"}},
		{"many workers in an account of 200", "prod", map[string]string{"archive-concurrency": "70", "account-concurrency": "200"},
			[]string{"reserved-concurrency"}},
		{"an account without any concurrency", "dev", map[string]string{"account-concurrency": "0"}, []string{"account-concurrency"}},
		{"a sandbox that is neither", "dev", map[string]string{"mail-sandbox": "yes"}, []string{"mail-sandbox"}},
		{"a word in place of a switch", "dev", map[string]string{"reserved-concurrency": "yes"}, []string{"reserved-concurrency"}},
		{"a stage that is none", "test", nil, []string{"stage"}},
		{"a vault in the same account", "dev", map[string]string{"copy-vault": "arn:aws:backup:eu-west-1:" + infratest.Account + ":backup-vault:copies"},
			[]string{"copy-vault"}},
		{"a vault by its name", "dev", map[string]string{"copy-vault": "copies"}, []string{"copy-vault"}},
		{"a table by its ARN", "dev", map[string]string{"table": "arn:aws:dynamodb:x"}, []string{"table"}},
		{"a bucket that cannot be", "dev", map[string]string{"bucket": "Restored_Bucket"}, []string{"bucket"}},
		{"a commit that is none", "dev", map[string]string{"commit": `a"b`}, []string{"commit"}},
		{"no account", "dev", map[string]string{"account": ""}, []string{"account"}},
		{"an account of eleven digits", "dev", map[string]string{"account": "11112222333"}, []string{"account"}},
		{"a region that is none", "dev", map[string]string{"region": "Frankfurt"}, []string{"region"}},
		{"no sender", "dev", map[string]string{"mail-from": ""}, []string{"mail-from"}},
		{"a sender with a name", "dev", map[string]string{"mail-from": "AA <aa@example.com>"}, []string{"mail-from"}},
		{"an identity of another domain", "dev", map[string]string{"mail-identity": "example.org"}, []string{"mail-identity"}},
		{"an identity that only ends alike", "dev", map[string]string{"mail-from": "aa@badexample.com", "mail-identity": "example.com"}, []string{"mail-identity"}},
		{"prod that tells nobody of alarms", "prod", map[string]string{"alarm-email": ""}, []string{"alarm-email"}},
		{"an alarm address that is none", "dev", map[string]string{"alarm-email": "ops"}, []string{"alarm-email"}},
		{"plain HTTP for the sign-in", "dev", map[string]string{"sign-in-authority": "http://login.example.com"}, []string{"sign-in-authority"}},
		{"no audience", "dev", map[string]string{"sign-in-audience": ""}, []string{"sign-in-audience"}},
		{"an audience that is no id", "dev", map[string]string{"sign-in-audience": "https://graph.microsoft.com"}, []string{"sign-in-audience"}},
		{"no tenants", "dev", map[string]string{"sign-in-tenants": " , "}, []string{"sign-in-tenants"}},
		{"every tenant", "dev", map[string]string{"sign-in-tenants": "common"}, []string{"sign-in-tenants"}},
		{"a tenant twice", "dev", map[string]string{"sign-in-tenants": guid + "," + guid}, []string{"sign-in-tenants"}},
		{"a client of the command line that is no id", "dev", map[string]string{"sign-in-client": "cli"}, []string{"sign-in-client"}},
		{"a program that is no id", "dev", map[string]string{"sign-in-programs": guid + ",timer"}, []string{"sign-in-programs"}},
		{"a role of services without any", "dev", map[string]string{"sign-in-service-roles": "service"}, []string{"sign-in-programs"}},
		{"an identifier that is none", "dev", map[string]string{"sign-in-identifiers": "assistant"}, []string{"sign-in-identifiers"}},
		{"guests, perhaps", "dev", map[string]string{"sign-in-guests": "maybe"}, []string{"sign-in-guests"}},
		{"certificates of an authority that nobody asks", "dev", map[string]string{"stamp-trust": "testdata/authority.pem"}, []string{"stamp-trust"}},
		{"an authority that nobody believes", "dev", map[string]string{"stamp-url": "https://tsa.example/tsr"}, []string{"stamp-trust"}},
		{"an authority without an address", "dev", map[string]string{"stamp-url": "tsa.example", "stamp-trust": "testdata/authority.pem"}, []string{"stamp-url"}},
		{"certificates that are none", "dev", map[string]string{"stamp-url": "https://tsa.example/tsr", "stamp-trust": "settings.go"}, []string{"stamp-trust"}},
		{"jobs that pause before anybody is told", "dev", map[string]string{"unseen-days": "7"}, []string{"unseen-days"}},
		{"a sign-in on the web that comes back nowhere", "dev", web(map[string]string{"public-url": ""}), []string{"public-url"}},
		{"a sign-in that comes back in the clear", "dev", web(map[string]string{"public-url": "http://calendar.example.com"}), []string{"public-url"}},
		{"an address with a path", "dev", web(map[string]string{"public-url": "https://example.com/calendar"}), []string{"public-url"}},
		{"a secret of the sign-in in another account", "dev",
			web(map[string]string{"sign-in-credentials": "arn:aws:secretsmanager:" + infratest.Region + ":444455556666:secret:app-AbCdEf"}),
			[]string{"sign-in-credentials"}},
		{"the secret of the sign-in itself", "dev", web(map[string]string{"sign-in-credentials": "x8Q~*secret"}), []string{"sign-in-credentials"}},
		{"users' own sign-ins without any", "dev", map[string]string{"graph-delegated": "true"}, []string{"graph-delegated"}},
		{"users' own sign-ins beside an application", "dev",
			web(map[string]string{"graph-tenant": guid, "graph-client": guid2, "graph-credentials": "graph/app"}), []string{"graph-delegated"}},
		{"neither yes nor no", "dev", web(map[string]string{"graph-delegated": "yes"}), []string{"graph-delegated"}},
		{"a tenant alone", "dev", map[string]string{"graph-tenant": guid}, []string{"graph-client", "graph-credentials"}},
		{"an address of Graph alone", "dev", map[string]string{"graph-url": "https://graph.microsoft.us/v1.0"},
			[]string{"graph-tenant", "graph-client", "graph-credentials"}},
		{"a client that is no id", "dev", graph(map[string]string{"graph-client": "app"}), []string{"graph-client"}},
		{"a tenant that is neither id nor domain", "dev", graph(map[string]string{"graph-tenant": "Example Inc."}), []string{"graph-tenant"}},
		{"a secret in another region", "dev",
			graph(map[string]string{"graph-credentials": "arn:aws:secretsmanager:us-east-1:111122223333:secret:graph/app-AbCdEf"}), []string{"graph-credentials"}},
		{"a secret itself", "dev", graph(map[string]string{"graph-credentials": "x8Q~*secret"}), []string{"graph-credentials"}},
		{"a level of the log that is none", "dev", map[string]string{"log-level": "verbose"}, []string{"log-level"}},
		{"days that CloudWatch does not know", "dev", map[string]string{"log-days": "31"}, []string{"log-days"}},
		{"days that are no number", "dev", map[string]string{"log-days": "a month"}, []string{"log-days"}},
		{"prod that takes its data along", "prod", map[string]string{"removal": "destroy"}, []string{"removal"}},
		{"staging that takes its data along", "staging", map[string]string{"removal": "destroy"}, []string{"removal"}},
		{"a removal that is none", "dev", map[string]string{"removal": "delete"}, []string{"removal"}},
		{"a canary that CodeDeploy does not know", "dev", map[string]string{"canary": "7m"}, []string{"canary"}},
		{"less than SQS allows at once", "dev", map[string]string{"archive-concurrency": "1"}, []string{"archive-concurrency"}},
		{"more than the account has", "dev", map[string]string{"backup-concurrency": "401"}, []string{"backup-concurrency"}},
		{"less than a new table takes", "dev", map[string]string{"table-warm-reads": "11999", "table-warm-writes": "3999"},
			[]string{"table-warm-reads", "table-warm-writes"}},
		{"more than AWS gives", "dev", map[string]string{"table-warm-writes": "40001"}, []string{"table-warm-writes"}},
		{"more tenants than fit", "dev", map[string]string{"sign-in-tenants": guids(41)}, []string{"sign-in-tenants"}},
		{"more programs than fit", "dev", map[string]string{"sign-in-programs": guids(11)}, []string{"sign-in-programs"}},
		{"an address as a configuration set", "dev", map[string]string{"mail-configuration-set": "a@b"}, []string{"mail-configuration-set"}},
		{"every origin", "dev", map[string]string{"cors-origins": "*"}, []string{"cors-origins"}},
		{"any subdomain", "dev", map[string]string{"cors-origins": "https://*.example.com"}, []string{"cors-origins"}},
		{"an origin with a path", "dev", map[string]string{"cors-origins": "https://example.com/"}, []string{"cors-origins"}},
		{"an origin of this machine in prod", "prod", map[string]string{"cors-origins": "http://localhost:3000"}, []string{"cors-origins"}},
		{"several at once", "prod", map[string]string{"alarm-email": "", "sign-in-tenants": "", "canary": "1h"},
			[]string{"alarm-email", "sign-in-tenants", "canary"}},
	} {
		t.Run(c.name+" is refused by name", func(t *testing.T) {
			_, err := read(given(c.stage, c.changes))
			if err == nil {
				t.Fatal("it is taken")
			}
			var named []string
			for line := range strings.Lines(err.Error()) {
				name, _, _ := strings.Cut(line, " ")
				named = append(named, name)
				if !strings.Contains(line, variable(name)+")") {
					t.Errorf("%q does not say how to set it", line)
				}
			}
			if diff := cmp.Diff(c.want, named); diff != "" {
				t.Errorf("%s: %v", diff, err)
			}
			if strings.Contains(err.Error(), "x8Q~") {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}

func TestSources(t *testing.T) {
	stages := map[string]any{
		"prod": map[string]any{"log-days": float64(365), "mail-from": "stage@example.com"},
		"dev":  map[string]any{"mail-from": "dev@example.com"},
	}
	from := func(t *testing.T, context map[string]any, env map[string]string) source {
		t.Helper()
		s, err := sources(func(name string) any { return context[name] }, func(name string) string { return env[name] })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("the command line goes before the environment, and that before cdk.json", func(t *testing.T) {
		s := from(t, map[string]any{"stages": stages, "log-days": "7"}, map[string]string{
			"STAGE":                     "prod",
			"ADMIN_ASSISTANT_LOG_DAYS":  "14",
			"ADMIN_ASSISTANT_MAIL_FROM": "env@example.com",
		})
		if got := []string{s("stage"), s("log-days"), s("mail-from")}; !cmp.Equal(got, []string{"prod", "7", "env@example.com"}) {
			t.Errorf("got %v", got)
		}
		s = from(t, map[string]any{"stages": stages, "stage": "prod"}, nil)
		if got := []string{s("log-days"), s("mail-from"), s("region")}; !cmp.Equal(got, []string{"365", "stage@example.com", ""}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("an account and a region are those of the CDK's credentials when nothing is said", func(t *testing.T) {
		t.Setenv("CDK_DEFAULT_ACCOUNT", "444455556666")
		t.Setenv("CDK_DEFAULT_REGION", "eu-west-1")
		t.Setenv("ADMIN_ASSISTANT_ACCOUNT", "")
		t.Setenv("ADMIN_ASSISTANT_REGION", "eu-central-1")
		if got := []string{environment("ADMIN_ASSISTANT_ACCOUNT"), environment("ADMIN_ASSISTANT_REGION")}; !cmp.Equal(got, []string{"444455556666", "eu-central-1"}) {
			t.Errorf("got %v", got)
		}
	})
	for name, wrong := range map[string]any{
		"a stage that is none":       map[string]any{"test": map[string]any{}},
		"a setting that is none":     map[string]any{"dev": map[string]any{"log-dayz": 7}},
		"a stage within a stage":     map[string]any{"dev": map[string]any{"stage": "prod"}},
		"a stage without settings":   map[string]any{"dev": "eu-central-1"},
		"something that has no form": "dev",
	} {
		t.Run(name+" in cdk.json is refused", func(t *testing.T) {
			_, err := sources(func(name string) any { return map[string]any{"stages": wrong}[name] }, func(string) string { return "" })
			if err == nil || !strings.Contains(err.Error(), "cdk.json") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("every setting that is read has a name", func(t *testing.T) {
		asked := map[string]bool{}
		if _, err := read(func(name string) string { asked[name] = true; return given("prod", nil)(name) }); err != nil {
			t.Fatal(err)
		}
		all := map[string]bool{}
		for _, name := range names {
			all[name] = true
		}
		if diff := cmp.Diff(all, asked); diff != "" {
			t.Error(diff)
		}
	})
}
