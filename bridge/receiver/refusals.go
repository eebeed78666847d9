package receiver

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
)

// A Refusal is the trace that a refused request leaves: what GET /v1/refusals and
// `hookspan refusals` show. It never holds a secret or a body.
type Refusal struct {
	Time   time.Time       `json:"time"`
	Source string          `json:"source"`
	Reason provider.Reason `json:"reason"`
	Detail string          `json:"detail,omitempty"` // what was compared, in words
	Status int             `json:"status"`           // what the sender was answered
	Method string          `json:"method"`
	Remote string          `json:"remote,omitempty"`
	Size   int64           `json:"size"` // bytes of the body, as announced or else as read
	// Suppressed is how many refusals of the source before this one left no trace, because
	// there were more than 50 a second or the bus did not take them.
	Suppressed int64 `json:"suppressed,omitempty"`
}

const (
	tracesPerSecond  = 50 // of one source; anyone can cause refusals
	strangePerSecond = 5  // of requests that no source is meant by, all together
	maxDetail        = 512
	traceQueue       = 256
	traceTime        = 5 * time.Second
)

// A RefusalLog keeps refusals, bounded in size and age. data is the JSON of one Refusal.
type RefusalLog interface {
	AppendRefusal(ctx context.Context, data []byte) error
}

// trace logs a request that was not taken and hands a refusal to Run for the log of refusals.
// It never waits, so neither a flood nor a bus that is down can slow an answer.
func (r *Receiver) trace(x *exchange, f *fault) {
	s := x.source
	missed, ok := s.traces.admit()
	if !ok {
		r.metrics.suppressed.Inc()
		return
	}
	refusal := Refusal{
		Time: x.began.UTC(), Source: s.Name, Reason: f.reason, Detail: cut(f.detail, maxDetail), Status: f.problem(s).Status,
		Method: cut(x.q.Method, 16), Remote: r.proxies.remote(x.q), Size: max(x.q.ContentLength, int64(len(x.body.bytes))), Suppressed: missed,
	}
	message := "request not taken"
	if f.reason != "" {
		message = "request refused"
	}
	attrs := []slog.Attr{
		slog.String("source", s.Name), slog.String("code", string(f.code)), slog.String("reason", string(f.reason)),
		slog.String("detail", refusal.Detail), slog.Int("status", refusal.Status), slog.String("remote", refusal.Remote),
	}
	if refusal.Suppressed > 0 {
		attrs = append(attrs, slog.Int64("suppressed", refusal.Suppressed))
	}
	r.log.LogAttrs(x.q.Context(), slog.LevelWarn, message, attrs...)
	if f.reason != "" {
		r.keep(refusal, s.traces)
	}
}

// unknown answers a request that no source is meant by. Its trace says what may have been meant:
// the first mistake that people make is in the URL.
func (r *Receiver) unknown(w http.ResponseWriter, q *http.Request) {
	r.metrics.unknown.Inc()
	answer := problem.New(problem.UnknownSource)
	problem.Write(w, answer)
	missed, ok := r.strange.admit()
	if !ok {
		r.metrics.suppressed.Inc()
		return
	}
	refusal := Refusal{
		Time: time.Now().UTC(), Reason: provider.UnknownSource, Detail: r.intakes.Load().meant(cut(q.URL.Path, 200)), Status: answer.Status,
		Method: cut(q.Method, 16), Remote: r.proxies.remote(q), Size: max(q.ContentLength, 0), Suppressed: missed,
	}
	r.log.LogAttrs(q.Context(), slog.LevelWarn, "request for no source", slog.String("detail", refusal.Detail),
		slog.String("method", refusal.Method), slog.Int("status", refusal.Status), slog.String("remote", refusal.Remote), slog.Int64("suppressed", missed))
	r.keep(refusal, r.strange)
}

// meant says in words which source a path is likely to mean.
func (i *intakes) meant(path string) string {
	last := strings.ToLower(strings.TrimSpace(path))
	last = strings.TrimRight(last, "/")
	last = last[strings.LastIndexByte(last, '/')+1:]
	text := fmt.Sprintf("no source has the path %q", path)
	if i.named[last] != nil {
		text += fmt.Sprintf("; is %s meant?", Path+last)
	}
	return text
}

// keep hands a refusal to Run. It never waits.
func (r *Receiver) keep(refusal Refusal, v *valve) {
	select {
	case r.refusals <- refusal:
	default:
		v.missed.Add(1)
		r.metrics.suppressed.Inc()
	}
}

// keepRefusals writes refusals to their log until ctx ends, then what is still queued, for at
// most a few seconds. Refusals are a convenience: what cannot be written stops nothing.
func (r *Receiver) keepRefusals(ctx context.Context) {
	for {
		select {
		case refusal := <-r.refusals:
			r.writeRefusal(context.WithoutCancel(ctx), refusal)
		case <-ctx.Done():
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceTime)
			defer cancel()
			for ending.Err() == nil {
				select {
				case refusal := <-r.refusals:
					r.writeRefusal(ending, refusal)
				default:
					return
				}
			}
			return
		}
	}
}

func (r *Receiver) writeRefusal(ctx context.Context, refusal Refusal) {
	if r.refusalLog == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, traceTime)
	defer cancel()
	data, err := json.Marshal(refusal)
	if err == nil {
		err = r.refusalLog.AppendRefusal(ctx, data)
	}
	if err != nil {
		r.metrics.suppressed.Inc()
		r.log.LogAttrs(ctx, slog.LevelWarn, "refusal not kept", slog.String("source", refusal.Source), slog.Any("error", err))
	}
}

// ParseRefusal reads what a RefusalLog kept.
func ParseRefusal(data []byte) (Refusal, error) {
	var r Refusal
	if err := json.Unmarshal(data, &r); err != nil {
		return Refusal{}, fmt.Errorf("reading a refusal: %w", err)
	}
	return r, nil
}
