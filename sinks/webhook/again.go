package webhook

import (
	"context"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// A receiver may close a connection that has served before in the moment when the next request
// is on its way. That says nothing about the receiver, so the request is sent once more on a
// new connection, within the same attempt: the webhook-id makes it safe.

// room waits for the endpoint's next place under its rate, because a receiver may have got the
// first request all the same. It reports false where there is none before the attempt's end.
func room(ctx context.Context, r *delivery.Request, end time.Time) bool {
	if r.Again == nil {
		return ctx.Err() == nil
	}
	wait, ok := r.Again(end)
	if !ok {
		return false
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// lost is the response of an attempt whose request was lost and not sent again.
func lost(ctx context.Context, res delivery.Response) delivery.Response {
	if err := ctx.Err(); err != nil {
		return failed(ctx, 0, err)
	}
	return res
}
