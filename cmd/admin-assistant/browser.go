package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"adminassistant/shared/app"
	"adminassistant/shared/fault"
	"adminassistant/shared/localkey"
)

// machineKey is the key that a server of this machine left in its data folder.
type machineKey struct {
	api     string // by the address that it listens on
	address string // of it, as in 127.0.0.1:8080
	folder  string
}

// Token returns the key. It is read each time: the server may have started anew.
func (k *machineKey) Token(context.Context, string) (string, error) {
	key, err := localkey.Read(k.folder, k.address)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // it has ended, and so will the request
	}
	return string(key), err
}

func (k *machineKey) Unaccepted(string) error {
	return fault.New(fault.Unauthenticated,
		"the server at %s does not take the key in data folder %s: another account started it, or with another folder; name that folder with --data",
		k.api, k.folder)
}

// machineKey returns the key of the server at an API's address, if one with this data folder is there. A server is looked for by the address that it
// listens on, since a name may lead to another account's.
func (p *program) machineKey(api string) (*machineKey, error) {
	if !onThisMachine(api) {
		return nil, nil
	}
	folder, err := p.settings.DataDir()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(api)
	if err != nil {
		return nil, err
	}
	port, hosts := u.Port(), []string{u.Hostname()}
	if port == "" {
		port = "80"
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		hosts = []string{"127.0.0.1", "::1"}
	}
	for _, host := range hosts {
		at := net.JoinHostPort(host, port)
		_, err := localkey.Read(folder, at)
		if err == nil {
			return &machineKey{api: "http://" + at, address: at, folder: folder}, nil
		}
		if unread := new(fs.PathError); !errors.As(err, &unread) { // there is none, or it is not for us
			return nil, err
		}
	}
	return nil, nil
}

// onThisMachine says whether an API's address may be that of a server of this machine.
func onThisMachine(api string) bool {
	u, err := url.Parse(api)
	return err == nil && u.Scheme == "http" && ownHost(u.Hostname()) && strings.Trim(u.Path, "/") == ""
}

// browserCommand prints an address and opens no browser: what is on a command line, as a browser's would be, other accounts can read.
func (p *program) browserCommand() *cobra.Command {
	return &cobra.Command{
		Use: "browser", Short: "Print an address by which a browser gets into the server of this machine, once", Args: cobra.NoArgs,
		Long: "Prints an address by which a browser gets into the server of this machine. It is good once, for an hour. " +
			"Whoever has it gets in: do not pass it on.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.local || p.profile != "" {
				return usageError{errors.New("this is about the server of this machine, which is started with: admin-assistant serve. " +
					"It goes without --local and --profile")}
			}
			at, err := p.signInPlace(false)
			if err != nil {
				return err
			}
			own, err := p.machineKey(at.api)
			if err != nil {
				return err
			}
			if own == nil {
				folder, _ := p.settings.DataDir()
				return fault.New(fault.NotFound, "no server with data folder %s is at %s; start one with: admin-assistant serve, "+
					"or name its address with --api and its folder with --data", folder, at.api)
			}
			c, err := newClient(own.api, p.transport)
			if err != nil {
				return err
			}
			c.credentials = own
			// It may have been killed, with its key left behind.
			if _, err := c.do(cmd.Context(), request{method: http.MethodGet, path: "/v1/me"}, nil); err != nil {
				return err
			}
			key, err := localkey.Read(own.folder, own.address)
			if err != nil {
				return err
			}
			address := own.api + "/" + app.BrowserQuery(key)
			if p.output == "json" {
				return p.printJSON(map[string]string{"address": address})
			}
			_, err = fmt.Fprintln(p.out, address)
			return err
		},
	}
}
