package awslambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"hermod/shared/awslambda"
	"hermod/shared/delivery"
)

func ExampleHTTP() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v3/jobs/{uid}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "job %s of %s", r.PathValue("uid"), r.Host)
	})
	event := `{"version":"2.0","rawPath":"/v3/jobs/7","requestContext":{"domainName":"api.example.com","stage":"$default","http":{"method":"GET"}}}`
	answer, err := awslambda.HTTP(mux).Invoke(context.Background(), []byte(event))
	fmt.Println(string(answer), err)
	// Output: {"statusCode":200,"headers":{"Content-Type":"text/plain; charset=utf-8"},"body":"job 7 of api.example.com","isBase64Encoded":false} <nil>
}

func ExampleBatch() {
	b := awslambda.Batch{
		Queue: &hidingQueue{},
		Lane:  laneOf,
		Handle: func(_ context.Context, r delivery.Receipt) delivery.Verdict {
			return delivery.Verdict{Acknowledge: string(r.Body) == "good", VisibleAfter: time.Minute}
		},
	}
	answer, err := b.Invoke(context.Background(), []byte(`{"Records":[
		{"messageId":"1","body":"good","eventSourceARN":"arn:…:first","attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1772600767921"}},
		{"messageId":"2","body":"bad","eventSourceARN":"arn:…:first","attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1772600767921"}}]}`))
	fmt.Println(string(answer), err)
	// Output: {"batchItemFailures":[{"itemIdentifier":"2"}]} <nil>
}

func ExampleStream() {
	s := awslambda.Stream{Handle: func(_ context.Context, images []json.RawMessage) []error {
		for _, image := range images {
			fmt.Println(string(image))
		}
		return make([]error, len(images))
	}}
	answer, err := s.Invoke(context.Background(), []byte(`{"Records":[
		{"eventName":"INSERT","dynamodb":{"SequenceNumber":"9","NewImage":{"pk":{"S":"J#7"}}}},
		{"eventName":"REMOVE","dynamodb":{"SequenceNumber":"10"}}]}`))
	fmt.Println(string(answer), err)
	// Output:
	// {"pk":{"S":"J#7"}}
	// {"batchItemFailures":[]} <nil>
}

func ExampleSchedule() {
	sweep := func(context.Context) error { fmt.Println("swept"); return nil }
	answer, err := awslambda.Schedule(sweep).Invoke(context.Background(), []byte("{}"))
	fmt.Println(string(answer), err)
	// Output:
	// swept
	// null <nil>
}
