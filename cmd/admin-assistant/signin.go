package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"adminassistant/shared/fault"
)

// signIn is what is kept of a sign-in: how it was made, and what Microsoft's library keeps of it. Its tokens are for the API alone.
type signIn struct {
	API       string          `json:"api"`
	Authority string          `json:"authority"`
	Tenant    string          `json:"tenant"` // at which the user signs in; "organizations": at that of the user's account
	Client    string          `json:"client_id"`
	Scope     string          `json:"scope"`
	Account   string          `json:"account,omitempty"` // as the library names it; empty: the sign-in has ended
	Claims    string          `json:"claims,omitempty"`  // what the next sign-in has to show; mostly empty
	Cache     json.RawMessage `json:"cache,omitempty"`
}

// signIns is the folder of sign-ins, each in a file that is its owner's alone.
type signIns struct{ folder string }

var errSignInFile = errors.New("the file of the sign-in cannot be read")

// ofAPI names the file of the sign-in to an API without a profile.
func (s signIns) ofAPI(api string) string {
	sum := sha256.Sum256([]byte(api))
	return filepath.Join(s.folder, "api-"+hex.EncodeToString(sum[:8])+".json")
}

// ofProfile names the file of a profile.
func (s signIns) ofProfile(name string) string {
	return filepath.Join(s.folder, "profile-"+name+".json")
}

// read reads a sign-in; the error is fs.ErrNotExist when there is none, and errSignInFile when it is not one.
func (s signIns) read(file string) (signIn, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return signIn{}, err
	}
	var in signIn
	if json.Unmarshal(text, &in) != nil || in.API == "" { // its text may quote a token
		return signIn{}, errSignInFile
	}
	return in, nil
}

// write puts a sign-in in the place of the one that is there, at once: whoever reads meanwhile has the old or the new one. The lock is held.
func (s signIns) write(file string, in signIn) error {
	text, err := json.Marshal(in)
	if err != nil {
		return fault.New(fault.Internal, "the sign-in cannot be written")
	}
	next, err := os.CreateTemp(s.folder, ".sign-in-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	defer os.Remove(next.Name()) // unless it was renamed
	_, err = next.Write(text)
	if err == nil {
		err = next.Sync()
	}
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	return nil
}

// lock keeps other commands from sign-ins until unlock is called: two that refresh one at once could lose it.
func (s signIns) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, fmt.Errorf("folder of sign-ins: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("folder of sign-ins: %w", err)
	}
	for {
		mine, err := tryLock(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		if mine {
			return func() { _ = f.Close() }, nil
		}
		wait := time.NewTimer(time.Duration(5+rand.IntN(25)) * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil, errors.Join(fault.New(fault.Unavailable, "another command is signing in; try again: %w", ctx.Err()), f.Close())
		}
	}
}

// apiAddress reads the address of an API as it is written in files: lower case, without a slash at the end or a default port.
func apiAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fault.New(fault.Invalid, "--api must be an address as in http://127.0.0.1:8080, not %q", text)
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return u.Scheme + "://" + host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// place is where a command works: an API and the file of the sign-in to it.
type place struct {
	api, file string
	login     string // how to sign in there
}

// signInPlace says where the command works. A profile knows its API; only login may give it another one.
func (p *program) signInPlace(login bool) (place, error) {
	api, err := apiAddress(p.settings.API)
	if err != nil {
		return place{}, err
	}
	const command = "admin-assistant login"
	if p.profile == "" {
		at := place{api: api, file: p.signIns.ofAPI(api), login: command}
		if p.apiGiven {
			at.login += " --api " + api
		}
		return at, nil
	}
	if !profileName.MatchString(p.profile) {
		return place{}, usageError{fmt.Errorf("--profile must be a name of small letters, digits and hyphens, not %q", p.profile)}
	}
	at := place{api: api, file: p.signIns.ofProfile(p.profile), login: command + " --profile " + p.profile}
	in, err := p.signIns.read(at.file)
	switch {
	case err != nil && login:
	case errors.Is(err, fs.ErrNotExist):
		return place{}, usageError{fmt.Errorf("there is no profile %q; make it with: %s --api ADDRESS", p.profile, at.login)}
	case err != nil:
		return place{}, fmt.Errorf("profile %q: %w; sign in with: %s --api ADDRESS", p.profile, err, at.login)
	case !p.apiGiven:
		at.api = in.API
	case !login && in.API != api:
		return place{}, usageError{fmt.Errorf("profile %q is for %s, not for %s; leave --api or --profile out", p.profile, in.API, api)}
	}
	return at, nil
}

// names are those of the profiles that there are.
func (s signIns) names() (list []string, err error) {
	files, err := filepath.Glob(s.ofProfile("*"))
	for _, file := range files {
		list = append(list, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "profile-"), ".json"))
	}
	return list, err
}
