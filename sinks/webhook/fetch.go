package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/scheme/published"
)

var _ published.Fetcher = (*Sender)(nil)

// Fetch is a GET of what a sender's host publishes. It goes where endpoints may be and nowhere else,
// over TLS alone, and follows no redirect.
func (s *Sender) Fetch(ctx context.Context, at string, most int64) (text []byte, fresh time.Duration, err error) {
	to, err := parseTarget(at)
	if err != nil {
		return nil, 0, fmt.Errorf("its URL %w", err)
	}
	if !to.secure {
		return nil, 0, errors.New("its URL is no https URL")
	}
	by, err := s.route(&delivery.Request{})
	if err != nil {
		return nil, 0, fmt.Errorf("the proxy: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.url.String(), nil)
	if err != nil {
		return nil, 0, errors.New("its URL cannot be used")
	}
	req.Header.Set("User-Agent", "Hookspan")
	reply, err := by.grants.RoundTrip(req)
	if err != nil {
		return nil, 0, unfetched(ctx, err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("its host answered %d", reply.StatusCode)
	}
	text, err = io.ReadAll(io.LimitReader(reply.Body, most+1))
	switch {
	case err != nil:
		return nil, 0, unfetched(ctx, err)
	case int64(len(text)) > most:
		return nil, 0, fmt.Errorf("its host answered more than %d bytes", most)
	}
	return text, freshness(reply.Header), nil
}

func unfetched(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("its host did not answer in time")
	}
	return errors.New(failed(ctx, 0, err).Detail)
}

// freshness is how long an answer may be kept (RFC 9111, 4.2.1); 0: it does not say.
func freshness(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h["Cache-Control"], ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		age, _ := strconv.ParseUint(h.Get("Age"), 10, 31) // what cannot be read is no age
		if err != nil || age >= seconds {
			return 0
		}
		return time.Duration(seconds-age) * time.Second
	}
	return 0
}
