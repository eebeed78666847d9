package client

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
)

func waits(text string) *nats.Msg { return &nats.Msg{Data: []byte(text)} }

func TestEachIsServedInTurn(t *testing.T) {
	t.Parallel()
	line := newTurns(1<<20, 1)
	for i := range 100 {
		line.put(7, waits(fmt.Sprint("much ", i)))
	}
	line.put(3, waits("little"))
	line.put(3, waits("little, again"))
	got := map[int][]string{}
	for range 6 {
		seat, m := line.take(t.Context())
		got[seat] = append(got[seat], string(m.Data))
		line.served(seat)
	}
	if want := "map[3:[little little, again] 7:[much 0 much 1 much 2 much 3]]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOneIsServedNoMoreThanSoOftenAtATime(t *testing.T) {
	t.Parallel()
	line := newTurns(1<<20, 2)
	for range 5 {
		line.put(0, waits("x"))
	}
	for range 2 {
		if _, m := line.try(); m == nil {
			t.Fatal("nothing to serve")
		}
	}
	if _, m := line.try(); m != nil {
		t.Error("a third one is served beside two")
	}
	line.served(0)
	if _, m := line.try(); m == nil {
		t.Error("none is served after one was")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, m := line.take(ended); m != nil {
		t.Errorf("served after the end: %s", m.Data)
	}
}

// What is too much is taken from who sent most, the newest first.
func TestTooMuchIsWhoseItIs(t *testing.T) {
	t.Parallel()
	line := newTurns(10*cost(waits("x")), 1)
	for i := range 9 {
		if over := line.put(1, waits(fmt.Sprint(i))); over != nil {
			t.Fatalf("%d is over", i)
		}
	}
	for i := range 3 {
		over := line.put(2, waits("x"))
		if i > 0 && (len(over) != 1 || string(over[0].Data) != fmt.Sprint(9-i)) {
			t.Errorf("over: %v", over)
		}
	}
}
