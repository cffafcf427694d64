package functions_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"adminassistant/functions/lambdatest"
)

// TestTheBuildIsReproducible builds a function from two copies of the checkout, in different folders, by the rule that deployments use.
// Only the processor is this machine's, for which everything is compiled already.
func TestTheBuildIsReproducible(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	must(t, err)
	rules, err := os.ReadFile(filepath.Join(root, "Makefile"))
	must(t, err)
	const deployed = "GOOS=linux GOARCH=arm64 "
	if !bytes.Contains(rules, []byte(deployed)) {
		t.Fatalf("the Makefile has no %q", deployed)
	}
	rules = bytes.ReplaceAll(rules, []byte(deployed), fmt.Appendf(nil, "GOOS=%s GOARCH=%s ", runtime.GOOS, runtime.GOARCH))

	file := filepath.Join("dist", "functions", "notify", "bootstrap")
	build := func(folder, version string) []byte {
		t.Helper()
		if _, err := os.Stat(folder); err != nil {
			for _, part := range []string{"functions", "shared"} {
				must(t, os.CopyFS(filepath.Join(folder, part), os.DirFS(filepath.Join(root, part))))
			}
			for _, name := range []string{"go.mod", "go.sum"} {
				text, err := os.ReadFile(filepath.Join(root, name))
				must(t, err)
				must(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
			}
			must(t, os.WriteFile(filepath.Join(folder, "Makefile"), rules, 0o600))
		}
		makes(t, folder, file, "VERSION="+version)
		program, err := os.ReadFile(filepath.Join(folder, file))
		must(t, err)
		return program
	}
	here, there := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "in", "another", "place")
	one, other := build(here, "v1"), build(there, "v1")
	if !bytes.Equal(one, other) {
		t.Errorf("the same source gave %x and %x", sha256.Sum256(one), sha256.Sum256(other))
	}
	for _, folder := range []string{here, root, os.Getenv("HOME")} {
		if strings.Count(folder, string(filepath.Separator)) > 1 && bytes.Contains(one, []byte(folder+string(filepath.Separator))) {
			t.Errorf("the program tells that it was built in %s", folder)
		}
	}
	if bytes.Equal(one, build(there, "v2")) {
		t.Error("another version gave the same program")
	}
}

// TestPackagesAreSmall zips each function as it is deployed, though for this machine's processor, for which everything is compiled already.
func TestPackagesAreSmall(t *testing.T) {
	t.Parallel()
	for _, function := range functions {
		t.Run(function, func(t *testing.T) {
			size := zipped(t, lambdatest.Build(t, "adminassistant/functions/"+function))
			t.Logf("%.1f MB", megabytes(size))
			if size >= 15<<20 {
				t.Errorf("the package has %.1f MB", megabytes(size))
			}
		})
	}
}
