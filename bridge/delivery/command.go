package delivery

import (
	"encoding/json"
	"fmt"

	"github.com/hookspan/hookspan/bridge/bus"
)

// commandVersion is the format of commands.
const commandVersion = 1

// A Command asks the owner of an endpoint's shard to do something with a delivery, or with the
// endpoint. It is a record of the commands' log: durable before it is answered, and acted on once.
type Command struct {
	Version int         `json:"v"`
	Kind    CommandKind `json:"k"`
	// Entry names the delivery. Number is that of its next attempt, so that one which has
	// ended can be taken up again. A command about an endpoint names nothing but that.
	Entry    Entry `json:"e"`
	Revision int64 `json:"rev"` // of the registry, as the author saw it
}

// CommandKind is a closed set.
type CommandKind string

// The kinds of commands.
const (
	RetryNow CommandKind = "retry"
	EndHold  CommandKind = "end_hold" // what the endpoint asked for binds nobody any more
)

// Encode is the command's record.
func (c Command) Encode() ([]byte, error) {
	c.Version = commandVersion
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
	switch c.Kind {
	case RetryNow, EndHold:
	default: // who took it for none would count it as acted on
		return c, fmt.Errorf("command of kind %q: %w", c.Kind, bus.ErrNewerFormat)
	}
	return c, nil
}
