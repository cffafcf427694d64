package archive

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"

	"adminassistant/shared/calendar"
)

// apart are elements that stand apart from the text around them.
var apart = map[string]bool{
	"address": true, "blockquote": true, "br": true, "dd": true, "div": true, "dl": true, "dt": true, "h1": true, "h2": true, "h3": true, "h4": true,
	"h5": true, "h6": true, "hr": true, "li": true, "ol": true, "p": true, "pre": true, "table": true, "td": true, "th": true, "tr": true, "ul": true,
}

// unseen are elements whose content nobody reads.
var unseen = map[string]bool{"head": true, "script": true, "style": true, "title": true}

// bodyText is what a reader sees of a body: its words with one space between them, and behind them the addresses of its links that the words do not
// have. Outlook puts texts into HTML and HTML into other HTML without anybody's edit; the words stay.
func bodyText(b calendar.Body) string {
	if !strings.EqualFold(b.ContentType, "html") {
		return singleSpaced(b.Content)
	}
	var text strings.Builder
	var links []string
	z := html.NewTokenizer(strings.NewReader(b.Content))
	hidden := "" // the element that hides what is read
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			seen := singleSpaced(text.String())
			slices.Sort(links)
			for _, link := range slices.Compact(links) {
				if !strings.Contains(seen, link) {
					seen += " <" + link + ">"
				}
			}
			return strings.TrimSpace(seen)
		case html.TextToken:
			if hidden == "" {
				text.WriteString(string(z.Text()))
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name)
			switch {
			case unseen[tag] && kind == html.StartTagToken && hidden == "":
				hidden = tag
			case tag == hidden && kind == html.EndTagToken:
				hidden = ""
			case tag == "body":
				hidden = "" // of a head without an end
			}
			if apart[tag] {
				text.WriteByte(' ')
			}
			for more && tag == "a" && hidden == "" {
				var key, value []byte
				if key, value, more = z.TagAttr(); string(key) == "href" && len(value) > 0 {
					links = append(links, singleSpaced(string(value)))
				}
			}
		}
	}
}

// singleSpaced is a text with one space where it has white space, and without any around it.
func singleSpaced(s string) string {
	return strings.Join(strings.FieldsFunc(s, blank), " ")
}

// blank says whether a character is white space to a reader, also one that takes no space.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\ufeff' || r == '\u00ad'
}

// solid is a text without its white space.
func solid(s string) string {
	return strings.Map(func(r rune) rune {
		if blank(r) {
			return -1
		}
		return r
	}, s)
}
