package awsdynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/delivery"
)

// dueBetween are the entries of a shard between two positions.
const dueBetween = "due_pk = :shard AND due_sk BETWEEN :low AND :high"

// Due lists due entries, those of the same time in the order of their uids. It asks every shard, so that a look at nothing costs
// dueShards requests of half a unit. A position is the sort key of the last entry.
func (s *Log) Due(ctx context.Context, after, until time.Time, from string, limit int) (page []delivery.DueEntry, next string, err error) {
	low, high := duePosition(after.Add(time.Millisecond)), duePosition(until.Add(time.Millisecond))
	if from != "" {
		low = max(low, from+lowest)
	}
	if low > high {
		return nil, "", nil
	}
	queries := make([]dynamodb.QueryInput, dueShards)
	for shard := range queries {
		queries[shard] = dynamodb.QueryInput{
			IndexName: aws.String(dueIndex), KeyConditionExpression: aws.String(dueBetween),
			ExpressionAttributeValues: item{":shard": text(duePartition(shard)), ":low": text(low), ":high": text(high)},
			Limit:                     aws.Int32(int32(max(1, 2*limit/dueShards))), // shards are filled alike
		}
	}
	found, edge, err := s.db.merge(ctx, "due_sk", false, queries)
	if err != nil {
		return nil, "", fmt.Errorf("list due entries: %w", err)
	}
	if len(found) > limit {
		found, edge = found[:limit], found[limit-1].text("due_sk")
	}
	for _, i := range found {
		if e, ok := decodeDue(i); ok {
			page = append(page, e)
		}
	}
	return page, edge, nil
}
