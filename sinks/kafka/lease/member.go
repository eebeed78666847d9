package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// groupType and groupProtocol say how members describe themselves and their shares: in the
	// form of consumers, so that the usual tools can show the group.
	groupType     = "consumer"
	groupProtocol = "hookspan"
)

// A groupMember is this process's membership in the group. Its id outlives a session as long
// as the group knows it: under a new one, the group would first wait for the old one to die.
type groupMember struct {
	cl    *kgo.Client
	group string
	times times

	mu         sync.Mutex
	id         string // "" before the group has given one
	generation int32  // of the last round that it joined, -1 for none
}

func (m *groupMember) identity() (member string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id, m.generation
}

func (m *groupMember) identify(member string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id, m.generation = member, generation
}

// join joins the group's next round and waits for the share that the member gets. describe is
// told the last round that it joined; divide works out everybody's share, if that falls to us.
func (m *groupMember) join(ctx context.Context, describe func(generation int32) []byte, divide func(*kmsg.JoinGroupResponse) []kmsg.SyncGroupRequestGroupAssignment) (generation int32, share []byte, err error) {
	joined, err := m.sendJoin(ctx, describe)
	if err != nil {
		return 0, nil, m.removed(err)
	}
	m.identify(joined.MemberID, joined.Generation)
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = m.group, joined.MemberID, joined.Generation
	req.ProtocolType, req.Protocol = kmsg.StringPtr(groupType), kmsg.StringPtr(groupProtocol)
	if joined.LeaderID == joined.MemberID {
		req.GroupAssignment = divide(joined)
	}
	resp, err := req.RequestWith(ctx, m.cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return 0, nil, m.removed(fmt.Errorf("wait for the share of group %s: %w", m.group, err))
	}
	return joined.Generation, resp.MemberAssignment, nil
}

// sendJoin sends JoinGroup. A member without a name is given one and asks again with it.
func (m *groupMember) sendJoin(ctx context.Context, describe func(generation int32) []byte) (*kmsg.JoinGroupResponse, error) {
	for {
		member, generation := m.identity()
		req := kmsg.NewPtrJoinGroupRequest()
		req.Group, req.ProtocolType = m.group, groupType
		req.SessionTimeoutMillis = int32(m.times.session.Milliseconds())
		req.RebalanceTimeoutMillis = int32(m.times.round.Milliseconds())
		req.MemberID = member
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name, protocol.Metadata = groupProtocol, describe(generation)
		req.Protocols = append(req.Protocols, protocol)
		resp, err := req.RequestWith(ctx, m.cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		switch {
		case errors.Is(err, kerr.MemberIDRequired) && member == "":
			m.identify(resp.MemberID, -1)
		case err != nil:
			return nil, fmt.Errorf("join group %s: %w", m.group, err)
		default:
			return resp, nil
		}
	}
}

// beginTerm begins the term of a member that has joined.
func (m *groupMember) beginTerm(ctx context.Context) (*bus.Term, error) {
	sent := time.Now()
	if _, err := m.heartbeat(ctx); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
		return nil, err
	}
	return bus.NewTerm(m.times.term, sent), nil
}

// heartbeat sends one.
func (m *groupMember) heartbeat(ctx context.Context) (generation int32, err error) {
	ctx, cancel := context.WithTimeout(ctx, m.times.answer)
	defer cancel()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group = m.group
	req.MemberID, req.Generation = m.identity()
	resp, err := req.RequestWith(ctx, m.cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	return req.Generation, m.removed(err)
}

// removed gives up the name when the error says that the group does not know it any more.
func (m *groupMember) removed(err error) error {
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.FencedInstanceID) {
		m.identify("", -1)
		return fmt.Errorf("%w: %w", errLapsed, err)
	}
	return err
}

// leave tells the group that the member is gone, so that nobody waits for it, and gives up
// the name.
func (m *groupMember) leave(ctx context.Context) {
	member, _ := m.identity()
	if member == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(m.times.answer, time.Second))
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = m.group, member
	gone := kmsg.NewLeaveGroupRequestMember()
	gone.MemberID = member
	req.Members = append(req.Members, gone)
	_, _ = req.RequestWith(ctx, m.cl) // else its silence tells
	m.identify("", -1)
}
