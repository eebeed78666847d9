package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

func spansTell(t *testing.T, s bus.Store) {
	empty := spanOf(t, s, "")
	receipts := publish(t, s, 1, 3)
	sp := spanOf(t, s, receipts[0].Partition)
	if sp.Identity != receipts[0].Position.Identity || sp.Identity == "" || sp.Identity != empty.Identity {
		t.Errorf("identity %q, receipt %q, before %q", sp.Identity, receipts[0].Position.Identity, empty.Identity)
	}
	if sp.First != receipts[0].Position.Seq || sp.End.Seq != receipts[2].Position.Seq {
		t.Errorf("span %d to %d, receipts %d to %d", sp.First, sp.End.Seq, receipts[0].Position.Seq, receipts[2].Position.Seq)
	}
	m, err := s.Get(within(t), sp.Partition, sp.End)
	if err != nil {
		t.Fatal(err)
	}
	if m.Position != sp.End {
		t.Errorf("the last message is at %v, the span ends at %v", m.Position, sp.End)
	}
}

func emptySpan(t *testing.T, s bus.Store) {
	r := publish(t, s, 1, 2)[1]
	if err := s.PurgeEvents(within(t), r.Partition, r.Position.Seq); err != nil {
		t.Fatal(err)
	}
	if sp := spanOf(t, s, r.Partition); sp.First != sp.End.Seq+1 || sp.End.Seq != r.Position.Seq || sp.End.Mark != 0 {
		t.Errorf("emptied at %d the span is %+v", r.Position.Seq, sp)
	}
}

func followsInOrder(t *testing.T, s bus.Store) {
	publish(t, s, 1, 50)
	sp := spanOf(t, s, "")
	var got []bus.Message
	more := make(chan struct{})
	published := make(chan struct{})
	go func() {
		defer close(published)
		<-more
		for n := 51; n <= 100; n++ {
			if _, err := s.Publish(within(t), topicOf(s), order(n), bus.PublishOptions{}); err != nil {
				t.Errorf("publish: %v", err)
				return
			}
		}
	}()
	err := s.Follow(within(t), sp.Partition, front(sp), func(batch []bus.Message) error {
		before := len(got)
		got = append(got, batch...)
		if before < 50 && len(got) >= 50 {
			close(more)
		}
		if len(got) == 100 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("follow: %v", err)
	}
	<-published
	for i, m := range got {
		if want := fmt.Sprintf("order-%d", i+1); m.Event.ID != want {
			t.Fatalf("message %d is %s, want %s", i, m.Event.ID, want)
		}
		if i > 0 && m.Position.Seq <= got[i-1].Position.Seq {
			t.Fatalf("position %v came after %v", m.Position, got[i-1].Position)
		}
	}
}

func followsBehind(t *testing.T, s bus.Store) {
	publish(t, s, 1, 5)
	sp := spanOf(t, s, "")
	all := collect(t, s, sp.Partition, front(sp), 5)
	if got := ids(collect(t, s, sp.Partition, all[2].Position, 2)); !slices.Equal(got, []string{"order-4", "order-5"}) {
		t.Errorf("behind order 3 came %v", got)
	}
}

func followEnds(t *testing.T, s bus.Store) {
	publish(t, s, 1, 1)
	sp := spanOf(t, s, "")
	mine := errors.New("mine")
	if err := s.Follow(within(t), sp.Partition, front(sp), func([]bus.Message) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("follow returned %v", err)
	}
	ctx, stop := context.WithCancel(within(t))
	err := s.Follow(ctx, sp.Partition, front(sp), func([]bus.Message) error {
		stop()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("follow returned %v after its context ended", err)
	}
}

func anotherIdentity(t *testing.T, s bus.Store) {
	r := publish(t, s, 1, 1)[0]
	err := s.Follow(within(t), r.Partition, bus.Position{Identity: "another"}, func([]bus.Message) error { return errEnough })
	if !errors.Is(err, bus.ErrRecreated) {
		t.Errorf("follow returned %v, want ErrRecreated", err)
	}
}

func beyondEnd(t *testing.T, s bus.Store) {
	r := publish(t, s, 1, 1)[0]
	after := r.Position
	after.Seq, after.Mark = after.Seq+10, 7
	err := s.Follow(within(t), r.Partition, after, func([]bus.Message) error { return errEnough })
	if !errors.Is(err, bus.ErrCutBack) {
		t.Errorf("follow returned %v, want ErrCutBack", err)
	}
}

func anotherEventAtPosition(t *testing.T, s bus.Store) {
	publish(t, s, 1, 2)
	sp := spanOf(t, s, "")
	after := collect(t, s, sp.Partition, front(sp), 1)[0].Position
	after.Mark++
	err := s.Follow(within(t), sp.Partition, after, func([]bus.Message) error { return errEnough })
	if !errors.Is(err, bus.ErrCutBack) {
		t.Errorf("follow returned %v, want ErrCutBack", err)
	}
}

func getsAgain(t *testing.T, s bus.Store) {
	publish(t, s, 1, 3)
	sp := spanOf(t, s, "")
	for _, m := range collect(t, s, sp.Partition, front(sp), 3) {
		again, err := s.Get(within(t), sp.Partition, m.Position)
		if err != nil {
			t.Fatal(err)
		}
		if again.Event.ID != m.Event.ID || again.Position != m.Position || again.Topic != m.Topic || !again.Stored.Equal(m.Stored) {
			t.Errorf("got %v %s, followed %v %s", again.Position, again.Event.ID, m.Position, m.Event.ID)
		}
	}
}

func purgedIsGone(t *testing.T, s bus.Store) {
	receipts := publish(t, s, 1, 3)
	if err := s.PurgeEvents(within(t), receipts[0].Partition, receipts[1].Position.Seq); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(within(t), receipts[0].Partition, receipts[0].Position); !errors.Is(err, bus.ErrGone) {
		t.Errorf("a purged event: %v, want ErrGone", err)
	}
	if _, err := s.Get(within(t), receipts[2].Partition, receipts[2].Position); err != nil {
		t.Errorf("the event behind: %v", err)
	}
}

func anotherEventIsGone(t *testing.T, s bus.Store) {
	publish(t, s, 1, 1)
	sp := spanOf(t, s, "")
	at := sp.End
	at.Mark++
	if _, err := s.Get(within(t), sp.Partition, at); !errors.Is(err, bus.ErrGone) {
		t.Errorf("with another mark: %v, want ErrGone", err)
	}
	at.Mark = 0
	if m, err := s.Get(within(t), sp.Partition, at); err != nil || m.Event.ID != "order-1" {
		t.Errorf("without a mark: %v", err)
	}
}

func beforeTime(t *testing.T, s bus.Store) {
	publish(t, s, 1, 20)
	sp := spanOf(t, s, "")
	all := collect(t, s, sp.Partition, front(sp), 20)
	for _, i := range []int{1, 7, 19} {
		got, err := s.Before(within(t), sp.Partition, all[i].Stored)
		if err != nil {
			t.Fatal(err)
		}
		if got.Seq >= all[i].Position.Seq || got.Seq < all[0].Position.Seq-1 || got.Identity != sp.Identity {
			t.Errorf("before message %d (%v): %v", i, all[i].Position, got)
		}
	}
	if got, err := s.Before(within(t), sp.Partition, all[19].Stored.Add(time.Minute)); err != nil || got != all[19].Position {
		t.Errorf("before the future: %v %v, want %v", got, err, all[19].Position)
	}
	if got, err := s.Before(within(t), sp.Partition, all[0].Stored.Add(-time.Hour)); err != nil || got.Seq != sp.First-1 || got.Mark != 0 {
		t.Errorf("before the first: %v %v, want %d", got, err, sp.First-1)
	}
}

func followCatchesUp(t *testing.T, s bus.Store) {
	sp := spanOf(t, s, "")
	seen, said := 0, 0
	err := s.Follow(within(t), sp.Partition, front(sp), func(batch []bus.Message) error {
		seen += len(batch)
		if len(batch) > 0 {
			return nil
		}
		switch said++; {
		case said == 1 && seen == 0:
			publish(t, s, 1, 3)
		case seen >= 3:
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("follow returned %v", err)
	}
}

// historian is a store that offers History.
type historian interface {
	bus.Store
	bus.History
}

func publishedIsListed(t *testing.T, s historian) {
	since := time.Now().Add(-time.Minute)
	want := map[string]bool{}
	for n := range 40 {
		e := order(n)
		e.ID = fmt.Sprintf("bestellung %d é%%", n) // has to be escaped on some buses
		if _, err := s.Publish(within(t), topicOf(s), e, bus.PublishOptions{Structured: n%2 == 0, Key: e.ID, Mark: markOf(e.ID)}); err != nil {
			t.Fatal(err)
		}
		want[e.ID] = true
	}
	list := func(since time.Time) int {
		n := 0
		err := s.Published(since)(within(t), func(p bus.Publication) error {
			if p.Topic != topicOf(s) || p.Source != "/sources/shop" || !want[p.ID] || p.Mark != markOf(p.ID) || time.Since(p.At) > patience {
				t.Errorf("listed %+v", p)
			}
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := list(since); n != len(want) {
		t.Errorf("%d of %d are listed", n, len(want))
	}
	if n := list(time.Now().Add(time.Minute)); n != 0 {
		t.Errorf("%d are listed as published in the future", n)
	}
}

// An event is known again by its mark, whatever room its id takes.
func longIDsAreListed(t *testing.T, s historian) {
	want := map[string]bool{}
	for n := range 3 {
		e := order(n)
		if want[markOf(e.ID)] = true; n == 1 {
			e.ID = strings.Repeat("i", int(s.MaxBytes())/10*6)
		}
		if _, err := s.Publish(within(t), topicOf(s), e, bus.PublishOptions{Structured: true, Key: order(n).ID, Mark: markOf(order(n).ID)}); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Published(time.Now().Add(-time.Minute))(within(t), func(p bus.Publication) error {
		delete(want, p.Mark)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("%d are not listed, %v", len(want), err)
	}
}

func readingGoesOn(t *testing.T, s historian) {
	publish := func(first, n int) {
		for i := first; i < first+n; i++ {
			e := order(i)
			if _, err := s.Publish(within(t), topicOf(s), e, bus.PublishOptions{Key: e.ID, Mark: markOf(e.ID)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(0, 30)
	calls, told, refused, mine := 0, map[string]bool{}, "", errors.New("mine")
	read := s.Published(time.Now().Add(-time.Minute))
	each := func(p bus.Publication) error {
		calls++
		if !told[p.ID] && len(told)%10 == 9 && p.ID != refused { // and comes again
			refused = p.ID
			return mine
		}
		told[p.ID] = true
		return nil
	}
	for n := range 3 {
		if err := read(within(t), each); !errors.Is(err, mine) {
			t.Fatalf("an error of each came back as %v", err)
		}
		if n == 1 {
			publish(30, 5)
		}
	}
	if err := read(within(t), each); err != nil {
		t.Fatal(err)
	}
	if len(told) != 35 || calls > 60 { // from the front each time it would be 95
		t.Errorf("%d of 35 were told, with %d calls", len(told), calls)
	}
}
