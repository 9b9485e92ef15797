// Command console is the Lambda function behind the web console: its pages, and the API that they call in the same process.
package main

import (
	"hermod/shared/assemble"
	"hermod/shared/awslambda"
	"hermod/shared/console"
	"hermod/shared/delivery"
)

func main() {
	a := assemble.Must() // which does not know the console: its templates would weigh on every function
	pages := console.New(console.Config{API: a.API(), Access: a.Access, Box: a.Box, Version: delivery.Release, Logger: a.Logger})
	awslambda.Start(awslambda.HTTP(pages))
}
