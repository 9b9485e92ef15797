package awsdynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hermod/shared/uid"
)

// transact writes several items or none. A try whose answer is lost may be repeated, since DynamoDB knows it by its token; one that
// was stopped for certain gives way to one with a token of its own.
//
// A transaction's items become visible one by one: who reads one of them as it is after, may read another as it was before, until
// transact has returned.
func (db *DB) transact(ctx context.Context, writes ...types.TransactWriteItem) error {
	token, lost := uid.New(db.now()), false
	return db.write(ctx, func() error {
		_, err := db.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: writes, ClientRequestToken: aws.String(token),
		}, once)
		switch faultOf(err) {
		case unknownOutcome:
			lost = true
		case notCarriedOut, overtaken:
			if !lost {
				token = uid.New(db.now())
			}
		}
		return err
	})
}

// putting is the write of a whole item.
func (db *DB) putting(i item, condition string, values item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: db.table, Item: i, ConditionExpression: optional(condition), ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: metBy(condition),
	}}
}

// updating is the change of some attributes of an item, which is made if there is none.
func (db *DB) updating(k key, change, condition string, values item) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: db.table, Key: k.item(), UpdateExpression: &change, ConditionExpression: optional(condition), ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: metBy(condition),
	}}
}

// deleting is the end of an item.
func (db *DB) deleting(k key) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: db.table, Key: k.item()}}
}
