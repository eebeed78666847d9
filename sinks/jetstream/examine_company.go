package jetstream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// Requests that the system account answers about one's own.
const (
	askConnections = "$SYS.REQ.ACCOUNT.PING.CONNZ"
	askUser        = "$SYS.REQ.USER.INFO"
)

// ownConnections begin the names of connections of Hookspan.
const ownConnections = "hookspan "

// others may, unless their rights deny it, do what nobody but Hookspan should.
const othersMay = "purge, change and delete its streams, pause, change and starve the consumers that it reads through, " +
	"read and forge acknowledgements, and use up message ids"

// examineCompany is about the other users of the account. On an embedded server there are none.
func (x examination) examineCompany(ctx context.Context) []bus.Finding {
	if x.o.Disk != nil {
		return nil
	}
	f := bus.Finding{Subject: "other users of the account", Verdict: bus.Fine}
	others, err := x.company(ctx)
	switch {
	case err != nil:
		f.Detail = "cannot be listed (" + err.Error() + "); whoever else may log in there may " + othersMay + ", unless the rights of that user deny it"
		f.Verdict, f.Remedy = bus.Warning, "see that Hookspan has an account of its own (README, Accounts), and grant its user "+askConnections
	case len(others) > 0:
		f.Detail = fmt.Sprintf("%d are connected (%s); they may %s, unless their rights deny it", len(others), strings.Join(named(others), ", "), othersMay)
		f.Verdict, f.Remedy = bus.Warning, "give Hookspan an account of its own and export what others need (README, Accounts)"
	default:
		f.Detail = "none is connected" + x.account(ctx)
	}
	return append([]bus.Finding{f}, x.examineDoors(ctx)...)
}

// named are a few of them.
func named(others []string) []string {
	const few = 5
	slices.Sort(others)
	others = slices.Compact(others)
	if len(others) > few {
		return append(others[:few:few], "…")
	}
	return others
}

// account is the name of the one that we are in.
func (x examination) account(ctx context.Context) string {
	var answer struct {
		Data struct {
			Account string `json:"account"`
		} `json:"data"`
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := x.events.NC.RequestWithContext(ctx, askUser, nil)
	if err != nil || json.Unmarshal(m.Data, &answer) != nil || answer.Data.Account == "" {
		return ""
	}
	return " to account " + answer.Data.Account
}

// company are the connections of the account that are not ours, by name. Every server answers.
func (x examination) company(ctx context.Context) ([]string, error) {
	const silence = 300 * time.Millisecond // of servers that might still answer
	nc := x.events.NC
	sub, err := nc.SubscribeSync(link.NewInbox(nc))
	if err != nil {
		return nil, link.Unavailable(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	ctx, done := x.events.Permitted(ctx, askConnections)
	defer done()
	if err := nc.PublishRequest(askConnections, sub.Subject, nil); err != nil {
		return nil, link.Unavailable(err)
	}
	var others []string
	for answers := 0; ; answers++ {
		patience := silence
		if answers == 0 {
			patience = link.RequestTimeout
		}
		one, cancel := context.WithTimeout(ctx, patience)
		m, err := sub.NextMsgWithContext(one)
		cancel()
		if err != nil && answers > 0 {
			return others, nil
		}
		if err = link.Why(ctx, err); err != nil {
			return nil, err
		}
		list, err := connections(m)
		if err != nil {
			return nil, err
		}
		others = append(others, list...)
	}
}

func connections(m *nats.Msg) (others []string, err error) {
	if m.Header.Get("Status") == "503" {
		return nil, nats.ErrNoResponders
	}
	var answer struct {
		Data struct {
			Connections []struct {
				Name string `json:"name"`
				Kind string `json:"kind"`
				CID  uint64 `json:"cid"`
			} `json:"connections"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return nil, fmt.Errorf("read the account's connections: %w", err)
	}
	for _, c := range answer.Data.Connections {
		if strings.HasPrefix(c.Name, ownConnections) {
			continue
		}
		if c.Name == "" {
			c.Name = fmt.Sprintf("connection %d", c.CID)
		}
		others = append(others, c.Name)
	}
	return others, nil
}

// examineDoors is about what streams let a publisher do to them by a header.
func (x examination) examineDoors(ctx context.Context) (findings []bus.Finding) {
	for _, want := range x.shapes(nil) {
		info, err := want.link.Info(ctx, want.Name)
		if err != nil {
			continue // told before
		}
		var open []string
		for _, door := range []struct {
			open bool
			what string
		}{
			{info.Config.AllowRollup, "purge it by Nats-Rollup (allow_rollup_hdrs)"},
			{info.Config.AllowMsgTTL, "have messages vanish by Nats-TTL (allow_msg_ttl)"},
			{info.Config.AllowMsgSchedules, "delay messages by Nats-Schedule (allow_msg_schedules)"},
			{info.Config.AllowDirect, "have the server send what it holds to any subject (allow_direct)"},
			{info.Config.RePublish != nil, "have it published again elsewhere (republish)"},
		} {
			if door.open {
				open = append(open, door.what)
			}
		}
		if len(open) > 0 {
			findings = append(findings, bus.Finding{
				Subject: "stream " + want.Name + ", what others may do", Verdict: bus.Warning,
				Detail: "whoever may publish to it, or ask for it, can " + strings.Join(open, ", "),
				Remedy: "switch that off where the server lets you (nats stream edit " + want.Name + "), or make the stream anew without",
			})
		}
	}
	return findings
}
