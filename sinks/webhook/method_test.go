package webhook_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

func TestRequestsHaveTheirMethod(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		got := make(chan string, 1) // the server sends one for each request
		s, url := over(t, proto, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got <- r.Method + " " + r.URL.Path + " " + string(body)
		})
		for method, want := range map[string]string{"": "POST", http.MethodPut: "PUT", http.MethodPatch: "PATCH", http.MethodPost: "POST"} {
			res := s.Send(t.Context(), delivery.Request{Method: method, URL: url + "/a%20b", Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("x"), Timeout: 10 * time.Second})
			if res.Reason != "" {
				t.Fatalf("%s %q: %+v", proto, method, res)
			}
			if text := <-got; text != want+" /a b x" {
				t.Errorf("%s %q: the server got %s", proto, method, text)
			}
		}
	}
}
