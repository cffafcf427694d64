package web

import (
	"errors"

	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
)

// failure is the text of a failure, as a sentence in the person's language.
func (s speech) failure(text string) string {
	if lang := phrase.Language(s.lang); lang != phrase.English {
		return lang.Failure(text)
	}
	return sentence(text)
}

// detail is failure as a part of a line.
func (s speech) detail(text string) string { return phrase.Language(s.lang).Failure(text) }

// wrong is what is wrong, as a sentence in the person's language.
func (s speech) wrong(err error) string {
	var said *inOwnWords
	if errors.As(err, &said) {
		return said.text
	}
	return s.failure(err.Error())
}

// inOwnWords is an error whose text is in the person's language already.
type inOwnWords struct {
	error
	text string
}

func (e *inOwnWords) Unwrap() error { return e.error }

// wrongly says in the person's own language what is wrong with a field.
func wrongly(field, text string) error {
	return &inOwnWords{fault.At(field, fault.New(fault.Invalid, "%s", text)), sentence(text)}
}
