package msal

import (
	"encoding/json"
	"strings"
)

// InWords writes the scopes that an answer of the sign-in service grants in the words in which they were asked for, where they mean the same. The
// service may name a scope with its API's address, with its id or without either, in any case and order; the library compares letters, and takes
// for declined what is written otherwise. All scopes of an answer are of one API, so that their names alone distinguish them.
func InWords(asked []string, answer []byte) []byte {
	var object map[string]json.RawMessage
	var granted string
	if json.Unmarshal(answer, &object) != nil || object["scope"] == nil || json.Unmarshal(object["scope"], &granted) != nil {
		return answer
	}
	words := strings.Fields(granted)
	for i, word := range words {
		for _, one := range asked {
			if strings.EqualFold(nameOf(word), nameOf(one)) {
				words[i] = one
			}
		}
	}
	if rewritten := strings.Join(words, " "); rewritten != granted {
		object["scope"], _ = json.Marshal(rewritten) // a text
		if text, err := json.Marshal(object); err == nil {
			return text
		}
	}
	return answer
}

// nameOf is a scope without its API.
func nameOf(scope string) string { return scope[strings.LastIndex(scope, "/")+1:] }
