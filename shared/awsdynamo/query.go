package awsdynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// beginsWith are the items of a partition whose sort key begins so.
const beginsWith = "pk = :pk AND begins_with(sk, :sk)"

// beginning reads, as of the last write that returned, the items of the key's partition whose sort keys begin with the key's.
func beginning(k key) dynamodb.QueryInput {
	condition := beginsWith
	return dynamodb.QueryInput{
		KeyConditionExpression: &condition, ExpressionAttributeValues: item{":pk": text(k.pk), ":sk": text(k.sk)}, ConsistentRead: aws.Bool(true),
	}
}

// queryAll reads all items of a query, decoded.
func queryAll[T any](ctx context.Context, db *DB, q dynamodb.QueryInput, decode func(item) (T, error)) (all []T, err error) {
	failed := db.query(ctx, q, func(i item) bool {
		var one T
		one, err = decode(i)
		all = append(all, one)
		return err == nil
	})
	if failed != nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}
