package awsdynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A project's item has the number of its webhooks, of those that are bound to a job, and its hooks version; an item of a job with webhooks of its own has their number.
const (
	countProject = "SET f = if_not_exists(f, :f) ADD nh :n, nj :j, hv :begun"
	countJob     = "SET f = if_not_exists(f, :f) ADD nh :n"
	ifRoom       = "attribute_not_exists(nh) OR nh < :max"
	countEnded   = "ADD hv :ended"
)

// The hooks version counts the changes that have ended, plus begun for each that is under way. A change begins in its transaction
// and ends when that has returned.
//
// Were it counted once, in the transaction, whose items become visible one by one, fan-out could read the new version, and then a
// list that lacks the new match, and go on with that list for as long as the version stays. As it is, the version of such a list is
// not met again once the change has ended; nor after the next change, if the process dies before.
const (
	begun = 1 << 32
	ended = 1 - begun
)

// HooksVersion reads the project's hooks version; 0 before its first webhook.
func (s *Webhooks) HooksVersion(ctx context.Context, project string) (version int, ofJobs bool, err error) {
	i, err := s.db.get(ctx, projectKey(project))
	if err = errors.Join(err, i.readable()); err != nil {
		return 0, false, fmt.Errorf("read hooks version: %w", err)
	}
	return i.int("hv"), i.int("nj") > 0, nil
}

// countingProject begins a change that makes the project's webhooks n more, and those that are bound to a job ofJobs more. limit is
// how many there may be in all; 0: as many as there are.
func (s *Webhooks) countingProject(project string, n, ofJobs, limit int) types.TransactWriteItem {
	values := item{":n": number(int64(n)), ":j": number(int64(ofJobs)), ":begun": number(begun)}
	return s.counting(projectKey(project), countProject, limit, values)
}

// countingJob makes the job's webhooks n more.
func (s *Webhooks) countingJob(jobUID string, n, limit int) types.TransactWriteItem {
	return s.counting(jobHooksKey(jobUID), countJob, limit, item{":n": number(int64(n))})
}

func (s *Webhooks) counting(k key, change string, limit int, values item) types.TransactWriteItem {
	values[":f"] = number(format)
	if limit == 0 {
		return s.db.updating(k, change, "", values)
	}
	values[":max"] = number(int64(limit))
	return s.db.updating(k, change, ifRoom, values)
}

// end ends a change of one of the project's webhooks. To count an end twice, after a lost answer, does no harm.
func (s *Webhooks) end(ctx context.Context, project string) error {
	return s.db.read(ctx, func() error {
		return s.db.update(ctx, projectKey(project), countEnded, "", item{":ended": number(ended)})
	})
}
