// Command jobs is the Lambda function behind the routes of workflows and jobs.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
)

func main() {
	awslambda.Start(awslambda.HTTP(assemble.Must().API()))
}
