package roundtrip

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hookspan/hookspan/bridge/signature"
)

// A receiver is what endpoints are: it verifies what comes, and answers.
type receiver struct {
	listener net.Listener
	server   *http.Server
	url      string // by which it is reached
	secret   string
	scheme   *signature.Scheme
	id       string // of the event that this trip is about, in its body
	want     []byte // the body

	arrived chan arrival // its first delivery; buffered, so that nobody waits for the reader
}

// An arrival is a delivery of the event, right or wrong.
type arrival struct {
	at      time.Time
	attempt string
	err     error
}

func newReceiver(address, id string, want []byte) (*receiver, error) {
	r := &receiver{secret: signature.GenerateSecret("standard"), id: id, want: want, arrived: make(chan arrival, 1)}
	var err error
	if r.scheme, err = signature.Compile("standard", nil, []string{r.secret}); err != nil {
		return nil, fmt.Errorf("make the receiver's secret: %w", err)
	}
	if r.listener, err = net.Listen("tcp", address); err != nil {
		return nil, fmt.Errorf("listen for the delivery: %w", err)
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = r.server.Serve(r.listener) }() // ends with close
	return r, nil
}

func (r *receiver) close() { _ = r.server.Close() }

func (r *receiver) port() string {
	_, port, _ := net.SplitHostPort(r.listener.Addr().String())
	return port
}

// ServeHTTP refuses what is not signed. Events of other trips, which are signed too, are taken and
// forgotten.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	a := arrival{at: time.Now(), attempt: req.Header.Get("Hookspan-Attempt")}
	status := http.StatusNoContent
	if err := r.scheme.Verify(req.Header, signature.Message{Method: req.Method, URL: r.url, Body: body}, a.at); err != nil {
		status = http.StatusUnauthorized
		a.err = fmt.Errorf("the delivery is not signed as it should be: %w; something on the way changes requests", err)
	} else if !bytes.Equal(body, r.want) {
		a.err = fmt.Errorf("the delivery has another body than the webhook: %d bytes, not the %d that were sent", len(body), len(r.want))
	}
	if bytes.Contains(body, []byte(r.id)) {
		r.arrive(a)
	}
	w.WriteHeader(status)
}

// arrive hands over the first.
func (r *receiver) arrive(a arrival) {
	select {
	case r.arrived <- a:
	default:
	}
}
