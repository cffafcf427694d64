package functions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/awstest"
)

// cloud answers in the place of Lambda and CodeDeploy: it hands invocations of versions to functions that run here, and notes what a hook reports.
type cloud struct {
	d        *deployment
	mu       sync.Mutex
	versions map[string]*lambdatest.Function // by name and version
	asked    []string
	reported []string // "<deployment> <execution> <status>"
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLifecycleEventHookExecutionStatus") {
		var in struct{ DeploymentId, LifecycleEventHookExecutionId, Status string }
		_ = json.Unmarshal(body, &in)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reported = append(c.reported, in.DeploymentId+" "+in.LifecycleEventHookExecutionId+" "+in.Status)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"lifecycleEventHookExecutionId":"`+in.LifecycleEventHookExecutionId+`"}`)
		return
	}
	path, _ := url.PathUnescape(r.URL.EscapedPath())
	name := path[strings.LastIndex(strings.TrimSuffix(path, "/invocations"), "function:")+len("function:"):]
	name = strings.TrimSuffix(name, "/invocations")
	c.mu.Lock()
	c.asked = append(c.asked, name)
	f := c.versions[name]
	c.mu.Unlock()
	if f == nil {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"Type":"User","Message":"Function not found"}`)
		return
	}
	answer, err := f.Invoke(r.Context(), body)
	if err != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = io.WriteString(w, `{"errorMessage":"ended"}`)
		return
	}
	_, _ = w.Write(answer.Payload)
}

// deploying starts version 2 of each function, some with settings that are changed, and a probe that tries them.
func (d *deployment) deploying(changed map[string]map[string]string) (*cloud, *lambdatest.Function) {
	d.t.Helper()
	c := &cloud{d: d, versions: map[string]*lambdatest.Function{}}
	server := httptest.NewServer(c)
	d.t.Cleanup(server.Close)
	var versions []string
	for _, name := range []string{"api", "dispatcher", "archive", "backup", "notify"} {
		env := d.settings(name)
		for variable, value := range changed[name] {
			if env[variable] = value; value == "" {
				delete(env, variable)
			}
		}
		f := launch(d.t, name, env, nil)
		d.t.Cleanup(func() { d.discreet(name, f.Log()) })
		c.versions[name+":2"] = f
		versions = append(versions, name+"=arn:aws:lambda:eu-central-1:111122223333:function:"+name+":2")
	}
	return c, d.start("probe", func(_ *lambdatest.Options, env map[string]string) {
		env["ADMIN_ASSISTANT_VERSIONS"] = strings.Join(versions, ",")
		env["AWS_ENDPOINT_URL_LAMBDA"], env["AWS_ENDPOINT_URL_CODEDEPLOY"] = server.URL, server.URL
	})
}

// left are the keys of all items in the table, and of all objects in the buckets.
func (d *deployment) left() (keys []string) {
	d.t.Helper()
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(awstest.DynamoDB(d.t)), &dynamodb.ScanInput{TableName: &d.table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(d.ctx)
		must(d.t, err)
		for _, item := range page.Items {
			text, err := json.Marshal([]any{item["pk"], item["sk"]})
			must(d.t, err)
			keys = append(keys, string(text))
		}
	}
	for _, bucket := range []string{d.bucket, d.heads} {
		out, err := d.objects.ListObjectsV2(d.ctx, &awss3.ListObjectsV2Input{Bucket: &bucket})
		must(d.t, err)
		for _, o := range out.Contents {
			keys = append(keys, bucket+"/"+aws.ToString(o.Key))
		}
	}
	return keys
}

const hookEvent = `{"DeploymentId":"d-ABC123","LifecycleEventHookExecutionId":"eyJlbmNyeXB0ZWREYXRhIjoi"}`

func TestNewVersionsAreTriedBeforeAnybodyIsSentToThem(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	c, probe := d.deploying(nil)
	for range 2 {
		if _, err := probe.Invoke(d.ctx, []byte(hookEvent)); err != nil {
			t.Fatal(err)
		}
	}
	if want := "d-ABC123 eyJlbmNyeXB0ZWREYXRhIjoi Succeeded"; len(c.reported) != 2 || c.reported[0] != want || c.reported[1] != want {
		t.Fatalf("reported %q", c.reported)
	}
	first := c.asked[:len(c.asked)/2]
	if got := strings.Join(first, " "); got != "api:2 dispatcher:2 archive:2 backup:2 notify:2 archive:2 archive:2 api:2 backup:2 backup:2" {
		t.Errorf("asked were %s", got)
	}
	d.empty() // no queue was used
	for _, key := range d.left() {
		if strings.Contains(key, "AUDIT#probe") || strings.Contains(key, "SIGNING") { // that the user was erased, and the key of the installation
			continue
		}
		t.Errorf("the probe left %s", key)
	}
	if n := counted(c.versions["archive:2"], "RunsSucceeded"); n != 0 {
		t.Errorf("runs of nobody were counted: %d", n)
	}
}

func TestAVersionThatDoesNotWorkGetsNobody(t *testing.T) {
	t.Parallel()
	for name, changed := range map[string]map[string]map[string]string{
		"one that does not start, for want of a setting": {"archive": {"ADMIN_ASSISTANT_KEY": ""}},
		"one with another's bucket":                      {"archive": {"ADMIN_ASSISTANT_BUCKET": "nobodys-bucket"}},
		"one that cannot open the signing key": {"api": {
			"ADMIN_ASSISTANT_KEY": "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000",
		}},
		"one that cannot store backups": {"backup": {"ADMIN_ASSISTANT_BUCKET": "nobodys-bucket"}},
		"one without its table":         {"dispatcher": {"ADMIN_ASSISTANT_TABLE": "no-such-table"}},
		"one whose credentials are not there": {"archive": {
			"ADMIN_ASSISTANT_GRAPH_CREDENTIALS": "graph/none", "ADMIN_ASSISTANT_GRAPH_TENANT": tenant, "ADMIN_ASSISTANT_GRAPH_CLIENT": audience,
			"ADMIN_ASSISTANT_GRAPH_TOKEN": "",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			c, probe := d.deploying(changed)
			if _, err := probe.Invoke(d.ctx, []byte(hookEvent)); err != nil {
				t.Fatal(err)
			}
			if len(c.reported) != 1 || !strings.HasSuffix(c.reported[0], " Failed") {
				t.Errorf("reported %q", c.reported)
			}
			if found := lines(probe, "the new versions do not work"); len(found) != 1 {
				t.Errorf("the log says %s", probe.Log())
			}
			for _, key := range d.left() {
				if strings.Contains(key, "USER#probe") || strings.Contains(key, "LEDGER#") {
					t.Errorf("the probe left %s", key)
				}
			}
		})
	}
}

func TestAProbeIsOfItsOwnUserAlone(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	archive, api := d.start("archive"), d.start("api")
	d.config()
	r := d.queued("probed", newID(), nil)
	for f, event := range map[*lambdatest.Function]string{
		archive: `{"admin_assistant_probe":{"run":{"run_id":"` + r.ID + `","kind":"archive","user":"` + user + `"}}}`,
		api:     `{"admin_assistant_probe":{"verify":{"user":"` + user + `","config":"` + r.Config + `"}}}`,
	} {
		answer, err := f.Invoke(d.ctx, []byte(event))
		must(t, err)
		if !bytes.Contains(answer.Payload, []byte("of its own user")) {
			t.Errorf("answered %s", answer.Payload)
		}
	}
	if got := d.stored(r.ID); got.State != "queued" {
		t.Errorf("the run is %s", got.State)
	}
}

func TestAHookThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	c, probe := d.deploying(nil)
	for _, event := range []string{`{}`, `{"DeploymentId":"d-1"}`, `{"LifecycleEventHookExecutionId":"e"}`, `[]`} {
		var refused *lambdatest.HandlerError
		if _, err := probe.Invoke(d.ctx, []byte(event)); !errors.As(err, &refused) {
			t.Errorf("%s: %v", event, err)
		}
	}
	if len(c.asked)+len(c.reported) != 0 {
		t.Errorf("asked %v, reported %v", c.asked, c.reported)
	}
}
