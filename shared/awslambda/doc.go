// Package awslambda stands between Lambda and our own packages: it turns the events of a function into requests, messages, images
// of jobs and ticks, and what came of them into the answers that Lambda expects.
//
//   - No panic leaves an event: the runtime would end the process, and the next event would pay for a cold start.
//   - The work's context ends a second before the function's deadline, so that there is time left to say what became of it.
//   - Once anything of a batch was attempted the answer says which records failed. A function error would make every record come
//     again, also those that were acknowledged.
//
// Events are read into structs of the fields that are used; the whole shapes are in infra/events.
package awslambda
