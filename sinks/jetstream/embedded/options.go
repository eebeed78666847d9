package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Sync says what an acknowledgement of the bus waits for.
type Sync string

const (
	// Group waits for one sync of the store that all waiters share.
	Group Sync = "group"
	// Always has the server sync every message by itself.
	Always Sync = "always"
	// Lazy waits for nothing: a power cut loses up to the last 100 ms.
	Lazy Sync = "lazy"
)

const (
	// defaultMaxPayload holds a body of 1 MiB and its headers.
	defaultMaxPayload = 1<<20 + 64<<10
	// maxPayload is where nats-server's clients run into their pending limits.
	maxPayload = 64 << 20
	// syncInterval bounds what a power cut loses without a sync of ours.
	syncInterval = 100 * time.Millisecond
)

// Options configure the server. Dir is required; the zero value of the rest works.
type Options struct {
	Dir  string // the data folder; made when missing
	Sync Sync   // default Group

	Listen   string // host:port for NATS clients; empty: none
	User     string // of those clients; without user and password only loopback may listen
	Password string
	// Protect names the streams that those clients may read but not change or delete.
	Protect []string

	MaxStore   int64 // bytes of all streams; default 80 % of what is free or already stored
	Watermark  int64 // free bytes below which events are refused; default the smaller of 5 % and 256 MB
	MaxPayload int   // bytes of the largest message with its headers; default 1 MiB and 64 KiB

	Log    *slog.Logger                    // default: none
	Synced func(took time.Duration, n int) // told of every sync and of how many waited for it
}

// Validate reports the first option that cannot work, by its name.
func (o *Options) Validate() error {
	switch {
	case o.Dir == "":
		return errors.New("embedded bus: Dir is empty: name a data folder")
	case o.Sync != "" && o.Sync != Group && o.Sync != Always && o.Sync != Lazy:
		return fmt.Errorf("embedded bus: Sync %q: use group, always or lazy", o.Sync)
	case o.MaxStore < 0:
		return errors.New("embedded bus: MaxStore is negative")
	case o.Watermark < 0:
		return errors.New("embedded bus: Watermark is negative")
	case o.MaxPayload < 0 || o.MaxPayload > maxPayload:
		return fmt.Errorf("embedded bus: MaxPayload %d: the largest message may have %d bytes", o.MaxPayload, maxPayload)
	case (o.User == "") != (o.Password == ""):
		return errors.New("embedded bus: User and Password belong together: set both or none")
	}
	if o.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("embedded bus: Listen: %w", err)
	}
	if o.User == "" && !loopback(host) {
		return fmt.Errorf("embedded bus: Listen %q is not loopback: set User and Password, or listen on 127.0.0.1", o.Listen)
	}
	return nil
}

func (o *Options) withDefaults() {
	if o.Sync == "" {
		o.Sync = Group
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = defaultMaxPayload
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Synced == nil {
		o.Synced = func(time.Duration, int) {}
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
