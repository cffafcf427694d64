// Package rehearsal runs the commands of the runbooks, with the command line of AWS against the engines that stand in for AWS.
package rehearsal

import (
	"crypto/rand"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// known are errors that tell of the engines, and of nothing else.
var known = regexp.MustCompile(`not been implemented|NotImplemented|An error occurred \(404\)|An error occurred \(500\)|UnknownOperation|not yet implemented|` +
	`Unable to parse response|ValidationError|ResourceNotFoundException|InternalError|UnsupportedOperation|TableNotFoundException|does not exist|` +
	`ResourceConflictException|ReceiptHandleIsInvalid|\(NotFoundException\)|ContinuousBackupsUnavailableException`)

// wrong are errors that tell of the command.
var wrong = regexp.MustCompile(`usage: aws|Unknown options|Invalid choice|arguments are required|expected one argument|Bad value for --query|` +
	`Error parsing parameter|Parameter validation failed|Invalid type for parameter|bash: .*syntax error|command not found|unbound variable|parse error|jq: error`)

// placeholders are words in commands that a person replaces, and what by here.
var placeholders = map[string]string{
	"ID": "d-ABCDEF123", "UUID": "00000000-0000-4000-8000-000000000000", "KEY": "$KEY", "NAME": "graph/app", "INSTANCES": "2", "IDENTITY": "example.com",
	"BUCKET": "rehearsal-bucket", "VERSION": "1", "USER": "t#o", "RUN": "R",
}

// within is a command in a sentence; one of ask, with the hours and a query.
var within = regexp.MustCompile("`((?:(?:aws|alarm|count|depth|letters|record|out) |ask [A-Z][a-z]+ [0-9]+ ')[^`]+)`")

var fence = regexp.MustCompile("(?ms)^ *```bash\n(.*?)^ *```$")

var rehearse = flag.Bool("rehearse", false, "run the commands of the runbooks, which takes minutes")

func TestEveryCommandOfTheRunbooksRuns(t *testing.T) {
	if !*rehearse {
		t.Skip("skipped: it takes minutes; run: make rehearse")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(root, ".tools", "awscli", "bin")
	for what, missing := range map[string]bool{
		"moto": os.Getenv("AWS_ENDPOINT_URL") == "", "DynamoDB Local": os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") == "",
		"the AWS command line": lacks(filepath.Join(tools, "aws")),
	} {
		if !missing {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not there", what)
		}
		t.Skipf("skipped: there is no %s; run: make test", what)
	}
	dir := t.TempDir()
	// version 1 of the command line asks SQS at an address of its own, whatever the environment says
	wrapper := "#!/bin/sh\ncase $1 in sqs) exec " + tools + "/aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\";; esac\nexec " + tools + "/aws \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(wrapper), 0o755); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "AWS_DEFAULT_REGION=eu-central-1", "AWS_PAGER=", "TABLE=rehearsal-"+rand.Text(),
		"AWS_MAX_ATTEMPTS=1", "HOME="+dir)
	bash := func(script string) (string, error) {
		command := exec.Command("bash", "-c", script)
		command.Dir, command.Env = dir, env
		out, err := command.CombinedOutput()
		return string(out), err
	}
	if err := os.WriteFile(filepath.Join(dir, "new.json"), []byte(`{"client_secret":"x"}`), 0o600); err != nil { // which a page has somebody write
		t.Fatal(err)
	}
	setup := exec.Command(filepath.Join(root, ".tools", "moto", "bin", "python"), "setup.py")
	setup.Env = env
	key, err := setup.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, key)
	}
	env = append(env, strings.TrimSpace(string(key)))

	pages, err := filepath.Glob(filepath.Join(root, "docs", "r*", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	shell := ""
	for _, page := range pages {
		if strings.HasSuffix(page, filepath.Join("runbooks", "README.md")) {
			shell = blocks(t, page)[0]
		}
	}
	if !strings.Contains(shell, "alarm()") {
		t.Fatalf("the shell that all pages use was not found: %s", shell)
	}
	if out, err := bash("set -eu\n" + shell + "\nprintf 'OUTPUTS=%s' \"$OUTPUTS\""); err != nil || !strings.Contains(out, "FunctionApi") {
		t.Fatalf("the shell that all pages use ended with %v and said\n%s", err, out)
	} else {
		env = append(env, out) // asked once, and not by each of a hundred shells
	}
	shell, before := outputs.ReplaceAllString(shell, ""), shell
	if shell == before {
		t.Fatal("the shell that all pages use asks for nothing")
	}
	ran, seen := 0, map[string]bool{}
	for _, page := range pages {
		name := filepath.Join(filepath.Base(filepath.Dir(page)), filepath.Base(page))
		scripts := slices.DeleteFunc(blocks(t, page), func(block string) bool { return block == before })
		if strings.Contains(name, "runbooks") && !strings.Contains(name, "README") && len(scripts) == 0 {
			t.Errorf("%s has no commands", name)
		}
		if rest := sentences(t, page, seen); len(rest) > 0 {
			scripts = append(scripts, strings.Join(rest, "\n"))
		}
		ran += len(scripts)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := "" // what earlier commands of the page put into variables
			for _, script := range scripts {
				out, err := bash("set -u\n" + shell + "\n" + kept + filled(script))
				judge(t, script, out, err)
				kept += strings.Join(assignment.FindAllString(script, -1), "\n") + "\n"
			}
		})
	}
	if ran < 60 || len(seen) < 50 {
		t.Errorf("only %d blocks of commands, and %d commands in sentences, were found", ran, len(seen))
	}
}

// judge says what is wrong with a script by what it said.
func judge(t *testing.T, script, out string, err error) {
	t.Helper()
	if bad := wrong.FindString(out); bad != "" {
		t.Errorf("%s\nended with %v and said\n%s", script, err, out)
		return
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, "An error occurred") && !known.MatchString(line) {
			t.Errorf("%s\nsaid\n%s", script, out)
		}
	}
	if err != nil && !strings.Contains(out, "An error occurred") && !known.MatchString(out) {
		t.Errorf("%s\nended with %v and said\n%s", script, err, out)
	}
}

// outputs is where the shell asks what the stacks say of themselves.
var outputs = regexp.MustCompile(`(?ms)^OUTPUTS=\$\(aws .*?"\)$`)

// assignment is a line that puts something into a variable of one letter, and does nothing else.
var assignment = regexp.MustCompile(`(?m)^ *[A-Z]=("[^"\n]*"|\$\([^()\n]*\)|[^\s;"$]+)$`)

func lacks(file string) bool {
	_, err := os.Stat(file)
	return err != nil
}

// blocks are the commands of a page.
func blocks(t *testing.T, page string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range fence.FindAllStringSubmatch(string(text), -1) {
		all = append(all, found[1])
	}
	return all
}

// sentences are the commands in the sentences of a page that were not seen on another.
func sentences(t *testing.T, page string, seen map[string]bool) (all []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range within.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		if !seen[found[1]] {
			seen[found[1]] = true
			all = append(all, found[1])
		}
	}
	return all
}

// filled puts something in the place of what a person has to.
func filled(script string) string {
	script = strings.ReplaceAll(script, " --cli-binary-format raw-in-base64-out", "") // version 1 reads payloads so anyway
	words := make([]string, 0, len(placeholders))
	for word := range placeholders {
		words = append(words, word)
	}
	slices.Sort(words)
	for _, word := range words {
		script = regexp.MustCompile(`([ =])`+word+`\b`).ReplaceAllString(script, "${1}"+strings.ReplaceAll(placeholders[word], "$", "$$"))
	}
	return script
}
