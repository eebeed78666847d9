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
	codeInsufficientResources = 10023
	codeNoMessage             = 10037
	codeStorageExceeded       = 10047
	codeMessageTooLarge       = 10054
	codeStreamNotFound        = 10059
	codeWrongLast             = 10071 // the message says which sequence is the last
	codeStoreFailed           = 10077 // with DiscardNew: at the stream's limit
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
	case codeMessageTooLarge:
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
	switch {
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
