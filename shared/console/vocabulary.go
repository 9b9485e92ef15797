package console

import (
	deliveries "hermod/shared/delivery"
	inputs "hermod/shared/input"
	jobs "hermod/shared/job"
	webhooks "hermod/shared/webhook"
)

// What pages say and forms offer of the vocabulary. It is imported here alone, under other names: the console's own types have the
// names of what the API tells.
var (
	eventTypes     = texts(jobs.EventTypes)
	jobStatuses    = texts(jobs.Statuses)
	inputStatuses  = texts(inputs.Statuses)
	deliveryStates = texts(deliveries.States)
	errorClasses   = texts(deliveries.ErrorClasses)
)

const (
	rowRetention    = deliveries.Retention
	letterRetention = deliveries.LetterRetention
	defaultPayload  = string(jobs.FormatV3)
	defaultScheme   = string(webhooks.SchemeV1)
	defaultTimeout  = webhooks.DefaultTimeout
)

func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = string(word)
	}
	return list
}
