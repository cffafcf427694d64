package dynamo

import (
	"context"
	"math"
	"sort"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Query returns a page, in one request. It ends where DynamoDB's does, at the limit or at 1 MB, or at store.PageData. With both From and To, what
// lies exactly at To is read too and left out.
func (t *Table) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := q.Check(); err != nil {
		return store.Page{}, err
	}
	in, to, err := t.queryInput(&q)
	if err != nil {
		return store.Page{}, err
	}
	if in == nil {
		return store.Page{}, classified(ctx.Err(), "query")
	}
	out, err := t.client.Query(ctx, in)
	if err != nil {
		return store.Page{}, classified(err, "query")
	}
	page := store.Page{Items: make([]store.Item, 0, len(out.Items))}
	beyond, data := false, 0
	for _, attributes := range out.Items {
		it, err := item(attributes)
		if err != nil {
			return store.Page{}, err
		}
		if sk := sortKey(&q, &it); to != "" && sk >= to {
			beyond = true
			continue
		}
		if data += len(it.Data); len(page.Items) > 0 && data > store.PageData {
			page.Next = q.After(&page.Items[len(page.Items)-1])
			return page, nil
		}
		page.Items = append(page.Items, it)
	}
	if len(out.LastEvaluatedKey) > 0 && !(beyond && !q.Desc) {
		last := keysOf(out.LastEvaluatedKey)
		page.Next = q.After(&last)
	}
	return page, nil
}

func sortKey(q *store.Query, it *store.Item) string {
	if q.Index {
		return it.IndexSK
	}
	return it.SK
}

// queryInput is the request of a query, nil when nothing can match, and the sort key that the page stays below, if there is one.
func (t *Table) queryInput(q *store.Query) (in *dynamodb.QueryInput, to string, err error) {
	last, resumed, err := q.Last()
	if err != nil {
		return nil, "", err
	}
	from, to := q.Bounds()
	from, possible := ceiling(from)
	if !possible {
		return nil, "", nil
	}
	to, _ = ceiling(to) // where there is none, nothing is left out
	if len(from) > store.MaxSK || len(to) > store.MaxSK {
		return nil, "", fault.New(fault.Invalid, "a bound of sort keys has over %d bytes", store.MaxSK)
	}
	if to != "" && to <= from {
		return nil, "", nil
	}

	pk, sk := attributePK, attributeSK
	in = &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(!q.Index), ScanIndexForward: aws.Bool(!q.Desc),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(q.PK)},
	}
	if q.Index {
		pk, sk = attributeIndexPK, attributeIndexSK
		in.IndexName = aws.String(index)
	}
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(min(q.Limit, math.MaxInt32)))
	}
	condition := pk + " = :pk"
	switch {
	case from != "" && to != "":
		condition += " AND " + sk + " BETWEEN :from AND :to"
	case from != "":
		condition += " AND " + sk + " >= :from"
	case to != "":
		condition += " AND " + sk + " < :to"
	}
	if from != "" {
		in.ExpressionAttributeValues[":from"] = text(from)
	}
	if to != "" {
		in.ExpressionAttributeValues[":to"] = text(to)
	}
	in.KeyConditionExpression = &condition

	// DynamoDB accepts no key to go on from that the bounds leave out, or after which they leave nothing.
	if resumed {
		at := sortKey(q, &last)
		before, after := at < from, to != "" && at >= to
		if q.Desc {
			before, after = to != "" && (at > to || at == to && from == ""), at < from || at == from && !q.Index
		}
		if after {
			return nil, "", nil
		}
		if !before {
			in.ExclusiveStartKey = keyAttributes(last.Key)
			if q.Index {
				in.ExclusiveStartKey[attributeIndexPK], in.ExclusiveStartKey[attributeIndexSK] = text(last.IndexPK), text(last.IndexSK)
			}
		}
	}
	return in, to, nil
}

// scalars is how many runes UTF-8 can encode: all but the surrogates.
const scalars = utf8.MaxRune + 1 - 0x800

func scalar(i int) rune {
	if i >= 0xd800 {
		i += 0x800
	}
	return rune(i)
}

// ceiling returns the smallest string that is valid UTF-8 and not before bound by bytes, and false when there is none. Keys are
// valid UTF-8, so it bounds the same ones, and it can be sent.
func ceiling(bound string) (string, bool) {
	valid := 0
	for valid < len(bound) {
		r, size := utf8.DecodeRuneInString(bound[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	head, rest := bound[:valid], bound[valid:]
	for rest != "" {
		if i := sort.Search(scalars, func(i int) bool { return string(scalar(i)) > rest }); i < scalars {
			return head + string(scalar(i)), true
		}
		if head == "" {
			return "", false
		}
		_, size := utf8.DecodeLastRuneInString(head)
		head, rest = head[:len(head)-size], head[len(head)-size:]
	}
	return head, true
}
