package functions_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/awstest"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/kms"
	"adminassistant/shared/store"
)

// report is what a verification of the ledger says.
type report struct {
	OK      bool `json:"ok"`
	Links   int  `json:"links"`
	Since   int  `json:"since"`
	Misfits int  `json:"misfits"`
}

// TestHeadsAreKeptAndAskedFor archives, and verifies with the head that was kept.
func TestHeadsAreKeptAndAskedFor(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(5, 5, "2026-10-01")
	api, worker := d.start("api"), d.start("archive")
	config := read[map[string]any](t, d.ask(api, d.request("api-create-config.json")), http.StatusCreated)["id"].(string)
	verify := func() report {
		t.Helper()
		a := d.ask(api, d.request("api-get-me.json", at(http.MethodPost, "/v1/ledger/"+config+"/verify"), header("content-type", "application/json"), body("{}")))
		return read[report](t, a, http.StatusOK)
	}
	read[map[string]any](t, d.ask(api, d.request("api-start-run.json")), http.StatusAccepted)
	before := time.Now().UTC()
	d.deliverAll(t, worker, "archive", d.take("archive", 10))
	after := time.Now().UTC()

	kept, err := d.objects.ListObjectsV2(d.ctx, &awss3.ListObjectsV2Input{Bucket: &d.heads})
	must(t, err)
	if len(kept.Contents) != 1 {
		t.Fatalf("%d heads are kept", len(kept.Contents))
	}
	name := *kept.Contents[0].Key
	if name != "heads/"+config+"/"+before.Format(time.DateOnly) && name != "heads/"+config+"/"+after.Format(time.DateOnly) {
		t.Errorf("it is kept as %s", name)
	}
	out, err := d.objects.GetObject(d.ctx, &awss3.GetObjectInput{Bucket: &d.heads, Key: &name})
	must(t, err)
	text, err := io.ReadAll(out.Body)
	must(t, err)
	if opened, err := d.signing.Open(d.ctx, string(text)); err != nil || !strings.HasPrefix(opened, "admin-assistant/ledger/"+config+"\n1\n") {
		t.Errorf("kept is %q: %v", text, err)
	}
	d.signs()
	if r := verify(); !r.OK || r.Links != 1 || r.Since != 1 {
		t.Errorf("the ledger has %+v", r)
	}

	_, err = d.objects.PutObject(d.ctx, &awss3.PutObjectInput{Bucket: &d.heads, Key: &name, Body: strings.NewReader("hello")})
	must(t, err)
	if r := verify(); !r.OK || r.Since != 1 {
		t.Errorf("with another object on the head: %+v", r)
	}
	if n := counted(worker, "HeadsUnkept"); n != 0 {
		t.Errorf("%d heads were counted as not kept", n)
	}
}

// TestARunEndsWellThoughItsHeadIsNotKept has a witness that is not there.
func TestARunEndsWellThoughItsHeadIsNotKept(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(5, 5, "2026-10-01")
	config := d.config()
	r := d.queued(config.ID, newID(), nil)
	d.send(r, "archive")
	worker := d.start("archive", func(_ *lambdatest.Options, env map[string]string) {
		env["ADMIN_ASSISTANT_HEAD_BUCKET"] = d.heads + "-that-is-not-there"
	})
	d.deliverAll(t, worker, "archive", d.take("archive", 1))
	if result := d.succeeded(r.ID); result.Written != 5 {
		t.Errorf("the run reports %+v", result)
	}
	if n, told := counted(worker, "HeadsUnkept"), lines(worker, "head of the ledger not kept by its witness"); n != 1 || len(told) != 1 {
		t.Errorf("counted %d times, logged as %v", n, told)
	}
}

// signs checks that the functions' signing key is sealed in the context by which their roles may open it.
func (d *deployment) signs() {
	d.t.Helper()
	item, err := d.items.Get(d.ctx, store.Key{PK: "SIGNING", SK: "KEY"})
	must(d.t, err)
	var kept struct {
		Sealed []byte `json:"sealed"`
	}
	must(d.t, json.Unmarshal(item.Data, &kept))
	keeper := secret.New(kms.New(awstest.Moto(d.t), d.key), time.Now, secret.Limits{})
	if _, err := keeper.Open(d.ctx, secret.Context{Purpose: "signing-key", User: "installation"}, kept.Sealed); err != nil {
		d.t.Error(err)
	}
}
