// Probe is a function that does what an event tells it to, and tells what it saw. It speaks the Runtime API with net/http alone.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
)

// order is what an event may ask for.
type order struct {
	Do   string          `json:"do"`
	File string          `json:"file"` // a named pipe, or what to write
	Say  json.RawMessage `json:"say"`
}

func main() {
	if os.Getenv("PROBE_START") == "exit" {
		os.Exit(3)
	}
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		id, event := next(api)
		kind, answer := act(event)
		if kind != "" {
			post(api+id+"/"+kind, answer)
		}
	}
}

func next(api string) (id string, event []byte) {
	res, err := http.Get(api + "next")
	if err != nil {
		os.Exit(1)
	}
	defer res.Body.Close()
	event, err = io.ReadAll(res.Body)
	if err != nil {
		os.Exit(1)
	}
	return res.Header.Get("Lambda-Runtime-Aws-Request-Id"), event
}

func post(url string, body []byte) {
	res, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		os.Exit(1)
	}
	res.Body.Close()
}

// act carries an order out. Events that are no orders, as those of mappings, are sent to the address that the variable
// PROBE_LISTENER names, and its answer is the function's: 200 a response, 500 an error, anything else the end of the process.
func act(event []byte) (kind string, answer []byte) {
	if url := os.Getenv("PROBE_LISTENER"); url != "" {
		return ask(url, event)
	}
	var o order
	if err := json.Unmarshal(event, &o); err != nil {
		panic(err)
	}
	switch o.Do {
	case "pid":
		return "response", encode(os.Getpid())
	case "environment":
		return "response", encode(os.Environ())
	case "say":
		return "response", o.Say
	case "print":
		os.Stderr.WriteString(string(o.Say) + "\n")
		return "response", nil
	case "large":
		return "response", []byte(strings.Repeat("x", 7<<20))
	case "wait": // until somebody has opened the pipe
		f, err := os.OpenFile(o.File, os.O_WRONLY, 0)
		if err != nil {
			panic(err)
		}
		f.Close()
		return "response", encode(os.Getpid())
	case "hang":
		os.WriteFile(o.File, encode(os.Getpid()), 0o600)
		select {}
	case "fail":
		return "error", []byte(`{"errorType":"probe","errorMessage":"as told"}`)
	case "nothing":
		return "", nil
	}
	os.Exit(4)
	return "", nil
}

func ask(url string, event []byte) (kind string, answer []byte) {
	res, err := http.Post(url, "application/json", bytes.NewReader(event))
	if err != nil {
		os.Exit(5)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	switch {
	case err == nil && res.StatusCode == http.StatusOK:
		return "response", answer
	case err == nil && res.StatusCode == http.StatusInternalServerError:
		return "error", answer
	}
	os.Exit(6)
	return "", nil
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
