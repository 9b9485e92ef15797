package proxy

import (
	"encoding/json"
	"net/http"
)

// refusal is an error as the services answer it in their JSON protocols. An SDK takes the type's name for the error's code.
type refusal struct {
	code    string
	message string
}

func (r refusal) answer(w http.ResponseWriter) {
	body, err := json.Marshal(map[string]string{"__type": "com.amazon.coral.service#" + r.code, "message": r.message})
	if err != nil {
		panic(err) // two strings
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Errortype", r.code)
	w.WriteHeader(http.StatusBadRequest)
	w.Write(body)
}
