package tracing

import (
	"encoding/binary"

	"go.opentelemetry.io/otel/trace"
)

// A Sampler decides, before anything is made for a trace, whether it is recorded. It decides as
// the SDK's sampler of the same rule does for the same ids, so that both may be asked. The zero
// Sampler records nothing.
type Sampler struct {
	below    uint64 // of 1<<63: traces whose id is below it are recorded
	byParent bool   // a parent has decided already
}

// everything is above every id.
const everything = 1 << 63

// Share records a share of the traces, by their ids: 0 none, 1 all.
func Share(share float64) Sampler {
	switch {
	case share >= 1:
		return Sampler{below: everything}
	case share > 0:
		return Sampler{below: uint64(share * everything)}
	}
	return Sampler{}
}

// ByParent leaves the decision to the parent, where there is one.
func (s Sampler) ByParent() Sampler {
	s.byParent = true
	return s
}

// takes decides for what has a parent, or for the trace that begins with an id.
func (s Sampler) takes(of trace.SpanContext) bool {
	if s.byParent && of.IsValid() {
		return of.IsSampled()
	}
	id := of.TraceID()
	return binary.BigEndian.Uint64(id[8:])>>1 < s.below
}
