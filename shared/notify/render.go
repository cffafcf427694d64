package notify

import (
	"html"
	"strings"

	"adminassistant/shared/mail"
)

// subjectPrefix begins the subject of every e-mail, so that it can be filtered.
const subjectPrefix = "Admin Assistant: "

// why ends every e-mail.
const why = "You get this e-mail because your settings of notifications say so; PUT /v1/me/settings changes them."

// aboutHead says what a head is good for.
const aboutHead = "The signed head of the ledger. Keep this e-mail: with the head it can be proved that nothing before it was changed."

// mail is the notification as an e-mail: a text, and the same as a page of our own making, which loads nothing.
func (n *Notification) mail(to, base string) mail.Mail {
	title := oneLine(n.Title)
	text := &strings.Builder{}
	page := &strings.Builder{}
	page.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>` + html.EscapeString(title) + `</title></head>` +
		`<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em"><h1 style="font-size: 1.2em">` + html.EscapeString(title) + `</h1>`)
	text.WriteString(title + "\n\n")
	for paragraph := range strings.SplitSeq(n.Text, "\n") {
		paragraph = oneLine(paragraph)
		text.WriteString(paragraph + "\n\n")
		page.WriteString("<p>" + html.EscapeString(paragraph) + "</p>")
	}
	for _, point := range n.Points {
		line := oneLine(point.Text)
		text.WriteString("  - " + line + "\n")
		page.WriteString("<p>" + html.EscapeString(line))
		if base != "" {
			text.WriteString("    " + base + point.Link + "\n")
			link := html.EscapeString(base + point.Link)
			page.WriteString(`<br><a href="` + link + `">` + link + `</a>`)
		}
		text.WriteString("\n")
		page.WriteString("</p>")
	}
	for _, head := range n.Heads {
		var lines []string
		for line := range strings.SplitSeq(strings.TrimSuffix(head, "\n"), "\n") {
			lines = append(lines, oneLine(line))
		}
		head = strings.Join(lines, "\n")
		text.WriteString(aboutHead + "\n\n" + head + "\n\n")
		page.WriteString("<p>" + aboutHead + "</p><pre>" + html.EscapeString(head) + "</pre>")
	}
	if command := oneLine(n.Command); command != "" {
		text.WriteString("On the command line:\n\n    " + command + "\n\n")
		page.WriteString("<p>On the command line:</p><pre>" + html.EscapeString(command) + "</pre>")
	}
	if n.Link != "" && base != "" {
		text.WriteString("In the browser:\n\n    " + base + n.Link + "\n\n")
		link := html.EscapeString(base + n.Link)
		page.WriteString(`<p>In the browser: <a href="` + link + `">` + link + `</a></p>`)
	}
	text.WriteString("-- \n" + why + "\n")
	page.WriteString(`<p style="color: #555">` + html.EscapeString(why) + `</p></body></html>` + "\n")
	return mail.Mail{ID: n.ID, For: n.User, To: to, Subject: cut(subjectPrefix+title, mail.MaxSubject), Text: text.String(), HTML: page.String()}
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
