package console

import (
	"fmt"
	"time"
)

// Prices in USD at AWS's list prices, as counted on the wire; infra/README.md, "What it costs", has each line and the sources.
const (
	idleAMonth   = 2.99        // alarms, key, pollers, sweeper
	leastEach    = 0.92 / 1e6  // a delivery after fan-out: its event is shared by very many
	mostEach     = 3.84 / 1e6  // a delivery all-in whose event has no other
	eachFailure  = 3.125 / 1e6 // five write units of the table
	monthOfHours = 30 * 24
)

// cost is what a month of such traffic costs on AWS.
type cost struct {
	Least, Most float64 // USD
}

// costOf returns it for what happened within a time.
func costOf(n statsCounts, length time.Duration) cost {
	ended := float64(n.States.Succeeded + n.States.Dead + n.States.Cancelled)
	failures := float64(n.StatusClasses.Of3xx + n.StatusClasses.Of4xx + n.StatusClasses.Of5xx + n.StatusClasses.OfNone)
	times := monthOfHours / length.Hours()
	return cost{
		Least: idleAMonth + times*(ended*leastEach+failures*eachFailure),
		Most:  idleAMonth + times*(ended*mostEach+failures*eachFailure),
	}
}

// String writes it as an amount, or as two where they differ.
func (c cost) String() string {
	least, most := fmt.Sprintf("$%.2f", c.Least), fmt.Sprintf("$%.2f", c.Most)
	if least == most {
		return least
	}
	return least + "–" + most
}
