package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"adminassistant/shared/awstest"
	"adminassistant/shared/migration"
	"adminassistant/shared/store"
	"adminassistant/shared/store/dynamo"
)

// louder is a step that puts an exclamation mark behind words.
var louder = migration.Step{
	Name: "louder", What: "Words are louder.",
	Of: func(k store.Key) bool { return k.SK == "WORD" },
	Change: func(it store.Item) (store.Item, error) {
		if !bytes.HasSuffix(it.Data, []byte(`!"`)) {
			it.Data = append(bytes.TrimSuffix(it.Data, []byte(`"`)), '!', '"')
		}
		return it, nil
	},
}

// migrated runs `infra migrate` for stage dev, whose stack says what answer says, and returns what it printed.
func migrated(t *testing.T, m migrate, answer func() (string, error), show bool) (string, error) {
	t.Helper()
	var said strings.Builder
	m.stage, m.out = "dev", &said
	m.doctor = &doctor{
		env:     func(string) string { return "" },
		context: func(string) any { return nil },
		run: func(_ string, args ...string) (string, error) {
			if !strings.HasPrefix(strings.Join(args, " "), "cloudformation describe-stacks --stack-name admin-assistant-dev-data ") {
				t.Errorf("asked %q", args)
			}
			return answer()
		},
	}
	err := m.do("c1", show)
	return said.String(), err
}

func TestMigrate(t *testing.T) {
	cfg := awstest.DynamoDB(t)
	name := awstest.Table(t, cfg, dynamo.Schema)
	table := dynamo.New(cfg, name)
	key := store.Key{PK: "P", SK: "WORD"}
	if _, err := table.Put(t.Context(), store.Item{Key: key, Data: []byte(`"hello"`)}, store.Any()); err != nil {
		t.Fatal(err)
	}
	there := func() (string, error) { return name, nil }
	for _, c := range []struct {
		name string
		show bool
		said string
		is   string
	}{
		{"asked to show it, it says what it would do", true, "migrate: louder: Words are louder. of 1 records that it is about, 1 would change\n", `"hello"`},
		{"it does it", false, "migrate: louder: Words are louder. of 1 records that it is about, 1 changed\n", `"hello!"`},
		{"a second time there is nothing to do", false, "migrate: nothing to do: the table of dev is as this source reads it\n", `"hello!"`},
		{"nor is there anything to show", true, "migrate: nothing to do: the table of dev is as this source reads it\n", `"hello!"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, err := migrated(t, migrate{steps: []migration.Step{louder}}, there, c.show)
			if err != nil || said != c.said {
				t.Errorf("%v, said %s", err, said)
			}
			if item, err := table.Get(t.Context(), key); err != nil || string(item.Data) != c.is {
				t.Errorf("the record is %s, %v", item.Data, err)
			}
		})
	}
	t.Run("the steps of this source are carried out", func(t *testing.T) {
		if said, err := migrated(t, migrate{}, there, false); err != nil || !strings.HasPrefix(said, "migrate: ") {
			t.Errorf("%v, said %s", err, said)
		}
		if pending, err := migration.Pending(t.Context(), table, migration.Steps); err != nil || len(pending) > 0 {
			t.Errorf("pending are %q, %v", pending, err)
		}
	})
}

func TestBeforeTheFirstDeploymentThereIsNothingToMigrate(t *testing.T) {
	said, err := migrated(t, migrate{steps: []migration.Step{louder}}, func() (string, error) {
		return "", errors.New("aws: An error occurred (ValidationError): Stack with id admin-assistant-dev-data does not exist")
	}, false)
	if err != nil || said != "migrate: dev has no table yet; nothing to do\n" {
		t.Errorf("%v, said %s", err, said)
	}
	said, err = migrated(t, migrate{}, func() (string, error) { return "", errors.New("aws: Unable to locate credentials") }, false)
	if err == nil || said != "" {
		t.Errorf("without an answer: %v, said %s", err, said)
	}
}

func TestTheTableThatIsMigratedIsTheOneThatWillBeUsed(t *testing.T) {
	stages := map[string]any{"dev": map[string]any{"table": "restored", "region": "eu-west-1"}}
	for name, c := range map[string]struct {
		context map[string]any
		env     map[string]string
		region  string
		table   string
		asked   string
	}{
		"that of the stack": {nil, nil, "", "of-the-stack", "TableName'].OutputValue --output text"},
		"in the region of settings": {
			nil, map[string]string{"ADMIN_ASSISTANT_REGION": "us-east-1"}, "us-east-1", "of-the-stack", "--region us-east-1 --output text",
		},
		"one that was restored":                     {map[string]any{"stages": stages}, nil, "eu-west-1", "restored", ""},
		"one that was restored, by the environment": {nil, map[string]string{"ADMIN_ASSISTANT_TABLE": "other"}, "", "other", ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			m := migrate{stage: "dev", doctor: &doctor{
				env: func(v string) string { return c.env[v] }, context: func(name string) any { return c.context[name] },
				run: func(_ string, args ...string) (string, error) {
					asked = strings.Join(args, " ")
					return "of-the-stack", nil
				},
			}}
			region, table, err := m.table()
			if err != nil || region != c.region || table != c.table || !strings.HasSuffix(asked, c.asked) || asked == "" != (c.asked == "") {
				t.Errorf("%s in %q, %v, asked %q", table, region, err, asked)
			}
		})
	}
}
