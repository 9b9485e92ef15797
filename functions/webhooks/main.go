// Command webhooks is the Lambda function behind the routes of webhooks, and behind every path that is no route.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
)

func main() {
	awslambda.Start(awslambda.HTTP(assemble.Must().API()))
}
