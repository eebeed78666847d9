package endpointtest

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// SigningAt lists the secrets of an endpoint that sign at a time, newest first.
func SigningAt(e *endpoint.Endpoint, now time.Time) []string {
	all := slices.Clip(e.Secrets.Open())
	for _, o := range e.OldSecrets {
		if o.Until.After(now) {
			all = append(all, o.Secret.Open())
		}
	}
	return all
}
