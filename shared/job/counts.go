package job

// Totals are how many inputs of a job are no longer pending, and what came of them.
type Totals struct {
	Running   int
	Succeeded int
	Failed    int
	Outputs   int // the sum of the inputs' output counts
	// Clock is the sum of the versions of the chunks that were added up: of two totals that were read at different times, the
	// one with the higher clock is the later one, and that of all writes is the highest.
	Clock int
}

// Counts is how the job's inputs stand.
func (j Job) Counts() Counts {
	t := j.Totals
	return Counts{
		Pending: max(0, j.Inputs-t.Running-t.Succeeded-t.Failed), Running: t.Running, Succeeded: t.Succeeded, Failed: t.Failed,
	}
}

// Counts is how many inputs of a job are in which state.
type Counts struct {
	Pending   int `json:"pending"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
}

// Total is the number of inputs.
func (c Counts) Total() int { return c.Pending + c.Running + c.Succeeded + c.Failed }

// Open is the number of inputs without an outcome.
func (c Counts) Open() int { return c.Pending + c.Running }

// allows is the result rule: a job has failed if all its inputs failed, and succeeded if at least one of them did. It judges
// only the two statuses that state a result; a job without inputs has whatever result its executor says.
func (c Counts) allows(s Status) error {
	if c.Total() == 0 || s != Finished && s != Warning {
		return nil
	}
	switch {
	case c.Open() > 0:
		return ErrOpenInputs
	case s == Finished && c.Succeeded == 0, s == Warning && c.Succeeded > 0:
		return ErrResult
	}
	return nil
}
