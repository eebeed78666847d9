package client

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	mostUnread        = 64 << 20
	fewLargest        = 4
	unreadLook        = 250 * time.Millisecond
	seatAccountPrefix = "SEAT_"
)

// limitUnread cuts off those that read slowest while too much waits for all of them, until ctx ends.
// The server bounds what waits for each alone.
func (d *Desk) limitUnread(ctx context.Context) {
	tick := time.NewTicker(unreadLook)
	defer tick.Stop()
	most := max(d.o.MostUnread, fewLargest*int(d.events.nc.MaxPayload()))
	var told time.Time
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		inner := d.o.Running()
		if inner == nil {
			continue
		}
		cut := 0
		for unread, sum := Unread(inner); sum > most && cut < len(unread); cut++ {
			sum -= unread[cut].Pending
			_ = inner.DisconnectClientByID(unread[cut].Cid) // it may have gone meanwhile
		}
		if now := time.Now(); cut > 0 && now.Sub(told) >= toldAgain {
			told = now
			d.o.Log.Warn("NATS clients that read slowly were cut off: too much waits for all of them", "connections", cut, "limit_bytes", most)
		}
	}
}

// Unread are the clients of a server for which something waits, the most first, and how many bytes
// that is in all.
func Unread(inner *server.Server) (clients []*server.ConnInfo, sum int) {
	all, err := inner.Connz(&server.ConnzOptions{Username: true, Sort: server.ByPending})
	if err != nil {
		return nil, 0
	}
	for _, c := range all.Conns {
		if c.Pending > 0 && strings.HasPrefix(c.Account, seatAccountPrefix) {
			clients = append(clients, c)
			sum += c.Pending
		}
	}
	return clients, sum
}
