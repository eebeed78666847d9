package lease

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

// leavingMember, as a member's own data, says that no shards should go to it.
const leavingMember = "leaving"

// describeMember is what a member tells the others when it joins: the shards that it has, and
// the last round that it joined (-1: none).
func describeMember(topic string, shards []int, generation int32, leaves bool) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version = 2
	m.Topics = []string{topic}
	if leaves {
		m.UserData = []byte(leavingMember)
	}
	m.Generation = generation
	owned := kmsg.NewConsumerMemberMetadataOwnedPartition()
	owned.Topic = topic
	for _, shard := range shards {
		owned.Partitions = append(owned.Partitions, int32(shard))
	}
	m.OwnedPartitions = append(m.OwnedPartitions, owned)
	return m.AppendTo(nil)
}

// A plan is everybody's share in a round. It is to be made once more when somebody's
// description was not up to date.
type plan struct {
	shares []kmsg.SyncGroupRequestGroupAssignment
	again  bool
}

// planShares gives every member its share of the topic's shards. A shard that one member has
// and another should get is in nobody's share: its holder has to give it first. Whoever joined
// a round before describes itself as of the last one; else a request came late, the member may
// have more than it says, and what nobody claims stays with nobody.
func planShares(topic string, shards int, generation int32, members []kmsg.JoinGroupResponseMember) plan {
	var p plan
	var staying []string
	claims := make([][]string, shards)
	for _, member := range members {
		m := kmsg.NewConsumerMemberMetadata()
		if m.ReadFrom(member.ProtocolMetadata) != nil {
			continue // nothing goes to whom we do not understand
		}
		if string(m.UserData) != leavingMember {
			staying = append(staying, member.MemberID)
		}
		if m.Generation >= 0 && m.Generation != generation-1 {
			p.again = true
		}
		for _, shard := range readOwned(topic, shards, m.OwnedPartitions) {
			claims[shard] = append(claims[shard], member.MemberID)
		}
	}
	share := map[string][]int32{}
	for shard, to := range bus.Divide(shards, staying) {
		claimed := slices.Contains(claims[shard], to)
		others := slices.ContainsFunc(claims[shard], func(id string) bool { return id != to })
		if !others && (claimed || !p.again) {
			share[to] = append(share[to], int32(shard))
		}
	}
	for _, member := range members {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID = member.MemberID
		a.MemberAssignment = encodeShare(topic, share[member.MemberID])
		p.shares = append(p.shares, a)
	}
	return p
}

func readOwned(topic string, shards int, owned []kmsg.ConsumerMemberMetadataOwnedPartition) []int {
	var list []int
	for _, o := range owned {
		for _, p := range o.Partitions {
			if o.Topic == topic && p >= 0 && int(p) < shards {
				list = append(list, int(p))
			}
		}
	}
	return list
}

func encodeShare(topic string, partitions []int32) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	t := kmsg.NewConsumerMemberAssignmentTopic()
	t.Topic, t.Partitions = topic, partitions
	a.Topics = append(a.Topics, t)
	return a.AppendTo(nil)
}

// readShare reads what encodeShare wrote.
func readShare(topic string, shards int, assignment []byte) ([]int, error) {
	a := kmsg.NewConsumerMemberAssignment()
	if len(assignment) > 0 {
		if err := a.ReadFrom(assignment); err != nil {
			return nil, err
		}
	}
	var share []int
	for _, t := range a.Topics {
		for _, p := range t.Partitions {
			if t.Topic == topic && p >= 0 && int(p) < shards {
				share = append(share, int(p))
			}
		}
	}
	return share, nil
}
