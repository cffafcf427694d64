package functions_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"adminassistant/shared/awstest"
	"adminassistant/shared/store/dynamo"
)

// exported is what a backup of AWS has: the items of a table and the objects of a bucket, as they are.
type exported struct {
	items   []map[string]types.AttributeValue
	objects map[string]string
}

// export takes all out of table and bucket.
func (d *deployment) export() exported {
	d.t.Helper()
	all := exported{objects: map[string]string{}}
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(awstest.DynamoDB(d.t)), &dynamodb.ScanInput{TableName: &d.table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(d.ctx)
		must(d.t, err)
		all.items = append(all.items, page.Items...)
	}
	listed, err := d.objects.ListObjectsV2(d.ctx, &awss3.ListObjectsV2Input{Bucket: &d.bucket})
	must(d.t, err)
	for _, o := range listed.Contents {
		got, err := d.objects.GetObject(d.ctx, &awss3.GetObjectInput{Bucket: &d.bucket, Key: o.Key})
		must(d.t, err)
		text, err := io.ReadAll(got.Body)
		must(d.t, err)
		all.objects[*o.Key] = string(text)
	}
	return all
}

// lose deletes table and bucket with all that is in them.
func (d *deployment) lose() {
	d.t.Helper()
	_, err := dynamodb.NewFromConfig(awstest.DynamoDB(d.t)).DeleteTable(d.ctx, &dynamodb.DeleteTableInput{TableName: &d.table})
	must(d.t, err)
	listed, err := d.objects.ListObjectsV2(d.ctx, &awss3.ListObjectsV2Input{Bucket: &d.bucket})
	must(d.t, err)
	for _, o := range listed.Contents {
		_, err := d.objects.DeleteObject(d.ctx, &awss3.DeleteObjectInput{Bucket: &d.bucket, Key: o.Key})
		must(d.t, err)
	}
	_, err = d.objects.DeleteBucket(d.ctx, &awss3.DeleteBucketInput{Bucket: &d.bucket})
	must(d.t, err)
}

// restore puts what was exported into a table and a bucket of other names, which the functions that start from now on are told to use.
func (d *deployment) restore(all exported) {
	d.t.Helper()
	cfg := awstest.DynamoDB(d.t)
	client := dynamodb.NewFromConfig(cfg)
	d.table = awstest.Table(d.t, cfg, dynamo.Schema)
	d.items = dynamo.New(cfg, d.table)
	for _, item := range all.items {
		_, err := client.PutItem(d.ctx, &dynamodb.PutItemInput{TableName: &d.table, Item: item})
		must(d.t, err)
	}
	d.bucket = strings.ToLower(rand.Text())
	_, err := d.objects.CreateBucket(d.ctx, &awss3.CreateBucketInput{
		Bucket: &d.bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	})
	must(d.t, err)
	for key, body := range all.objects {
		_, err := d.objects.PutObject(d.ctx, &awss3.PutObjectInput{Bucket: &d.bucket, Key: aws.String(key), Body: strings.NewReader(body)})
		must(d.t, err)
	}
}

// TestEverythingIsLostAndRestored archives and backs up, loses table and bucket, and goes on with copies of them under other names.
func TestEverythingIsLostAndRestored(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(60, 14, "2026-10-01")
	c := d.config()
	archive, backup, api := d.start("archive"), d.start("backup"), d.start("api")
	night := d.queued(c.ID, newID(), nil)
	d.send(night, "archive")
	d.deliverAll(t, archive, "archive", d.take("archive", 1))
	if before := d.succeeded(night.ID); before.Written != 60 {
		t.Fatalf("wrote %d", before.Written)
	}
	started := read[map[string]any](t, d.ask(api, d.request("api-start-run.json", at(http.MethodPost, "/v1/backups"),
		body(`{"calendar": "msgraph://`+address+`/calendars/primary"}`))), http.StatusAccepted)
	d.deliverAll(t, backup, "backup", d.take("backup", 10))
	verify := func(path, key string) map[string]any {
		t.Helper()
		r := d.request("api-start-run.json", at(http.MethodPost, path), body(""), header("idempotency-key", key))
		return read[map[string]any](t, d.ask(api, r), http.StatusOK)
	}
	head := verify("/v1/ledger/"+night.Config+"/verify", "one")["head"]

	saved := d.export()
	d.lose()
	if a := d.ask(api, d.request("api-get-me.json", at(http.MethodGet, "/readyz"))); a.status == http.StatusOK {
		t.Error("the API says that it is ready, without a table")
	}
	d.restore(saved)

	archive, api = d.start("archive"), d.start("api") // deployed with the settings table and bucket
	if report := verify("/v1/ledger/"+night.Config+"/verify", "two"); report["ok"] != true || report["head"] != head || head == nil {
		t.Errorf("the ledger: %v, and was %v", report, head)
	}
	if report := verify("/v1/backups/"+started["id"].(string)+"/verify", "three"); report["ok"] != true {
		t.Errorf("the backup: %v", report)
	}
	after := d.queued(c.ID, newID(), nil)
	d.send(after, "archive")
	d.deliverAll(t, archive, "archive", d.take("archive", 1))
	if result := d.succeeded(after.ID); result.Written != 0 || result.Counts.Unchanged != 60 {
		t.Errorf("the next night: %+v", result)
	}
}
