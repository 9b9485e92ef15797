package awsdynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// update makes one request to change attributes of an item; who calls it says how it is repeated. The item is made if there is
// none and the condition allows it.
func (db *DB) update(ctx context.Context, k key, change, condition string, values item) error {
	_, err := db.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: db.table, Key: k.item(), UpdateExpression: &change, ConditionExpression: optional(condition),
		ExpressionAttributeNames: namesIn(change, condition), ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: metBy(condition),
	}, once)
	return err
}

// namesIn explains the one name in our expressions that DynamoDB has reserved.
func namesIn(expressions ...string) map[string]string {
	if strings.Contains(strings.Join(expressions, " "), "#ttl") {
		return map[string]string{"#ttl": "ttl"}
	}
	return nil
}
