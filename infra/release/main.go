// Command release makes what people download: for each platform an archive with the program, its completions, manual pages, licences and bill of
// materials, and one file with the checksums of all archives. The same commit gives the same bytes, whoever builds it and when.
//
//	release -version V [-out FOLDER] [OS/ARCH...]
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// platforms are those that are released.
var platforms = []string{"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64"}

const (
	name = "admin-assistant"
	sums = "SHA256SUMS"
)

// release is one that is made.
type release struct {
	pkg     string // of the program
	version string
	at      time.Time // of the commit: the time of all files
	out     string
	build   string // folder for what archives are made of
}

func main() {
	version := flag.String("version", "", "of the program, as in v1.2.3")
	out := flag.String("out", "dist/release", "`folder` for the archives")
	flag.Parse()
	if err := run("./cmd/"+name, *version, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

var (
	versionForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+$`)
)

// run makes a release of a program for platforms; none are all. It has to be run in the folder of the module.
func run(pkg, version, out string, wanted []string) error {
	if !versionForm.MatchString(version) {
		return fmt.Errorf("say which version it is, as in -version v1.2.3, not %q", version)
	}
	if len(wanted) == 0 {
		wanted = platforms
	}
	for _, p := range wanted {
		if !platformForm.MatchString(p) {
			return fmt.Errorf("%q is no platform; there are: %s", p, strings.Join(platforms, ", "))
		}
	}
	at, err := committed()
	if err != nil {
		return err
	}
	build, err := os.MkdirTemp("", "admin-assistant-release-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	r := &release{pkg: pkg, version: version, at: at, out: out, build: build}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	common, err := r.common()
	if err != nil {
		return err
	}
	var lines []string
	for _, p := range slices.Sorted(slices.Values(wanted)) {
		archive, sum, err := r.make(p, common)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		lines = append(lines, sum+"  "+archive+"\n")
		fmt.Println("release:", filepath.Join(out, archive))
	}
	return os.WriteFile(filepath.Join(out, sums), []byte(strings.Join(lines, "")), 0o644)
}

// committed is the time of the commit that is built, or SOURCE_DATE_EPOCH.
// https://reproducible-builds.org/specs/source-date-epoch/
func committed() (time.Time, error) {
	said := os.Getenv("SOURCE_DATE_EPOCH")
	if said == "" {
		out, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, errors.New("when the commit was made is not known: this is no working copy of git; set SOURCE_DATE_EPOCH")
		}
		said = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(said, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: it must be seconds since 1970", said)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// file is one of an archive.
type file struct {
	name string // below the archive's one folder, with /
	mode fs.FileMode
	text []byte
}

// compile builds the program for a platform.
func (r *release) compile(platform, into string) error {
	system, arch, _ := strings.Cut(platform, "/")
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.version="+r.version, "-o", into, r.pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath", "GOOS="+system, "GOARCH="+arch)
	return call(c)
}

// call runs a command; an error has what it said.
func call(c *exec.Cmd) error {
	var said bytes.Buffer
	if c.Stdout == nil {
		c.Stdout = &said
	}
	c.Stderr = &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// shells are those for which there are completions, and where an archive has them.
var shells = map[string]string{
	"bash": "completions/" + name + ".bash", "zsh": "completions/_" + name, "fish": "completions/" + name + ".fish", "powershell": "completions/" + name + ".ps1",
}

// common returns what is the same in all archives. The program of this machine's platform tells it.
func (r *release) common() (all []file, err error) {
	here := filepath.Join(r.build, "here")
	if runtime.GOOS == "windows" {
		here += ".exe"
	}
	if err := r.compile(runtime.GOOS+"/"+runtime.GOARCH, here); err != nil {
		return nil, err
	}
	for _, shell := range []string{"bash", "fish", "powershell", "zsh"} {
		var out bytes.Buffer
		c := exec.Command(here, "completion", shell)
		c.Stdout = &out
		if err := call(c); err != nil {
			return nil, err
		}
		all = append(all, file{shells[shell], 0o644, out.Bytes()})
	}
	pages := filepath.Join(r.build, "man")
	if err := call(exec.Command(here, "man", pages, "--date", r.at.Format(time.DateOnly))); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(pages)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(pages, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, file{"man/man1/" + e.Name(), 0o644, text})
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	return append(all, file{"LICENSE", 0o644, licence}, file{"INSTALL.txt", 0o644, []byte(howTo)}), nil
}

// make makes the archive of a platform, and returns its name and checksum.
func (r *release) make(platform string, common []file) (archive, sum string, err error) {
	system, arch, _ := strings.Cut(platform, "/")
	program := name
	if system == "windows" {
		program += ".exe"
	}
	at := filepath.Join(r.build, system+"-"+arch)
	if err := r.compile(platform, filepath.Join(at, program)); err != nil {
		return "", "", err
	}
	supply := exec.Command("go", "run", "./infra/supply", "-sbom", at, "-texts", filepath.Join(at, "LICENSES"), "-version", r.version, filepath.Join(at, program))
	if err := call(supply); err != nil {
		return "", "", err
	}
	files := slices.Clone(common)
	for from, to := range map[string]file{
		program: {name: program, mode: 0o755}, "LICENSES": {name: "THIRD-PARTY-LICENSES.txt", mode: 0o644},
		name + ".cdx.json": {name: name + ".cdx.json", mode: 0o644},
	} {
		if to.text, err = os.ReadFile(filepath.Join(at, from)); err != nil {
			return "", "", err
		}
		files = append(files, to)
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	folder := strings.Join([]string{name, r.version, system, arch}, "-")
	pack, ending := tarred, ".tar.gz"
	if system == "windows" {
		pack, ending = zipped, ".zip"
	}
	text, err := pack(folder, r.at, files)
	if err != nil {
		return "", "", err
	}
	digest := sha256.Sum256(text)
	archive = folder + ending
	return archive, hex.EncodeToString(digest[:]), os.WriteFile(filepath.Join(r.out, archive), text, 0o644)
}

// howTo is how to install what is in the archive.
const howTo = `Admin Assistant

1. Compare the archive with SHA256SUMS:   sha256sum --check --ignore-missing SHA256SUMS   (macOS: shasum -a 256 -c; Windows: Get-FileHash)
2. Put the program where your shell finds programs, such as ~/.local/bin, /usr/local/bin, or on Windows a folder of Path.
3. Completions, if you like, from the folder completions:
     bash        admin-assistant.bash    to ~/.local/share/bash-completion/completions/admin-assistant
     zsh         _admin-assistant        to a folder of $fpath
     fish        admin-assistant.fish    to ~/.config/fish/completions/
     PowerShell  admin-assistant.ps1     from your $PROFILE
   Manual pages, from man/man1, to ~/.local/share/man/man1.
4. Archive a calendar:                    admin-assistant --help
5. Have it happen every night, also after the machine was off:
     admin-assistant --local job create --config NAME --daily 23:59
     admin-assistant service install

macOS asks whether to open a program that was downloaded: xattr -d com.apple.quarantine admin-assistant, once you have compared the checksum.

admin-assistant.cdx.json lists what the program is made of, THIRD-PARTY-LICENSES.txt has the licences of that.
`
