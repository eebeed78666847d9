package client

import "time"

// A breaker is what people are shown of an endpoint's.
type breaker struct {
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	NextProbe time.Time `json:"next_probe"`
}

// status says what a breaker does that is not closed.
func (b *breaker) status() string {
	if b.State == "" || b.State == "closed" {
		return ""
	}
	text := ", breaker " + b.State + " since " + b.Since.Format(time.RFC3339)
	if !b.NextProbe.IsZero() {
		text += ", next probe " + b.NextProbe.Format(time.RFC3339)
	}
	return text
}
