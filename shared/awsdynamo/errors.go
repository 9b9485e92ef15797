package awsdynamo

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// fault says what a failed request means for a repeat.
type fault int

const (
	noFault        fault = iota // it succeeded, or was refused for a reason that a repeat does not change
	notCarriedOut               // throttled
	overtaken                   // not carried out either: another transaction was at the same item
	unknownOutcome              // no answer, or one of a server in trouble
)

// errUnprocessed says that nothing of a batch was carried out.
var errUnprocessed = errors.New("no key of the batch was read")

// errContended says that others kept writing the item that was to be written.
var errContended = errors.New("others kept writing the item")

// errFormat says that an item was written by a later release, in a format that this one does not read.
var errFormat = errors.New("unknown format")

// throttles are the codes of requests that were not carried out and may be repeated.
var throttles = map[string]bool{
	"ProvisionedThroughputExceededException": true, "ThrottlingException": true, "Throttling": true, "RequestLimitExceeded": true,
	"LimitExceededException": true,
}

// conflicts are the codes of requests that met a transaction at the same item, or a try of their own that is still under way.
var conflicts = map[string]bool{"TransactionConflictException": true, "TransactionInProgressException": true}

// faultOf is the one place that decides whether a request is repeated.
func faultOf(err error) fault {
	var canceled *types.TransactionCanceledException
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	var operation *smithy.OperationError
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return noFault
	case errors.Is(err, errUnprocessed), errors.Is(err, errContended):
		return notCarriedOut
	case errors.As(err, &canceled):
		return faultOfTransaction(canceled)
	case errors.As(err, &api) && throttles[api.ErrorCode()]:
		return notCarriedOut
	case errors.As(err, &api) && conflicts[api.ErrorCode()]:
		return overtaken
	case errors.As(err, &response) && response.HTTPStatusCode() >= 400 && response.HTTPStatusCode() < 500:
		return noFault
	case errors.As(err, &operation) || errors.Is(err, context.DeadlineExceeded):
		return unknownOutcome
	}
	return noFault // of ours: no request was made, or its answer was good
}

// faultOfTransaction is a fault only if every reason given may pass.
func faultOfTransaction(err *types.TransactionCanceledException) fault {
	f := overtaken
	for _, code := range reasons(err) {
		switch code {
		case "", "None", "TransactionConflict":
		case "ThrottlingError", "ProvisionedThroughputExceeded":
			f = notCarriedOut
		default:
			return noFault
		}
	}
	return f
}

// conditionFailed reports whether a write, or one of a transaction, was refused by its condition.
func conditionFailed(err error) bool {
	_, ok := refused(err)
	return ok || slices.Contains(reasons(err), refusedWrite)
}

// refusedWrite is the code of a write of a transaction whose condition failed.
const refusedWrite = "ConditionalCheckFailed"

// reasons returns the codes of a cancelled transaction, one for each write; nil for any other error.
func reasons(err error) (codes []string) {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return nil
	}
	for _, reason := range canceled.CancellationReasons {
		code := ""
		if reason.Code != nil {
			code = *reason.Code
		}
		codes = append(codes, code)
	}
	return codes
}

// refusedIn reports whether the nth write of a transaction was refused by its condition, and returns the item that it met; nil
// where there is none.
func refusedIn(err error, n int) (met item, ok bool) {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || n >= len(canceled.CancellationReasons) || reasons(err)[n] != refusedWrite {
		return nil, false
	}
	return canceled.CancellationReasons[n].Item, true
}

// IsUnavailable reports that an error is a service of AWS that is busy or out of reach: the same request may succeed later.
func IsUnavailable(err error) bool {
	var operation *smithy.OperationError
	return errors.As(err, &operation) && faultOf(err) != noFault || errors.Is(err, errUnprocessed) || errors.Is(err, errContended)
}
