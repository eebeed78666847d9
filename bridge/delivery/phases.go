package delivery

import "time"

// Micros is a duration in whole microseconds.
type Micros int64

// MicrosOf cuts off what is shorter.
func MicrosOf(d time.Duration) Micros { return Micros(d / time.Microsecond) }

// Duration is the same as others count it.
func (m Micros) Duration() time.Duration { return time.Duration(m) * time.Microsecond }

// Phases are what the time of an attempt went into, one after the other. One that there was not is
// zero: a connection that is kept from before is neither looked up nor made. What is left of the
// attempt's time went into the rest of the answer.
type Phases struct {
	DNS       Micros `json:"d,omitempty"` // to find the host's addresses
	Connect   Micros `json:"c,omitempty"` // to reach one of them, through a proxy where there is one
	TLS       Micros `json:"t,omitempty"` // to secure the connection
	FirstByte Micros `json:"f,omitempty"` // from then on, to the first byte of the answer
}
