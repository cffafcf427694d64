package notify

import (
	"html"
	"strings"

	"adminassistant/shared/mail"
	"adminassistant/shared/phrase"
)

// subjectPrefix begins the subject of every e-mail, so that it can be filtered.
const subjectPrefix = "Admin Assistant: "

// settingsPage is the page on which a user chooses what to hear of.
const settingsPage = "/settings"

// Page is the path of the page that shows what a path of the API shows; empty: there is none.
func Page(link string) string {
	if strings.HasPrefix(link, "/auth/") {
		return link
	}
	path, _, _ := strings.Cut(link, "?")
	for _, known := range []struct{ api, page string }{{"/v1/runs/", "/runs/"}, {"/v1/actions/", "/review/"}, {"/v1/timesheets/", "/timesheets/"}} {
		if id, ok := strings.CutPrefix(path, known.api); ok && id != "" && !strings.Contains(id, "/") {
			return known.page + id
		}
	}
	switch {
	case path == "/v1/actions":
		return "/review"
	case path == "/v1/me":
		return settingsPage
	case strings.HasPrefix(path, "/v1/jobs/"):
		return "/jobs"
	}
	return ""
}

// letter is a notification as an e-mail is written of it: a text, and the same as a page of our own making, which loads nothing.
type letter struct {
	reader     phrase.Reader
	text, page strings.Builder
}

// say is one of the words of letters.
func (l *letter) say(name string) string {
	said, _ := phrase.New(name).In(l.reader)
	return said
}

func (l *letter) paragraph(text string) {
	l.text.WriteString(text + "\n\n")
	l.page.WriteString("<p>" + html.EscapeString(text) + "</p>")
}

// kept is a text that is to be kept, or typed, as it is; indent begins each of its lines in the text.
func (l *letter) kept(what, indent, text string) {
	what += ":"
	l.text.WriteString(what + "\n\n" + indent + strings.ReplaceAll(text, "\n", "\n"+indent) + "\n\n")
	l.page.WriteString("<p>" + html.EscapeString(what) + `</p><pre style="white-space: pre-wrap; overflow-wrap: anywhere">` + html.EscapeString(text) + "</pre>")
}

// anchor leads to an address.
func anchor(what, address string) string {
	return `<a href="` + html.EscapeString(address) + `">` + html.EscapeString(what) + `</a>`
}

// mail is the notification as an e-mail in the reader's language. base is the address of the pages, empty: there are none; unsubscribe ends e-mails of its
// class, empty: nothing does.
func (n *Notification) mail(to, base, unsubscribe string, r phrase.Reader) mail.Mail {
	title, text, points := n.In(r)
	title = oneLine(title)
	l := &letter{reader: r}
	l.page.WriteString(`<!doctype html><html lang="` + string(r.Language) + `"><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width"><title>` + html.EscapeString(title) + `</title></head>` +
		`<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em"><h1 style="font-size: 1.2em">` + html.EscapeString(title) + `</h1>`)
	l.text.WriteString(title + "\n\n")
	for paragraph := range strings.SplitSeq(text, "\n") {
		l.paragraph(oneLine(paragraph))
	}
	for _, point := range points {
		l.point(oneLine(point.Text), base, Page(point.Link))
	}
	if page := Page(n.Link); page != "" && base != "" {
		what := l.say("letter.page")
		l.text.WriteString(what + ":\n\n    " + base + page + "\n\n")
		l.page.WriteString("<p>" + anchor(what, base+page) + "</p>")
	}
	if command := oneLine(n.Command); command != "" {
		l.kept(l.say("letter.command"), "    ", command)
	}
	for _, head := range n.Heads {
		var lines []string
		for line := range strings.SplitSeq(strings.TrimSuffix(head, "\n"), "\n") {
			lines = append(lines, oneLine(line))
		}
		l.kept(l.say("letter.head"), "", strings.Join(lines, "\n"))
	}
	l.end(base, unsubscribe)
	return mail.Mail{
		ID: n.ID, For: n.User, To: to, Subject: cut(subjectPrefix+title, mail.MaxSubject), Text: l.text.String(), HTML: l.page.String(), Unsubscribe: unsubscribe,
	}
}

// point is one of the things that a letter is about.
func (l *letter) point(text, base, page string) {
	shown := html.EscapeString(text)
	l.text.WriteString("  - " + text + "\n")
	if base != "" && page != "" {
		l.text.WriteString("    " + base + page + "\n")
		shown = anchor(text, base+page)
	}
	l.text.WriteString("\n")
	l.page.WriteString("<p>• " + shown + "</p>")
}

// end says why the letter came, and where that can be changed.
func (l *letter) end(base, unsubscribe string) {
	why := l.say("letter.why")
	l.text.WriteString("-- \n" + why + "\n")
	l.page.WriteString(`<p style="color: #555">` + html.EscapeString(why))
	settings := ""
	if base != "" {
		settings = base + settingsPage
	}
	for _, to := range [][2]string{{"letter.settings", settings}, {"letter.unsubscribe", unsubscribe}} {
		if what, address := l.say(to[0]), to[1]; address != "" {
			l.text.WriteString(what + ": " + address + "\n")
			l.page.WriteString("<br>" + anchor(what, address))
		}
	}
	l.page.WriteString("</p></body></html>\n")
}

// oneLine is a text without control characters and ends of lines.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// cut shortens a text to at most so many bytes, at a character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-3], "") + "..."
}
