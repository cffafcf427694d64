package lambdatest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// flags are those of the deployed build.
var flags = []string{"-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid="}

var builds sync.Map // func() (string, error) by package path

// Build compiles the program with the import path pkg as it is deployed, but for this machine, and returns its file. In one test process
// each package is compiled once. The file stays in .tools/ for the next process, which leaves it when it would build the same.
// What does not compile, or is no program, fails the test.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	once, _ := builds.LoadOrStore(pkg, sync.OnceValues(func() (string, error) { return compile(pkg) }))
	file, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func compile(pkg string) (string, error) {
	told, err := goTool("list", "-f", "{{.Name}} {{.Module.Path}} {{.Module.Dir}}", pkg)
	if err != nil {
		return "", err
	}
	kind, told, _ := strings.Cut(strings.TrimSpace(told), " ")
	module, root, _ := strings.Cut(told, " ")
	if kind != "main" {
		return "", fmt.Errorf("build %s: it is a package named %s, not a program", pkg, kind)
	}
	dir := filepath.Join(root, ".tools", "lambdatest", runtime.GOOS+"-"+runtime.GOARCH, filepath.FromSlash(strings.TrimPrefix(pkg, module+"/")))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	built, file := filepath.Join(dir, "built"), filepath.Join(dir, "bootstrap")
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := goTool(append(append([]string{"build", "-o", built}, flags...), pkg)...); err != nil { // which knows what is up to date
		return "", err
	}
	return file, replace(file, built)
}

// replace makes file a copy of another one, at once: another process may be starting the file that is there. One that is a copy stays.
func replace(file, by string) error {
	want, err := os.ReadFile(by)
	if err != nil {
		return err
	}
	if is, err := os.ReadFile(file); err == nil && bytes.Equal(is, want) {
		return nil
	}
	next := file + ".next"
	if err := os.WriteFile(next, want, 0o700); err != nil {
		return err
	}
	return os.Rename(next, file)
}

// goTool runs go, for this machine and without cgo, and returns what it printed.
func goTool(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return string(out), nil
}
