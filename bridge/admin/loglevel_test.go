package admin_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/logline"
)

func TestLogLevelIsChangedAtRunTime(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	level := logline.NewLevel(slog.LevelInfo)
	log := slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: level}))
	s := newReplica(t, endpointtest.New(), nil, func(o *admin.Options) { o.Log, o.LogLevel = log, level })

	for _, c := range []struct {
		method, body string
		status       int
		says         string
	}{
		{http.MethodGet, "", 200, `{"level":"info","configured":"info"}`},
		{http.MethodPut, `{"level":"debug"}`, 200, `{"level":"debug","configured":"info"}`},
		{http.MethodGet, "", 200, `{"level":"debug","configured":"info"}`},
		{http.MethodPut, `{"level":"loud"}`, 422, `{"path":"level","message":"must be debug, info, warn or error"}`},
		{http.MethodPut, `{"level":4}`, 422, `"path":"level"`},
		{http.MethodPut, `{"level":null}`, 422, `"path":"level"`},
		{http.MethodPut, `{}`, 422, `"path":"level"`},
		{http.MethodPut, `[]`, 422, "send one JSON object"},
		{http.MethodPut, `{"level":"info","for":"10m"}`, 422, `{"path":"for","message":"is not known; known is level"}`},
		{http.MethodPost, `{"level":"info"}`, 405, `"code":"method"`},
		{http.MethodGet, "", 200, `{"level":"debug","configured":"info"}`},
		{http.MethodPut, `{"level":"error"}`, 200, `{"level":"error","configured":"info"}`},
	} {
		a := s.do(c.method, "/v1/log-level", c.body)
		if a.status != c.status || !strings.Contains(a.body, c.says) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.method, c.body, a.status, a.body, c.status, c.says)
		}
	}
	told := lines.String()
	for _, want := range []string{`old=info new=debug by="PUT /v1/log-level"`, "old=debug new=error"} {
		if !strings.Contains(told, want) {
			t.Errorf("the log lacks %q:\n%s", want, told)
		}
	}
	if n := strings.Count(told, "log level changed"); n != 2 {
		t.Errorf("%d changes were told:\n%s", n, told)
	}
}

func TestLogLevelThatIsFixed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for method, body := range map[string]string{http.MethodGet: "", http.MethodPut: `{"level":"debug"}`} {
		if a := s.do(method, "/v1/log-level", body); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "fixed") {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
}
