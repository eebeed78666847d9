package jetstream

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
	codeAccountExceeded       = 10002
	codeNoPeers               = 10005
	codeClusterNotAvailable   = 10008
	codeInsufficientResources = 10023
	codeTooManyStreams        = 10027
	codeNoMessage             = 10037
	codeAccountNotEnabled     = 10039
	codeStorageExceeded       = 10047
	codeMessageTooLarge       = 10054
	codeStreamExists          = 10058 // with another configuration
	codeStreamNotFound        = 10059
	codeSubjectsOverlap       = 10065
	codeWrongLast             = 10071 // the message says which sequence is the last
	codeNotClustered          = 10074 // more than one replica on a single server
	codeNotEnabled            = 10076
	codeStoreFailed           = 10077 // with DiscardNew: at the stream's limit
	codeHeadersTooLarge       = 10097 // beyond 64 KB
	codeMaxBytesRequired      = 10113
	codeNoLimits              = 10120
	codeMaxBytesExceeded      = 10122
	codeKeyInFlight           = 10158 // a message with the same id is not stored yet
	codeWrongLastConstant     = 10164
)

// An apiError is an error that the server answered with.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// Unwrap makes it the bus's error of that meaning.
func (e *apiError) Unwrap() error {
	switch e.ErrCode {
	case codeInsufficientResources, codeStorageExceeded, codeStoreFailed:
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

// errNoStream: there is no such stream, as far as the server knows.
var errNoStream = fmt.Errorf("%w: the stream does not exist", bus.ErrUnavailable)

// unavailable turns what the client library says into the bus's errors. An error that already
// is one stays.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || ours(err) {
		return err
	}
	var api *jetstream.APIError
	var denied *deniedError
	switch {
	case errors.As(err, &denied):
		return err
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", bus.ErrTooLarge, err)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return errNoStream
	case errors.As(err, &api):
		return &apiError{Code: api.Code, ErrCode: int(api.ErrorCode), Description: api.Description}
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

// hasCode reports whether the server answered with the code.
func hasCode(err error, code int) bool {
	var api *apiError
	return errors.As(err, &api) && api.ErrCode == code
}
