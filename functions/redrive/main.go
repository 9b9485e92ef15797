// Command redrive is the Lambda function that carries redrives out, page by page, and fans parked records out again: it consumes the queue ops.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
)

func main() {
	a := assemble.Must()
	awslambda.Start(awslambda.Batch{Queue: a.Queue, Lane: a.Lane, Handle: a.Ops(), Logger: a.Logger})
}
