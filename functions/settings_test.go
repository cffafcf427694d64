package functions_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"adminassistant/functions/lambdatest"
)

// anywhere are resources that nobody asks for anything.
func anywhere() *resources {
	r := &resources{
		table: "table", bucket: "bucket", heads: "heads", key: "arn:aws:kms:eu-central-1:111122223333:key/k",
		queues: map[string]string{}, graph: "http://127.0.0.1:1/v1.0", signIn: "http://127.0.0.1:1",
		dynamodb: "http://127.0.0.1:1", other: "http://127.0.0.1:1",
	}
	for _, name := range queueNames {
		r.queues[name] = "http://127.0.0.1:1/111122223333/" + name
	}
	return r
}

func TestSettings(t *testing.T) {
	t.Parallel()
	needed := map[string][]string{
		"api":        {"BUCKET", "KEY", "QUEUE_ARCHIVE", "QUEUE_BACKUP", "SIGN_IN_AUDIENCE", "SIGN_IN_TENANTS"},
		"dispatcher": {"QUEUE_ARCHIVE", "QUEUE_BACKUP", "QUEUE_NOTIFY"},
		"archive":    {"BUCKET", "KEY", "QUEUE_ARCHIVE", "QUEUE_ARCHIVE_DEAD", "QUEUE_NOTIFY"},
		"backup":     {"BUCKET", "QUEUE_BACKUP", "QUEUE_BACKUP_DEAD", "QUEUE_NOTIFY"},
		"notify":     {"QUEUE_NOTIFY", "QUEUE_NOTIFY_DEAD", "QUEUE_ARCHIVE_DEAD", "QUEUE_BACKUP_DEAD", "MAIL_FROM"},
		"probe":      {"BUCKET", "VERSIONS"},
	}
	wrong := map[string][]struct{ name, value, told string }{ // told is the setting that is named, if it is another one
		"api": {
			{"SIGN_IN_TENANTS", tenant + ",everybody", ""},
			{"SIGN_IN_TENANTS", ",", ""},
			{"SIGN_IN_PROGRAMS", ",", ""},
			{"MAIL_FROM", "nobody", ""},
			{"SIGN_IN_SERVICE_ROLES", "service,", ""},
			{"SIGN_IN_AUTHORITY", "http://login.example.com", ""},
			{"SIGN_IN_AUTHORITY", "login.example.com", ""},
			{"SIGN_IN_CREDENTIALS", "sign-in/app", "SIGN_IN_REDIRECT"},
		},
		"dispatcher": {{"LOG_LEVEL", "loud", ""}},
		"archive": {
			{"HEAD_BUCKET", "bucket", ""}, // that of everything else
			{"LEASE", "soon", ""},
			{"LEASE", "10ms", ""},
			{"HAND_ON", "1h", ""},
			{"LOG_LEVEL", "loud", ""},
			{"GRAPH_TENANT", tenant, "GRAPH_TOKEN"}, // which is set, too
			{"GRAPH_DELEGATED", "true", ""},
			{"GRAPH_DELEGATED", "perhaps", ""},
		},
		"backup": {{"GRAPH_CLIENT", audience, "GRAPH_TOKEN"}},
		"probe":  {{"VERSIONS", "arn:aws:lambda:eu-central-1:111122223333:function:api:2", ""}},
		"notify": {
			{"HAND_ON", "-1s", ""},
			{"MAIL_FROM", "nobody", ""},
			{"PUBLIC_URL", "calendar.example.com", ""},
			{"PUBLIC_URL", "https://calendar.example.com/?a=b", ""},
		},
	}
	for _, function := range functions {
		t.Run(function, func(t *testing.T) {
			if _, err := launch(t, function, anywhere().settings(function), nil).InitTime(); err != nil {
				t.Fatalf("it does not start as it is deployed, without asking for anything: %v", err)
			}
			for _, name := range append(needed[function], "STAGE", "TABLE") {
				t.Run(name+" is missing", func(t *testing.T) {
					env := anywhere().settings(function)
					env["ADMIN_ASSISTANT_"+name] = ""
					doesNotStart(t, function, env, "ADMIN_ASSISTANT_"+name)
				})
			}
			t.Run("AWS_REGION is missing", func(t *testing.T) {
				env := anywhere().settings(function)
				env["AWS_REGION"], env["AWS_DEFAULT_REGION"] = "", ""
				doesNotStart(t, function, env, "AWS_REGION")
			})
			for _, c := range wrong[function] {
				t.Run(c.name+" is "+c.value, func(t *testing.T) {
					env := anywhere().settings(function)
					env["ADMIN_ASSISTANT_"+c.name] = c.value
					told := c.told
					if told == "" {
						told = c.name
					}
					doesNotStart(t, function, env, "ADMIN_ASSISTANT_"+told)
				})
			}
		})
	}
}

// doesNotStart checks that a function ends before its first invocation, with one line in its log, which names the setting.
func doesNotStart(t *testing.T, function string, env map[string]string, setting string) {
	t.Helper()
	_, err := launch(t, function, env, nil).InitTime()
	var failed *lambdatest.InitError
	if !errors.As(err, &failed) || failed.Type != "Runtime.ExitError" {
		t.Fatalf("started, or ended otherwise: %v", err)
	}
	var line struct{ Level, Message, Field, Fault, Error string }
	if strings.Count(failed.Log, "\n") != 1 || json.Unmarshal([]byte(failed.Log), &line) != nil {
		t.Fatalf("the log is not one line:\n%s", failed.Log)
	}
	if line.Level != "error" || line.Message != "function not started" || line.Field != setting || line.Fault != "invalid" ||
		!strings.HasPrefix(line.Error, setting+" ") {
		t.Errorf("the log does not name %s as what is wrong: %s", setting, failed.Log)
	}
	if strings.Contains(failed.Log, graphToken) {
		t.Errorf("the log has a secret: %s", failed.Log)
	}
}
