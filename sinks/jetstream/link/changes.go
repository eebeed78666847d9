package link

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Change creates or updates a stream. What was asked of a leader that is leaving is lost, and to
// ask twice changes nothing more.
func (l *Link) Change(ctx context.Context, verb string, c jetstream.StreamConfig) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	for patience := firstChange; ; patience *= 2 {
		var answer jetstream.StreamInfo
		err := l.RequestWithin(ctx, patience, verb+c.Name, c, &answer)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}

// Purge removes a subject's messages in front of below; of all subjects when it is "".
func (l *Link) Purge(ctx context.Context, stream, subject string, below int64) error {
	if below <= 1 {
		return nil
	}
	ask := struct {
		Subject string `json:"filter,omitempty"`
		Seq     int64  `json:"seq"`
	}{subject, below}
	var answer struct{ Success bool }
	if err := l.RequestWithin(ctx, changeTimeout, "STREAM.PURGE."+stream, ask, &answer); err != nil {
		return fmt.Errorf("purge stream %s: %w", stream, err)
	}
	return nil
}

// Remove deletes a stream, if there is one.
func (l *Link) Remove(ctx context.Context, stream string) error {
	if err := l.JS.DeleteStream(ctx, stream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete stream %s: %w", stream, err)
	}
	return nil
}
