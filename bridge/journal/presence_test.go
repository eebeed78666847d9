package journal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

func (p *tape) present(t *testing.T, shard int, all ...delivery.Presence) {
	t.Helper()
	data := delivery.NewBatch(0)
	for _, one := range all {
		data = delivery.AppendPresence(data, one)
	}
	if _, err := p.AppendJournal(t.Context(), shard, data); err != nil {
		t.Fatal(err)
	}
}

func presence(name string, after time.Duration, keys ...string) delivery.Presence {
	return delivery.Presence{Replica: name, At: noon.Add(after), Keys: keys}
}

func TestReplicasAreHeardOf(t *testing.T) {
	t.Parallel()
	p := newTape()
	left := presence("gone:1", time.Minute)
	left.Left = true
	p.write(t, 0, try(1, 1, delivery.Delivered))
	p.present(t, 0, presence("a:1", 0, "old"), presence("silent:1", -time.Hour, "old"), presence("gone:1", 0, "old"), left, presence("gone:1", 0, "old"))
	ix := journal.New(journal.Options{})
	if err := ix.Load(t.Context(), p, shards); err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		text := ""
		for _, one := range ix.Present(noon.Add(-time.Minute)) {
			text += fmt.Sprintf("%s %v ", one.Replica, one.Keys)
		}
		return text
	}
	if got := shown(); got != "a:1 [old] " {
		t.Errorf("of the tail: %s", got)
	}
	p.present(t, 1, presence("b:1", time.Second, "new"), presence("a:1", time.Minute, "new", "old"))
	p.write(t, 1, try(2, 1, delivery.Delivered))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- ix.Follow(ctx, p, shards) }()
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		if _, known := ix.Get("dlv_2"); known {
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := shown(); got != "a:1 [new old] b:1 [new] " {
		t.Errorf("of what was followed: %s", got)
	}
	for n := range 2000 {
		p.present(t, 2, presence(fmt.Sprintf("many:%d", n), time.Hour))
	}
	again := journal.New(journal.Options{})
	if err := again.Load(t.Context(), p, shards); err != nil {
		t.Fatal(err)
	}
	if n := len(again.Present(noon.Add(-time.Hour))); n > 1000 {
		t.Errorf("%d replicas are remembered", n)
	}
}
