package ics

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// plain makes UTF-8 of what is written as quoted-printable, as vCalendar 1.0 does and some phones do everywhere.
func plain(p part) error {
	for name, all := range p.Props {
		for i := range all {
			prop := &all[i]
			if !strings.EqualFold(prop.Params.Get("ENCODING"), "QUOTED-PRINTABLE") {
				continue
			}
			text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(prop.Value)))
			if err != nil {
				return invalid(p.number(prop), "%s is not quoted-printable, as it says", name)
			}
			if text, err = utf8Of(text, prop.Params.Get("CHARSET")); err != nil {
				return invalid(p.number(prop), "%s: %w", name, err)
			}
			text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
			prop.Value = strings.NewReplacer("\n", `\n`).Replace(string(text))
			prop.Params.Del("ENCODING")
		}
	}
	return nil
}

// utf8Of decodes text in a character set.
func utf8Of(text []byte, charset string) ([]byte, error) {
	switch set := strings.ToUpper(charset); {
	case utf8.Valid(text):
		return text, nil
	case set == "" || set == "ISO-8859-1" || set == "WINDOWS-1252" || set == "US-ASCII":
		return charmap.Windows1252.NewDecoder().Bytes(text)
	case set == "ISO-8859-15":
		return charmap.ISO8859_15.NewDecoder().Bytes(text)
	}
	return nil, errEncoding
}
