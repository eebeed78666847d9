package vector

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// refusals alters a genuine request in every way that must be noticed.
func (c *check) refusals() {
	c.bodies()
	c.secrets()
	c.signatures()
	c.times()
}

func (c *check) bodies() {
	v := c.vector
	switch {
	case c.file.UnsignedBody:
		c.notTried("the body: unsigned_body says that the proof does not cover it")
	case v.Malleable:
		c.notTried("the body: malleable says that its cipher lets a flipped bit through")
	case len(v.Body) == 0:
		c.notTried("the body: there is none")
	default:
		r := v.Request()
		r.Body[len(r.Body)/2] = flip(r.Body[len(r.Body)/2])
		c.refused("a flipped byte in the body", c.verifier, r)
		r = v.Request()
		r.Body = r.Body[:len(r.Body)-1]
		c.refused("a body cut short", c.verifier, r)
	}
}

// refused counts a refusal with one of the reasons, or with any where none is given.
func (c *check) refused(what string, v *provider.Verifier, r *provider.Request, reasons ...provider.Reason) {
	_, err := v.Verify(r)
	refusal, ok := errors.AsType[*provider.Refusal](err)
	switch {
	case !ok:
		c.fault("%s: accepted", what)
		return
	case len(reasons) > 0 && !slices.Contains(reasons, refusal.Reason):
		c.fault("%s: refused as %s (%s), want %v", what, refusal.Reason, refusal.Detail, reasons)
		return
	}
	for _, secret := range c.vector.Secrets {
		if len(secret) > 8 && strings.Contains(refusal.Error(), secret) {
			c.fault("%s: the refusal shows the secret", what)
			return
		}
	}
	c.Refusals++
}

func (c *check) secrets() {
	v := c.vector
	wrong := make([]string, len(v.Secrets))
	for i, secret := range v.Secrets {
		wrong[i] = alter(secret)
	}
	other, err := v.Compile(c.provider, wrong...)
	if err != nil {
		c.notTried("another secret: one that differs in a character is no key any more")
		return
	}
	c.refused("another secret", other, v.Request())
	both, err := v.Compile(c.provider, append(wrong, v.Secrets...)...)
	if err == nil {
		_, err = both.Verify(v.Request())
	}
	if err != nil {
		c.fault("the right secret behind a wrong one: %v", err)
	}
}

func (c *check) times() {
	v := c.vector
	if v.Tolerance == "" {
		c.notTried("a stale and a future time: the vector has no tolerance, so none is checked")
		for _, years := range []int{-10, 10} {
			r := v.Request()
			r.Received = r.Received.AddDate(years, 0, 0)
			if _, err := c.verifier.Verify(r); err != nil {
				c.fault("tolerance: the vector has none, so no time is signed, and %d years matter: %v", years, err)
			}
		}
		return
	}
	tolerance, err := time.ParseDuration(v.Tolerance)
	if err != nil {
		c.fault("tolerance: %v", err)
		return
	}
	r := v.Request()
	r.Received = r.Received.Add(tolerance + time.Minute)
	c.refused("a stale time", c.verifier, r, provider.Stale)
	r = v.Request()
	r.Received = r.Received.Add(-tolerance - time.Minute)
	c.refused("a future time", c.verifier, r, provider.Future)
}

// flip makes another character that the same encodings allow, where there is one.
func flip(c byte) byte {
	switch {
	case c == '0':
		return '1'
	case c >= '1' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return '0'
	default:
		return c ^ 1
	}
}

// alter changes one character in the second quarter of a secret and keeps its form.
func alter(secret string) string {
	b := []byte(secret)
	for i := len(b) / 4; i < len(b); i++ {
		if c := b[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b[i] = flip(c)
			return string(b)
		}
	}
	return secret + "x"
}
