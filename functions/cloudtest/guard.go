package cloudtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guard stands before the stand-ins for AWS, which let everybody do everything: it refuses a function what it has no permission for, as IAM does, and the
// test fails. It knows a function by its access key. Conditions on senders of e-mail and names of secrets are not looked at, since those of tests are
// others.
type guard struct {
	t       testing.TB
	heads   string // how the name of the bucket of heads begins
	allowed map[string][]statement
	dynamo  http.Handler
	other   http.Handler
}

// newGuard starts a guard and returns its address.
func newGuard(t testing.TB, r Resources) string {
	g := &guard{t: t, heads: r.Heads, allowed: map[string][]statement{}, dynamo: passOn(t, r.DynamoDB), other: passOn(t, r.Other)}
	for name := range Functions {
		for _, text := range append(May(name), elsewhere[name]...) {
			s, err := parse(text)
			if err != nil {
				t.Fatal(err)
			}
			g.allowed[name] = append(g.allowed[name], s)
		}
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return server.URL
}

func passOn(t testing.TB, to string) http.Handler {
	address, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(address) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // whoever asked is gone, or whom they asked
		},
	}
}

// call is what a request needs permission for.
type call struct {
	action, resource string
	conditions       map[string][]string // what IAM knows of the request
}

// scope is whose request it is, and of which service: <access key>/<day>/<region>/<service>/aws4_request.
var scope = regexp.MustCompile(`([a-z]+)/[0-9]{8}/[^/]+/([^/]+)/aws4_request`)

// ServeHTTP passes a request on that is allowed.
func (g *guard) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	who := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if who == nil {
		who = scope.FindStringSubmatch(r.URL.Query().Get("X-Amz-Credential"))
	}
	if who == nil {
		g.refuse(answer, r, "nobody signed "+r.Method+" "+r.URL.Path)
		return
	}
	function, service := who[1], who[2]
	calls, err := g.calls(service, r)
	if err != nil {
		g.refuse(answer, r, function+": "+err.Error())
		return
	}
	for _, c := range calls {
		if !slices.ContainsFunc(g.allowed[function], func(s statement) bool { return s.allows(c) }) {
			g.refuse(answer, r, fmt.Sprintf("%s may not %s on %s (%v)", function, c.action, c.resource, c.conditions))
			return
		}
	}
	if service == "dynamodb" {
		g.dynamo.ServeHTTP(answer, r)
		return
	}
	g.other.ServeHTTP(answer, r)
}

// refuse answers as AWS does to who lacks a permission, and fails the test: the template would have to have it.
func (g *guard) refuse(answer http.ResponseWriter, r *http.Request, why string) {
	g.t.Errorf("no permission: %s", why)
	if r.Header.Get("X-Amz-Target") != "" || strings.HasPrefix(r.URL.Path, "/v2/") {
		answer.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(answer, `{"__type":"AccessDeniedException","message":"no permission"}`)
		return
	}
	answer.Header().Set("Content-Type", "application/xml")
	answer.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(answer, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
}

// calls are what a request needs permission for. An error says that nobody knows.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func (g *guard) calls(service string, r *http.Request) ([]call, error) {
	if service == "s3" {
		return g.objects(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			panic(http.ErrAbortHandler) // whoever asked is gone, such as a function that was killed
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch service {
	case "dynamodb":
		return items(operation, body)
	case "sqs":
		var in struct{ QueueUrl string }
		if err := json.Unmarshal(body, &in); err != nil || operation == "" {
			return nil, fmt.Errorf("a request to SQS that cannot be read: %q, %w", operation, err)
		}
		_, name, _ := strings.Cut(path.Base(in.QueueUrl), "-") // a test's own prefix
		return []call{{action: "sqs:" + strings.TrimSuffix(operation, "Batch"), resource: "queue-" + name}}, nil
	case "kms":
		var in struct{ EncryptionContext map[string]string }
		if err := json.Unmarshal(body, &in); err != nil || operation == "" {
			return nil, fmt.Errorf("a request to KMS that cannot be read: %q, %w", operation, err)
		}
		known := map[string][]string{}
		for key, value := range in.EncryptionContext {
			known["kms:EncryptionContext:"+key] = []string{value}
			known["kms:EncryptionContextKeys"] = append(known["kms:EncryptionContextKeys"], key)
		}
		return []call{{action: "kms:" + operation, resource: "tokenkey", conditions: known}}, nil
	case "secretsmanager":
		return []call{{action: "secretsmanager:" + operation, resource: anySecret}}, nil
	case "ses":
		if r.Method != http.MethodPost || r.URL.Path != "/v2/email/outbound-emails" {
			break
		}
		var in struct{ Content struct{ Raw any } }
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, err
		}
		calls := []call{{action: "ses:SendEmail", resource: anySender}}
		if in.Content.Raw != nil {
			calls = append(calls, call{action: "ses:SendRawEmail", resource: anySender})
		}
		return calls, nil
	case "sts":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		known := map[string][]string{"sts:DurationSeconds": {form.Get("DurationSeconds")}}
		for name, values := range form {
			if strings.HasPrefix(name, "Audience.member.") {
				known["sts:IdentityTokenAudience"] = append(known["sts:IdentityTokenAudience"], values...)
			}
		}
		return []call{{action: "sts:" + form.Get("Action"), resource: "*", conditions: known}}, nil
	}
	return nil, fmt.Errorf("nobody knows what %s of %s %s needs", service, r.Method, r.URL.Path)
}

// anySecret and anySender stand for what the tests call otherwise than the template.
const (
	anySecret = "secret"
	anySender = "sender"
)

// objects are the permissions for a request to S3.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func (g *guard) objects(r *http.Request) ([]call, error) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	bucket := "bucket"
	if strings.HasPrefix(name, g.heads) {
		bucket = "headsbucket"
	}
	asked := r.URL.Query()
	has := func(name string) bool { return asked.Has(name) }
	one := func(action, resource string) []call {
		return []call{{action: action, resource: resource, conditions: map[string][]string{"s3:prefix": {asked.Get("prefix")}}}}
	}
	if key == "" {
		switch {
		case r.Method == http.MethodGet && asked.Get("list-type") == "2":
			return one("s3:ListBucket", bucket), nil
		case r.Method == http.MethodGet && has("versions"):
			return one("s3:ListBucketVersions", bucket), nil
		}
		return nil, fmt.Errorf("nobody knows what %s of a bucket with %s needs", r.Method, r.URL.RawQuery)
	}
	for header := range r.Header {
		for _, more := range []string{"X-Amz-Copy-Source", "X-Amz-Tagging", "X-Amz-Object-Lock", "X-Amz-Acl", "X-Amz-Grant"} {
			if strings.HasPrefix(header, more) {
				return nil, fmt.Errorf("nobody knows what %s needs", header)
			}
		}
	}
	object := bucket + "/" + key
	key = "kms:Decrypt"
	var calls []call
	switch {
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && has("versionId"):
		calls = one("s3:GetObjectVersion", object)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		calls = one("s3:GetObject", object)
	case r.Method == http.MethodPut, r.Method == http.MethodPost && (has("uploads") || has("uploadId")):
		calls, key = one("s3:PutObject", object), "kms:GenerateDataKey"
	case r.Method == http.MethodDelete && has("uploadId"):
		return one("s3:AbortMultipartUpload", object), nil
	case r.Method == http.MethodDelete && has("versionId"):
		return one("s3:DeleteObjectVersion", object), nil
	case r.Method == http.MethodDelete:
		return one("s3:DeleteObject", object), nil
	default:
		return nil, fmt.Errorf("nobody knows what %s of an object with %s needs", r.Method, r.URL.RawQuery)
	}
	if bucket == "bucket" { // S3 asks for the key in the name of whoever calls it
		calls = append(calls, call{action: key, resource: "key", conditions: map[string][]string{"kms:ViaService": {"s3"}}})
	}
	return calls, nil
}

// items are the permissions for a request to DynamoDB. A transaction needs those of what is in it.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
func items(operation string, body []byte) ([]call, error) {
	var in struct {
		IndexName     string
		TransactItems []map[string]any
	}
	if err := json.Unmarshal(body, &in); err != nil || operation == "" {
		return nil, fmt.Errorf("a request to DynamoDB that cannot be read: %q, %w", operation, err)
	}
	calls := []call{{action: "dynamodb:" + operation, resource: "table"}}
	switch operation {
	case "TransactWriteItems", "TransactGetItems":
		calls = nil
		names := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}
		for _, item := range in.TransactItems {
			for kind := range item {
				calls = append(calls, call{action: "dynamodb:" + names[kind], resource: "table"})
			}
		}
	case "Query":
		if in.IndexName != "" {
			calls[0].resource = "table/index/" + in.IndexName
		}
	}
	return calls, nil
}

// statement allows actions on resources under conditions, all in the form of May.
type statement struct {
	actions, resources []string
	conditions         map[string]map[string]any
}

// parse reads a statement of May.
func parse(text string) (s statement, err error) {
	rest, conditions, limited := strings.Cut(text, " if ")
	actions, resources, ok := strings.Cut(rest, " on ")
	if !ok {
		return s, fmt.Errorf("%q is no statement", text)
	}
	s.actions, s.resources = strings.Fields(actions), strings.Fields(resources)
	if limited {
		if err := json.Unmarshal([]byte(conditions), &s.conditions); err != nil {
			return s, fmt.Errorf("%q: %w", text, err)
		}
	}
	return s, nil
}

// allows says whether the statement allows a call.
func (s statement) allows(c call) bool {
	if !slices.Contains(s.actions, c.action) {
		return false
	}
	if c.resource == anySecret || c.resource == anySender {
		return true
	}
	if !slices.ContainsFunc(s.resources, func(r string) bool { return like(r, c.resource) }) {
		return false
	}
	for operator, keys := range s.conditions {
		for key, wanted := range keys {
			if !holds(operator, texts(wanted), c.conditions[key]) {
				return false
			}
		}
	}
	return true
}

// holds says whether a condition holds for the values that a request has of its key. An operator that nobody knows holds never.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func holds(operator string, wanted, values []string) bool {
	among := func(v string) bool { return slices.Contains(wanted, v) }
	switch operator {
	case "StringEquals":
		return len(values) == 1 && among(values[0])
	case "ForAnyValue:StringEquals":
		return slices.ContainsFunc(values, among)
	case "ForAllValues:StringEquals":
		return !slices.ContainsFunc(values, func(v string) bool { return !among(v) })
	case "StringLike":
		return len(values) == 1 && slices.ContainsFunc(wanted, func(w string) bool { return like(w, values[0]) })
	case "Null":
		return (len(values) == 0) == (wanted[0] == "true")
	case "NumericLessThanEquals":
		var most, n int
		_, wrong := fmt.Sscan(wanted[0], &most)
		return len(values) == 1 && wrong == nil && func() bool { _, err := fmt.Sscan(values[0], &n); return err == nil && n <= most }()
	}
	return false
}

// like says whether a value is of a form with stars, each for any text.
func like(form, value string) bool {
	if !strings.Contains(form, "*") {
		return form == value
	}
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(form), `\*`, ".*") + "$").MatchString(value)
}

// texts are the values of a condition, one or several.
func texts(v any) []string {
	if several, ok := v.([]any); ok {
		var all []string
		for _, one := range several {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return []string{fmt.Sprint(v)}
}
