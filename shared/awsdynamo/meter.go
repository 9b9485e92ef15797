package awsdynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	addLease = "SET f = :f, #ttl = :ttl ADD n :n"
	// leaseLasting is how long the sum of a window is kept: for longer than clocks of two processes differ.
	leaseLasting = time.Hour
)

// Meter counts leased requests. It is an access.Meter.
type Meter struct{ db *DB }

// Meter returns the side of the table that counts leased requests.
func (db *DB) Meter() *Meter { return &Meter{db} }

// Lease adds to the sum of a key's window. It makes one request: who waits for it would rather go on without.
func (m *Meter) Lease(ctx context.Context, key string, window time.Time, n int) (int, error) {
	values := item{":f": number(format), ":n": number(int64(n))}
	values.setExpiry(window.Add(leaseLasting))
	values[":ttl"] = values["ttl"]
	delete(values, "ttl")
	change := addLease
	out, err := m.db.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: m.db.table, Key: leaseKey(key, window).item(), UpdateExpression: &change,
		ExpressionAttributeNames: namesIn(change), ExpressionAttributeValues: values, ReturnValues: types.ReturnValueUpdatedNew,
	}, once)
	if err != nil {
		return 0, fmt.Errorf("lease requests of API key %s: %w", key, err)
	}
	return item(out.Attributes).int("n"), nil
}
