// Package witness keeps the signed heads of ledgers in a bucket of Amazon S3 whose objects nobody can change or remove (Object Lock in compliance
// mode), so that who rewrites a ledger cannot rewrite what was seen of it.
//
// There is an object for each config and UTC day that had a run:
//
//	heads/<config>/<YYYY-MM-DD>   the first head of that day, a signed note
//
// Whoever may put objects, as the function that archives may, can keep later heads away by taking their places, and can do no more:
//
//   - An object that lies on another one, or a deletion, hides nothing: of every key the oldest version counts, which cannot be removed.
//   - S3 says when an object was put. One that was there before its day is a problem, since it kept that day's head away. One that came after its
//     day kept none away, and is no head.
//   - What is not a head of the ledger that this installation signed is a problem while it is among the newest, and others are read all the same.
//     It is not for ever: nobody is to get used to a verification that fails.
//   - Heads that seem to be all of a ledger may be those of a rewritten one, after some weeks. So there is one of each earlier month among them.
//
// Keep needs the permission s3:PutObject on the objects, Kept s3:GetObjectVersion on them and s3:ListBucketVersions on the bucket.
package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	service "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

const (
	// newest is how many of the newest places are read, and triesAMonth how many of an earlier month until one of them has a head.
	newest      = 40
	triesAMonth = 3
	// maxHead is how many bytes a head has at most.
	maxHead = 4 << 10
	// maxPages is how many pages of 1,000 versions are listed; there is one version for each day.
	maxPages = 20
	// atOnce is how many objects are read side by side.
	atOnce = 8
	// slack is how far S3's clock and ours may be apart, and how long a put may take.
	slack = time.Hour
	// keepWithin is how long Keep may take: it comes at the end of a run, when there may not be much time.
	keepWithin = 15 * time.Second
)

// Opener opens signed notes.
type Opener interface {
	// Open returns the text of a signed note. One that this installation did not sign is of kind fault.Malformed.
	Open(ctx context.Context, signed string) (text string, err error)
}

// Bucket is where heads are kept.
type Bucket struct {
	client *service.Client
	bucket string
	signer Opener
	clock  func() time.Time
	// Unkept is called when a head could not be kept; nil: nobody wants to know.
	Unkept func()
}

// New returns the witness in a bucket, of heads that signer signed. No service is asked.
func New(cfg aws.Config, bucket string, signer Opener, clock func() time.Time) *Bucket {
	client := service.NewFromConfig(cfg, func(o *service.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // a stand-in has no name of its own for each bucket
		o.DisableLogOutputChecksumValidationSkipped = true
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, "ConditionalRequestConflict") // somebody else was putting the same object
	})
	return &Bucket{client: client, bucket: bucket, signer: signer, clock: clock}
}

// prefix is what the keys of a config's heads begin with. Errors are of kind fault.Invalid.
func prefix(config string) (string, error) {
	for _, c := range config {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' {
			return "", fault.New(fault.Invalid, "the id of a config has letters, digits and hyphens alone: %.40q", config)
		}
	}
	if config == "" || len(config) > 64 {
		return "", fault.New(fault.Invalid, "the id of a config has 1 to 64 characters, not %d", len(config))
	}
	return "heads/" + config + "/", nil
}

// Keep keeps the head of a config's ledger unless there is one of that UTC day. Errors are of kind fault.Invalid if the id of the config cannot be
// part of a key, else as awssdk.Fault sorts them.
func (b *Bucket) Keep(ctx context.Context, config string, day calendar.Date, checkpoint string) error {
	err := b.keep(ctx, config, day, checkpoint)
	if err != nil && b.Unkept != nil {
		b.Unkept()
	}
	return err
}

func (b *Bucket) keep(ctx context.Context, config string, day calendar.Date, checkpoint string) error {
	under, err := prefix(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	_, err = b.client.PutObject(ctx, &service.PutObjectInput{
		Bucket: &b.bucket, Key: aws.String(under + day.String()), Body: strings.NewReader(checkpoint), ContentType: aws.String("text/plain; charset=utf-8"),
		IfNoneMatch:       aws.String("*"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, // without a checksum nothing may be locked
	})
	if api := smithy.APIError(nil); errors.As(err, &api) && api.ErrorCode() == "PreconditionFailed" { // by an earlier run, or our own earlier attempt
		return nil
	}
	return awssdk.Fault(err, "keep a head of the ledger")
}

// place is where the head of a day is, or should be.
type place struct {
	day     string
	key     string
	version string
	size    int64
	early   bool // it was there before its day
}

func (p place) month() string { return p.day[:len("2026-10")] }

// Kept returns the newest heads that are kept of a config's ledger and one of each earlier month, newest first, and what is wrong with what was
// found in place of others. Errors are Keep's, or the signer's.
func (b *Bucket) Kept(ctx context.Context, config string) (heads, problems []string, err error) {
	under, err := prefix(config)
	if err != nil {
		return nil, nil, err
	}
	places, all, err := b.places(ctx, under)
	if err != nil {
		return nil, nil, err
	}
	if !all {
		problems = append(problems, "the witness has more objects of this ledger than it can have; not all of them were looked at")
	}
	recent, months := places[:min(newest, len(places))], byMonth(places[min(newest, len(places)):])
	found := make([]string, newest+len(months))
	wrong := make([]string, newest)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, p := range recent {
		if p.early {
			wrong[i] = "the place of the head of " + p.day + " at the witness was taken before that day"
			continue
		}
		group.Go(func() (err error) {
			if found[i], err = b.read(ctx, config, p); found[i] == "" {
				wrong[i] = "what the witness has of " + p.day + " is no head of this ledger that this installation signed"
			}
			return err
		})
	}
	for i, month := range months {
		group.Go(func() (err error) {
			for _, p := range month[:min(triesAMonth, len(month))] {
				if found[newest+i], err = b.read(ctx, config, p); err != nil || found[newest+i] != "" {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	empty := func(text string) bool { return text == "" }
	return slices.DeleteFunc(found, empty), append(problems, slices.DeleteFunc(wrong, empty)...), nil
}

// byMonth are the places of each month that have what was put on its day.
func byMonth(places []place) (months [][]place) {
	for _, p := range places {
		n := len(months)
		switch {
		case p.early:
		case n > 0 && months[n-1][0].month() == p.month():
			months[n-1] = append(months[n-1], p)
		default:
			months = append(months, []place{p})
		}
	}
	return months
}

// places lists the days up to today of which there is something, newest first. Not all says that there are too many versions to list.
func (b *Bucket) places(ctx context.Context, under string) (places []place, all bool, err error) {
	oldest := map[string]types.ObjectVersion{}
	in := &service.ListObjectVersionsInput{
		Bucket: &b.bucket, Prefix: &under, EncodingType: types.EncodingTypeUrl, // a key may have characters that XML cannot
	}
	for range maxPages {
		out, err := b.client.ListObjectVersions(ctx, in)
		if err != nil {
			return nil, false, awssdk.Fault(err, "list the heads of the ledger that are kept")
		}
		for _, v := range out.Versions {
			if key, err := url.QueryUnescape(aws.ToString(v.Key)); err == nil {
				oldest[strings.TrimPrefix(key, under)] = v // the newest comes first
			}
		}
		if all = !aws.ToBool(out.IsTruncated); all {
			break
		}
		marker, err := url.QueryUnescape(aws.ToString(out.NextKeyMarker))
		if err != nil {
			return nil, false, fault.New(fault.Internal, "list the heads of the ledger that are kept: the marker of the next page is unreadable")
		}
		in.KeyMarker, in.VersionIdMarker = &marker, out.NextVersionIdMarker
	}
	for day, v := range oldest {
		date, err := calendar.ParseDate(day)
		if err != nil {
			continue
		}
		begin := time.Date(date.Year, date.Month, date.Day, 0, 0, 0, 0, time.UTC)
		put := aws.ToTime(v.LastModified)
		if begin.After(b.clock()) || put.After(begin.AddDate(0, 0, 1).Add(slack)) {
			continue
		}
		places = append(places, place{
			day: day, key: under + day, version: aws.ToString(v.VersionId), size: aws.ToInt64(v.Size), early: put.Before(begin.Add(-slack)),
		})
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(b.day, a.day) })
	return places, all, nil
}

// read returns the head that is in a place; empty: what is there is none of the config's ledger.
func (b *Bucket) read(ctx context.Context, config string, p place) (string, error) {
	if p.size > maxHead {
		return "", nil
	}
	out, err := b.client.GetObject(ctx, &service.GetObjectInput{Bucket: &b.bucket, Key: &p.key, VersionId: &p.version})
	if err != nil {
		return "", awssdk.Fault(err, "get a head of the ledger that is kept")
	}
	defer out.Body.Close()
	signed, err := io.ReadAll(io.LimitReader(out.Body, maxHead+1))
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, fmt.Errorf("read a head of the ledger that is kept: %w", err))
	}
	text, err := b.signer.Open(ctx, string(signed))
	if fault.Of(err) == fault.Malformed {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if c, err := ledger.ParseCheckpoint(text); err != nil || c.Origin != ledger.Origin(config) {
		return "", nil
	}
	return string(signed), nil
}
