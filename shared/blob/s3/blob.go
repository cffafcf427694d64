// Package s3 keeps objects in a bucket of Amazon S3.
//
// How objects are encrypted is the bucket's setting. A large object is sent in parts that nobody sees before the last one has
// arrived; parts that a crash leaves behind are removed by a lifecycle rule of the bucket (AbortIncompleteMultipartUpload).
//
// Put needs the permissions s3:PutObject and s3:AbortMultipartUpload on the objects, Get and Stat s3:GetObject, Delete
// s3:DeleteObject; a bucket with a KMS key of its own needs kms:GenerateDataKey and kms:Decrypt on that key. List needs
// s3:ListBucket on the bucket, and so do Get and Stat: without it S3 answers that an object which is not there is forbidden, so that
// they fail with kind fault.Internal instead of blob.ErrNotFound.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	transfer "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	service "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/blob"
	"adminassistant/shared/fault"
)

const (
	// partSize is the size in bytes of the parts of a large object; what is smaller is sent at once. S3 allows 10,000 parts, so that an
	// object can have 80 GB.
	partSize = 8 << 20
	// partsAtOnce is how many parts of one object are sent side by side. A Put holds two more in memory.
	partsAtOnce = 2
	// abortWithin is how long a failed Put tries to remove its parts, even after its context has ended.
	abortWithin = 10 * time.Second
)

// Blob is a bucket.
type Blob struct {
	client *service.Client
	upload *transfermanager.Client
	bucket string
}

var _ blob.Blob = (*Blob)(nil)

// New returns the store in a bucket. No service is asked.
func New(cfg aws.Config, bucket string) *Blob {
	client := service.NewFromConfig(cfg, func(o *service.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // a stand-in has no name of its own for each bucket
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return &Blob{
		client: client,
		upload: transfermanager.New(client, func(o *transfermanager.Options) {
			o.PartSizeBytes, o.MultipartUploadThreshold = partSize, partSize
			o.Concurrency = partsAtOnce
			o.FailTimeout = abortWithin
		}),
		bucket: bucket,
	}
}

// Put sends r with checksums that S3 compares and keeps. It holds a few parts in memory, however long r is. After an error of kind
// fault.Unavailable the object may have been replaced, whole.
func (b *Blob) Put(ctx context.Context, key string, r io.Reader) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	from := blob.NewSource(ctx, r)
	_, err := b.upload.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &b.bucket, Key: &key, Body: from,
		ChecksumType: transfer.ChecksumTypeFullObject, // of the whole, so that Get can compare it
	})
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case from.Err != nil:
		return fmt.Errorf("put %s: read what to put: %w", key, from.Err)
	case errors.As(err, &api) && api.ErrorCode() == "NoSuchUpload": // a repeated request found the upload completed
		return fault.Wrap(fault.Unavailable, fmt.Errorf("put %s: %w", key, err))
	}
	return awssdk.Fault(err, "put "+key)
}

// Get opens an object. What is read is compared with its checksum at the end. Errors of reading are of kind fault.Unavailable.
func (b *Blob) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, err
	}
	out, err := b.client.GetObject(ctx, &service.GetObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil {
		return nil, find(err, "get "+key)
	}
	return body{out.Body, key}, nil
}

// body is the content of an object.
type body struct {
	io.ReadCloser
	key string
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fault.Wrap(fault.Unavailable, fmt.Errorf("read %s: %w", b.key, err))
	}
	return n, err
}

// Stat describes an object. A bucket that is not there looks like one without the object: the answer says no more than that.
func (b *Blob) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Object{}, err
	}
	out, err := b.client.HeadObject(ctx, &service.HeadObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil {
		return blob.Object{}, find(err, "stat "+key)
	}
	return object(key, out.ContentLength, out.LastModified), nil
}

func object(key string, size *int64, modified *time.Time) blob.Object {
	return blob.Object{Key: key, Size: aws.ToInt64(size), Modified: aws.ToTime(modified).UTC()}
}

// find classifies the error of looking for an object.
func find(err error, doing string) error {
	if errors.As(err, new(*types.NoSuchKey)) || errors.As(err, new(*types.NotFound)) {
		return blob.ErrNotFound
	}
	return awssdk.Fault(err, doing)
}

// Presign returns an address from which anybody can get the object for a while, as long as the credentials that it is made with last. It is answered
// as a file of that name to be kept. Whether there is such an object is not looked at.
func (b *Blob) Presign(ctx context.Context, key, name string, lasts time.Duration) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	disposition := "attachment; filename*=UTF-8''" + url.PathEscape(name)
	request, err := service.NewPresignClient(b.client).PresignGetObject(ctx, &service.GetObjectInput{
		Bucket: &b.bucket, Key: &key, ResponseContentDisposition: &disposition, ResponseCacheControl: aws.String("no-store"),
	}, service.WithPresignExpires(lasts))
	if err != nil {
		return "", awssdk.Fault(err, "sign an address of "+key)
	}
	return request.URL, nil
}

// PresignPut returns an address to which anybody can put an object of exactly so many bytes for a while, in the place of what was there, as long as the
// credentials that it is made with last. The header Content-Length has to be sent as it is signed.
func (b *Blob) PresignPut(ctx context.Context, key string, bytes int64, lasts time.Duration) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	request, err := service.NewPresignClient(b.client).PresignPutObject(ctx, &service.PutObjectInput{Bucket: &b.bucket, Key: &key, ContentLength: &bytes},
		service.WithPresignExpires(lasts), service.WithPresignClientFromClientOptions(func(o *service.Options) {
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired // else that of no bytes would be signed
		}))
	if err != nil {
		return "", awssdk.Fault(err, "sign an address of "+key)
	}
	return request.URL, nil
}

// List returns the objects in order of their keys, which is the order of S3. What has a key that no object of ours can have is left out.
func (b *Blob) List(ctx context.Context, prefix string) ([]blob.Object, error) {
	if err := blob.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	var objects []blob.Object
	pages := service.NewListObjectsV2Paginator(b.client, &service.ListObjectsV2Input{Bucket: &b.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awssdk.Fault(err, "list "+prefix)
		}
		for _, o := range page.Contents {
			if key := aws.ToString(o.Key); blob.CheckKey(key) == nil {
				objects = append(objects, object(key, o.Size, o.LastModified))
			}
		}
	}
	return objects, nil
}

// Delete removes an object.
func (b *Blob) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	_, err := b.client.DeleteObject(ctx, &service.DeleteObjectInput{Bucket: &b.bucket, Key: &key})
	return awssdk.Fault(err, "delete "+key)
}
