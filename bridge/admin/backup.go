package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// downloadPause is how long whoever downloads a backup may take nothing.
const downloadPause = time.Minute

// backups are made one at a time: each reads every log of the installation.
type backups struct {
	make func(context.Context, backup.Since, io.Writer) error
	turn chan struct{} // one slot, taken by whoever downloads
	made *prometheus.CounterVec
}

func newBackups(write func(context.Context, backup.Since, io.Writer) error, into prometheus.Registerer) *backups {
	b := &backups{make: write, turn: make(chan struct{}, 1), made: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hookspan_backups_total", Help: "Backups that were asked for through the API, by outcome: complete or failed.",
	}, []string{"outcome"})}
	for _, outcome := range []string{"complete", "failed"} {
		b.made.WithLabelValues(outcome)
	}
	if into != nil {
		into.MustRegister(b.made)
	}
	return b
}

// download answers with a backup, as it is made. When that fails after the first byte the
// connection is broken off, and the backup has no end.
func (a *api) download(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "since")
	since, err := backup.ParseSince(q.text("since"))
	if err != nil {
		q.fault("since", err.Error())
	}
	if err := q.err(); err != nil {
		return err
	}
	select {
	case a.backups.turn <- struct{}{}:
		defer func() { <-a.backups.turn }()
	default:
		return problem.New(problem.Conflict).With("a backup is being made already: ask again when it is done")
	}
	to := &downloading{w: w, control: http.NewResponseController(w)}
	if err = a.backups.make(r.Context(), since, to); err == nil {
		a.backups.made.WithLabelValues("complete").Inc()
		return nil
	}
	a.backups.made.WithLabelValues("failed").Inc()
	switch {
	case to.begun:
		a.Log.Error("backup broke off", "error", err)
		panic(http.ErrAbortHandler)
	case errors.Is(err, statelog.ErrDamaged):
		return problem.New(problem.Conflict).With(err.Error())
	}
	return err
}

// downloading is an answer that takes as long as it takes, as long as somebody takes it.
type downloading struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (d *downloading) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		h := d.w.Header()
		h.Set("Content-Type", "application/gzip")
		h.Set("Content-Disposition", `attachment; filename="hookspan.backup"`)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		_ = d.control.SetReadDeadline(time.Time{}) // the request was read; a writer that has no deadlines needs none lifted
	}
	_ = d.control.SetWriteDeadline(time.Now().Add(downloadPause))
	return d.w.Write(p)
}
