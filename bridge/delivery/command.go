package delivery

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
)

// commandVersion is the format of commands. One that says no more than the format before could is
// written in that, so that replicas of the version before act on it.
const commandVersion = 2

// commandBytes bounds the record of a command, about: well under any bus's largest message.
const commandBytes = 192 << 10

// A Command asks the owners of endpoints' shards to do something with deliveries, or with an
// endpoint. It is a record of the commands' log: durable before it is answered, and acted on once.
type Command struct {
	Version int         `json:"v"`
	Kind    CommandKind `json:"k"`
	// Entry names the delivery. Number is that of its next attempt, so that one which has
	// ended can be taken up again. A command about an endpoint names nothing but that.
	Entry Entry `json:"e"`
	// Entries are instead of Entry where the same is asked of many deliveries.
	Entries []Entry `json:"es,omitempty"`
	// Replay is the one that begins. Others are named by an entry's.
	Replay   *Replay `json:"rp,omitempty"`
	Revision int64   `json:"rev"` // of the registry, as the author saw it
}

// CommandKind is a closed set.
type CommandKind string

// The kinds of commands.
const (
	RetryNow CommandKind = "retry"
	Cancel   CommandKind = "cancel"   // a delivery that waits ends; one that runs gets no further attempt
	EndHold  CommandKind = "end_hold" // what the endpoint asked for binds nobody any more
	Drain    CommandKind = "drain"    // all that waits for the endpoint is cancelled, what its readers have still to bring too

	StartReplay  CommandKind = "replay" // a replay begins, or gets more of its deliveries
	PauseReplay  CommandKind = "replay_pause"
	ResumeReplay CommandKind = "replay_resume"
	CancelReplay CommandKind = "replay_cancel"
)

// CommandKinds lists the closed set.
func CommandKinds() []CommandKind {
	return []CommandKind{RetryNow, Cancel, EndHold, Drain, StartReplay, PauseReplay, ResumeReplay, CancelReplay}
}

// All are the deliveries, or the endpoint, that the command is about.
func (c *Command) All() []Entry {
	if len(c.Entries) == 0 && c.Replay == nil {
		return []Entry{c.Entry}
	}
	return c.Entries
}

// Split is the command as one or more, each of which fits a record. A replay comes before its
// deliveries.
func (c Command) Split() []Command {
	if len(c.Entries) == 0 {
		return []Command{c}
	}
	var parts []Command
	if c.Replay != nil {
		begin := c
		begin.Entries = nil
		parts, c.Replay = append(parts, begin), nil
	}
	for left := c.Entries; len(left) > 0; {
		n := 0
		for size := 0; n < len(left) && size < commandBytes; n++ {
			e := &left[n]
			size += 400 + len(e.Event.ID) + len(e.Event.Source) + len(e.Event.Type) + len(e.Event.Subject) + len(e.Event.Topic)
		}
		part := c
		part.Entries, left = left[:n], left[n:]
		parts = append(parts, part)
	}
	return parts
}

// Encode is the command's record.
func (c Command) Encode() ([]byte, error) {
	c.Version = commandVersion
	if len(c.Entries) == 0 && c.Replay == nil {
		c.Version = 1
	}
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a command: %w", err)
	}
	return data, nil
}

// DecodeCommand reads a record of the commands' log. One of a newer version is
// bus.ErrNewerFormat.
func DecodeCommand(data []byte) (Command, error) {
	var c Command
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("decode a command: %w", err)
	}
	if c.Version > commandVersion {
		return c, fmt.Errorf("command of format %d: %w", c.Version, bus.ErrNewerFormat)
	}
	if !slices.Contains(CommandKinds(), c.Kind) { // who took it for none would count it as acted on
		return c, fmt.Errorf("command of kind %q: %w", c.Kind, bus.ErrNewerFormat)
	}
	c.Entry.Event.shorten()
	for i := range c.Entries {
		c.Entries[i].Event.shorten()
	}
	return c, nil
}
