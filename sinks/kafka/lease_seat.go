package kafka

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

// A seat is this process's membership in the group. Its name outlives a turn as long as the
// group knows it: under a new one, the group would first wait for the old one to die.
type seat struct {
	cl    *kgo.Client
	group string
	times leaseTimes

	mu         sync.Mutex
	member     string // "" before the group has given it a name
	generation int32  // of the last round that it joined, -1 for none
}

func (s *seat) place() (member string, generation int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.member, s.generation
}

func (s *seat) sit(member string, generation int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member, s.generation = member, generation
}

// join joins the group's next round and waits for the share that the member gets. describe is
// told the last round that it joined; divide works out everybody's share, if that falls to us.
func (s *seat) join(ctx context.Context, describe func(generation int32) []byte, divide func(*kmsg.JoinGroupResponse) []kmsg.SyncGroupRequestGroupAssignment) (generation int32, share []byte, err error) {
	joined, err := s.ask(ctx, describe)
	if err != nil {
		return 0, nil, s.removed(err)
	}
	s.sit(joined.MemberID, joined.Generation)
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = s.group, joined.MemberID, joined.Generation
	req.ProtocolType, req.Protocol = kmsg.StringPtr(groupType), kmsg.StringPtr(groupProtocol)
	if joined.LeaderID == joined.MemberID {
		req.GroupAssignment = divide(joined)
	}
	resp, err := req.RequestWith(ctx, s.cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return 0, nil, s.removed(fmt.Errorf("wait for the share of group %s: %w", s.group, err))
	}
	return joined.Generation, resp.MemberAssignment, nil
}

// ask sends JoinGroup. A member without a name is given one and asks again with it.
func (s *seat) ask(ctx context.Context, describe func(generation int32) []byte) (*kmsg.JoinGroupResponse, error) {
	for {
		member, generation := s.place()
		req := kmsg.NewPtrJoinGroupRequest()
		req.Group, req.ProtocolType = s.group, groupType
		req.SessionTimeoutMillis = int32(s.times.session.Milliseconds())
		req.RebalanceTimeoutMillis = int32(s.times.round.Milliseconds())
		req.MemberID = member
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name, protocol.Metadata = groupProtocol, describe(generation)
		req.Protocols = append(req.Protocols, protocol)
		resp, err := req.RequestWith(ctx, s.cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		switch {
		case errors.Is(err, kerr.MemberIDRequired) && member == "":
			s.sit(resp.MemberID, -1)
		case err != nil:
			return nil, fmt.Errorf("join group %s: %w", s.group, err)
		default:
			return resp, nil
		}
	}
}

// begin begins the term of a member that has joined.
func (s *seat) begin(ctx context.Context) (*bus.Term, error) {
	sent := time.Now()
	if _, err := s.beat(ctx); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
		return nil, err
	}
	return bus.NewTerm(s.times.term, sent), nil
}

// beat sends a heartbeat.
func (s *seat) beat(ctx context.Context) (generation int32, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.times.answer)
	defer cancel()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group = s.group
	req.MemberID, req.Generation = s.place()
	resp, err := req.RequestWith(ctx, s.cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	return req.Generation, s.removed(err)
}

// removed gives up the name when the error says that the group does not know it any more.
func (s *seat) removed(err error) error {
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.FencedInstanceID) {
		s.sit("", -1)
		return fmt.Errorf("%w: %w", errLapsed, err)
	}
	return err
}

// leave tells the group that the member is gone, so that nobody waits for it, and gives up
// the name.
func (s *seat) leave(ctx context.Context) {
	member, _ := s.place()
	if member == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(s.times.answer, time.Second))
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = s.group, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	req.Members = append(req.Members, m)
	_, _ = req.RequestWith(ctx, s.cl) // else its silence tells
	s.sit("", -1)
}
