package link_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// A played server says what a test has it say. Its connections come one after the other.
type played struct {
	t     *testing.T
	conns chan net.Conn // Dial sends, greet receives
}

// play connects a link to a played server, whose first connection it returns.
func play(t *testing.T) (*played, *link.Link, *talk) {
	t.Helper()
	p := &played{t, make(chan net.Conn)}
	first := make(chan *talk, 1)
	go func() { first <- p.greet() }()
	nc, _, _ := newHome(t).connect(nil)
	l, err := link.New(nc, link.Options{PublishTimeout: time.Minute, Publishes: true, Process: &link.Process{Dial: p.dial, Name: "played"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return p, l, <-first
}

func (p *played) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.t.Context().Done():
		return nil, errors.New("the test is over")
	}
}

// A talk is one connection, as the server has it.
type talk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// greet takes the next connection up to where messages come.
func (p *played) greet() *talk {
	k := &talk{t: p.t, conn: <-p.conns}
	k.in = bufio.NewReader(k.conn)
	k.t.Cleanup(func() { _ = k.conn.Close() })
	k.say("INFO {\"max_payload\":1048576}\r\n")
	for _, verb := range []string{"CONNECT ", "SUB ", "PING"} {
		if line := k.line(); !strings.HasPrefix(line, verb) {
			k.t.Errorf("%q came, want %s", line, verb)
		}
	}
	k.say("PONG\r\n")
	return k
}

func (k *talk) say(text string) {
	if _, err := io.WriteString(k.conn, text); err != nil {
		k.t.Error(err)
	}
}

func (k *talk) line() string {
	line, err := k.in.ReadString('\n')
	if err != nil {
		k.t.Error(err)
	}
	return strings.TrimRight(line, "\r\n")
}

// message takes an empty one, and returns where to acknowledge it.
func (k *talk) message(subject string) (reply string) {
	line := k.line()
	words := strings.Fields(line)
	if len(words) != 4 || words[0] != "PUB" || words[1] != subject || words[3] != "0" {
		k.t.Errorf("%q came, want an empty message for %s", line, subject)
		return ""
	}
	k.line()
	return words[2]
}

func acknowledgement(reply string, seq int) string {
	data := fmt.Sprintf(`{"stream":"S","seq":%d}`, seq)
	return fmt.Sprintf("MSG %s 1 %d\r\n%s\r\n", reply, len(data), data)
}

// send publishes an empty message; ended is told of the acknowledgement, sent that it is on its way.
func send(ctx context.Context, l *link.Link, subject string) (ended <-chan sending, sent <-chan struct{}) {
	end, underway := make(chan sending, 1), make(chan struct{})
	go func() {
		a, err := l.Acks.Send(ctx, &link.Message{Subject: subject}, func() { close(underway) })
		end <- sending{a, err}
	}()
	return end, underway
}

type sending struct {
	link.Ack
	err error
}

func TestAnAcknowledgementThatIsLateIsNotTheNextOnes(t *testing.T) {
	t.Parallel()
	_, l, k := play(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended, _ := send(ctx, l, "s.first")
	late := k.message("s.first")
	cancel()
	if got := <-ended; !errors.Is(got.err, context.Canceled) {
		t.Fatalf("given up: %+v", got)
	}
	ended, _ = send(t.Context(), l, "s.second")
	reply := k.message("s.second")
	slot := func(reply string) string { return reply[:strings.LastIndexByte(reply, '-')] }
	if slot(reply) != slot(late) {
		t.Fatalf("the second is to be acknowledged to %s, the first to %s: nothing is tested", reply, late)
	}
	for _, piece := range strings.SplitAfter(acknowledgement(late, 1)+acknowledgement(reply, 2), "") {
		k.say(piece)
	}
	if got := <-ended; got.err != nil || got.Seq != 2 {
		t.Errorf("%+v, want 2", got)
	}
}

func TestWhatWasOnItsWayIsNotSentOnTheNextConnection(t *testing.T) {
	t.Parallel()
	p, l, k := play(t)
	first, underway := send(t.Context(), l, "s.first")
	<-underway
	if _, err := k.in.Peek(1); err != nil { // it is being written, so the next is not
		t.Fatal(err)
	}
	second, underway := send(t.Context(), l, "s.second")
	<-underway
	_ = k.conn.Close()
	for _, ended := range []<-chan sending{first, second} {
		if got := <-ended; !errors.Is(got.err, bus.ErrUnavailable) {
			t.Errorf("%+v", got)
		}
	}
	k = p.greet()
	var ended <-chan sending
	for {
		var underway <-chan struct{}
		ended, underway = send(t.Context(), l, "s.third")
		select {
		case <-underway:
		case got := <-ended: // it is not up yet
			if !errors.Is(got.err, bus.ErrUnavailable) {
				t.Fatalf("%+v", got)
			}
			continue
		}
		break
	}
	k.say(acknowledgement(k.message("s.third"), 3))
	if got := <-ended; got.err != nil || got.Seq != 3 {
		t.Errorf("%+v, want 3", got)
	}
}

func TestAServerThatAsksWhetherWeAreThereIsAnswered(t *testing.T) {
	t.Parallel()
	_, _, k := play(t)
	k.say("PING\r\n")
	if line := k.line(); line != "PONG" {
		t.Errorf("%q came", line)
	}
}

func TestAServerThatDoesNotReadHoldsNobodyUpForLongerThanTheyWait(t *testing.T) {
	t.Parallel()
	_, l, _ := play(t)
	large := &link.Message{Subject: "s.a", Data: make([]byte, 300<<10)}
	for n := range 4 { // the first is being written, the second is to be, for the others is no room
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		ended := make(chan error, 1)
		go func() {
			_, err := l.Acks.Send(ctx, large, nil)
			ended <- err
		}()
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("publish %d: %v", n, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("publish %d goes on and on", n)
		}
		cancel()
	}
}

// synced is a disk whose syncs end at once.
type synced struct{ running sync.WaitGroup }

func (d *synced) Join(w link.Waiter, turn uint64) bool {
	d.running.Go(func() { w.Synced(turn, nil) })
	return true
}

func TestOnlyWhatWasStoredNowIsTakenForSynced(t *testing.T) {
	t.Parallel()
	_, ours, _ := newHome(t).connect(&synced{})
	publish := func(name, value string) (link.Ack, error) {
		return ours.Acks.Send(t.Context(), &link.Message{Subject: "s.a", Synced: true, Header: []event.Field{{Name: name, Value: value}}}, nil)
	}
	if a, err := publish("Nats-Msg-Id", "1"); err != nil || !a.Synced || a.Repeated {
		t.Errorf("stored: %+v, %v", a, err)
	}
	if a, err := publish("Nats-Msg-Id", "1"); err != nil || a.Synced || !a.Repeated {
		t.Errorf("repeated: %+v, %v", a, err)
	}
	if a, err := publish(link.HeaderExpectedLast, "99"); !errors.Is(err, bus.ErrRefused) || a.Synced {
		t.Errorf("refused: %+v, %v", a, err)
	}
}
