package meter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hermod/infra/engines/enginetest"
	"hermod/infra/meter"
)

// sometimes is how many random requests a test makes.
const sometimes = 400

// TestTheEngineAgreesWithTheMeter makes requests of every kind, on items that come, change, move in the indexes and go, some of
// them at once, and wants no difference between what the meter computes and what the engine says.
func TestTheEngineAgreesWithTheMeter(t *testing.T) {
	m := meter.New()
	db := client(t, m)
	makeThings(t, db)
	var workers sync.WaitGroup
	for worker := range 4 {
		random := rand.New(rand.NewPCG(uint64(worker), 1))
		workers.Go(func() {
			for range sometimes / 4 {
				if err := something(t.Context(), db, random); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	for _, d := range m.Differences() {
		t.Error(d)
	}
	for _, operation := range []string{"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"} {
		if m.Total().WRU(operation) == 0 {
			t.Errorf("%s costs nothing", operation)
		}
	}
	for _, operation := range []string{"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"} {
		if m.Total().RRU(operation) == 0 {
			t.Errorf("%s costs nothing", operation)
		}
	}
}

func TestAnEngineThatCountsOtherwiseIsADifference(t *testing.T) {
	m := meter.New()
	lying := roundTrip(func(req *http.Request) (*http.Response, error) {
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil || !strings.HasSuffix(req.Header.Get("X-Amz-Target"), ".PutItem") {
			return res, err
		}
		return rewrite(res, `"CapacityUnits":1.0`, `"CapacityUnits":7.0`)
	})
	db := dynamodb.New(options(enginetest.DynamoDB(t), m.Transport(lying)))
	makeThings(t, db)
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &things, Item: key(1)}); err != nil {
		t.Fatal(err)
	}
	d := m.Differences()
	if len(d) != 1 || !strings.Contains(d[0], "PutItem: computed map[things:[table 1]], the engine says map[things:[table 7]]; the request was {") {
		t.Errorf("Differences() = %q, want the request with 1 and 7 units", d)
	}
}

func TestARefusedWriteIsBilled(t *testing.T) {
	m := meter.New()
	db := client(t, m)
	makeThings(t, db)
	item := key(1)
	item["text"] = text(3000)
	for range 2 {
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &things, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)")})
		if refused := new(types.ConditionalCheckFailedException); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}
	if got := m.Total(); got.WRU() != 6 || got.Requests(meter.DynamoDB, "PutItem") != 2 {
		t.Errorf("a write of 3 units and the same refused cost %v units in %d requests, want 6 in 2", got.WRU(), got.Requests(meter.DynamoDB, "PutItem"))
	}
	before := m.Total()
	_, err := db.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &things, Key: key(2), UpdateExpression: aws.String("SET x = :x"),
		ConditionExpression: aws.String("attribute_exists(pk)"), ExpressionAttributeValues: item1(":x", "1")})
	if refused := new(types.ConditionalCheckFailedException); !errors.As(err, &refused) {
		t.Fatalf("UpdateItem of what is not there = %v, want a failed condition", err)
	}
	if got := m.Total().Minus(before).WRU(); got != 1 {
		t.Errorf("an update refused for want of an item costs %v units, want 1", got)
	}
	if d := m.Differences(); len(d) > 0 {
		t.Errorf("Differences() = %q, want none", d)
	}
}

func TestACallerGetsTheUnitsThatItAskedFor(t *testing.T) {
	m := meter.New()
	db := client(t, m)
	makeThings(t, db)
	item := key(1)
	item["k"] = text(1)
	for _, tt := range []struct {
		ask     types.ReturnConsumedCapacity
		total   float64
		indexes int
	}{
		{"", 0, 0}, {types.ReturnConsumedCapacityNone, 0, 0}, {types.ReturnConsumedCapacityTotal, 2, 0}, {types.ReturnConsumedCapacityIndexes, 2, 1},
	} {
		if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &things, Key: key(1)}); err != nil {
			t.Fatal(err)
		}
		out, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &things, Item: item, ReturnConsumedCapacity: tt.ask})
		if err != nil {
			t.Fatal(err)
		}
		c := out.ConsumedCapacity
		if tt.total == 0 && c != nil {
			t.Errorf("asked for %q the answer has ConsumedCapacity, want none", tt.ask)
		}
		if tt.total > 0 && (c == nil || *c.CapacityUnits != tt.total || len(c.GlobalSecondaryIndexes) != tt.indexes) {
			t.Errorf("asked for %q ConsumedCapacity is %+v, want %v units and %d indexes", tt.ask, c, tt.total, tt.indexes)
		}
	}
}

func TestAnOperationThatIsNotKnownIsADifference(t *testing.T) {
	m := meter.New()
	db := client(t, m)
	makeThings(t, db)
	db.ExecuteStatement(t.Context(), &dynamodb.ExecuteStatementInput{Statement: aws.String(`SELECT * FROM "things"`)})
	if d := m.Differences(); len(d) != 1 || !strings.HasPrefix(d[0], "ExecuteStatement: this operation is not metered") {
		t.Errorf("Differences() = %q, want that ExecuteStatement is not metered", d)
	}
}

// something makes one random request on a few items. Refusals for a condition are part of the plan.
func something(ctx context.Context, db *dynamodb.Client, random *rand.Rand) error {
	var err error
	n := random.IntN(8)
	switch random.IntN(12) {
	case 0, 1:
		_, err = db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &things, Item: anything(n, random)})
	case 2:
		_, err = db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &things, Item: anything(n, random), ConditionExpression: aws.String("attribute_not_exists(pk)")})
	case 3, 4:
		_, err = db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &things, Key: key(n), UpdateExpression: aws.String("SET #t = :t, k = :k ADD step :one REMOVE s"),
			ExpressionAttributeNames: map[string]string{"#t": "text"}, ExpressionAttributeValues: map[string]types.AttributeValue{
				":t": text(random.IntN(3000)), ":k": text(1 + random.IntN(2)), ":one": &types.AttributeValueMemberN{Value: "1"}}})
	case 5:
		_, err = db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &things, Key: key(n), ReturnValues: types.ReturnValueAllOld})
	case 6:
		_, err = db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{things: {
			{PutRequest: &types.PutRequest{Item: anything(n, random)}}, {DeleteRequest: &types.DeleteRequest{Key: key(n + 1)}}}}})
	case 7:
		_, err = db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: &things, Item: anything(n, random)}},
			{Delete: &types.Delete{TableName: &things, Key: key(n + 1)}},
			{Update: &types.Update{TableName: &things, Key: key(n + 2), UpdateExpression: aws.String("ADD step :one"), ExpressionAttributeValues: number1(":one", 1)}},
			{ConditionCheck: &types.ConditionCheck{TableName: &things, Key: key(n + 3), ConditionExpression: aws.String("attribute_not_exists(a)")}}}})
	case 8:
		_, err = db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &things, Key: key(n), ConsistentRead: aws.Bool(n%2 == 0), ProjectionExpression: projection(random)})
	case 9:
		_, err = db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{things: {
			Keys: []map[string]types.AttributeValue{key(n), key(n + 1), key(n + 2)}, ConsistentRead: aws.Bool(n%2 == 0), ProjectionExpression: projection(random)}}})
	case 10:
		_, err = db.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
			{Get: &types.Get{TableName: &things, Key: key(n)}}, {Get: &types.Get{TableName: &things, Key: key(n + 1)}}}})
	case 11:
		err = look(ctx, db, random)
	}
	if refused, cancelled := new(types.ConditionalCheckFailedException), new(types.TransactionCanceledException); errors.As(err, &refused) || errors.As(err, &cancelled) {
		return nil
	}
	return err
}

// look makes a random Query or Scan.
func look(ctx context.Context, db *dynamodb.Client, random *rand.Rand) error {
	var filter *string
	names, values := map[string]string{"#pk": "pk"}, item1(":pk", "p")
	if random.IntN(2) == 0 {
		filter = aws.String("attribute_exists(#k) OR step > :step")
		names["#k"], values[":step"] = "k", &types.AttributeValueMemberN{Value: "1"}
	}
	switch random.IntN(5) {
	case 0:
		_, err := db.Query(ctx, &dynamodb.QueryInput{TableName: &things, KeyConditionExpression: aws.String("#pk = :pk"), FilterExpression: filter,
			ExpressionAttributeNames: names, ExpressionAttributeValues: values, Limit: aws.Int32(int32(1 + random.IntN(5))), ConsistentRead: aws.Bool(random.IntN(2) == 0)})
		return err
	case 1:
		_, err := db.Query(ctx, &dynamodb.QueryInput{TableName: &things, IndexName: aws.String("all"), KeyConditionExpression: aws.String("a = :a"),
			ExpressionAttributeValues: item1(":a", "x"), ProjectionExpression: projection(random)})
		return err
	case 2:
		_, err := db.Query(ctx, &dynamodb.QueryInput{TableName: &things, IndexName: aws.String("keys"), KeyConditionExpression: aws.String("k = :k"),
			ExpressionAttributeValues: item1(":k", "x"), Select: types.SelectCount})
		return err
	case 3:
		_, err := db.Query(ctx, &dynamodb.QueryInput{TableName: &things, KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item1(":pk", "nobody")})
		return err
	}
	_, err := db.Scan(ctx, &dynamodb.ScanInput{TableName: &things, ProjectionExpression: projection(random)})
	return err
}

// anything is a random item with one of a few keys.
func anything(n int, random *rand.Rand) map[string]types.AttributeValue {
	item := key(n)
	for _, index := range []string{"k", "s", "a"} {
		if random.IntN(2) == 0 {
			item[index] = text(1 + random.IntN(2))
		}
	}
	if random.IntN(2) == 0 {
		item["at"] = &types.AttributeValueMemberN{Value: fmt.Sprint(random.IntN(3))}
	}
	item["step"] = &types.AttributeValueMemberN{Value: fmt.Sprint(random.IntN(1_000_000))}
	item["text"] = text(random.IntN(6000))
	item["list"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{
		&types.AttributeValueMemberM{Value: number1("number", random.IntN(100))}, &types.AttributeValueMemberBOOL{Value: true}}}
	return item
}

func projection(random *rand.Rand) *string {
	if random.IntN(2) == 0 {
		return nil
	}
	return aws.String("pk, sk, step")
}

func client(t testing.TB, m *meter.Meter) *dynamodb.Client {
	t.Helper()
	return dynamodb.New(options(enginetest.DynamoDB(t), m.Transport(nil)))
}

func options(endpoint string, transport http.RoundTripper) dynamodb.Options {
	return dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}
