// Command dispatch is the Lambda function that makes the attempts: it consumes the queues first and retry.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
)

func main() {
	a := assemble.Must()
	awslambda.Start(awslambda.Batch{Queue: a.Queue, Lane: a.Lane, Handle: a.Dispatcher().Handle, Logger: a.Logger})
}
