// Package kms wraps data keys with a key of AWS KMS, which binds the context of a secret as its encryption context.
//
// Sealing needs the permission kms:GenerateDataKey alone, opening kms:Decrypt alone, so that a function may do one and not the other.
package kms

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
)

// Wrapper is one key of KMS.
type Wrapper struct {
	client *kms.Client
	key    string
}

var _ secret.Wrapper = (*Wrapper)(nil)

// New returns the wrapper of a symmetric key, given its ARN. It asks nothing of KMS yet.
func New(cfg aws.Config, keyARN string) *Wrapper {
	return &Wrapper{client: kms.NewFromConfig(cfg), key: keyARN}
}

// Name is kms.
func (w *Wrapper) Name() string { return "kms" }

// Generate makes a data key.
func (w *Wrapper) Generate(ctx context.Context, c secret.Context) (plain, wrapped []byte, err error) {
	out, err := w.client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: &w.key, KeySpec: types.DataKeySpecAes256, EncryptionContext: c.Pairs()})
	if err != nil {
		return nil, nil, classify(err, "kms:GenerateDataKey")
	}
	return out.Plaintext, out.CiphertextBlob, nil
}

// Unwrap returns a data key. The request names the key that must have wrapped it, since a wrapped key of another one could be of anybody's making.
func (w *Wrapper) Unwrap(ctx context.Context, c secret.Context, wrapped []byte) ([]byte, error) {
	out, err := w.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &w.key, CiphertextBlob: wrapped, EncryptionContext: c.Pairs()})
	if err != nil {
		return nil, classify(err, "kms:Decrypt")
	}
	return out.Plaintext, nil
}

// classify says what an error of KMS means. A key that cannot be used is for an operator to put right: Internal, so that it is
// logged, raises the alarm, and nobody concludes that the secret is lost or that the user is not allowed.
func classify(err error, action string) error {
	if is[*types.InvalidCiphertextException](err) || is[*types.IncorrectKeyException](err) {
		return secret.ErrUnreadable
	}
	if api := smithy.APIError(nil); errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException" {
		return fault.New(fault.Internal, "%s is not allowed for this function; check its role and the policy of the key: %w", action, err)
	}
	switch {
	case is[*types.DisabledException](err):
		return fault.New(fault.Internal, "%s: the key is disabled; enable it: %w", action, err)
	case is[*types.KMSInvalidStateException](err):
		return fault.New(fault.Internal, "%s: the key cannot be used in its state; it may be about to be deleted, which can be cancelled: %w", action, err)
	case is[*types.NotFoundException](err):
		return fault.New(fault.Internal, "%s: there is no such key; check the setting that names it: %w", action, err)
	}
	return awssdk.Fault(err, action)
}

// is says whether err is, or comes from, an error of the type.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
