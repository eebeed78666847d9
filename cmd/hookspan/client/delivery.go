package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A deliveryView is a delivery as the admin API shows it.
type deliveryView struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	Name     string `json:"endpoint_name"`
	Event    struct {
		ID      string `json:"id"`
		Source  string `json:"source"`
		Type    string `json:"type"`
		Subject string `json:"subject"`
		Topic   string `json:"topic"`
		Tenant  string `json:"tenant"`
	} `json:"event"`
	Status      string    `json:"status"`
	Reason      string    `json:"reason"`
	Detail      string    `json:"detail"`
	Attempts    []attempt `json:"attempts"`
	NextAttempt time.Time `json:"next_attempt"`
	Waits       string    `json:"waits"` // for what, while it is pending
	Until       time.Time `json:"until"`
	Created     time.Time `json:"created"`
}

// write prints it with all that is known of its attempts.
func (d *deliveryView) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %s", cli.Plain(d.ID), cli.Plain(d.standing()))
	if d.Reason != "" {
		fmt.Fprintf(w, " (%s)", cli.Plain(d.ending()))
	}
	fmt.Fprintf(w, "\n%s  %s  from %s\nto %s, since %s\n", cli.Plain(d.Event.Type), cli.Plain(d.Event.ID), cli.Plain(d.Event.Source), cli.Plain(cmp.Or(d.Name, d.Endpoint)), clock(d.Created))
	if d.Event.Tenant != "" {
		fmt.Fprintf(w, "of tenant %s\n", cli.Plain(d.Event.Tenant))
	}
	if len(d.Attempts) > 0 {
		fmt.Fprintln(w)
		writeTimes(w, d.Attempts)
	}
	for i := range d.Attempts {
		d.Attempts[i].write(w)
	}
	if len(d.Attempts) > 0 {
		fmt.Fprintln(w)
	}
	if !d.NextAttempt.IsZero() {
		fmt.Fprintf(w, "  next attempt  %s\n", clock(d.NextAttempt))
	}
	if !d.Until.IsZero() {
		fmt.Fprintf(w, "  waits  %s, until %s\n", cli.Plain(d.Waits), clock(d.Until))
	}
}

// standing is the status, and for what a delivery waits.
func (d *deliveryView) standing() string {
	if d.Waits != "" {
		return d.Status + " (" + d.Waits + ")"
	}
	return d.Status
}

// next is when something is going to happen, as far as known.
func (d *deliveryView) next() time.Time {
	if d.NextAttempt.IsZero() {
		return d.Until
	}
	return d.NextAttempt
}

// why says in words why it is not delivered: why it ended, and why its last attempt failed.
func (d *deliveryView) why() string {
	var parts []string
	if d.Reason != "" {
		parts = append(parts, d.ending())
	}
	if n := len(d.Attempts); n > 0 && d.Attempts[n-1].Reason != "" {
		parts = append(parts, d.Attempts[n-1].outcome())
	}
	return strings.Join(parts, "; ")
}

// ending is why it ended, in words where there are some.
func (d *deliveryView) ending() string {
	if d.Detail != "" {
		return d.Reason + ": " + d.Detail
	}
	return d.Reason
}

// writeBehind names an endpoint that has not come to an event yet.
func writeBehind(t *cli.Terminal, item json.RawMessage) error {
	if t.JSON {
		return t.Line(map[string]json.RawMessage{"behind": item})
	}
	var b struct {
		Endpoint string    `json:"endpoint"`
		Name     string    `json:"endpoint_name"`
		Since    time.Time `json:"since"`
		Oldest   time.Time `json:"oldest"`
		Events   int64     `json:"events"`
		About    bool      `json:"about"`
		Waits    string    `json:"waits"`
		Unknown  string    `json:"unknown"`
	}
	if err := json.Unmarshal(item, &b); err != nil {
		return fmt.Errorf("decode what is behind: %w", err)
	}
	name := cmp.Or(b.Name, b.Endpoint)
	text := fmt.Sprintf("%s has not come to it yet (%s): %d events wait", name, cmp.Or(b.Waits, "behind"), b.Events)
	switch {
	case b.Unknown != "":
		text = fmt.Sprintf("%s may not have come to it yet: %s", name, b.Unknown)
	case b.About:
		text = fmt.Sprintf("%s has not come to it yet (%s): about %d events wait", name, cmp.Or(b.Waits, "behind"), b.Events)
	}
	if !b.Since.IsZero() {
		text += ", behind since " + clock(b.Since)
	}
	if !b.Oldest.IsZero() {
		text += ", the oldest from " + clock(b.Oldest)
	}
	_, err := fmt.Fprintln(t.Out, cli.Plain(text))
	return err
}
