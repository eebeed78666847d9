package signature

import (
	"net/http"
	"time"
)

// none signs nothing; id and timestamp are sent all the same.
type none struct{}

func compileNone(map[string]string, []string) (Scheme, error) { return none{}, nil }

func (none) Sign(h http.Header, m Message) {
	setHeaders(h, [2]string{idHeader, m.ID}, [2]string{timeHeader, stamp(m.Time)})
}

func (none) Verify(http.Header, Message, time.Time) error { return nil }
