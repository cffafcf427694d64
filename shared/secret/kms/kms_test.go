package kms

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/awstest"
	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/secrettest"
)

var anna = secret.Context{Purpose: secret.MicrosoftToken, User: "8a1f#anna"}

// newKey makes a key in the engine and returns its ARN.
func newKey(t testing.TB, cfg aws.Config) string {
	t.Helper()
	out, err := kms.NewFromConfig(cfg).CreateKey(t.Context(), &kms.CreateKeyInput{KeySpec: types.KeySpecSymmetricDefault})
	if err != nil {
		t.Fatal(err)
	}
	return *out.KeyMetadata.Arn
}

func keeper(cfg aws.Config, key string) *secret.Envelope {
	return secret.New(New(cfg, key), time.Now, secret.Limits{})
}

func TestKMS(t *testing.T) {
	cfg := awstest.Moto(t)
	key := newKey(t, cfg)
	secrettest.Run(t, func(testing.TB) secret.Wrapper { return New(cfg, key) })
}

// requests are what was asked of KMS.
type requests struct {
	mu    sync.Mutex
	asked []request
}

type request struct {
	operation string
	body      map[string]any
}

func (r *requests) watch(t testing.TB, cfg aws.Config) aws.Config {
	return awstest.Faults(t, cfg, func(q *http.Request, _ int) awstest.Answer {
		asked := request{operation: awstest.Operation(q)}
		if err := json.Unmarshal(awstest.Body(t, q), &asked.body); err != nil {
			t.Errorf("read a request: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, asked)
		return awstest.Answer{}
	})
}

func TestRequests(t *testing.T) {
	cfg := awstest.Moto(t)
	key := newKey(t, cfg)
	var r requests
	k := keeper(r.watch(t, cfg), key)
	var sealed []byte
	for range 1000 {
		var err error
		if sealed, err = k.Seal(t.Context(), anna, []byte("token")); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		if _, err := k.Open(t.Context(), anna, sealed); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.asked) != 2 || r.asked[0].operation != "GenerateDataKey" || r.asked[1].operation != "Decrypt" {
		t.Fatalf("2000 calls asked KMS %d times, want one data key made and one decrypted", len(r.asked))
	}
	want := map[string]any{"purpose": "microsoft-token", "user": "8a1f#anna"}
	for _, asked := range r.asked {
		if diff := cmp.Diff(want, asked.body["EncryptionContext"]); diff != "" {
			t.Errorf("encryption context of %s: %s", asked.operation, diff)
		}
		if asked.body["KeyId"] != key {
			t.Errorf("%s asked for the key %v", asked.operation, asked.body["KeyId"])
		}
	}
	if spec := r.asked[0].body["KeySpec"]; spec != "AES_256" {
		t.Errorf("the data key is of the kind %v", spec)
	}
}

func TestFailures(t *testing.T) {
	cfg := awstest.Moto(t)
	key := newKey(t, cfg)
	sealed, err := keeper(cfg, key).Seal(t.Context(), anna, []byte("token"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code       string
		status     int
		kind       fault.Kind
		unreadable bool
		text       string
	}{
		{"AccessDeniedException", 400, fault.Internal, false, "check its role and the policy of the key"},
		{"DisabledException", 400, fault.Internal, false, "enable it"},
		{"KMSInvalidStateException", 400, fault.Internal, false, "about to be deleted"},
		{"NotFoundException", 400, fault.Internal, false, "no such key"},
		{"InvalidKeyUsageException", 400, fault.Internal, false, "InvalidKeyUsageException"},
		{"InvalidCiphertextException", 400, fault.Malformed, true, ""},
		{"IncorrectKeyException", 400, fault.Malformed, true, ""},
		{"ThrottlingException", 400, fault.Throttled, false, ""},
		{"LimitExceededException", 400, fault.Throttled, false, ""},
		{"KMSInternalException", 500, fault.Unavailable, false, ""},
		{"KeyUnavailableException", 500, fault.Unavailable, false, ""},
		{"DependencyTimeoutException", 500, fault.Unavailable, false, ""},
	} {
		t.Run(c.code, func(t *testing.T) {
			k := keeper(awstest.Faults(t, cfg, func(*http.Request, int) awstest.Answer { return awstest.Error(c.status, c.code) }), key)
			_, opening := k.Open(t.Context(), anna, sealed)
			_, sealing := k.Seal(t.Context(), anna, []byte("token"))
			for action, err := range map[string]error{"Decrypt": opening, "GenerateDataKey": sealing} {
				if err == nil || fault.Of(err) != c.kind || errors.Is(err, secret.ErrUnreadable) != c.unreadable || !strings.Contains(err.Error(), c.text) {
					t.Errorf("%s: error %v of kind %s, want kind %s, text %q", action, err, fault.Of(err), c.kind, c.text)
					continue
				}
				if !c.unreadable && !strings.Contains(err.Error(), "kms:"+action) {
					t.Errorf("the error does not say that %s failed: %v", action, err)
				}
				if strings.Contains(err.Error(), anna.User) || strings.Contains(err.Error(), "token") {
					t.Errorf("the error shows the user or the secret: %v", err)
				}
			}
		})
	}
}

func TestAFailureThatPassesIsNotNoticed(t *testing.T) {
	cfg := awstest.Moto(t)
	key := newKey(t, cfg)
	for name, first := range map[string]awstest.Answer{
		"throttled":   awstest.Error(400, "ThrottlingException"),
		"down":        awstest.Error(503, "KMSInternalException"),
		"answer lost": {Lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			k := keeper(awstest.Faults(t, cfg, func(_ *http.Request, attempt int) awstest.Answer {
				if attempt == 1 {
					return first
				}
				return awstest.Answer{}
			}), key)
			sealed, err := k.Seal(t.Context(), anna, []byte("token"))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := k.Open(t.Context(), anna, sealed); err != nil || string(got) != "token" {
				t.Errorf("opened %q with error %v", got, err)
			}
		})
	}
}

func TestOneMaySealAndNotOpen(t *testing.T) {
	cfg := awstest.Moto(t)
	key := newKey(t, cfg)
	k := keeper(awstest.Faults(t, cfg, func(q *http.Request, _ int) awstest.Answer {
		if awstest.Operation(q) == "Decrypt" {
			return awstest.Error(400, "AccessDeniedException")
		}
		return awstest.Answer{}
	}), key)
	sealed, err := k.Seal(t.Context(), anna, []byte("token"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Open(t.Context(), anna, sealed); err == nil || fault.Of(err) != fault.Internal {
		t.Errorf("open: error %v of kind %s, want kind internal", err, fault.Of(err))
	}
}
