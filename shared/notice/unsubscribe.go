package notice

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
)

// signer signs notes, and opens those that it signed: others are of kind fault.Malformed.
type signer interface {
	Sign(ctx context.Context, text string) (signed string, err error)
	Open(ctx context.Context, signed string) (text string, err error)
}

// UnsubscribePath is the path of the page at which a user ends the e-mails of the digest.
const UnsubscribePath = "/unsubscribe"

// unsubscribing begins the notes that end the digest of the user in their second line. No other note that is signed begins so.
const unsubscribing = "adminassistant/unsubscribe/digest"

// maxToken is the largest size of a token in bytes.
const maxToken = 2 << 10

// UnsubscribeAddress returns the address, below that of the API, at which a user ends the e-mails of the digest (RFC 8058). Whoever has it can do that, and
// nothing else. It holds for good. The page there is in a language. Empty: the API has no address.
func (n *Notices) UnsubscribeAddress(ctx context.Context, base, user string, in phrase.Language) (string, error) {
	if base == "" {
		return "", nil
	}
	signed, err := n.Signer.Sign(ctx, unsubscribing+"\n"+user+"\n")
	if err != nil {
		return "", fmt.Errorf("sign the address that ends the digest: %w", err)
	}
	return base + UnsubscribePath + "?lang=" + string(in) + "&token=" + url.QueryEscape(base64.RawURLEncoding.EncodeToString([]byte(signed))), nil
}

// errToken means that a token is none of ours.
var errToken = fault.New(fault.Invalid, "this is not an address that we sent; you can end e-mails in your settings")

// Unsubscriber returns the user whom a token of UnsubscribeAddress is for. Others are of kind fault.Invalid.
func (n *Notices) Unsubscriber(ctx context.Context, token string) (user string, err error) {
	signed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(token) > maxToken {
		return "", errToken
	}
	text, err := n.Signer.Open(ctx, string(signed))
	switch {
	case fault.Of(err) == fault.Malformed:
		return "", errToken
	case err != nil:
		return "", err
	}
	of, user, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\n")
	if of != unsubscribing || user == "" {
		return "", errToken
	}
	return user, nil
}

// Unsubscribe ends the e-mails of the digest of the user whom a token is for, and returns that user. One who is not there any more is none to be told. Once
// more, it does nothing.
func (n *Notices) Unsubscribe(ctx context.Context, token string) (user string, err error) {
	if user, err = n.Unsubscriber(ctx, token); err != nil {
		return "", err
	}
	var p account.Profile
	if p, err = n.EndDigest(ctx, user); err != nil {
		if fault.Of(err) == fault.NotFound {
			err = nil
		}
		return user, err
	}
	return user, n.DigestWanted(ctx, user, p.Settings)
}
