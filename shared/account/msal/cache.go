// Package msal holds what Microsoft's sign-in library keeps of one sign-in, wherever that is stored.
package msal

import (
	"context"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"

	"adminassistant/shared/fault"
)

// Cache is what the library keeps, among it tokens. It is for one client of the library at a time.
type Cache struct {
	Text []byte // as the library writes it; empty: nothing yet
	// Unreadable is returned in place of the library's error when it cannot read Text: that one may quote tokens.
	Unreadable error
}

var _ cache.ExportReplace = (*Cache)(nil)

// Replace gives the library what it kept.
func (c *Cache) Replace(_ context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	if len(c.Text) > 0 && into.Unmarshal(c.Text) != nil {
		return c.Unreadable
	}
	return nil
}

// Export takes what the library keeps from now on.
func (c *Cache) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	text, err := from.Marshal()
	if err != nil {
		return fault.New(fault.Internal, "what the sign-in library keeps cannot be written")
	}
	c.Text = text
	return nil
}
