// Command fanout is the Lambda function that reads the table's stream and sends one message for each webhook that an event is for.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awsdynamo"
	"hermod/shared/awslambda"
)

func main() {
	a := assemble.Must()
	awslambda.Start(awslambda.Stream{Handle: a.Fanout().HandleImages, Same: awsdynamo.SameVersion, Logger: a.Logger})
}
