// Package api is Hermod's HTTP API: the table of routes, one wrapper around every handler, and openapi.yaml, which says the same
// for clients.
//
// A handler is a function from a call and a request to a response or an error, and stands on the seams alone. All that is HTTP
// lies in the wrapper, in this order: find the route, check the key, its rate limit, its project and its scope, read path, query and
// body into the handler's request type, claim the Idempotency-Key, run the handler, write the answer, log one line.
//
//   - What a client may send is the handler's request type: its fields and their tags are the only list of names, types and
//     limits. Whatever is not in it (fields, query parameters, null, a second value) is refused by name.
//   - What a client may get is one table of labels. An error that is not in it is "internal error" with the request's id, and
//     its details are in the log.
//   - What was begun is carried to its end: a change does not stop because the client hung up.
//
// Nothing here calls receivers or opens their sealed values; a request that sends something leaves a message in the lane retry, or
// starts a redrive.
package api
