package delivery

import "context"

// A Handshake asks an endpoint whether it takes webhooks from here (CloudEvents HTTP webhooks, 4).
type Handshake struct {
	Request          // without a body; WebHook-Request-Origin is in the header
	Origin    string // the same, for who looks at the answer
	PerMinute int    // requests that are asked for; 0: it is not said how many
}

// An Asker makes handshakes; sinks/webhook has the one that leaves the machine.
type Asker interface {
	// Ask returns how many requests a minute the endpoint allows, 0 for any number. An error
	// says in words why there is no consent, without URL, secret or what the endpoint said.
	Ask(ctx context.Context, h Handshake) (perMinute int, err error)
}
