package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/topic"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

const (
	// clocksApart is how far the clocks of the bus and of this machine may be apart.
	clocksApart = 2 * time.Second
	// nearlyFull is the share of a limit, in percent, from which on it is worth a word.
	nearlyFull = 90
	// headerExpectedStream makes the server refuse a message that another stream would take.
)

// Examine implements bus.Examiner.
func (s *Store) Examine(ctx context.Context) []bus.Finding { return examination{s}.run(ctx) }

// An examination is one look at everything. It changes nothing.
type examination struct{ *Store }

func (x examination) run(ctx context.Context) []bus.Finding {
	findings := []bus.Finding{x.examineConnection()}
	if findings[0].Verdict == bus.Fault {
		return findings
	}
	findings = append(findings, x.examineAccount(ctx))
	var clock *bus.Finding
	for _, want := range x.shapes(nil) {
		want.Subjects = x.needed(want)
		sent := time.Now()
		info, err := want.link.Info(ctx, want.Name)
		if err == nil && clock == nil {
			f := examineClock(sent, time.Now(), info.TimeStamp)
			clock = &f
		}
		findings = append(findings, x.examineStream(&want, info, err))
	}
	if clock != nil {
		findings = append(findings, *clock)
	}
	findings = append(findings, x.examineFollowed(ctx)...)
	findings = append(findings, x.examineCompany(ctx)...)
	return append(findings, x.examineRights(ctx)...)
}

// needed are the subjects that a stream must take; the event stream's depend on what others
// take.
func (x examination) needed(w shape) []string {
	if w.role == forEvents {
		return topic.Own(x.names.ns)
	}
	return w.Subjects
}

func (x examination) examineConnection() bus.Finding {
	nc, f := x.events.NC, bus.Finding{Subject: "connection", Verdict: bus.Fine}
	if nc.Status() != nats.CONNECTED {
		f.Verdict, f.Detail = bus.Fault, "not connected to NATS at "+servers(nc)
		f.Remedy = "see that a server of HOOKSPAN_BUS runs and can be reached from here"
		return f
	}
	f.Detail = fmt.Sprintf("server %s, version %s", nc.ConnectedServerName(), nc.ConnectedServerVersion())
	if cluster := nc.ConnectedClusterName(); cluster != "" {
		f.Detail += ", cluster " + cluster
	}
	if _, err := nc.TLSConnectionState(); err == nil {
		f.Detail += ", TLS"
	} else {
		f.Detail += ", no TLS"
	}
	if rtt, err := nc.RTT(); err == nil {
		f.Detail += ", round trip " + rtt.Round(10*time.Microsecond).String()
	}
	return f
}

func (x examination) examineAccount(ctx context.Context) bus.Finding {
	f := bus.Finding{Subject: "JetStream", Verdict: bus.Fine}
	var account jetstream.AccountInfo
	if err := x.events.Request(ctx, "INFO", struct{}{}, &account); err != nil {
		f.Verdict, f.Detail, f.Remedy = bus.Fault, err.Error(), "enable JetStream for the account"
		return f
	}
	limit := func(name string, used, most int64) {
		if most <= 0 {
			return
		}
		f.Detail += fmt.Sprintf(", %s %d of %d", name, used, most)
		if float64(used)*100 >= float64(most)*nearlyFull {
			f.Verdict, f.Remedy = bus.Warning, "raise the account's limits"
		}
	}
	f.Detail = "enabled"
	if account.Domain != "" {
		f.Detail += ", domain " + account.Domain
	}
	limit("streams", int64(account.Streams), int64(account.Limits.MaxStreams))
	limit("stored bytes", int64(account.Store), account.Limits.MaxStore)
	for name, tier := range account.Tiers {
		limit(name+" streams", int64(tier.Streams), int64(tier.Limits.MaxStreams))
		limit(name+" stored bytes", int64(tier.Store), tier.Limits.MaxStore)
	}
	return f
}

// examineClock compares the bus's clock, as an answer tells it, with ours in the middle
// between request and answer.
func examineClock(sent, came, theirs time.Time) bus.Finding {
	f := bus.Finding{Subject: "clock", Verdict: bus.Fine}
	apart := theirs.Sub(sent.Add(came.Sub(sent) / 2))
	f.Detail = fmt.Sprintf("the bus's is %v from ours", apart.Round(time.Millisecond))
	if apart.Abs() > clocksApart {
		f.Verdict, f.Remedy = bus.Warning, "let all machines keep time by NTP"
	}
	return f
}

func (x examination) examineStream(want *shape, info *jetstream.StreamInfo, err error) bus.Finding {
	f := bus.Finding{Subject: "stream " + want.Name, Verdict: bus.Fine}
	var unsuitable *unsuitableError
	switch {
	case errors.Is(err, link.ErrNoStream) && want.renewable(x.names):
		f.Verdict, f.Detail, f.Remedy = bus.Fault, "it is missing", "a server that runs creates it within seconds: look at its log"
		return f
	case errors.Is(err, link.ErrNoStream):
		f.Verdict, f.Detail, f.Remedy = bus.Fault, "it is missing, and with it what was pending and for whom", "restore it from a backup"
		return f
	case err != nil:
		f.Verdict, f.Detail, f.Remedy = bus.Fault, err.Error(), "see that the servers that hold it run"
		return f
	case errors.As(want.suitable(info.Config, want.link.NC.MaxPayload()), &unsuitable):
		f.Verdict, f.Detail, f.Remedy = bus.Fault, unsuitable.flaws[0].wrong, unsuitable.flaws[0].remedy
		return f
	}
	c := info.Config
	f.Detail = fmt.Sprintf("%d messages, %d bytes, %s storage", info.State.Msgs, info.State.Bytes, strings.ToLower(c.Storage.String()))
	if c.MaxAge > 0 {
		f.Detail += ", kept " + c.MaxAge.String()
	}
	if c.MaxBytes > 0 {
		f.Detail += fmt.Sprintf(" up to %d bytes", c.MaxBytes)
	}
	x.examineCopies(&f, info)
	switch used := int64(info.State.Bytes); {
	case f.Verdict != bus.Fine:
	case c.Storage == jetstream.MemoryStorage:
		f.Verdict, f.Remedy = bus.Warning, "what it holds is gone when its servers stop: use file storage"
	case want.role == forEvents && c.MaxBytes > 0 && used > c.MaxBytes/100*nearlyFull:
		f.Verdict, f.Remedy = bus.Warning, "it is nearly full: nats stream edit "+c.Name+" --max-bytes=…"
	case want.role == forEvents && c.MaxAge > 0 && c.MaxAge < x.o.Retention:
		f.Verdict, f.Remedy = bus.Warning, fmt.Sprintf("events go sooner than HOOKSPAN_RETENTION, %v, says: nats stream edit %s --max-age=…", x.o.Retention, c.Name)
	}
	return f
}

// examineCopies is about leader and replicas of a stream in a cluster.
func (x examination) examineCopies(f *bus.Finding, info *jetstream.StreamInfo) {
	c := info.Cluster
	if !link.Clustered(c) {
		return
	}
	f.Detail += fmt.Sprintf(", leader %s, %d copies", c.Leader, info.Config.Replicas)
	if info.Config.Replicas == 1 {
		f.Verdict = bus.Warning
		f.Remedy = "one copy is lost with its server: with three servers or more, nats stream edit " + info.Config.Name + " --replicas=3"
	}
	for _, r := range c.Replicas {
		if r.Offline || !r.Current {
			f.Detail += ", the one on " + r.Name + " is behind or away"
			f.Verdict, f.Remedy = bus.Warning, "see that server "+r.Name+" runs and is connected to the others"
		}
	}
}

// examineFollowed is about streams of others that hold followed topics.
func (x examination) examineFollowed(ctx context.Context) (findings []bus.Finding) {
	holders, err := x.holders(ctx, x.o.Topics)
	if err != nil {
		return []bus.Finding{{Subject: "followed topics", Verdict: bus.Fault, Detail: err.Error()}}
	}
	for _, holder := range holders {
		stream := holder.Config.Name
		if stream == x.names.events {
			continue
		}
		f := bus.Finding{Subject: "stream " + stream, Verdict: bus.Fine, Detail: "followed as it is"}
		info, err := x.reads.Info(ctx, stream)
		if err == nil {
			err = link.Readable(info.Config)
		}
		if err != nil {
			f.Verdict, f.Detail = bus.Fault, err.Error()
		}
		findings = append(findings, f)
	}
	return findings
}

// examineRights tries what Hookspan does in forms that change nothing: messages for a stream
// that does not exist, purges of nothing, and consumers that are no consumers.
func (x examination) examineRights(ctx context.Context) []bus.Finding {
	var denied []bus.Finding
	note := func(err error) {
		var d *link.DeniedError
		if errors.As(err, &d) {
			denied = append(denied, bus.Finding{Subject: "rights", Verdict: bus.Fault, Detail: "may not " + d.Verb + " " + d.Subject, Remedy: "grant the user that right"})
		}
	}
	ns := x.names.ns
	for _, name := range append(topic.Own(ns), x.names.prefix+".rights") {
		note(x.events.TryPublish(ctx, name))
	}
	for _, subject := range []string{ns + ".state.0", ns + ".registry", ns + ".commands", ns + ".journal.0", ns + ".refusals"} {
		note(x.private.TryPublish(ctx, subject))
	}
	for _, stream := range []string{x.names.state, x.names.registry, x.names.events} {
		l := x.private
		if stream == x.names.events {
			l = x.events
		}
		var answer json.RawMessage
		note(l.Request(ctx, "STREAM.PURGE."+stream, map[string]any{"filter": ns + ".rights", "seq": 1}, &answer))
		note(l.Request(ctx, "CONSUMER.CREATE."+stream+".rights", map[string]any{"stream_name": "", "config": map[string]any{}}, &answer))
	}
	if len(denied) > 0 {
		return denied
	}
	return []bus.Finding{{Subject: "rights", Verdict: bus.Fine, Detail: "publish, read, purge"}}
}

var _ bus.Examiner = (*Store)(nil)
