// Package dynamo keeps a store.Table in DynamoDB.
//
// An item has the attributes pk and sk, gsi1pk and gsi1sk when it is in the index gsi1, version, ttl in Unix seconds when it
// expires, data as store.Pack returns it, and write, which names the request that wrote it. Schema describes the table.
//
// Every write is an UpdateItem, because that alone can add to a version in one request. It is no BatchWriteItem in BatchPut
// either: that could neither count versions nor keep a writer from mistaking the item it overwrote for the one it knew.
//
// The SDK repeats a request when it does not learn its outcome, and the second one finds what the first one did. Put knows
// its own write by the attribute write; transactions, and a Delete with a condition, which is one, are known to DynamoDB by their
// token. So a lost answer is neither a conflict nor a second step of the version; what remains when others write in between, see Put.
//
// Reads of the table are strongly consistent, of the index they cannot be. Expired items are returned until DynamoDB removes
// them, which may take days.
//
// The role needs dynamodb:GetItem, BatchGetItem, UpdateItem, DeleteItem and ConditionCheckItem for the table, and Query for the
// table and its index; a part that only reads needs GetItem, BatchGetItem and Query.
package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"adminassistant/shared/fault"
	"adminassistant/shared/pause"
	"adminassistant/shared/store"
)

const (
	// PerAttempt is how long DynamoDB has to answer an attempt; it is an argument of awssdk.Within. Answers come within milliseconds as
	// a rule; transactions of megabytes need longer.
	PerAttempt = 3 * time.Second

	keysAtOnce = 100 // of a BatchGetItem, DynamoDB's limit
	readers    = 4   // requests of one GetMany at once
	writers    = 16  // requests of one BatchPut at once
	fruitless  = 8   // answers to a GetMany in a row that bring nothing, before it gives up
)

// Table is the store.
type Table struct {
	client *dynamodb.Client
	name   string
}

var _ store.Table = (*Table)(nil)

// New returns the table of that name, which may be its ARN. It sends nothing. How often an attempt is made, and how long one may
// take, is up to cfg; pauses between attempts are shorter than cfg's.
func New(cfg aws.Config, table string) *Table {
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.Retryer = newRetryer(o.Retryer)
		o.DisableValidateResponseChecksum = true // one that does not fit would be logged, and the answer used all the same
	})
	return &Table{client: client, name: table}
}

// Schema describes the table for CreateTable, as an emulator needs it; a deployed table is described by the infrastructure. The
// time to live is in the attribute AttributeTTL.
func Schema(table string) *dynamodb.CreateTableInput {
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	keys := func(pk, sk string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &pk, KeyType: types.KeyTypeHash}, {AttributeName: &sk, KeyType: types.KeyTypeRange}}
	}
	return &dynamodb.CreateTableInput{
		TableName:            &table,
		AttributeDefinitions: []types.AttributeDefinition{text(attributePK), text(attributeSK), text(attributeIndexPK), text(attributeIndexSK)},
		KeySchema:            keys(attributePK, attributeSK),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(index), KeySchema: keys(attributeIndexPK, attributeIndexSK),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
		BillingMode: types.BillingModePayPerRequest,
	}
}

// Ping reads a key that nothing has: unlike a look at the table's description it needs no permission of its own, and it goes the
// way that all reads go.
func (t *Table) Ping(ctx context.Context) error {
	_, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: keyAttributes(store.Key{PK: "PING", SK: "PING"})})
	return classified(err, "reach the table")
}

// Get returns the item of a key, or store.ErrNotFound, in one request.
func (t *Table) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if err := key.Check(); err != nil {
		return store.Item{}, err
	}
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: keyAttributes(key), ConsistentRead: aws.Bool(true)})
	switch {
	case err != nil:
		return store.Item{}, classified(err, "get an item")
	case len(out.Item) == 0:
		return store.Item{}, store.ErrNotFound
	}
	return item(out.Item)
}

// GetMany returns those items that exist, each once, a hundred keys a request. What DynamoDB leaves out of an answer is requested
// anew, until several answers in a row bring nothing: fault.Throttled.
func (t *Table) GetMany(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	seen := make(map[store.Key]bool, len(keys))
	var wanted []map[string]types.AttributeValue
	for _, key := range keys {
		if err := key.Check(); err != nil {
			return nil, err
		}
		if !seen[key] {
			seen[key] = true
			wanted = append(wanted, keyAttributes(key))
		}
	}
	found := make([][]store.Item, (len(wanted)+keysAtOnce-1)/keysAtOnce)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i := range found {
		group.Go(func() (err error) {
			found[i], err = t.getBatch(ctx, wanted[i*keysAtOnce:min((i+1)*keysAtOnce, len(wanted))])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

func (t *Table) getBatch(ctx context.Context, keys []map[string]types.AttributeValue) ([]store.Item, error) {
	wait := pause.Growing(25*time.Millisecond, time.Second)
	var items []store.Item
	for nothing := 0; ; {
		out, err := t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{t.name: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return nil, classified(err, "get items")
		}
		for _, responses := range out.Responses { // of the one table
			for _, attributes := range responses {
				it, err := item(attributes)
				if err != nil {
					return nil, err
				}
				items = append(items, it)
			}
		}
		var left []map[string]types.AttributeValue
		for _, unprocessed := range out.UnprocessedKeys {
			left = append(left, unprocessed.Keys...)
		}
		if len(left) == 0 {
			return items, nil
		}
		if nothing++; len(left) < len(keys) { // an answer ends at 16 MB, too
			nothing = 0
			wait.Reset()
		}
		if nothing == fruitless {
			return nil, fault.New(fault.Throttled, "get items: %d of %d keys were left out of %d answers in a row", len(left), len(keys), fruitless)
		}
		if err := pause.For(ctx, wait.NextBackOff()); err != nil {
			return nil, classified(err, "get items")
		}
		keys = left
	}
}

// Put writes one item in one request. If attempts of it had no answer and meanwhile somebody else wrote the item, a Put with a
// condition cannot show whether its own write came first: that is fault.Unavailable, not a conflict. One without a condition is
// then the last to write.
func (t *Table) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	packed, _, err := item.Pack()
	if err != nil {
		return 0, err
	}
	return t.put(ctx, &item, packed, cond)
}

func (t *Table) put(ctx context.Context, item *store.Item, packed []byte, cond store.Condition) (int64, error) {
	request := rand.Text()
	u := newUpdate(item, packed, cond, request)
	next, known := int64(1), true
	if v, ok := cond.Version(); ok {
		next = v + 1
	}
	returned := types.ReturnValueNone
	if cond.Unconditional() {
		u.condition, known, returned = "attribute_not_exists(#write) OR #write <> :write", false, types.ReturnValueUpdatedNew
	}
	var seen witness
	out, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: keyAttributes(item.Key), UpdateExpression: &u.expression, ConditionExpression: &u.condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValues: returned, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, func(o *dynamodb.Options) {
		seen.RetryerV2 = o.Retryer.(aws.RetryerV2)
		o.Retryer = &seen
	})

	var failed *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &failed) && writtenBy(failed.Item, request):
		return version(failed.Item)
	case failed != nil && seen.unknown:
		return 0, fault.New(fault.Unavailable, "put an item: no answer came, and it was changed meanwhile")
	case failed != nil:
		return 0, store.ErrConflict
	case err != nil:
		return 0, classified(err, "put an item")
	case known:
		return next, nil
	}
	return version(out.Attributes)
}

// Delete removes one item in one request.
func (t *Table) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	if err := key.Check(); err != nil {
		return err
	}
	if !cond.Unconditional() {
		return t.transact(ctx, []types.TransactWriteItem{t.deletion(key, cond)}, true)
	}
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.name, Key: keyAttributes(key)})
	return classified(err, "delete an item")
}

func (t *Table) deletion(key store.Key, cond store.Condition) types.TransactWriteItem {
	condition, names, values := conditionExpression(cond)
	d := &types.Delete{TableName: &t.name, Key: keyAttributes(key), ExpressionAttributeNames: names, ExpressionAttributeValues: values}
	if condition != "" {
		d.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Delete: d}
}

// Transact does all of the operations or none, in one request.
func (t *Table) Transact(ctx context.Context, ops []store.Op) error {
	if err := store.CheckOps(ops); err != nil {
		return err
	}
	writes := make([]types.TransactWriteItem, 0, len(ops))
	total := 0
	for i := range ops {
		op := &ops[i]
		switch {
		case op.Put != nil:
			packed, size, err := op.Put.Pack()
			if err != nil {
				return err
			}
			total += size
			u := newUpdate(op.Put, packed, op.If, rand.Text())
			w := &types.Update{
				TableName: &t.name, Key: keyAttributes(op.Put.Key), UpdateExpression: &u.expression,
				ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
			}
			if u.condition != "" {
				w.ConditionExpression = &u.condition
			}
			writes = append(writes, types.TransactWriteItem{Update: w})
		case op.Delete != nil:
			writes = append(writes, t.deletion(*op.Delete, op.If))
		case !op.If.Unconditional(): // a check of nothing always holds
			condition, names, values := conditionExpression(op.If)
			writes = append(writes, types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
				TableName: &t.name, Key: keyAttributes(*op.Check), ConditionExpression: &condition,
				ExpressionAttributeNames: names, ExpressionAttributeValues: values,
			}})
		}
	}
	if err := store.CheckTransactBytes(total); err != nil {
		return err
	}
	if len(writes) == 0 {
		return classified(ctx.Err(), "write items")
	}
	return t.transact(ctx, writes, false)
}

// transact sends a transaction; the SDK gives it a token. One that stands for a write without a transaction is alone: it is not
// for the caller to know that another one got in its way, so it is repeated.
func (t *Table) transact(ctx context.Context, writes []types.TransactWriteItem, alone bool) error {
	doing := "write items"
	_, err := t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes}, func(o *dynamodb.Options) {
		if alone {
			o.Retryer = lone{o.Retryer.(aws.RetryerV2)}
		}
	})
	if alone {
		doing = "delete an item"
	}
	if why := cancellation(err); why == conditionFailed || why == collided && !alone {
		return store.ErrConflict
	}
	return classified(err, doing)
}

// BatchPut writes the items, several requests at once; of several with one key only the last is written. After an error the
// requests that were not sent yet are left out.
func (t *Table) BatchPut(ctx context.Context, items []store.Item) error {
	packed := make([][]byte, len(items))
	last := make(map[store.Key]int, len(items))
	for i := range items {
		var err error
		if packed[i], _, err = items[i].Pack(); err != nil {
			return err
		}
		last[items[i].Key] = i
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range items {
		if last[items[i].Key] != i {
			continue
		}
		group.Go(func() error {
			_, err := t.put(ctx, &items[i], packed[i], store.Any())
			return err
		})
	}
	return group.Wait()
}
