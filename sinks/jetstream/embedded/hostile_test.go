package embedded_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	reader := s.reader(t) // which no client can know
	answers := make(chan *nats.Msg, 100)
	inbox := s.hostile.NewInbox()
	if _, err := s.hostile.ChanSubscribe(inbox+".>", answers); err != nil {
		t.Fatal(err)
	}
	answered := 0
	for request, body := range harmful(reader) {
		s.send(t, "$JS.API."+request, inbox+"."+request, encoded(t, body))
		answered++
	}
	for ; answered > 0; answered-- {
		if m := receive(t, answers); !strings.Contains(string(m.Data), `"error"`) && m.Header.Get("Status") != "403" {
			t.Errorf("%s: %s", m.Subject, m.Data)
		}
	}
	s.flush(t)
	for name := range must(s.js.Stream(within(t), eventsOf)).ConsumerNames(within(t)).Name() {
		t.Errorf("the hostile client sees the consumer %s", name)
	}
	if now := s.reader(t); now != reader {
		t.Errorf("the reader was %s and is %s", reader, now)
	}
	s.holds(t)
}

func encoded(t *testing.T, body any) []byte {
	t.Helper()
	if body == nil {
		return nil
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The server acts for whoever asks it, with more rights than they have: it answers to any
// subject, and sends on what streams and consumers say.
func TestTheServerAsAnAccomplice(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	reader := s.reader(t)
	body := []byte(`{"name":"HOOKSPAN_EVENTS","subjects":["gone"]}`)
	if _, err := s.js.Publish(within(t), topic, body); err != nil {
		t.Fatal(err)
	}
	for request := range harmful(reader) {
		reply := "$JS.API." + request
		s.send(t, "$JS.API.STREAM.MSG.GET."+eventsOf, reply, map[string]any{"seq": 2})
		s.send(t, "$JS.API.DIRECT.GET."+eventsOf, reply, map[string]any{"seq": 2})
		s.send(t, "$JS.API.INFO", reply, nil)
		s.send(t, topic, reply, body)
		s.send(t, "$JS.API.CONSUMER.MSG.NEXT."+eventsOf+"."+reader, reply, map[string]any{"batch": 1, "no_wait": true})
	}
	for _, config := range []natsjs.StreamConfig{
		{Name: "THEIRS", Subjects: []string{"theirs.>"}, AllowDirect: true},
		{Name: "AGAIN", Subjects: []string{"again.>"}, RePublish: &natsjs.RePublish{Source: "again.>", Destination: "$JS.API.STREAM.>"}},
		{Name: "hookspan_events", Subjects: []string{"hookspan.events"}},
		{Name: "MIRROR", Mirror: &natsjs.StreamSource{Name: eventsOf}},
		{Name: "SOURCE", Sources: []*natsjs.StreamSource{{Name: eventsOf, External: &natsjs.ExternalStream{APIPrefix: "$HS.next", DeliverPrefix: "hookspan.events.shop"}}}},
		{Name: "OURS", Subjects: []string{"hookspan.>"}},
		{Name: "INBOXES", Subjects: []string{"_INBOX.>"}},
		{Name: "ALL", Subjects: []string{">"}, NoAck: true},
	} {
		if _, err := s.js.CreateStream(within(t), config); err == nil {
			t.Errorf("the stream %s was made", config.Name)
		}
	}
	trace := nats.NewMsg(topic)
	trace.Header.Set("Nats-Trace-Dest", "$HS.pub.hookspan.ops")
	if err := s.hostile.PublishMsg(trace); err != nil {
		t.Fatal(err)
	}
	s.flush(t)
	s.holds(t)
}

// What Hookspan reads by is nothing that a client could know. If one did, nothing were lost.
func TestAStolenReader(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	for i := range 20 {
		reader := s.reader(t)
		s.send(t, "$JS.API.CONSUMER.MSG.NEXT."+eventsOf+"."+reader, s.hostile.NewInbox(), map[string]any{"batch": 1, "expires": time.Minute})
		s.send(t, "$JS.ACK."+eventsOf+"."+reader+".1.1.1.1.0", s.hostile.NewInbox(), []byte("+NXT"))
		s.flush(t)
		id := fmt.Sprint("stolen-", i)
		publish(t, s.opened, id)
		if got := receive(t, s.read); got != id {
			t.Fatalf("read %s, want %s", got, id)
		}
	}
}

func TestForgedAcknowledgements(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	seen, err := s.hostile.SubscribeSync("hookspan.events.>")
	if err != nil {
		t.Fatal(err)
	}
	s.flush(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m, err := seen.NextMsgWithContext(t.Context())
			if err != nil || m.Header.Get("ce-id") == "last" {
				return
			}
			for _, subject := range []string{m.Reply, "_HOOKSPAN.>", "_INBOX.x"} {
				if checked := strings.TrimSuffix(subject, ".>"); checked != "" {
					_ = s.hostile.Publish(checked, []byte(`{"stream":"HOOKSPAN_EVENTS","seq":99999}`))
				}
			}
		}
	}()
	for i := range 200 {
		r, err := s.store.Publish(within(t), topic, order(fmt.Sprint(i)), bus.PublishOptions{})
		if err != nil || r.Position.Seq != int64(i+2) {
			t.Fatalf("event %d: %+v, %v", i, r, err)
		}
	}
	publish(t, s.opened, "last")
	<-done
}

func TestNoClientSeesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	subjects := []string{">", "_INBOX.>", "_INBOX.*.*", "$JS.>", "$SYS.>", "$HS.>", "_R_.>", "_HOOKSPAN.>", "*.>", "pub.>", "hookspan.registry", "hookspan.state.>"}
	seen := make(chan *nats.Msg, 1000)
	for _, subject := range subjects {
		if _, err := s.hostile.ChanSubscribe(subject, seen); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.hostile.Flush(); err != nil {
		t.Fatal(err)
	}
	_, neighbour := dial(t, s.opened)
	if _, err := neighbour.Publish(within(t), topic, []byte("open")); err != nil {
		t.Fatal(err)
	}
	c, err := neighbour.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "neighbour"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.DoubleAck(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := neighbour.Publish(within(t), "theirs", []byte("private")); err == nil {
		t.Error("something that is no event was published")
	}
	s.holds(t)
	if err := s.hostile.Flush(); err != nil {
		t.Fatal(err)
	}
	for len(seen) > 0 {
		if m := <-seen; !strings.HasPrefix(m.Subject, "hookspan.events.") {
			t.Errorf("the hostile client sees %s: %s", m.Subject, m.Data)
		}
	}
}

func TestOnlyHookspanWritesBesideEvents(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	for _, subject := range []string{"hookspan.ops", "hookspan.ops.x", "hookspan.dead", "hookspan.quarantine", "hookspan.quarantine.shop", "hookspan.unverified"} {
		if _, err := s.js.Publish(within(t), subject, []byte("forged")); err == nil || !strings.Contains(err.Error(), "only Hookspan writes there") {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range []string{"hookspan.state.0", "hookspan.registry", "hookspan.commands", "hookspan.journal.0", "hookspan.refusals", "$KV.HOOKSPAN_LEASES.x"} {
		if ack, err := s.js.Publish(within(t), subject, []byte("forged"), natsjs.WithRetryAttempts(0)); err == nil {
			t.Errorf("%s: stored in %s", subject, ack.Stream)
		}
	}
	s.holds(t)
}

// What a header makes the server do with a message is not for clients to say.
func TestHeadersOfClients(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	for name, value := range map[string]string{
		"Nats-Rollup": "all", "nats-rollup": "sub", "Nats-TTL": "1s", "Nats-Schedule": "@at 2099-01-01T00:00:00Z", "Nats-Schedule-Target": "hookspan.ops",
		"Nats-Expected-Last-Sequence": "1", "Nats-Expected-Last-Subject-Sequence": "1", "Nats-Expected-Last-Msg-Id": "x", "Nats-Batch-Id": "x",
		"Nats-Batch-Sequence": "1", "Nats-Incr": "+1", "Nats-Marker-Reason": "MaxAge", "Nats-Stream-Source": "x", "Nats-Required-Api-Level": "1",
	} {
		m := nats.NewMsg(topic)
		m.Header.Set("x", "y")
		m.Header[name] = []string{value}
		if _, err := s.js.PublishMsg(within(t), m); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.holds(t)
}

// A webhook is published whatever ids clients have used before it came.
func TestAClientUsesUpNoWebhooksID(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	const key = "the key of a webhook to come"
	m := nats.NewMsg(topic)
	for name, value := range map[string]string{
		"ce-specversion": "1.0", "ce-id": "order-7", "ce-source": "/sources/shop", "ce-type": "com.example.order.created",
		"Hookspan-Publisher": "hookspan", nats.MsgIdHdr: key,
	} {
		m.Header.Set(name, value)
	}
	for range 2 { // the second is the client's own repeat
		if _, err := s.js.PublishMsg(within(t), m); err != nil {
			t.Fatal(err)
		}
	}
	if stored(t, s.opened)["order-7"] {
		t.Error("after a restart intake would take the webhook for a repeat")
	}
	r, err := s.store.Publish(within(t), topic, order("order-7"), bus.PublishOptions{Key: key})
	if err != nil || r.Repeated || r.Position.Seq != 3 {
		t.Errorf("the webhook: %+v, %v", r, err)
	}
	if !stored(t, s.opened)["order-7"] {
		t.Error("the webhook is not stored")
	}
}

func TestNamesOfStreams(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	if _, err := s.js.CreateStream(within(t), natsjs.StreamConfig{Name: "THEIRS", Subjects: []string{"theirs"}}); err == nil {
		t.Error("a client has a stream of its own")
	}
	var names []string
	for name := range s.js.StreamNames(within(t)).Name() {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{eventsOf}) {
		t.Errorf("a client sees the streams %v", names)
	}
	if name, err := s.js.StreamNameBySubject(within(t), topic); err != nil || name != eventsOf {
		t.Errorf("%s lies on %s, %v", topic, name, err)
	}
}

// What the server would keep in memory, or could not be asked for again, is no topic.
func TestTopicsOfClients(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	s.hostile, s.js = dial(t, s.opened, nats.SkipSubjectValidation())
	long := "hookspan.events." + strings.Repeat("x", 600)
	for _, subject := range []string{"hookspan.events.*", "hookspan.events.>", "hookspan.events.a.*.b", "hookspan.events..a", "$HS.ask.hookspan.events..a", "hookspan.events.a.", "hookspan.events.\x01", "hookspan.events.\xff", long} {
		s.send(t, subject, "", []byte("x"))
		answer, err := s.hostile.RequestWithContext(within(t), subject, []byte("x"))
		if errors.Is(err, nats.ErrNoResponders) {
			continue // it comes to nobody
		}
		if err != nil {
			t.Errorf("%q: %v", subject, err)
		} else if !strings.Contains(string(answer.Data), `"code":400`) {
			t.Errorf("%q: %s", subject, answer.Data)
		}
	}
	if _, err := s.js.Publish(within(t), topic, nil, natsjs.WithMsgID(strings.Repeat("x", 600))); err == nil || !strings.Contains(err.Error(), "at most 512 bytes") {
		t.Errorf("a long message id: %v", err)
	}
	if info := must(s.own.Stream(within(t), eventsOf)).CachedInfo(); info.State.LastSeq != 1 {
		t.Errorf("%d messages were stored", info.State.LastSeq-1)
	}
	s.holds(t)
}
