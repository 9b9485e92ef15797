// Command deliveries is the Lambda function behind the routes of deliveries and redrives.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
)

func main() {
	awslambda.Start(awslambda.HTTP(assemble.Must().API()))
}
