package awsdynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	// maxTries is how often a request is made that meets a fault of the store.
	maxTries = 4
	// maxConflicts is how often one is made that meets others at the same item: many may want the item of a project at once.
	maxConflicts = 20
	// firstPause is the rest before the second try; each further one is twice as long, up to maxPause.
	firstPause = 25 * time.Millisecond
	maxPause   = 400 * time.Millisecond
	// batchRead is what BatchGetItem takes at most.
	batchRead = 100
)

// Config is what a DB needs.
type Config struct {
	Client *dynamodb.Client // required; its own retries are not used: DB must know whether a try may have been carried out
	Table  string           // required
	Now    func() time.Time // nil: time.Now
}

// DB is the table. It is safe for concurrent use; the seams are methods of the types that it hands out.
type DB struct {
	client *dynamodb.Client
	table  *string
	now    func() time.Time
}

// New returns a DB. A missing setting is a panic.
func New(c Config) *DB {
	if c.Client == nil || c.Table == "" {
		panic("awsdynamo: Config needs Client and Table")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &DB{client: c.Client, table: aws.String(c.Table), now: c.Now}
}

// once switches the SDK's retries off for one request.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// read makes a request that is as good done twice as once, again while it meets faults of the store.
func (db *DB) read(ctx context.Context, do func() error) error {
	return db.repeat(ctx, do, true)
}

// write makes a conditional write, again while it meets faults of the store. Where a try may have been carried out and a later one
// fails its condition, the error is that of the former: the outcome is unknown.
func (db *DB) write(ctx context.Context, do func() error) error {
	return db.repeat(ctx, do, false)
}

// repeat makes a request until it succeeds, is refused, or was tried often enough. again: doing it twice is as good as doing it once.
func (db *DB) repeat(ctx context.Context, do func() error, again bool) error {
	var unknown error
	tries, conflicts := maxTries, maxConflicts
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := do()
		switch faultOf(err) {
		case noFault:
			if conditionFailed(err) && unknown != nil {
				return unknown
			}
			return err
		case overtaken:
			conflicts--
		case notCarriedOut:
			tries--
		case unknownOutcome:
			tries--
			if !again {
				unknown = err
			}
		}
		if tries == 0 || conflicts == 0 || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

// get reads one item, as of the last write that returned; nil without one, or when it has expired.
func (db *DB) get(ctx context.Context, k key) (item, error) {
	found, err := db.fetch(ctx, k)
	return found.alive(db.now()), err
}

// fetch reads one item whether it has expired or not; nil without one.
func (db *DB) fetch(ctx context.Context, k key) (found item, err error) {
	err = db.read(ctx, func() error {
		out, err := db.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: db.table, Key: k.item(), ConsistentRead: aws.Bool(true)}, once)
		if err == nil {
			found = out.Item
		}
		return err
	})
	return found, err
}

// getAll reads the items of the keys, as of the last write that returned, in no order, without those that do not exist or have
// expired.
func (db *DB) getAll(ctx context.Context, keys []key) (all []item, err error) {
	wanted := make([]map[string]types.AttributeValue, len(keys))
	for i, k := range keys {
		wanted[i] = k.item()
	}
	for len(wanted) > 0 {
		n := min(len(wanted), batchRead)
		found, left, err := db.getSome(ctx, wanted[:n])
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		wanted = append(left, wanted[n:]...)
	}
	return all, nil
}

// getSome reads at least one of the keys: a batch ends where the answer gets too large, or the table is busy. It returns the keys
// that are left.
func (db *DB) getSome(ctx context.Context, keys []map[string]types.AttributeValue) (all []item, left []map[string]types.AttributeValue, err error) {
	err = db.read(ctx, func() error {
		out, err := db.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			*db.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
		}}, once)
		if err != nil {
			return err
		}
		for _, found := range out.Responses[*db.table] {
			if i := item(found); !i.expired(db.now()) {
				all = append(all, i)
			}
		}
		if left = out.UnprocessedKeys[*db.table].Keys; len(left) == len(keys) {
			return errUnprocessed
		}
		return nil
	})
	return all, left, err
}

// put writes an item on a condition, with values for the condition's names. A refused condition is a
// *types.ConditionalCheckFailedException that holds the item as it is.
func (db *DB) put(ctx context.Context, i item, condition string, values item) error {
	return db.write(ctx, func() error {
		_, err := db.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: db.table, Item: i, ConditionExpression: optional(condition), ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: metBy(condition),
		}, once)
		return err
	})
}

// query reads the items of one partition in the order of their sort keys, page by page, until take has had enough (false) or there
// are no more. It leaves out what has expired.
func (db *DB) query(ctx context.Context, q dynamodb.QueryInput, take func(item) (more bool)) error {
	for {
		out, err := db.page(ctx, &q)
		if err != nil {
			return err
		}
		for _, found := range out.Items {
			if i := item(found); !i.expired(db.now()) && !take(i) {
				return nil
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		q.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// page makes one request of a query.
func (db *DB) page(ctx context.Context, q *dynamodb.QueryInput) (out *dynamodb.QueryOutput, err error) {
	q.TableName = db.table
	err = db.read(ctx, func() error {
		out, err = db.client.Query(ctx, q, once)
		return err
	})
	return out, err
}

// metBy asks for the item that a condition met, where there is one.
func metBy(condition string) types.ReturnValuesOnConditionCheckFailure {
	if condition == "" {
		return ""
	}
	return types.ReturnValuesOnConditionCheckFailureAllOld
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// refused returns the item that a write's condition met, and whether the write was refused at all. The item is nil where there is
// none.
func refused(err error) (met item, ok bool) {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, false
	}
	return failed.Item, true
}
