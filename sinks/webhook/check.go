package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// CheckEndpoint judges where an endpoint says that it is, and by which way, when it is registered.
func (s *Sender) CheckEndpoint(ctx context.Context, e *endpoint.Endpoint) (warning string, faults []endpoint.FieldError) {
	wrong := func(field string, err error) {
		faults = append(faults, endpoint.FieldError{Field: field, Message: err.Error()})
	}
	through, guarded := e.Proxy.Open(), !e.Managed()
	if through == "" {
		through, guarded = s.through.Open(), false
	}
	p, err := s.readProxy(through, guarded)
	if err != nil {
		wrong("proxy", err)
		return "", faults
	}
	if warning, err = s.check(ctx, e.URL, p); err != nil {
		wrong("url", err)
	}
	if o := e.Auth.OAuth2; o != nil && o.TokenURL != "" {
		told, err := s.check(ctx, o.TokenURL.Open(), p)
		if err != nil {
			wrong("auth.oauth2.token_url", err)
		}
		if told != "" && warning == "" {
			warning = "the token_url: " + told
		}
	}
	if p != nil && p.guard != nil {
		told, err := s.checkHost(ctx, p.host, p.port, p.tls != nil)
		if err != nil {
			wrong("proxy", err)
		}
		if told != "" && warning == "" {
			warning = "the proxy: " + told
		}
	}
	return warning, faults
}

// Check judges a URL that no proxy stands before. The error completes the sentence "the
// url …" and never repeats it.
func (s *Sender) Check(ctx context.Context, url string) (warning string, err error) {
	return s.check(ctx, url, nil)
}

func (s *Sender) check(ctx context.Context, url string, p *proxy) (warning string, err error) {
	to, err := parseTarget(url)
	if err != nil {
		return "", err
	}
	if to.host == "" {
		return s.checkHost(ctx, to.addr.String(), to.port, to.secure)
	}
	if p != nil && p.resolves {
		if err := s.egress.name(to.host, to.port, to.secure); err != nil {
			return "", refusedURL(err)
		}
		return "", nil
	}
	return s.checkHost(ctx, to.host, to.port, to.secure)
}

// checkHost judges a host. One that does not resolve now, or of which some addresses are refused,
// is accepted with a warning: what counts is the address at each dial.
func (s *Sender) checkHost(ctx context.Context, host string, port uint16, secure bool) (warning string, err error) {
	addrs, err := resolve(ctx, s.resolver, host)
	if err != nil {
		var f *failure
		if errors.As(err, &f) {
			return f.detail + "; it is checked again at every attempt", nil
		}
		return "", err
	}
	var denied error
	good := 0
	for _, a := range addrs {
		err := s.egress.address(host, netip.AddrPortFrom(a, port), secure)
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
