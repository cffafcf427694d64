package entrasim

import (
	"bytes"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// person is a user as a page shows one.
type person struct {
	Object, Name, Username string
}

// choice is what the page shows on which a user signs in.
type choice struct {
	App    string
	Action template.URL // where the form goes: the page itself, or the device page
	Code   string       // of a device
	Users  []person
}

// peopleOf shows users, the one whom the hint names first. The server's lock is held.
func peopleOf(users []*User, hint string) []person {
	var shown []person
	for _, u := range users {
		p := person{Object: u.Object, Name: u.Name, Username: u.Username}
		if strings.EqualFold(u.Username, hint) {
			shown = slices.Insert(shown, 0, p)
		} else {
			shown = append(shown, p)
		}
	}
	return shown
}

var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Simulated sign-in</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem}
button,input{font:inherit;padding:.6rem .8rem;margin:.3rem 0;width:100%;text-align:left;box-sizing:border-box}</style>
</head><body><main><h1>Simulated sign-in</h1>{{end}}
{{define "foot"}}</main></body></html>{{end}}
{{define "choose"}}{{template "head"}}<p>Who signs in to <strong>{{.App}}</strong>?</p>
<form method="post" action="{{.Action}}">{{with .Code}}<input type="hidden" name="user_code" value="{{.}}">{{end}}
{{range .Users}}<button name="user" value="{{.Object}}">{{.Name}}<br><small>{{.Username}}</small></button>
{{else}}<p>There are no users in this tenant.</p>{{end}}<button name="cancel" value="1">Cancel</button></form>{{template "foot"}}{{end}}
{{define "device"}}{{template "head"}}{{with .Wrong}}<p role="alert">{{.}}</p>{{end}}
<form method="get" action="{{.Action}}"><label>Code shown by the program
<input name="user_code" autocomplete="off" autofocus required></label><button>Next</button></form>{{template "foot"}}{{end}}
{{define "done"}}{{template "head"}}<p>{{.}}</p>{{template "foot"}}{{end}}
{{define "signed-out"}}{{template "head"}}<p>You are signed out.</p>{{template "foot"}}{{end}}
{{define "sign-out"}}{{template "head"}}<p>Which account do you want to sign out of?</p><p>{{.Name}} <small>{{.Username}}</small></p>{{template "foot"}}{{end}}
{{define "refused"}}{{template "head"}}<p role="alert">{{.}}</p>{{template "foot"}}{{end}}
{{define "post-back"}}{{template "head"}}<form method="post" action="{{.Action}}">
{{range $name, $value := .Values}}<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}
<button id="continue">Continue</button></form>{{template "foot"}}{{end}}
`))

func writePage(w http.ResponseWriter, status int, name string, about any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, about); err != nil {
		panic("entrasim: " + err.Error()) // the pages are fixed
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// refusePage shows a person what is wrong.
func (s *Server) refusePage(w http.ResponseWriter, f *refusal) {
	writePage(w, http.StatusBadRequest, "refused", f.description(newID(), newID(), s.options.Clock()))
}

// postBack sends values to the application by a form, which a person sends off: the page runs no script.
func postBack(w http.ResponseWriter, to string, values map[string]string) {
	for name, value := range values {
		if value == "" {
			delete(values, name)
		}
	}
	writePage(w, http.StatusOK, "post-back", struct {
		Action template.URL
		Values map[string]string
	}{template.URL(to), values})
}
