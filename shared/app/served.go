package app

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/localkey"
)

// errStranger is the failure of a request that does not show that it comes from who started the server.
var errStranger = fault.New(fault.Unauthenticated, "this server is for the account of its machine that started it. Its command line gets in by itself "+
	"where it has the same data folder; a browser does by the address that the server printed, or by a new one: admin-assistant browser")

// Served is the API for whoever reaches this machine's loopback, as every account of it does. It lets in who has the key that it leaves in the
// data folder.
type Served struct {
	http.Handler

	key    localkey.Key
	remove func() error
}

// Serve returns the API for a server that listens on address, a host and a port. again is the command by which a browser's user gets one more address.
func (l *Local) Serve(address, again string) (*Served, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address of the server: %w", err)
	}
	dir, err := l.system.settings.DataDir()
	if err != nil {
		return nil, err
	}
	key, remove, err := localkey.Leave(dir, address)
	if err != nil {
		return nil, err
	}
	door := localkey.NewDoor(key, time.Now, again)
	y := *l.system
	y.machine = &httpapi.Machine{Redeem: door.Redeem, User: l.Principal, Cookie: "admin-assistant-" + port}
	return &Served{key: key, remove: remove, Handler: y.api(func(r *http.Request) (account.Principal, error) {
		headers := r.Header.Values("Authorization")
		if len(headers) != 1 {
			return account.Principal{}, errStranger
		}
		token, ok := strings.CutPrefix(headers[0], "Bearer ")
		if !ok || !door.Opens(token) {
			return account.Principal{}, errStranger
		}
		return l.Principal, nil
	})}, nil
}

// Once is the query of an address by which a browser gets in once, at the path /.
func (s *Served) Once() string { return BrowserQuery(s.key) }

// Close takes the key away.
func (s *Served) Close() error { return s.remove() }

// BrowserQuery is the query of an address of the server whose key it is, by which a browser gets in once.
func BrowserQuery(key localkey.Key) string { return "?key=" + key.Once(time.Now()) }
