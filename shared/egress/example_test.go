package egress_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"hermod/shared/egress"
	"hermod/shared/webhook"
)

func ExampleClient_Post() {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
	}))
	defer receiver.Close()
	request := egress.Request{
		URL:     receiver.URL + "/hook",
		Header:  http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Hermod/1"}},
		Body:    []byte(`{"type":"job.succeeded"}`),
		Timeout: 5 * time.Second,
	}

	local := egress.New(egress.Config{Rules: webhook.Rules{AllowHTTP: true, AllowPrivate: true}})
	defer local.Close()
	res := local.Post(context.Background(), request)
	fmt.Println(res.Status, res.Class, res.Error)

	strict := egress.New(egress.Config{})
	defer strict.Close()
	request.URL = "https://127.0.0.1/hook"
	res = strict.Post(context.Background(), request)
	fmt.Println(res.Status, res.Class, res.Error)
	// Output:
	// 302 status the answer was 302 Found; redirects are not followed
	// 0 blocked the URL leads to an address or a port that deliveries never go to
}
