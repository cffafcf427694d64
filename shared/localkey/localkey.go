// Package localkey knows who may speak to the server of one machine: whoever can read the key that it leaves in its data folder.
//
// Each start of a server has a key of its own. Programs send it as it is. A browser is let in by one that is good once, for an hour, and that
// anybody can make who has the key: the server has to be told of it by nobody, and needs to remember only those that were used.
package localkey

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"adminassistant/shared/fault"
)

// OnceFor is how long a key is good that is good once.
const OnceFor = time.Hour

// Key is that of one start of a server.
type Key string

// form is how keys are written: 130 bits in base32.
var form = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// file names the file of the server that listens on a host and port, as in "127.0.0.1:8080": several servers may have one data folder.
func file(dir, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(host) == nil {
		return "", fault.New(fault.Invalid, "%q is not an address as in 127.0.0.1:8080", address)
	}
	return filepath.Join(dir, "server-"+strings.ReplaceAll(host, ":", "_")+"-"+port+".key"), nil
}

// Leave makes a key for the server that listens on address, and leaves it in the folder for the folder's owner alone. The one that an earlier server
// left there is good for nothing any more. remove takes the file away, in the end.
func Leave(dir, address string) (_ Key, remove func() error, err error) {
	name, err := file(dir, address)
	if err != nil {
		return "", nil, err
	}
	key := Key(rand.Text())
	next, err := os.CreateTemp(dir, ".server-*") // made with mode 0600
	if err != nil {
		return "", nil, fmt.Errorf("leave the key of the server: %w", err)
	}
	defer os.Remove(next.Name()) // unless it was renamed
	_, err = io.WriteString(next, string(key)+"\n")
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), name) // whoever reads meanwhile has the old or the new one, and a link there is replaced
	}
	if err != nil {
		return "", nil, fmt.Errorf("leave the key of the server: %w", err)
	}
	return key, func() error { return os.Remove(name) }, nil
}

// Read returns the key that the server on address left in the folder; the error is fs.ErrNotExist if there is none, as after its end. One that was
// killed leaves its key behind, which no other server takes.
func Read(dir, address string) (Key, error) {
	name, err := file(dir, address)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if !form.MatchString(key) {
		return "", fault.New(fault.Invalid, "%s does not hold the key of a server; start the server again", name)
	}
	return Key(key), nil
}

// Once makes a key that is good once, until OnceFor after now. It may stand in an address as it is.
func (k Key) Once(now time.Time) string {
	about := strconv.FormatInt(now.Add(OnceFor).Unix(), 10) + "." + rand.Text()
	return about + "." + k.sign(about)
}

func (k Key) sign(about string) string {
	mac := hmac.New(sha256.New, []byte(k))
	mac.Write([]byte("once " + about))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Door lets in who has the key. Its methods may be called from many goroutines at once.
type Door struct {
	key   Key
	clock func() time.Time
	again string

	mu   sync.Mutex
	used map[string]int64 // until when those that were used would be good, in seconds since 1970
}

// NewDoor returns the door of a key. again is the command that makes one more that is good once, for the user.
func NewDoor(key Key, clock func() time.Time, again string) *Door {
	return &Door{key: key, clock: clock, again: again, used: map[string]int64{}}
}

// Opens says whether text is the key, in time that does not depend on it.
func (d *Door) Opens(text string) bool { return hmac.Equal([]byte(d.key), []byte(text)) }

// Redeem takes a key that is good once. Errors are of kind fault.Unauthenticated and say how to get another one.
func (d *Door) Redeem(once string) error {
	at := strings.LastIndexByte(once, '.')
	if at < 0 || !hmac.Equal([]byte(d.key.sign(once[:at])), []byte(once[at+1:])) {
		return fault.New(fault.Unauthenticated,
			`this address is not of the server as it runs now, which may have started anew; the command "%s" prints a new one`, d.again)
	}
	until, _, _ := strings.Cut(once, ".")
	end, err := strconv.ParseInt(until, 10, 64)
	now := d.clock().Unix()
	if err != nil || end <= now {
		return fault.New(fault.Unauthenticated, `this address is too old; the command "%s" prints a new one`, d.again)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for other, end := range d.used {
		if end <= now {
			delete(d.used, other)
		}
	}
	if _, ok := d.used[once]; ok {
		return fault.New(fault.Unauthenticated,
			`this address was used already, and works once; the command "%s" prints a new one. If it was not you who used it, stop the server`, d.again)
	}
	d.used[once] = end
	return nil
}
