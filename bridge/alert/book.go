package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/hookspan/hookspan/bridge/bus"
)

// version is the format of the records.
const version = 1

// trimEvery is how many records the log may have before those in front of the last one go.
const trimEvery = 50

// A book is the log of what was mailed and what was not. Each record is all of it.
type book struct {
	mu       sync.Mutex
	chain    *bus.Chain
	raw      []byte // the last record that was read or written; nil: there is none
	now      *state // of raw
	doubtful bool   // there may be newer ones, or now is not of raw
	records  int    // since the last trim
}

func newBook(logs bus.Logs) *book {
	return &book{chain: bus.NewChain(logs, bus.LogName{Kind: bus.Alerts}), doubtful: true}
}

// doubt has the log read before it is used again.
func (b *book) doubt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doubtful = true
}

// change edits the state and returns once that is durable. edit may be called again, with what
// another process has written meanwhile; where it returns false it has changed nothing, and nothing is
// written.
func (b *book) change(ctx context.Context, edit func(*state) bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if err := b.read(ctx); err != nil {
			return fmt.Errorf("read what was mailed: %w", err)
		}
		if !edit(b.now) {
			return nil
		}
		b.doubtful = true
		data, err := encode(b.now)
		if err != nil {
			return err
		}
		pos, err := b.chain.Append(ctx, data)
		if errors.Is(err, bus.ErrSuperseded) {
			continue
		}
		if err != nil {
			return fmt.Errorf("write down what was mailed: %w", err)
		}
		b.raw, b.doubtful = data, false
		if b.records++; b.records >= trimEvery && b.chain.Trim(ctx, pos) == nil { // else the next time
			b.records = 0
		}
		return nil
	}
}

// places are up to where events were taken in.
func (b *book) places(ctx context.Context) (bus.Positions, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.read(ctx); err != nil {
		return nil, fmt.Errorf("read what was mailed: %w", err)
	}
	return maps.Clone(b.now.Places), nil
}

func (b *book) read(ctx context.Context) error {
	if !b.doubtful {
		return nil
	}
	err := b.chain.ReadAll(ctx, func() { b.raw = nil }, func(r bus.Record) error {
		_, err := decode(r.Data)
		if err == nil {
			b.raw = bytes.Clone(r.Data)
		}
		return err
	})
	if err != nil {
		return err
	}
	if b.now, err = decode(b.raw); err == nil {
		b.doubtful = false
	}
	return err
}

// encode keeps to the bytes that a state counts: < and its like are not written in six.
func encode(s *state) ([]byte, error) {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	if err := to.Encode(s); err != nil {
		return nil, fmt.Errorf("encode what was mailed: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

func decode(raw []byte) (*state, error) {
	s := &state{Version: version}
	if raw == nil {
		return s, nil
	}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("decode it: %w", err)
	}
	if s.Version > version {
		return nil, fmt.Errorf("%w: version %d of what was mailed", bus.ErrNewerFormat, s.Version)
	}
	return s, nil
}
