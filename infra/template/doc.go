// Package template reads template.yaml as CloudFormation and SAM would, as far as our own template goes.
//
// It resolves Globals, parameters, conditions and intrinsic functions and returns what a host needs to wire the functions:
// functions with their mappings, queues, tables, roles and routes. What it does not know is an error that names the place, never
// a value that is silently missing: a rehearsal would otherwise run something else than what is deployed.
package template
