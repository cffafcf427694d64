// Package signingtest has signing keys for tests.
package signingtest

import (
	"testing"

	"adminassistant/shared/signing"
)

// Key returns a fresh key. It is not kept anywhere.
func Key(t testing.TB) *signing.Key {
	t.Helper()
	private, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.Parse(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
