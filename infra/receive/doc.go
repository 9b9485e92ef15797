// Package receive holds a receiver of deliveries for each of six languages, as README.md shows them, and the test that runs them
// against a real service. Those for Go, Node, Python and Java verify with the Standard Webhooks library for the language, those for
// Ruby and PHP with what the language has.
//
//   - install fetches the libraries, and Ruby and PHP where it may.
package receive
