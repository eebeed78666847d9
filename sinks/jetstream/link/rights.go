package link

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

const headerExpectedStream = "Nats-Expected-Stream"

// A DeniedError says which right is missing. Waiting does not mend it.
type DeniedError struct{ Verb, Subject string }

func (e *DeniedError) Error() string {
	return fmt.Sprintf("the NATS user may not %s %q: grant it that, or name another user (HOOKSPAN_NATS_CREDS, HOOKSPAN_NATS_USER)", e.Verb, e.Subject)
}

// rights is what the server has said about ours. It tells so beside the request, which itself
// gets no answer.
type rights struct {
	deaf    error // answers cannot reach us on this connection
	waiting map[*waiter]struct{}
	missing map[string]error // by subject: publishing there was denied on this connection
}

// A waiter is a request on the way.
type waiter struct {
	subject string // or what it begins with
	refuse  context.CancelCauseFunc
}

// listen looks at the errors of the connection before whoever else handles them. It returns
// how to stop.
func (l *Link) listen() (stop func()) {
	next := l.NC.ErrorHandler()
	l.NC.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if d := denial(err); d != nil {
			l.denied(d)
		}
		if next != nil {
			next(nc, sub, err)
		}
	})
	return func() { l.NC.SetErrorHandler(next) }
}

// denial reads `permissions violation: Permissions Violation for Publish to "subject"`.
func denial(err error) *DeniedError {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	text := err.Error()
	quoted := strings.SplitN(text, `"`, 3)
	if len(quoted) < 3 {
		return nil
	}
	d := &DeniedError{Verb: "publish to", Subject: quoted[1]}
	if strings.Contains(strings.ToLower(quoted[0]), "subscription") {
		d.Verb = "subscribe to"
	}
	return d
}

func (l *Link) denied(d *DeniedError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.Verb == "subscribe to" {
		l.rights.deaf = d
	} else {
		l.rights.missing[d.Subject] = d
	}
	for w := range l.rights.waiting {
		if l.rights.deaf != nil || strings.HasPrefix(d.Subject, w.subject) {
			w.refuse(d)
		}
	}
}

// Permitted returns a context that ends, with the reason as its cause, when the server denies
// a publish to the subject (or one that begins with it), or that answers reach us.
func (l *Link) Permitted(ctx context.Context, subject string) (context.Context, func()) {
	ctx, refuse := context.WithCancelCause(ctx)
	w := &waiter{subject: subject, refuse: refuse}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rights.deaf != nil {
		refuse(l.rights.deaf)
	}
	l.rights.waiting[w] = struct{}{}
	return ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.rights.waiting, w)
		refuse(nil)
	}
}

// Why prefers what the server said beside a request to what became of it.
func Why(ctx context.Context, err error) error {
	var d *DeniedError
	if err != nil && errors.As(context.Cause(ctx), &d) {
		return d
	}
	return err
}

// TryPublish offers a message that every stream refuses.
func (l *Link) TryPublish(ctx context.Context, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	ctx, done := l.Permitted(ctx, subject)
	defer done()
	m := nats.NewMsg(subject)
	m.Header.Set(headerExpectedStream, "none of this name")
	_, err := l.NC.RequestMsgWithContext(ctx, m)
	return Why(ctx, err)
}

// MayPublish is the right that was missing when a publish to the subject got no answer, if
// that was why.
func (l *Link) MayPublish(subject string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err, ok := l.rights.missing[subject]; ok {
		return err
	}
	return l.rights.deaf
}

// forget begins a new connection, whose user may have other rights. l.mu is held.
func (r *rights) forget() {
	r.deaf = nil
	clear(r.missing)
}
