package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// Check judges a URL when an endpoint is registered. The error completes the sentence "the
// url …" and never repeats it. A host that does not resolve now, or of which some addresses
// are refused, is accepted with a warning: what counts is the address at each dial.
func (s *Sender) Check(ctx context.Context, url string) (warning string, err error) {
	to, err := parseTarget(url)
	if err != nil {
		return "", err
	}
	addrs := []netip.Addr{to.addr}
	if to.host != "" {
		if addrs, err = resolve(ctx, s.resolver, to.host); err != nil {
			var f *failure
			if errors.As(err, &f) {
				return f.detail + "; it is checked again at every attempt", nil
			}
			return "", err
		}
	}
	var denied error
	good := 0
	for _, a := range addrs {
		err := s.egress.address(to.host, netip.AddrPortFrom(a, to.port), to.secure)
		if errors.Is(err, errOwn) { // and what else the name has makes it no better
			return "", refusedURL(err)
		}
		if err != nil {
			denied = err
		} else {
			good++
		}
	}
	switch {
	case good == 0:
		return "", refusedURL(denied)
	case denied != nil:
		return fmt.Sprintf("%d of the host's %d addresses will not be called", len(addrs)-good, len(addrs)), nil
	}
	return "", nil
}

func refusedURL(why error) error { return fmt.Errorf("is refused: %w", why) }
