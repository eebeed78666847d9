package link

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Distrust says what others did to what we rely on, or seem to have done. It is a metric's
// label. Each is bus.ErrUnavailable: what could not be believed is done again.
type Distrust string

const (
	ForeignAck     Distrust = "acknowledgement" // a stream acknowledged that does not hold the topic
	ForeignID      Distrust = "message_id"      // another message used up the id of ours
	readerChanged  Distrust = "reader_changed"  // its consumer is not as it was made
	readerDeleted  Distrust = "reader_deleted"  // its consumer was deleted while it read
	readerStalled  Distrust = "reader_stalled"  // it gets nothing while its stream has more
	readerSkipped  Distrust = "reader_skipped"  // it was not given what its stream holds
	readerDeprived Distrust = "reader_deprived" // it was given a message without its data
)

var AllDistrust = []Distrust{ForeignAck, ForeignID, readerChanged, readerDeleted, readerStalled, readerSkipped, readerDeprived}

func (d Distrust) Error() string {
	return "somebody else who may use the account has meddled with the bus: " + string(d)
}

func (d Distrust) Unwrap() error { return bus.ErrUnavailable }

// NewInbox is a subject to be answered on, which nobody can guess: the client library's own
// follow one another.
func NewInbox(nc *nats.Conn) string {
	begin, _, _ := strings.Cut(nc.NewInbox(), ".")
	return begin + "." + rand.Text()
}

// asked is nil when a consumer is as it was asked for.
func asked(want jetstream.ConsumerConfig, info *jetstream.ConsumerInfo) error {
	have := info.Config
	filters := have.FilterSubjects
	if have.FilterSubject != "" {
		filters = append(filters, have.FilterSubject)
	}
	var wrong string
	switch {
	case have.AckPolicy != want.AckPolicy:
		wrong = "ack_policy"
	case have.DeliverPolicy != want.DeliverPolicy || have.OptStartSeq != want.OptStartSeq:
		wrong = "deliver_policy"
	case have.HeadersOnly != want.HeadersOnly:
		wrong = "headers_only"
	case have.DeliverSubject != "" || have.DeliverGroup != "":
		wrong = "deliver_subject"
	case len(have.PriorityGroups) > 0:
		wrong = "priority_groups"
	case info.Paused || have.PauseUntil != nil:
		wrong = "pause_until"
	case have.ReplayPolicy != want.ReplayPolicy || have.RateLimit != 0 || have.Durable != "":
		wrong = "replay_policy, rate limit or durable name"
	case !slices.Equal(slices.Sorted(slices.Values(filters)), slices.Sorted(slices.Values(want.FilterSubjects))):
		wrong = "filter_subjects"
	default:
		return nil
	}
	return fmt.Errorf("%w: consumer %s has another %s than it was made with", readerChanged, info.Name, wrong)
}
