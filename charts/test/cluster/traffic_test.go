//go:build cluster

package cluster

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Secrets of the source shop and of the endpoint crm, without their prefix.
const (
	inSecret  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	outSecret = "HxwdHh8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRo="
)

// Ports of the node at which somebody listens for deliveries. The policies of the release let its
// pods through to the first alone.
const (
	openPort = 8000
	shutPort = 8001
)

// traffic is webhooks that were sent to a release, and what came out of it again.
type traffic struct {
	client *http.Client
	sent   int // by the one who sends

	mu        sync.Mutex
	taken     map[string]bool // answered 2xx; true once delivered
	refused   []string
	forged    []string    // deliveries that are not signed as they should be
	away      bool        // the receiver answers 503
	askedAt   map[int]int // requests by port
	redundant int         // deliveries of what had been delivered
}

// newTraffic listens on the node, and resolves names as pods do.
func newTraffic(t *testing.T) *traffic {
	t.Helper()
	var dialer net.Dialer
	names := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, node+":53")
	}}
	f := &traffic{taken: map[string]bool{}, askedAt: map[int]int{}}
	f.client = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{
		DialContext: (&net.Dialer{Resolver: names, Timeout: 5 * time.Second}).DialContext, DisableKeepAlives: true, // each to any pod
	}}
	for _, port := range []int{openPort, shutPort} {
		l, err := net.Listen("tcp", net.JoinHostPort(node, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(f.receive(port, r))
		})}
		go func() { _ = s.Serve(l) }() // until the cleanup
		t.Cleanup(func() { _ = s.Close() })
	}
	return f
}

// signed is the signature of Standard Webhooks.
func signed(secret, id, at string, body []byte) string {
	key, _ := base64.StdEncoding.DecodeString(secret) // of the constants above
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, at, body) // never fails
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// send sends one webhook to an intake.
func (f *traffic) send(url, id string) error {
	body := []byte(fmt.Sprintf(`{"type":"order.paid","data":{"order":%q}}`, id))
	at := strconv.FormatInt(time.Now().Unix(), 10)
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "Webhook-Id": {id}, "Webhook-Timestamp": {at}, "Webhook-Signature": {signed(inSecret, id, at, body)},
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body) // for the error alone
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return nil
}

var order = regexp.MustCompile(`"order":"([^"]+)"`)

// receive is an endpoint.
func (f *traffic) receive(port int, r *http.Request) int {
	body, err := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.askedAt[port]++
	if r.Method != http.MethodPost {
		return http.StatusNotFound // a look whether the port is reached
	}
	if f.away || err != nil {
		return http.StatusServiceUnavailable
	}
	found := order.FindSubmatch(body)
	want := signed(outSecret, r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"), body)
	if found == nil || r.Header.Get("Webhook-Signature") != want {
		f.forged = append(f.forged, fmt.Sprintf("%s %s with %v", r.Method, r.URL, r.Header))
		return http.StatusUnauthorized
	}
	if f.taken[string(found[1])] {
		f.redundant++
	}
	f.taken[string(found[1])] = true
	return http.StatusNoContent
}

// asked is how many requests came to a port.
func (f *traffic) asked(port int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.askedAt[port]
}

// again is how often something came that had come before.
func (f *traffic) again() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.redundant
}

// delivered is one that was.
func (f *traffic) delivered() (id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, delivered := range f.taken {
		if delivered {
			return id
		}
	}
	return ""
}

func (f *traffic) setAway(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// one sends a webhook and notes the answer.
func (f *traffic) one(url string) error {
	f.sent++
	id := fmt.Sprintf("order-%d", f.sent)
	err := f.send(url, id)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.refused = append(f.refused, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), id, err))
	} else if !f.taken[id] { // it may have been delivered before the answer was here
		f.taken[id] = false
	}
	return err
}

// during sends webhooks while something happens, twenty a second, and returns those that were
// refused.
func (f *traffic) during(url string, happens func()) (refused []string) {
	ctx, cancel := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	f.mu.Lock()
	f.refused = nil
	f.mu.Unlock()
	sending.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			_ = f.one(url) // it is noted
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	defer func() {
		cancel()
		sending.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		refused = f.refused
	}()
	happens()
	return nil
}

// settle waits until all that was answered 2xx has been delivered.
func (f *traffic) settle(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, "everything that was answered 2xx is delivered", func() (bool, string) {
		err := f.standing()
		return err == nil, fmt.Sprint(err)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.forged) > 0 {
		t.Errorf("%d deliveries are not signed as they should be, the first: %s", len(f.forged), f.forged[0])
	}
	t.Logf("%d webhooks were taken and all delivered, %d of them again", len(f.taken), f.redundant)
}

func (f *traffic) standing() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var missing []string
	for id, delivered := range f.taken {
		if !delivered {
			missing = append(missing, id)
		}
	}
	switch {
	case len(f.taken) == 0:
		return errors.New("nothing was taken")
	case len(missing) > 0:
		return fmt.Errorf("%d of %d are missing, such as %s", len(missing), len(f.taken), missing[0])
	}
	return nil
}
