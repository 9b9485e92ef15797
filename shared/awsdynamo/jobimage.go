package awsdynamo

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hermod/shared/job"
)

// errNoJob says that an image is none of a job.
var errNoJob = errors.New("not the image of a job")

// attribute is an attribute in its wire form, of the types that a job or a delivery has.
type attribute struct {
	S *string     `json:"S"`
	N *string     `json:"N"`
	L []attribute `json:"L"`
}

// DecodeImage reads the image of a job from a record of the table's stream. It is the job as Get gives it, without its
// configuration. Any error is one of the image: to read it again does not help.
func DecodeImage(raw json.RawMessage) (job.Job, error) {
	i, err := imageItem(raw)
	if err != nil {
		return job.Job{}, err
	}
	if !strings.HasPrefix(i.text("pk"), "J#") || i.text("sk") != self || i.int("v") == 0 {
		return job.Job{}, fmt.Errorf("decode stream image of item %q %q: %w", i.text("pk"), i.text("sk"), errNoJob)
	}
	j, err := decodeJob(i)
	if err != nil {
		return job.Job{}, fmt.Errorf("decode stream image: %w", err)
	}
	return j, nil
}

// imageItem is the item of an image, but for attributes of types that a job or a delivery has none of.
func imageItem(raw json.RawMessage) (item, error) {
	var image map[string]attribute
	if err := json.Unmarshal(raw, &image); err != nil {
		return nil, fmt.Errorf("decode stream image: %w", err)
	}
	i := item{}
	for name, a := range image {
		if v := a.value(); v != nil {
			i[name] = v
		}
	}
	return i, nil
}

// SameVersion reports that a change of a job's item left its version alone: no change of status, and nothing to fan out. Images are as
// the stream has them; of one that cannot be read it is not so.
func SameVersion(before, after json.RawMessage) bool {
	var old, new struct {
		Version attribute `json:"v"`
	}
	if json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &new) != nil || old.Version.N == nil || new.Version.N == nil {
		return false
	}
	return *old.Version.N == *new.Version.N
}

// value is nil for any other type.
func (a attribute) value() types.AttributeValue {
	switch {
	case a.S != nil:
		return text(*a.S)
	case a.N != nil:
		return &types.AttributeValueMemberN{Value: *a.N}
	case a.L != nil:
		list := &types.AttributeValueMemberL{}
		for _, each := range a.L {
			if v := each.value(); v != nil {
				list.Value = append(list.Value, v)
			}
		}
		return list
	}
	return nil
}
