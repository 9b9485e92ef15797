package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// failures reads what a function returned that reports which records of its batch failed, and gives their places in the batch,
// in order. Nothing, null and an empty list mean that none did. An error means that the whole batch counts as failed: that is
// what comes of an answer that cannot be read, and of an identifier that is empty or of no record.
func failures(answer []byte, identifiers []string) ([]int, error) {
	if len(answer) == 0 {
		return nil, nil
	}
	var said struct {
		Failures []struct {
			Identifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, fmt.Errorf("the function's answer: %w", err)
	}
	var places []int
	for _, f := range said.Failures {
		if f.Identifier == "" {
			return nil, errors.New("the function's answer has a failure without itemIdentifier")
		}
		i := slices.Index(identifiers, f.Identifier)
		if i < 0 {
			return nil, fmt.Errorf("the function's answer names %q, which is not in the batch", f.Identifier)
		}
		places = append(places, i)
	}
	slices.Sort(places)
	return slices.Compact(places), nil
}
