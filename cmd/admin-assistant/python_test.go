package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAGeneratedPythonClientDoesTheMainJob(t *testing.T) {
	at, err := filepath.Abs(filepath.Join("..", "..", ".tools", "pythonclient", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(at, "openapi-python-client")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: make tools installs it", err)
		}
		t.Skip("openapi-python-client is not installed; make tools installs it")
	}
	m := newMachine(t)
	s := m.serve()
	_, _, document := s.get(s.address + "/openapi.json")
	folder := t.TempDir()
	generate := exec.CommandContext(t.Context(), filepath.Join(at, "openapi-python-client"), "generate", "--meta", "none",
		"--path", m.file("openapi.json", document), "--output-path", filepath.Join(folder, "client"))
	generate.Env = append(os.Environ(), "PATH="+at+":"+os.Getenv("PATH"))
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	key := strings.TrimSpace(string(mustRead(t, m.keyFile(s.address))))
	job := exec.CommandContext(t.Context(), filepath.Join(at, "python"), filepath.Join("testdata", "python", "main_job.py"), folder, s.address,
		key, sample(t))
	if out, err := job.CombinedOutput(); err != nil || string(out) != "done\n" {
		t.Fatalf("%v: %s", err, out)
	}
}
