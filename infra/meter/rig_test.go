package meter_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// things is the table of these tests.
var things = "things"

// roundTrip is a RoundTripper by a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// rewrite replaces a text in the body of a response.
func rewrite(res *http.Response, old, fresh string) (*http.Response, error) {
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(old), []byte(fresh))))
	return res, err
}

// makeThings makes a table with an index of each projection.
func makeThings(t testing.TB, db *dynamodb.Client) {
	t.Helper()
	index := func(name string, p types.Projection, keys ...string) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{IndexName: &name, Projection: &p, KeySchema: schema(keys...)}
	}
	in := &dynamodb.CreateTableInput{
		TableName: &things, BillingMode: types.BillingModePayPerRequest, KeySchema: schema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index("keys", types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}, "k"),
			index("some", types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"step"}}, "s", "at"),
			index("all", types.Projection{ProjectionType: types.ProjectionTypeAll}, "a"),
		},
	}
	for _, name := range []string{"pk", "sk", "k", "s", "a"} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS})
	}
	in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String("at"), AttributeType: types.ScalarAttributeTypeN})
	if _, err := db.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func schema(keys ...string) []types.KeySchemaElement {
	s := []types.KeySchemaElement{{AttributeName: &keys[0], KeyType: types.KeyTypeHash}}
	if len(keys) > 1 {
		s = append(s, types.KeySchemaElement{AttributeName: &keys[1], KeyType: types.KeyTypeRange})
	}
	return s
}

func key(n int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "p"}, "sk": &types.AttributeValueMemberS{Value: fmt.Sprint(n)}}
}

func item1(name, value string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{name: &types.AttributeValueMemberS{Value: value}}
}

func number1(name string, n int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{name: &types.AttributeValueMemberN{Value: fmt.Sprint(n)}}
}

// text is a string of a length.
func text(n int) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: strings.Repeat("x", n)}
}
