package meter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// free are the operations that cost nothing.
var free = []string{
	"CreateTable", "DeleteTable", "DescribeTable", "ListTables", "UpdateTable", "DescribeTimeToLive", "UpdateTimeToLive",
	"DescribeContinuousBackups", "UpdateContinuousBackups", "DescribeEndpoints", "DescribeLimits", "TagResource", "ListTagsOfResource",
}

var errMeasure = errors.New("not measured")

// wireItem is an item, or a key, as it is sent.
type wireItem map[string]json.RawMessage

// call is what the bill depends on in a request, or in one of the requests in it.
type call struct {
	TableName, IndexName   string
	Item, Key              wireItem
	Keys                   []wireItem // of a table in BatchGetItem
	ConsistentRead         bool
	Select                 string
	FilterExpression       string
	ProjectionExpression   string
	KeyConditionExpression string
	AttributesToGet        []string // it and the next two are the old form of the expressions
	QueryFilter            json.RawMessage
	ScanFilter             json.RawMessage
	RequestItems           json.RawMessage
	TransactItems          []map[string]call
	ReturnConsumedCapacity string
}

// partial reports whether the answer has less than what is read, and billed.
func (c call) partial() bool {
	return c.FilterExpression != "" || c.ProjectionExpression != "" || len(c.AttributesToGet) > 0 || c.QueryFilter != nil || c.ScanFilter != nil ||
		c.Select != "" && c.Select != "ALL_ATTRIBUTES" && c.Select != "ALL_PROJECTED_ATTRIBUTES"
}

// passDynamoDB asks the engine what the request consumed, computes the same, compares, and answers what the caller asked for.
func (x *exchange) passDynamoDB() (answer, error) {
	if slices.Contains(free, x.operation) {
		return x.passFree()
	}
	var c call
	if err := json.Unmarshal(x.body, &c); err != nil {
		return x.send(x.operation, x.body) // the engine says what is wrong with it
	}
	asking, err := askForCapacity(x.body)
	if err != nil {
		return answer{}, err
	}
	var a answer
	switch x.operation {
	case "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems":
		a, err = x.passWrites(c, asking)
	case "GetItem", "BatchGetItem", "TransactGetItems":
		a, err = x.passGets(c, asking)
	case "Query", "Scan":
		a, err = x.passQuery(c, asking)
	default:
		x.differs("this operation is not metered")
		return x.send(x.operation, x.body)
	}
	if err != nil || a.StatusCode != http.StatusOK {
		return a, err
	}
	a.body, err = answerCapacity(a.body, c.ReturnConsumedCapacity)
	return a, err
}

// passFree passes what costs nothing. The table may be another one afterwards.
func (x *exchange) passFree() (answer, error) {
	var c call
	if json.Unmarshal(x.body, &c) == nil {
		defer x.forget(c.TableName)
	}
	return x.send(x.operation, x.body)
}

// compare counts what was computed, and remembers if the engine disagrees.
func (x *exchange) compare(computed bill, a answer, as func(float64) Amount) {
	x.count(as(computed.sum()))
	var answered struct{ ConsumedCapacity json.RawMessage }
	if err := json.Unmarshal(a.body, &answered); err != nil {
		x.differs("its answer cannot be read: %v", err)
		return
	}
	engines, err := parseConsumed(answered.ConsumedCapacity)
	if err != nil {
		x.differs("the engine does not say what it consumed: %v", err)
		return
	}
	if !computed.equal(engines) {
		x.differs("computed %v, the engine says %v", computed, engines)
	}
}

func asReads(n float64) Amount  { return Amount{Requests: 1, RRU: n} }
func asWrites(n float64) Amount { return Amount{Requests: 1, WRU: n} }

// table returns a table's definition, from the engine if it is not known yet.
func (x *exchange) table(name string) (*table, error) {
	id := x.req.URL.Host + "/" + name
	x.meter.mu.Lock()
	t := x.meter.tables[id]
	x.meter.mu.Unlock()
	if t != nil {
		return t, nil
	}
	var described struct{ Table description }
	if err := x.ask("DescribeTable", map[string]string{"TableName": name}, &described); err != nil {
		return nil, err
	}
	t, err := newTable(described.Table)
	if err != nil {
		return nil, err
	}
	x.meter.mu.Lock()
	x.meter.tables[id] = t
	x.meter.mu.Unlock()
	return t, nil
}

func (x *exchange) forget(table string) {
	x.meter.mu.Lock()
	defer x.meter.mu.Unlock()
	delete(x.meter.tables, x.req.URL.Host+"/"+table)
}

// ask makes a request of the meter's own.
func (x *exchange) ask(operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	a, err := x.send(operation, body)
	if err != nil {
		return err
	}
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s answers %d: %s", errMeasure, operation, a.StatusCode, shorten(a.body))
	}
	return json.Unmarshal(a.body, out)
}

// refusal is the type of an error, without the prefix that names the service.
func (a answer) refusal() string {
	var refused struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(a.body, &refused) != nil {
		return ""
	}
	_, name, _ := strings.Cut(refused.Type, "#")
	return name
}

// askForCapacity makes a request ask for the units of table and indexes.
func askForCapacity(body []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	members["ReturnConsumedCapacity"] = json.RawMessage(`"INDEXES"`)
	return json.Marshal(members)
}

// answerCapacity leaves of the units in an answer what the caller asked for.
func answerCapacity(body []byte, asked string) ([]byte, error) {
	if asked == "INDEXES" {
		return body, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	var err error
	if asked == "TOTAL" {
		members["ConsumedCapacity"], err = totals(members["ConsumedCapacity"])
	} else {
		delete(members, "ConsumedCapacity")
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(members)
}
