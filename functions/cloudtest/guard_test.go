package cloudtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// noted is a test that a guard fails.
type noted struct {
	testing.TB
	said []string
}

func (n *noted) Errorf(format string, args ...any) {
	n.said = append(n.said, fmt.Sprintf(format, args...))
}

// request is one as the SDK makes it, of a function.
func request(function, service, method, target, operation, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+function+"/20261001/eu-central-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	if operation != "" {
		r.Header.Set("X-Amz-Target", operation)
	}
	return r
}

func TestFunctionsAreLetDoWhatTheyMay(t *testing.T) {
	passed := 0
	stand := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }))
	defer stand.Close()
	seen := &noted{TB: t}
	address := newGuard(seen, Resources{Heads: "kept", DynamoDB: stand.URL, Other: stand.URL})
	const (
		token   = `{"EncryptionContext":{"purpose":"microsoft-token","user":"u"}}`
		signing = `{"EncryptionContext":{"purpose":"signing-key","user":"installation"}}`
	)
	presigned := httptest.NewRequest("PUT", "/any/uploads/u?X-Amz-Credential=api%2F20261001%2Feu-central-1%2Fs3%2Faws4_request", strings.NewReader("x"))
	header := func(r *http.Request, name string) *http.Request { r.Header.Set(name, "x"); return r }
	for _, c := range []struct {
		name    string
		request *http.Request
		may     bool
	}{
		{"a body is read", request("archive", "s3", "GET", "/any/ledger/c/d", "", ""), true},
		{"a body is looked for", request("archive", "s3", "HEAD", "/any/ledger/c/d", "", ""), true},
		{"nothing under another prefix is", request("archive", "s3", "GET", "/any/backups/c/d", "", ""), false},
		{"a prefix ends with its slash", request("archive", "s3", "GET", "/any/ledgers", "", ""), false},
		{"an older version is not read", request("archive", "s3", "GET", "/any/ledger/c/d?versionId=1", "", ""), false},
		{"one who does not write does not", request("api", "s3", "PUT", "/any/ledger/c/d", "", "x"), false},
		{"one who only reads cannot make a key for an object", request("probe", "s3", "PUT", "/any/ledger/c/d", "", "x"), false},
		{"parts are written", request("backup", "s3", "PUT", "/any/backups/b?partNumber=1&uploadId=2", "", "x"), true},
		{"an upload in parts is begun", request("backup", "s3", "POST", "/any/backups/b?uploads", "", ""), true},
		{"an upload in parts is given up", request("backup", "s3", "DELETE", "/any/backups/b?uploadId=2", "", ""), true},
		{"an object is deleted", request("backup", "s3", "DELETE", "/any/backups/b", "", ""), true},
		{"a version is not", request("backup", "s3", "DELETE", "/any/backups/b?versionId=1", "", ""), false},
		{"the bucket is listed", request("backup", "s3", "GET", "/any?list-type=2&prefix=backups/", "", ""), true},
		{"nobody knows of copies", header(request("backup", "s3", "PUT", "/any/backups/b", "", ""), "X-Amz-Copy-Source"), false},
		{"nor of deleting many", request("backup", "s3", "POST", "/any?delete", "", ""), false},
		{"what is signed for somebody is as its signer", presigned, true},
		{"heads are put", request("archive", "s3", "PUT", "/kept/heads/c/d", "", "x"), true},
		{"and not elsewhere in their bucket", request("archive", "s3", "PUT", "/kept/ledger/c/d", "", "x"), false},
		{"nor where retention is said", header(request("archive", "s3", "PUT", "/kept/heads/c/d", "", "x"), "X-Amz-Object-Lock-Mode"), false},
		{"their versions are listed", request("api", "s3", "GET", "/kept?versions&prefix=heads/c/", "", ""), true},
		{"and no others", request("api", "s3", "GET", "/kept?versions&prefix=", "", ""), false},
		{"an item is read", request("notify", "dynamodb", "POST", "/", "DynamoDB_20120810.GetItem", "{}"), true},
		{"the table is not scanned", request("notify", "dynamodb", "POST", "/", "DynamoDB_20120810.Scan", "{}"), false},
		{"the index is queried", request("notify", "dynamodb", "POST", "/", "DynamoDB_20120810.Query", `{"IndexName":"gsi1"}`), true},
		{"another is not", request("notify", "dynamodb", "POST", "/", "DynamoDB_20120810.Query", `{"IndexName":"other"}`), false},
		{"a transaction needs what is in it", request("notify", "dynamodb", "POST", "/", "DynamoDB_20120810.TransactWriteItems",
			`{"TransactItems":[{"Update":{}},{"Put":{}}]}`), false},
		{"and has it", request("notify", "dynamodb", "POST", "/", "DynamoDB_20120810.TransactWriteItems",
			`{"TransactItems":[{"Update":{}},{"Delete":{}},{"ConditionCheck":{}}]}`), true},
		{"a run is sent", request("dispatcher", "sqs", "POST", "/", "AmazonSQS.SendMessage", `{"QueueUrl":"http://h/1/PRE-archive"}`), true},
		{"nobody sends into a queue of others", request("api", "sqs", "POST", "/", "AmazonSQS.SendMessage", `{"QueueUrl":"http://h/1/PRE-notify"}`), false},
		{"the signing key is opened", request("notify", "kms", "POST", "/", "TrentService.Decrypt", signing), true},
		{"a token is sealed", request("api", "kms", "POST", "/", "TrentService.GenerateDataKey", token), true},
		{"and not one of nobody", request("api", "kms", "POST", "/", "TrentService.GenerateDataKey", `{"EncryptionContext":{"purpose":"microsoft-token"}}`), false},
		{"and not opened by the API", request("api", "kms", "POST", "/", "TrentService.Decrypt", token), false},
		{"nothing is opened without a purpose", request("backup", "kms", "POST", "/", "TrentService.Decrypt", "{}"), false},
		{"nor with more than that", request("backup", "kms", "POST", "/", "TrentService.Decrypt",
			`{"EncryptionContext":{"purpose":"microsoft-token","user":"u","more":"m"}}`), false},
		{"credentials are read", request("archive", "secretsmanager", "POST", "/", "secretsmanager.GetSecretValue", "{}"), true},
		{"and not by one who mails", request("notify", "secretsmanager", "POST", "/", "secretsmanager.GetSecretValue", "{}"), false},
		{"a notice is mailed", request("notify", "ses", "POST", "/v2/email/outbound-emails", "", `{"Content":{"Simple":{}}}`), true},
		{"a mail with files needs more", request("notify", "ses", "POST", "/v2/email/outbound-emails", "", `{"Content":{"Raw":{}}}`), false},
		{"the API has it", request("api", "ses", "POST", "/v2/email/outbound-emails", "", `{"Content":{"Raw":{}}}`), true},
		{"AWS vouches to Entra ID", request("backup", "sts", "POST", "/", "",
			"Action=GetWebIdentityToken&Audience.member.1=api%3A%2F%2FAzureADTokenExchange&DurationSeconds=300"), true},
		{"for no longer", request("backup", "sts", "POST", "/", "",
			"Action=GetWebIdentityToken&Audience.member.1=api%3A%2F%2FAzureADTokenExchange&DurationSeconds=301"), false},
		{"to nobody else", request("backup", "sts", "POST", "/", "",
			"Action=GetWebIdentityToken&Audience.member.1=api%3A%2F%2FAzureADTokenExchange&Audience.member.2=me&DurationSeconds=300"), false},
		{"to somebody", request("backup", "sts", "POST", "/", "", "Action=GetWebIdentityToken&DurationSeconds=300"), false},
		{"nobody knows of other services", request("api", "sns", "POST", "/", "", "Action=Publish"), false},
		{"nor of strangers", httptest.NewRequest("GET", "/any/ledger/c/d", nil), false},
		{"nor of functions that are none", request("other", "s3", "GET", "/any/ledger/c/d", "", ""), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			passed, seen.said = 0, nil
			c.request.RequestURI = ""
			c.request.URL.Scheme, c.request.URL.Host = "http", strings.TrimPrefix(address, "http://")
			answer, err := http.DefaultClient.Do(c.request)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if (passed == 1) != c.may || (len(seen.said) == 0) != c.may || (answer.StatusCode < 400) != c.may {
				t.Errorf("answered %s, %d passed, said %q", answer.Status, passed, seen.said)
			}
		})
	}
}

func TestWhoWritesObjectsNeedsAKeyForThem(t *testing.T) {
	g := &guard{heads: "kept"}
	for target, want := range map[string]string{
		"PUT /any/ledger/c": "kms:GenerateDataKey", "POST /any/ledger/c?uploads": "kms:GenerateDataKey", "GET /any/ledger/c": "kms:Decrypt",
		"DELETE /any/ledger/c": "", "PUT /kept/heads/c": "", // which S3 encrypts with a key of its own
	} {
		method, path, _ := strings.Cut(target, " ")
		calls, err := g.objects(request("archive", "s3", method, path, "", ""))
		got := ""
		for _, c := range calls {
			if strings.HasPrefix(c.action, "kms:") {
				got = c.action
			}
		}
		if err != nil || got != want {
			t.Errorf("%s needs %q: %v, %v", target, got, calls, err)
		}
	}
}
