// Command sweep is the Lambda function that sends, each minute, the steps that fall due.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
)

func main() {
	awslambda.Start(awslambda.Schedule(assemble.Must().Sweeper().Sweep))
}
