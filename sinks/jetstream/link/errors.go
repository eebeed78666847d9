package link

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Codes of the JetStream API (nats-server, errors.json) that callers branch on.
const (
	CodeAccountExceeded       = 10002
	CodeNoPeers               = 10005
	CodeClusterNotAvailable   = 10008
	CodeInsufficientResources = 10023
	CodeTooManyStreams        = 10027
	codeNoMessage             = 10037
	CodeAccountNotEnabled     = 10039
	CodeStorageExceeded       = 10047
	CodeInvalidStream         = 10052 // its configuration, whatever else there is
	codeMessageTooLarge       = 10054
	CodeStreamExists          = 10058 // with another configuration
	codeStreamNotFound        = 10059
	CodeSubjectsOverlap       = 10065
	codeWrongLast             = 10071 // the message says which sequence is the last
	CodeNotClustered          = 10074 // more than one replica on a single server
	CodeNotEnabled            = 10076
	codeStoreFailed           = 10077 // with DiscardNew: at the stream's limit
	codeHeadersTooLarge       = 10097 // beyond 64 KB
	CodeMaxBytesRequired      = 10113
	CodeNoLimits              = 10120
	CodeMaxBytesExceeded      = 10122
	CodeKeyInFlight           = 10158 // a message with the same id is not stored yet
	codeWrongLastConstant     = 10164
)

// tooLargeForFiles is how a server describes a failed store when the message is larger than its
// files take; the code is that of a full one.
const tooLargeForFiles = "message too large"

// An APIError is an error that the server answered with.
type APIError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *APIError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// Unwrap makes it the bus's error of that meaning.
func (e *APIError) Unwrap() error {
	switch e.ErrCode {
	case codeStoreFailed:
		if e.Description == tooLargeForFiles {
			return bus.ErrTooLarge
		}
		return bus.ErrStoreFull
	case CodeInsufficientResources, CodeStorageExceeded:
		return bus.ErrStoreFull
	case codeMessageTooLarge, codeHeadersTooLarge:
		return bus.ErrTooLarge
	case codeWrongLast, codeWrongLastConstant:
		return bus.ErrRefused
	case codeNoMessage:
		return bus.ErrGone
	}
	return bus.ErrUnavailable
}

// ErrNoStream: there is no such stream, as far as the server knows.
var ErrNoStream = fmt.Errorf("%w: the stream does not exist", bus.ErrUnavailable)

// Unavailable turns what the client library says into the bus's errors. An error that already
// is one stays.
func Unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || ours(err) {
		return err
	}
	var api *jetstream.APIError
	var denied *DeniedError
	switch {
	case errors.As(err, &denied):
		return err
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", bus.ErrTooLarge, err)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return ErrNoStream
	case errors.As(err, &api):
		return &APIError{Code: api.Code, ErrCode: int(api.ErrorCode), Description: api.Description}
	}
	return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
}

func ours(err error) bool {
	for _, e := range []error{
		bus.ErrUnavailable, bus.ErrDiskFull, bus.ErrStoreFull, bus.ErrTooLarge,
		bus.ErrRefused, bus.ErrRecreated, bus.ErrCutBack, bus.ErrGone,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// HasCode reports whether the server answered with the code.
func HasCode(err error, code int) bool {
	var api *APIError
	return errors.As(err, &api) && api.ErrCode == code
}
