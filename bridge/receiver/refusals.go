package receiver

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/ops"
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
	burstQueue       = 16
	traceTime        = 5 * time.Second
)

// A RefusalLog keeps refusals, bounded in size and age. data is the JSON of one Refusal.
type RefusalLog interface {
	AppendRefusal(ctx context.Context, data []byte) error
}

// A trail is what requests that are not taken leave behind: lines in the log, and refusals.
type trail struct {
	kept    RefusalLog                             // nil: refusals are logged only
	queue   chan Refusal                           // sent by keep without waiting, received by run; never closed
	teller  *ops.Teller                            // nil: operators are not told of bursts
	bursts  chan *event.Event                      // sent by tell without waiting, received by run; never closed
	strange *valve                                 // of requests that no source is meant by
	likely  func(v Verifier, h http.Header) string // nil: nobody knows other providers
	proxies proxies
	log     *slog.Logger
	metrics *metrics
}

// leave logs a request that was not taken and hands a refusal to run for the log of refusals.
// It never waits, so neither a flood nor a bus that is down can slow an answer.
func (l *trail) leave(x *exchange, f *fault) {
	s := x.source
	if f.code == problem.Refused {
		l.tell(s.burst.add(s.Name, f.reason, time.Now()))
	}
	missed, ok := s.traces.admit()
	if !ok {
		l.metrics.suppressed.Inc()
		return
	}
	refusal := l.refusal(x, f, f.problem(s).Status, missed)
	message := "request not taken"
	if f.reason != "" {
		message = "request refused"
	}
	l.log.LogAttrs(x.q.Context(), slog.LevelWarn, message,
		slog.String("source", s.Name), slog.String("code", string(f.code)), slog.String("reason", string(f.reason)),
		slog.String("detail", refusal.Detail), slog.Int("status", refusal.Status), slog.String("remote", refusal.Remote), logline.Suppressed(missed))
	if f.reason != "" {
		l.keep(refusal, s.traces)
	}
}

// observed keeps the refusal of a request that was taken all the same.
func (l *trail) observed(x *exchange, f *fault) {
	missed, ok := x.source.traces.admit()
	if !ok {
		l.metrics.suppressed.Inc()
		return
	}
	l.keep(l.refusal(x, f, x.source.success.Status, missed), x.source.traces)
}

func (l *trail) refusal(x *exchange, f *fault, status int, missed int64) Refusal {
	return Refusal{
		Time: x.began.UTC(), Source: x.source.Name, Reason: f.reason, Detail: l.detail(x, f), Status: status,
		Method: cut(x.q.Method, 16), Remote: l.proxies.remote(x.q), Size: max(x.q.ContentLength, int64(len(x.body.bytes))), Suppressed: missed,
	}
}

// mistaken are the reasons of requests that may have come to the wrong source.
var mistaken = []provider.Reason{provider.NoSignature, provider.BadSignature, provider.Token, provider.Decryption, provider.Challenge}

// detail is what was compared, and whose request it looks like where that is another provider's.
func (l *trail) detail(x *exchange, f *fault) string {
	if l.likely == nil || f.code != problem.Refused || !slices.Contains(mistaken, f.reason) {
		return cut(f.detail, maxDetail)
	}
	hint := l.likely(x.source.verifier, x.q.Header)
	if hint == "" {
		return cut(f.detail, maxDetail)
	}
	hint = "; " + cut(hint, maxDetail/2)
	return cut(f.detail, maxDetail-len(hint)) + hint
}

// unknown answers a request that no source is meant by. Its trace says what may have been meant:
// the first mistake that people make is in the URL.
func (l *trail) unknown(w http.ResponseWriter, q *http.Request, sources *intakes) {
	l.metrics.unknown.Inc()
	answer := problem.New(problem.UnknownSource)
	problem.Write(w, answer)
	missed, ok := l.strange.admit()
	if !ok {
		l.metrics.suppressed.Inc()
		return
	}
	refusal := Refusal{
		Time: time.Now().UTC(), Reason: provider.UnknownSource, Detail: sources.meant(cut(q.URL.Path, 200)), Status: answer.Status,
		Method: cut(q.Method, 16), Remote: l.proxies.remote(q), Size: max(q.ContentLength, 0), Suppressed: missed,
	}
	l.log.LogAttrs(q.Context(), slog.LevelWarn, "request for no source", slog.String("detail", refusal.Detail),
		slog.String("method", refusal.Method), slog.Int("status", refusal.Status), slog.String("remote", refusal.Remote), logline.Suppressed(missed))
	l.keep(refusal, l.strange)
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

// keep hands a refusal to run. It never waits.
func (l *trail) keep(refusal Refusal, v *valve) {
	select {
	case l.queue <- refusal:
	default:
		v.missed.Add(1)
		l.metrics.suppressed.Inc()
	}
}

// tell hands what operators are to hear of to run. It never waits: a burst that cannot be told now is
// in the log of refusals.
func (l *trail) tell(e *event.Event) {
	if e == nil || l.teller == nil {
		return
	}
	select {
	case l.bursts <- e:
	default:
	}
}

// run writes refusals to their log until ctx ends, then what is still queued, for at
// most a few seconds. Refusals are a convenience: what cannot be written stops nothing.
func (l *trail) run(ctx context.Context) {
	for {
		select {
		case refusal := <-l.queue:
			l.write(context.WithoutCancel(ctx), refusal)
		case e := <-l.bursts:
			l.publish(context.WithoutCancel(ctx), e)
		case <-ctx.Done():
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceTime)
			defer cancel()
			for ending.Err() == nil {
				select {
				case refusal := <-l.queue:
					l.write(ending, refusal)
				case e := <-l.bursts:
					l.publish(ending, e)
				default:
					return
				}
			}
			return
		}
	}
}

func (l *trail) write(ctx context.Context, refusal Refusal) {
	if l.kept == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, traceTime)
	defer cancel()
	data, err := json.Marshal(refusal)
	if err == nil {
		err = l.kept.AppendRefusal(ctx, data)
	}
	if err != nil {
		l.metrics.suppressed.Inc()
		l.log.LogAttrs(ctx, slog.LevelWarn, "refusal not kept", slog.String("source", refusal.Source), slog.Any("error", err))
	}
}

func (l *trail) publish(ctx context.Context, e *event.Event) {
	ctx, cancel := context.WithTimeout(ctx, traceTime)
	defer cancel()
	l.log.LogAttrs(ctx, slog.LevelWarn, "burst of refusals", slog.String("subject", e.Subject))
	if err := l.teller.Tell(ctx, e); err != nil {
		l.log.LogAttrs(ctx, slog.LevelWarn, "operations event not published", slog.String("type", e.Type), slog.String("subject", e.Subject), slog.Any("error", err))
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
