// Package webhook is the vocabulary of webhooks: where events go, which events a webhook takes, what one may look like, and what is
// counted of its deliveries.
//
// Validate and Rules judge what a client sends, before anything is stored; the address table that they use is the same one
// that guards each connection later. Header values and signing secrets are kept only in sealed form, with a hint for people; of a
// key pair the public key is kept open, for it is what receivers verify with.
package webhook
