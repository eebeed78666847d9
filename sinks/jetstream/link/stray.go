package link

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/nats-io/nats.go"
)

const (
	probeEvery   = 2 * time.Second
	probeTimeout = time.Second
	// CutOffAfter is how long a server may know of no leader: longer than an election takes.
	CutOffAfter = 10 * time.Second
	// moveMost is the longest pause between two moves that did not help.
	moveMost = time.Minute
)

// A drover moves a link to another server when the one that it is connected to is cut off from
// its cluster. Such a server keeps its clients, so nothing else would end the connection: but
// nothing that they ask for has an answer.
type drover struct {
	link   *Link
	stream string // ours, with a leader of its own
	log    *slog.Logger
	after  time.Duration // of silence

	silent   time.Time // since then; zero: it answers
	server   string    // that is silent
	patience time.Duration
}

// LeaveCutOff has a connection leave a server that is cut off from its cluster, until ctx ends. A
// server that reaches it has a leader for the stream, or knows that there is none; after is how
// long one may not.
func (l *Link) LeaveCutOff(ctx context.Context, stream string, after time.Duration, log *slog.Logger) {
	d := &drover{link: l, stream: stream, log: log, after: after}
	d.run(ctx)
}

// run looks until ctx ends.
func (d *drover) run(ctx context.Context) {
	d.patience = d.after
	t := time.NewTicker(min(probeEvery, d.after/2))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			d.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (d *drover) look(ctx context.Context) {
	nc := d.link.NC
	if nc.Status() != nats.CONNECTED || nc.ConnectedClusterName() == "" {
		d.silent = time.Time{}
		return
	}
	if d.reaches(ctx) {
		d.silent, d.patience = time.Time{}, d.after
		return
	}
	if server := nc.ConnectedServerName(); d.silent.IsZero() || server != d.server {
		d.silent, d.server = time.Now(), server
		return
	}
	if time.Since(d.silent) < d.patience || ctx.Err() != nil {
		return
	}
	d.log.Warn("the NATS server is cut off from its cluster, moving to another one", "connection", nc.Opts.Name,
		"server", d.server, logline.Took(time.Since(d.silent)))
	d.silent, d.patience = time.Time{}, min(2*d.patience, moveMost)
	if err := nc.ForceReconnect(); err != nil {
		d.log.Warn("connection to NATS", "connection", nc.Opts.Name, "error", err)
	}
}

// reaches reports whether a leader answers: that of the cluster or, while a new one is elected,
// that of our stream.
func (d *drover) reaches(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*probeTimeout)
	defer cancel()
	var names struct {
		Total int `json:"total"`
	}
	ask := struct {
		Subject string `json:"subject"`
	}{d.stream}
	err := d.link.RequestWithin(ctx, probeTimeout, "STREAM.NAMES", ask, &names)
	var denied *DeniedError
	if err == nil || errors.As(err, &denied) {
		return true
	}
	_, err = d.link.Info(ctx, d.stream)
	return err == nil || errors.Is(err, ErrNoStream)
}
