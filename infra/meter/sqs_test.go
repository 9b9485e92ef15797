package meter_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"hermod/infra/meter"
)

func TestSQSRequestsAreCountedByPayload(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name, operation, body, answer string
		want                          meter.Amount
	}{
		{"a message", "SendMessage", `{"MessageBody":"x"}`, `{}`, meter.Amount{Requests: 1, Billed: 1}},
		{"a message of a group", "SendMessage", `{"MessageBody":"x","MessageGroupId":"g"}`, `{}`, meter.Amount{Requests: 1, Billed: 1, Fair: 1}},
		{"64 KB are one request", "SendMessage", `{"MessageBody":"` + long(64<<10) + `"}`, `{}`, meter.Amount{Requests: 1, Billed: 1}},
		{"a byte more makes two", "SendMessage", `{"MessageBody":"` + long(64<<10+1) + `"}`, `{}`, meter.Amount{Requests: 1, Billed: 2}},
		{"attributes are payload", "SendMessage", `{"MessageBody":"` + long(64<<10-9) + `","MessageAttributes":{"a":{"DataType":"String","StringValue":"abc"}}}`, `{}`, meter.Amount{Requests: 1, Billed: 2}},
		{"a batch counts together", "SendMessageBatch", `{"Entries":[{"MessageBody":"x","MessageGroupId":"g"},{"MessageBody":"y"}]}`, `{}`, meter.Amount{Requests: 1, Billed: 1, Fair: 1}},
		{"a large batch", "SendMessageBatch", `{"Entries":[{"MessageBody":"` + long(60<<10) + `","MessageGroupId":"g"},{"MessageBody":"` + long(80<<10) + `"}]}`, `{}`, meter.Amount{Requests: 1, Billed: 3, Fair: 3}},
		{"a receive counts what it finds", "ReceiveMessage", `{"MaxNumberOfMessages":10}`, `{"Messages":[{"Body":"` + long(70<<10) + `"}]}`, meter.Amount{Requests: 1, Billed: 2}},
		{"a receive that finds nothing", "ReceiveMessage", `{}`, `{}`, meter.Amount{Requests: 1, Billed: 1, Empty: 1}},
		{"a deletion", "DeleteMessage", `{"ReceiptHandle":"h"}`, ``, meter.Amount{Requests: 1, Billed: 1}},
		{"ten deletions", "DeleteMessageBatch", `{"Entries":[{"Id":"1","ReceiptHandle":"h"}]}`, `{"Successful":[]}`, meter.Amount{Requests: 1, Billed: 1}},
		{"attributes of a queue", "GetQueueAttributes", `{"QueueUrl":"q"}`, `{"Attributes":{}}`, meter.Amount{Requests: 1, Billed: 1}},
	} {
		m := meter.New()
		send(t, m.As(meter.Caller{Name: "f"}, says(200, tt.answer)), "AmazonSQS."+tt.operation, tt.body)
		use := meter.Use{Caller: meter.Caller{Name: "f", Kind: meter.Working}, Service: meter.SQS, Operation: tt.operation}
		if got := m.Total().Uses[use]; got != tt.want {
			t.Errorf("%s: %s counts as %+v, want %+v", tt.name, tt.operation, got, tt.want)
		}
		if d := m.Differences(); len(d) > 0 {
			t.Errorf("%s: Differences() = %q, want none", tt.name, d)
		}
	}
}

func TestRefusedRequestsAreNotCounted(t *testing.T) {
	m := meter.New()
	for _, target := range []string{"AmazonSQS.SendMessage", "TrentService.Encrypt", "DynamoDBStreams_20120810.GetRecords", "DynamoDB_20120810.GetItem"} {
		send(t, m.Transport(says(400, `{"__type":"com.amazonaws#ThrottlingException"}`)), target, `{"TableName":"things","Key":{}}`)
	}
	if uses := m.Total().Uses; len(uses) > 0 {
		t.Errorf("refused requests count as %v, want nothing", uses)
	}
}

func TestWhatIsUnbilledIsCountedApart(t *testing.T) {
	m := meter.New()
	send(t, m.As(meter.Caller{Name: "operator", Kind: meter.Unbilled}, says(200, `{}`)), "TrentService.Encrypt", `{}`)
	send(t, m.As(meter.Caller{Name: "f"}, says(200, `{}`)), "TrentService.Encrypt", `{}`)
	if got := m.Total(); got.Requests(meter.KMS) != 1 || len(got.Uses) != 2 {
		t.Errorf("%d requests are billed of %v, want 1 of 2", got.Requests(meter.KMS), got.Uses)
	}
}

func TestARequestToNoServiceIsADifference(t *testing.T) {
	m := meter.New()
	send(t, m.Transport(says(200, ``)), "", `x=y`)
	if d := m.Differences(); len(d) != 1 || !strings.Contains(d[0], "POST /queue: it is of no service that is metered; the request was x=y") {
		t.Errorf("Differences() = %q, want the request", d)
	}
}

func TestDifferencesAreNotKeptWithoutEnd(t *testing.T) {
	m := meter.New()
	for range 130 {
		send(t, m.Transport(says(200, ``)), "", ``)
	}
	if d := m.Differences(); len(d) != 101 || d[100] != "and 30 more" {
		t.Errorf("130 differences are %d lines, the last %q; want 101 with the rest counted", len(d), d[len(d)-1])
	}
}

// says answers all requests alike.
func says(status int, body string) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	})
}

// send makes a request as an SDK does.
func send(t *testing.T, through http.RoundTripper, target, body string) {
	t.Helper()
	req, err := http.NewRequest("POST", "http://127.0.0.1:1/queue", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	res, err := through.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint(len(got)); res.Header.Get("Content-Length") != want {
		t.Errorf("the answer has %s bytes and says %s", want, res.Header.Get("Content-Length"))
	}
}
