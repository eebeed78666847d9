package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A receiver sees the URL that a signature covers, whatever it is spoken to in.
func TestURLsAreSentAsTheyAreSigned(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"plain", "HTTP/1.1", "HTTP/2.0"} {
		got := make(chan string, 1) // the server sends one for each request
		tell := func(_ http.ResponseWriter, r *http.Request) { got <- r.Host + r.RequestURI }
		s, url := sender(t), ""
		if proto == "plain" {
			server := httptest.NewServer(http.HandlerFunc(tell))
			t.Cleanup(server.Close)
			url = server.URL
		} else {
			s, url = over(t, proto, tell)
		}
		for _, behind := range []string{
			"", "/", "?", "?x=1", "/in?", "/in#", "//in", "/a%2Fb", "/a%2fb/{id}", "/a%2Fb/caf\u00e9", `/{}|"<>^` + "`", "/[x]", "/a;b=c,d&e+f@g:h!$'()*~",
			"/%7B%7D?%7B%7D", `/x?q={}|"<>^` + "`[]", "/x?q=gr\u00fcn&%zz", "/%25", "/.../x", "/a|b%20c",
		} {
			res := s.Send(t.Context(), delivery.Request{URL: url + behind, Header: http.Header{}, Timeout: 10 * time.Second})
			if res.Reason != "" {
				t.Errorf("%s %q: %+v", proto, behind, res)
				continue
			}
			_, signed, _ := strings.Cut(endpoint.EncodeURL(url+behind), "://")
			if sent := <-got; sent != signed {
				t.Errorf("%s %q: sent to %s, signed as %s", proto, behind, sent, signed)
			}
		}
	}
}
