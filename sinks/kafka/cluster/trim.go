package cluster

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Trim removes the records of a partition in front of an offset.
func (c *Cluster) Trim(ctx context.Context, topic string, n int32, below int64) error {
	if below <= 0 {
		return nil
	}
	var offsets kadm.Offsets
	offsets.AddOffset(topic, n, below, -1)
	return c.RetryBriefly(ctx, func(ctx context.Context) error {
		answers, err := c.Admin.DeleteRecords(ctx, offsets)
		if err == nil {
			err = answers.Error()
		}
		switch {
		case err == nil:
			return nil
		case Denied(err):
			return OnTopic(topic, "DELETE", err)
		}
		return OnTopic(topic, "DELETE", Unavailable(err))
	})
}
