// Package proxy stands between the functions of a rehearsal and the engines, and says no where AWS would.
//
// Every request names its sender by the access key id in its signature, which is the logical id of a function. What the request
// needs, action by action on resource by resource, must be allowed by the function's role in the template; otherwise it is answered
// as AWS answers, and kept in a list. Grants that nothing needed are the other list. Signatures are not checked: this is no
// protection, it is a test of roles.
//
// What is not imitated: policies of queues and keys, conditions, session policies, and that AWS asks for kms:Decrypt where a service
// decrypts for itself.
package proxy
