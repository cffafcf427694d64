package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"adminassistant/shared/store"
)

// Walk returns a page of all items of the table, in an order that stays, from the beginning or from where a page before ended. What is there from the
// first page to the last is in one of them; it needs dynamodb:Scan, which no function has.
func (t *Table) Walk(ctx context.Context, cursor string) (store.Page, error) {
	last, resumed, err := store.WalkedTo(cursor)
	if err != nil {
		return store.Page{}, err
	}
	in := &dynamodb.ScanInput{TableName: &t.name, ConsistentRead: aws.Bool(true)}
	if resumed {
		in.ExclusiveStartKey = keyAttributes(last)
	}
	out, err := t.client.Scan(ctx, in)
	if err != nil {
		return store.Page{}, classified(err, "walk")
	}
	page := store.Page{Items: make([]store.Item, len(out.Items))}
	for i, attributes := range out.Items {
		if page.Items[i], err = item(attributes); err != nil {
			return store.Page{}, err
		}
	}
	if len(out.LastEvaluatedKey) > 0 {
		page.Next = keysOf(out.LastEvaluatedKey).After()
	}
	return page, nil
}
