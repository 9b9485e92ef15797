package awsdynamo

import (
	"encoding/json"
	"fmt"
	"strings"

	"hermod/shared/job"
	"hermod/shared/tally"
	"hermod/shared/uid"
)

// DecodeChange reads what a record of the table's stream says of the row of a delivery, of the outcomes of a job's inputs, or of a
// job that may have become ready to finish; of anything else the zero Change. before is empty where the item is new. Any error is one
// of the images: to read them again does not help.
func DecodeChange(before, after json.RawMessage) (tally.Change, error) {
	i, err := imageItem(after)
	if err != nil {
		return tally.Change{}, err
	}
	pk, sk := i.text("pk"), i.text("sk")
	if strings.HasPrefix(pk, "W#") && uid.Valid(sk) {
		return decodeRowChange(before, i)
	}
	name, isJob := strings.CutPrefix(pk, "J#")
	switch name, ofInputs := strings.CutSuffix(name, "#I"); {
	case !isJob:
		return tally.Change{}, nil
	case ofInputs && strings.HasPrefix(sk, "C#"):
		return tally.Change{Job: name, Project: i.text("pid")}, nil
	case sk == self:
		return decodeJobChange(before, name, i)
	}
	return tally.Change{}, nil
}

func decodeRowChange(before json.RawMessage, after item) (c tally.Change, err error) {
	if c.After, err = decodeDelivery(after); err != nil {
		return tally.Change{}, fmt.Errorf("decode stream image: %w", err)
	}
	if len(before) == 0 {
		return c, nil
	}
	old, err := imageItem(before)
	if err != nil {
		return tally.Change{}, err
	}
	if c.Before, err = decodeDelivery(old); err != nil {
		return tally.Change{}, fmt.Errorf("decode stream image: %w", err)
	}
	return c, nil
}

// decodeJobChange names a job whose list of inputs was closed, or that was resumed: all its inputs may have outcomes already.
func decodeJobChange(before json.RawMessage, name string, after item) (c tally.Change, err error) {
	if len(before) == 0 {
		return c, nil
	}
	old, err := imageItem(before)
	if err != nil {
		return c, err
	}
	closed := !old.flag("cl") && after.flag("cl")
	resumed := old.text("st") == string(job.Paused) && after.text("st") == string(job.Running)
	if closed || resumed {
		c.Job, c.Project = name, after.text("pid")
	}
	return c, nil
}
