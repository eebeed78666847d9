package cluster

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Settings are what a topic is set to, by name, or why that is not told.
type Settings struct {
	Values map[string]string
	Err    error
}

// Settings asks for those of the topics that are there.
func (c *Cluster) Settings(ctx context.Context, topics map[string]Described) (map[string]Settings, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	for name, said := range topics {
		if said.Topic == nil {
			continue
		}
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, name
		req.Resources = append(req.Resources, r)
	}
	if len(req.Resources) == 0 {
		return nil, nil
	}
	all := make(map[string]Settings, len(topics))
	for _, shard := range c.Client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, Unavailable(shard.Err)
		}
		for _, r := range shard.Resp.(*kmsg.DescribeConfigsResponse).Resources {
			s := Settings{Values: make(map[string]string, len(r.Configs)), Err: kerr.ErrorForCode(r.ErrorCode)}
			if errors.Is(s.Err, kerr.UnknownTopicOrPartition) { // the broker is behind the one that knew it
				return nil, Unavailable(s.Err)
			}
			for _, c := range r.Configs {
				if c.Value != nil {
					s.Values[c.Name] = *c.Value
				}
			}
			all[r.ResourceName] = s
		}
	}
	return all, nil
}
