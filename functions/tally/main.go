// Command tally is the Lambda function that reads the table's stream and adds up: counters of webhooks, totals of jobs.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
)

func main() {
	a := assemble.Must()
	awslambda.Start(awslambda.Changes{Handle: a.Tally().HandleImages, Logger: a.Logger})
}
