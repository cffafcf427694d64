package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"adminassistant/shared/fault"
)

var (
	//go:embed static/app.css
	styleText []byte
	//go:embed static/money.css
	moneyStyle []byte
	//go:embed static/app.js
	scriptText []byte
	// htmx 4.0.1, as npm has it; see LICENSE-htmx.
	//
	//go:embed static/htmx.js
	htmxText []byte
	//go:embed static/icon.svg
	iconText []byte
)

// htmxSum is the SHA-256 of htmx as it was looked at.
const htmxSum = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"

// static are the files that pages name. Each has its content's hash in its name, so that a browser may keep it for ever.
type static struct {
	files                     map[string][]byte // by name
	style, script, htmx, icon string            // addresses
}

// kinds are the content types of files. What the machine says of extensions may differ.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func newStatic() *static {
	s := &static{files: map[string][]byte{}}
	add := func(name string, content []byte) string {
		sum := sha256.Sum256(content)
		extension := path.Ext(name)
		name = fmt.Sprintf("%s.%s%s", strings.TrimSuffix(name, extension), hex.EncodeToString(sum[:8]), extension)
		s.files[name] = content
		return "/static/" + name
	}
	s.style = add("app.css", slices.Concat(styleText, moneyStyle, []byte(gridStyle())))
	s.script, s.htmx, s.icon = add("app.js", scriptText), add("htmx.js", htmxText), add("icon.svg", iconText)
	return s
}

func (s *static) serve(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	content, ok := s.files[name]
	if !ok {
		return fault.New(fault.NotFound, "there is no such file, or not any more")
	}
	h := w.Header()
	h.Set("Content-Type", kinds[path.Ext(name)])
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content)
	return nil
}
