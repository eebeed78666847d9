package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// mostPerMinute is the largest rate that there can be; what is beyond it is as good as that.
const mostPerMinute = 60_000_000

var _ delivery.Asker = (*Sender)(nil)

// Ask makes a handshake: OPTIONS, on a connection of its own, by the way and under the rules of an
// attempt. What counts is the consent in the answer's headers; its status means nothing.
func (s *Sender) Ask(ctx context.Context, h delivery.Handshake) (perMinute int, err error) {
	to, err := s.targets.read(h.URL)
	if err != nil {
		return 0, fmt.Errorf("the url %w", err)
	}
	by, err := s.route(&h.Request)
	if err != nil {
		return 0, fmt.Errorf("the proxy: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	req := transportRequest(limited, to, &h.Request)
	req.Method = http.MethodOptions
	if h.PerMinute > 0 {
		req.Header.Set("WebHook-Request-Rate", strconv.Itoa(h.PerMinute))
	}
	if h.Access != nil && h.Access.Grant != nil {
		text, _, err := s.tokens.token(by, h.Access.Grant).get(limited, time.Now().Add(h.Timeout))
		if err != nil {
			return 0, errors.New("the endpoint could not be asked: " + noToken(ctx, 0, err).Detail)
		}
		req.Header["Authorization"] = []string{"Bearer " + text}
	}
	reply, err := by.anew.RoundTrip(req)
	if err != nil {
		return 0, errors.New("the endpoint could not be asked: " + failed(ctx, 0, err).Detail)
	}
	_ = reply.Body.Close()
	return consent(reply, h.Origin)
}

// consent reads the answer to a handshake.
func consent(reply *http.Response, origin string) (perMinute int, err error) {
	allowed := reply.Header.Values("WebHook-Allowed-Origin")
	if len(allowed) == 0 {
		return 0, fmt.Errorf("the endpoint does not consent: its answer to OPTIONS (%d) has no WebHook-Allowed-Origin", reply.StatusCode)
	}
	if one := strings.TrimSpace(allowed[0]); len(allowed) > 1 || one != "*" && !strings.EqualFold(one, origin) {
		return 0, fmt.Errorf("the endpoint does not consent: its WebHook-Allowed-Origin is neither * nor %s (HOOKSPAN_ORIGIN)", origin)
	}
	rate := strings.TrimSpace(reply.Header.Get("WebHook-Allowed-Rate"))
	if rate == "" || rate == "*" {
		return 0, nil
	}
	n, err := strconv.ParseUint(rate, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return mostPerMinute, nil
	case err != nil || n == 0:
		return 0, errors.New("the endpoint does not consent: its WebHook-Allowed-Rate is neither * nor a number of requests per minute")
	}
	return int(min(n, mostPerMinute)), nil
}
