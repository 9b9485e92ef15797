package input

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"hermod/shared/job"
	"hermod/shared/uid"
)

// indexLen is how many digits at the end of an input's uid are its index.
const indexLen = 8

var (
	// ErrClosed says that a list of inputs is complete.
	ErrClosed = errors.New("the list of inputs is closed")
	// ErrEnded says that a job is over, and takes no more inputs unless it is retried.
	ErrEnded = errors.New("the job has ended")
	// ErrOther says that other inputs were appended at the same place.
	ErrOther = errors.New("other inputs were appended there")
	// ErrQuota says that a job would have more than job.MaxInputs.
	ErrQuota = errors.New("a job has at most 100,000 inputs")
	// ErrBusy says that others changed the same inputs all the time.
	ErrBusy = errors.New("others report the same inputs at this moment")
)

// GapError says that an append begins beyond the end of the list.
type GapError struct{ From, End int }

// Error says what is wrong, without the numbers.
func (e *GapError) Error() string { return "the append begins beyond the end of the list" }

// NothingError says that a retry found nothing to send back. Left says why of the inputs that were asked for; none, if no failed input
// was among them.
type NothingError struct{ Left []Left }

// Error says what is wrong, without the reasons.
func (e *NothingError) Error() string { return "no input can be sent back" }

// Config is what a Service needs.
type Config struct {
	Jobs   job.Store        // required
	Inputs job.Inputs       // required
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// Service works on inputs. It is safe for concurrent use, also by several processes.
type Service struct{ Config }

// New returns a Service. A missing seam is a panic.
func New(c Config) *Service {
	if c.Jobs == nil || c.Inputs == nil {
		panic("input: Config needs Jobs and Inputs")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Service{c}
}

// UID returns the uid of a job's input: the job's, with the index in its last 32 bits.
func UID(jobUID string, index int) string {
	return fmt.Sprintf("%s%08x", jobUID[:uid.Len-indexLen], index)
}

// Index returns the index in the uid of a job's input; ok is false if it is none of this job's.
func Index(jobUID, inputUID string) (index int, ok bool) {
	if !uid.Valid(jobUID) || !uid.Valid(inputUID) || inputUID[:uid.Len-indexLen] != jobUID[:uid.Len-indexLen] {
		return 0, false
	}
	n, err := strconv.ParseUint(inputUID[uid.Len-indexLen:], 16, 32)
	if err != nil || n >= job.MaxInputs {
		return 0, false
	}
	return int(n), true
}
