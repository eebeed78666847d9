package receiver

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
)

// A fault is the error of a request that is not answered with success. What the sender sees is
// the code alone; reason and detail are for the log.
type fault struct {
	code    problem.Code
	outcome outcome
	reason  provider.Reason // of a refusal that leaves a trace of its own
	detail  string
	retry   time.Duration // Retry-After
	hangUp  bool          // what follows on the connection cannot be trusted or is not worth reading
}

func (f *fault) Error() string { return string(f.code) + ": " + f.detail }

// problem is what the sender sees. A refusal looks the same whatever failed.
func (f *fault) problem(s *intake) problem.Problem {
	p := problem.New(f.code)
	if f.code == problem.Refused && s != nil {
		p.Status = s.refusalStatus
	}
	return p
}

// notTaken are the faults of reading a body.
func notTaken(err error) *fault {
	switch {
	case errors.Is(err, errTooLarge):
		return &fault{code: problem.TooLarge, outcome: refused, reason: provider.TooLarge, detail: err.Error(), hangUp: true}
	case errors.Is(err, errNoMemory):
		return &fault{code: problem.Overloaded, outcome: unavailable, detail: err.Error(), retry: time.Second, hangUp: true}
	}
	return &fault{code: problem.BadRequest, outcome: invalid, reason: provider.Unreadable, detail: err.Error(), hangUp: true}
}

// notGenuine are the faults that the provider found. Size, encoding and readability are no
// secrets and get their own status; everything else is one and the same refusal.
func notGenuine(err error) *fault {
	r, ok := errors.AsType[*provider.Refusal](err)
	if !ok {
		return &fault{code: problem.Refused, outcome: refused, reason: provider.BadSignature, detail: err.Error()}
	}
	f := &fault{code: problem.Refused, outcome: refused, reason: r.Reason, detail: r.Detail}
	switch r.Reason {
	case provider.TooLarge:
		f.code = problem.TooLarge
	case provider.MediaType:
		f.code = problem.MediaType
	case provider.Unreachable: // the sender's next try may be verified
		return &fault{code: problem.SenderUnavailable, outcome: unavailable, reason: r.Reason, detail: r.Detail, retry: 5 * time.Second}
	case provider.InvalidBody:
		f.code, f.outcome, f.reason = problem.BadRequest, invalid, provider.Unreadable
	}
	return f
}

// notStored are the faults of publishing.
func (r *Receiver) notStored(x *exchange, err error) *fault {
	f := &fault{code: problem.BusUnavailable, outcome: unavailable, detail: err.Error(), retry: 5 * time.Second}
	switch {
	case errors.Is(err, bus.ErrTooLarge):
		return &fault{code: problem.TooLarge, outcome: refused, reason: provider.TooLarge,
			detail: fmt.Sprintf("%v; it takes %d bytes, attributes included, and the body has %d", err, r.publisher.MaxBytes(), len(x.body.bytes))}
	case errors.Is(err, bus.ErrDiskFull):
		f.code, f.retry = problem.DiskFull, 30*time.Second
	case errors.Is(err, bus.ErrStoreFull):
		f.code, f.retry = problem.StoreFull, 30*time.Second
	}
	return f
}

func wrongMethod(q *http.Request) *fault {
	return &fault{code: problem.Method, outcome: refused, reason: provider.WrongMethod, detail: fmt.Sprintf("method %q is not one of the provider's", cut(q.Method, 16))}
}

func unknownMediaType(header, value string) *fault {
	return &fault{code: problem.MediaType, outcome: refused, reason: provider.MediaType, detail: fmt.Sprintf("%s %q", header, cut(value, 100))}
}

// write answers with the fault.
func (f *fault) write(w http.ResponseWriter, s *intake) {
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.retry+time.Second-1)/time.Second)))
	}
	if f.code == problem.Method {
		w.Header().Set("Allow", s.allow)
	}
	if f.hangUp {
		w.Header().Set("Connection", "close")
	}
	problem.Write(w, f.problem(s))
}

// writeAnswer answers in the provider's own words.
func writeAnswer(w http.ResponseWriter, a *provider.Answer) {
	if len(a.Header)+len(a.Body) > 0 { // the server copies a header that was asked for
		setHeader(w.Header(), a)
	}
	w.WriteHeader(a.Status)
	if len(a.Body) > 0 {
		_, _ = w.Write(a.Body) // the sender has gone; it will send again
	}
}

func setHeader(h http.Header, a *provider.Answer) {
	for name, values := range a.Header {
		h[name] = values
	}
	if len(a.Body) > 0 && a.Header.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	}
}
