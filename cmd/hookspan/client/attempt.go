package client

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// An attempt is one POST as the admin API shows it.
type attempt struct {
	Number      int       `json:"number"`
	Sent        time.Time `json:"sent"`
	Received    time.Time `json:"received"`
	StatusCode  int       `json:"status_code"`
	DurationMS  float64   `json:"duration_ms"`
	DNSMS       *float64  `json:"dns_ms"` // nil, as the next two, where nothing is known of it
	ConnectMS   *float64  `json:"connect_ms"`
	TLSMS       *float64  `json:"tls_ms"`
	FirstByteMS *float64  `json:"first_byte_ms"`
	Address     string    `json:"address"`
	Reason      string    `json:"reason"`
	Detail      string    `json:"detail"`
	Request     message   `json:"request"`
	Response    message   `json:"response"`
	NextAttempt time.Time `json:"next_attempt"`
	NextDetail  string    `json:"next_detail"`
}

// A message is what one side said, as far as it is kept.
type message struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Base64  string            `json:"body_base64"`
}

// UnmarshalJSON also takes a text, which is what servers before 2026-12 have for a response.
func (m *message) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &m.Body) == nil {
		return nil
	}
	type plain message
	return json.Unmarshal(raw, (*plain)(m))
}

// writeTimes prints a row for each attempt.
func writeTimes(w io.Writer, attempts []attempt) {
	g := cli.NewGrid(w, "ATTEMPT", "SENT", "DNS", "CONNECT", "TLS", "FIRST BYTE", "TOTAL", "ADDRESS", "OUTCOME")
	for i := range attempts {
		a := &attempts[i]
		g.Row(strconv.Itoa(a.Number), clock(a.Sent), span(a.DNSMS), span(a.ConnectMS), span(a.TLSMS), span(a.FirstByteMS),
			span(&a.DurationMS), cmp.Or(a.Address, "-"), a.outcome())
	}
	_ = g.End() // to a terminal; the exit code is about the request
}

// span is a time of milliseconds for people; of one that is not known, or that there was not, it is
// a dash.
func span(ms *float64) string {
	switch {
	case ms == nil || *ms == 0:
		return "-"
	case *ms < 10:
		return strconv.FormatFloat(*ms, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(*ms, 'f', 0, 64) + " ms"
}

// outcome is what came of an attempt, on one line.
func (a *attempt) outcome() string {
	text := cmp.Or(a.Reason, "delivered")
	if a.StatusCode != 0 {
		text += " " + strconv.Itoa(a.StatusCode)
	}
	if a.Detail != "" {
		text += ": " + a.Detail
	}
	return text
}

// write prints what the two sides said, and what was to follow.
func (a *attempt) write(w io.Writer) {
	a.Request.write(w, fmt.Sprintf("attempt %d, request", a.Number))
	a.Response.write(w, fmt.Sprintf("attempt %d, response", a.Number))
	if a.NextDetail != "" {
		fmt.Fprintf(w, "\nattempt %d, then  %s: %s\n", a.Number, clock(a.NextAttempt), cli.Plain(a.NextDetail))
	}
}

func (m *message) write(w io.Writer, head string) {
	if len(m.Headers) == 0 && m.Body == "" && m.Base64 == "" {
		return
	}
	fmt.Fprintf(w, "\n%s\n", head)
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		fmt.Fprintf(w, "  %s: %s\n", cli.Plain(name), cli.Plain(m.Headers[name]))
	}
	body := m.Body
	if raw, err := base64.StdEncoding.DecodeString(m.Base64); m.Base64 != "" && err == nil {
		body = fmt.Sprintf("(%d bytes that are no text) %.200q", len(raw), raw)
	}
	if body == "" {
		return
	}
	if len(m.Headers) > 0 {
		fmt.Fprintln(w)
	}
	for line := range strings.Lines(body) {
		fmt.Fprintf(w, "  %s\n", cli.Plain(strings.TrimRight(line, "\r\n")))
	}
}
