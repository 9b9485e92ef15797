package meter

import (
	"encoding/json"
	"net/http"
)

// sqsChunk is what a request to SQS may carry for its price; more counts as more requests.
const sqsChunk = 64 << 10

// message is what of a message is payload, sent or received.
type message struct {
	MessageBody       string
	Body              string
	MessageGroupId    string
	MessageAttributes map[string]struct {
		DataType    string
		StringValue string
		BinaryValue []byte
	}
}

// passSQS counts an action by its payload: the messages of a batch together, sent or received. What has none is one request.
func (x *exchange) passSQS() (answer, error) {
	a, err := x.send(x.operation, x.body)
	if err != nil || a.StatusCode != http.StatusOK {
		return a, err
	}
	var sent struct {
		message
		Entries []message
	}
	var received struct{ Messages []message }
	if err := json.Unmarshal(x.body, &sent); err != nil {
		x.differs("%v", err)
		return a, nil
	}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &received); err != nil {
			x.differs("its answer cannot be read: %v", err)
			return a, nil
		}
	}
	n := Amount{Requests: 1}
	bytes, grouped := payload(append(append(sent.Entries, sent.message), received.Messages...))
	n.Billed = max(1, chunks(bytes, sqsChunk))
	switch x.operation {
	case "SendMessage", "SendMessageBatch":
		if grouped {
			n.Fair = n.Billed
		}
	case "ReceiveMessage":
		if len(received.Messages) == 0 {
			n.Empty = 1
		}
	}
	x.count(n)
	return a, nil
}

// payload is the size of messages, bodies and attributes, and whether one is of a group.
func payload(messages []message) (bytes int, grouped bool) {
	for _, m := range messages {
		bytes += len(m.MessageBody) + len(m.Body)
		for name, a := range m.MessageAttributes {
			bytes += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
		}
		grouped = grouped || m.MessageGroupId != ""
	}
	return bytes, grouped
}
