package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const small = "./infra/release/testdata/admin-assistant"

// made makes a release of a small program, as somebody else at another time would.
func made(t *testing.T, wanted ...string) (out string) {
	t.Helper()
	t.Chdir(filepath.Join("..", ".."))
	t.Setenv("SOURCE_DATE_EPOCH", "1793000001")
	t.Setenv("TMPDIR", t.TempDir())
	out = filepath.Join(t.TempDir(), "release")
	if err := run(small, "v1.2.3", out, wanted); err != nil {
		t.Fatal(err)
	}
	return out
}

// unpacked is what an archive holds: the mode and the text of each file.
type unpacked map[string]struct {
	mode int64
	at   time.Time
	text []byte
}

func unpack(t *testing.T, file string) unpacked {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := unpacked{}
	var order []string
	add := func(name string, mode int64, at time.Time, from io.Reader) {
		text, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = struct {
			mode int64
			at   time.Time
			text []byte
		}{mode, at.UTC(), text}
		order = append(order, name)
	}
	if strings.HasSuffix(file, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			from, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			add(f.Name, int64(f.Mode().Perm()), f.Modified, from)
		}
	} else {
		packed, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(packed); ; {
			head, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if head.Uid != 0 || head.Gid != 0 || head.Uname != "" || head.Gname != "" {
				t.Errorf("%s belongs to somebody: %+v", head.Name, head)
			}
			add(head.Name, head.Mode, head.ModTime, r)
		}
	}
	if !slices.IsSorted(order) {
		t.Errorf("%s has its files in the order %q", file, order)
	}
	return all
}

func TestAnArchiveHasAllThatSomebodyNeeds(t *testing.T) {
	out := made(t, "windows/arm64", "linux/amd64")
	var names []string
	for platform, c := range map[string]struct{ archive, program string }{
		"linux/amd64":   {"admin-assistant-v1.2.3-linux-amd64.tar.gz", "admin-assistant"},
		"windows/arm64": {"admin-assistant-v1.2.3-windows-arm64.zip", "admin-assistant.exe"},
	} {
		names = append(names, c.archive)
		all := unpack(t, filepath.Join(out, c.archive))
		folder := strings.TrimSuffix(strings.TrimSuffix(c.archive, ".tar.gz"), ".zip") + "/"
		for name, says := range map[string]string{
			c.program: "v1.2.3", "LICENSE": "Apache License", "INSTALL.txt": "service install", "THIRD-PARTY-LICENSES.txt": "Redistribution and use",
			"admin-assistant.cdx.json": `"bomFormat": "CycloneDX"`, "completions/admin-assistant.bash": "in bash", "completions/_admin-assistant": "in zsh",
			"completions/admin-assistant.fish": "in fish", "completions/admin-assistant.ps1": "in powershell",
			"man/man1/admin-assistant.1": "[--date 2026-10-26]", "man/man1/admin-assistant-archive.1": "[--date 2026-10-26]",
		} {
			f, there := all[folder+name]
			if !there || !bytes.Contains(f.text, []byte(says)) {
				t.Errorf("%s: %s says no %q: %.100s", platform, name, says, f.text)
			}
			if want := map[bool]int64{true: 0o755, false: 0o644}[name == c.program]; f.mode != want || f.at.Unix() != 1793000001 {
				t.Errorf("%s: %s has mode %o and is of %s", platform, name, f.mode, f.at)
			}
			delete(all, folder+name)
		}
		for name := range all {
			t.Errorf("%s: there is %s, too", platform, name)
		}
	}
	list, err := os.ReadFile(filepath.Join(out, sums))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, name := range slices.Sorted(slices.Values(names)) {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		want += fmt.Sprintf("%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	if string(list) != want {
		t.Errorf("the checksums are\n%s, not\n%s", list, want)
	}
}

func TestTheSameCommitGivesTheSameBytes(t *testing.T) {
	here := runtime.GOOS + "/" + runtime.GOARCH
	first := made(t, here, "windows/amd64")
	second := func() string {
		out := filepath.Join(t.TempDir(), "elsewhere")
		t.Setenv("TMPDIR", t.TempDir())
		if err := run(small, "v1.2.3", out, []string{"windows/amd64", here}); err != nil {
			t.Fatal(err)
		}
		return out
	}()
	entries, err := os.ReadDir(first)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		one, err := os.ReadFile(filepath.Join(first, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if other, err := os.ReadFile(filepath.Join(second, e.Name())); err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s differs: %v", e.Name(), err)
		}
	}
}

func TestWhatIsUnpackedRuns(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: it unpacks with tar")
	}
	out := made(t, runtime.GOOS+"/"+runtime.GOARCH)
	clean := t.TempDir()
	folder := "admin-assistant-v1.2.3-" + runtime.GOOS + "-" + runtime.GOARCH
	if said, err := exec.Command("tar", "-C", clean, "-xzf", filepath.Join(out, folder+".tar.gz")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	said, err := exec.Command(filepath.Join(clean, folder, "admin-assistant"), "version").CombinedOutput()
	if want := fmt.Sprintln("v1.2.3", runtime.GOOS, runtime.GOARCH); err != nil || string(said) != want {
		t.Errorf("%v: %s", err, said)
	}
}

func TestWhatCannotBeReleasedIsSaid(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	for name, c := range map[string]struct {
		version, epoch string
		wanted         []string
		says           string
	}{
		"no version":                    {"", "1", nil, "say which version"},
		"a version that is a path":      {"../v1", "1", nil, "say which version"},
		"a platform that is a word":     {"v1", "1", []string{"linux"}, `"linux" is no platform; there are: darwin/amd64`},
		"one that is a flag":            {"v1", "1", []string{"-o/x"}, "is no platform"},
		"one that Go does not know":     {"v1", "1", []string{"plan8/amd64"}, "plan8/amd64: go build"},
		"a time that is none":           {"v1", "yesterday", []string{"linux/amd64"}, "SOURCE_DATE_EPOCH"},
		"a program that does not build": {"v1", "1", []string{"linux/amd64"}, "no-such-program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOURCE_DATE_EPOCH", c.epoch)
			pkg := small
			if strings.Contains(c.says, "no-such") {
				pkg = "./no-such-program"
			}
			if err := run(pkg, c.version, t.TempDir(), c.wanted); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWithoutASayingTheTimeIsThatOfTheCommit(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	want, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
	if err != nil {
		t.Skip("skipped: this is no working copy of git")
	}
	at, err := committed()
	if err != nil || fmt.Sprintln(at.Unix()) != string(want) {
		t.Errorf("%v, %v, want %s", at, err, want)
	}
}
