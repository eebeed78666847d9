package root_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A listening server remembers the tokens that came.
type listening struct {
	*httptest.Server
	mu     sync.Mutex
	tokens []string
	answer http.HandlerFunc
}

func listenForTokens(t *testing.T, answer http.HandlerFunc) *listening {
	t.Helper()
	l := &listening{answer: answer}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.tokens = append(l.tokens, r.Header.Get("Authorization"))
		l.mu.Unlock()
		if l.answer != nil {
			l.answer(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"items":[],"next":null}`)
	}))
	t.Cleanup(l.Close)
	return l
}

// seen is every token that came, without repeats of none.
func (l *listening) seen() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.tokens, ",")
}

// A token goes to the server that stands in the same place, and to no other.
func TestTokenAndAddressAreOfOnePlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags         []string // SERVER and OTHER are URLs of two servers
		environ       []string
		folder        map[string]string
		server, other string // what they saw
	}{
		"folder":                  {nil, nil, map[string]string{"admin-address": "SERVER\n", "admin-token": "mine\n"}, "Bearer mine", ""},
		"flags":                   {[]string{"--server", "SERVER", "--token", "given"}, nil, nil, "Bearer given", ""},
		"environment":             {nil, []string{"HOOKSPAN_SERVER=SERVER", "HOOKSPAN_ADMIN_TOKEN=given"}, nil, "Bearer given", ""},
		"flag over environment":   {[]string{"--server", "OTHER"}, []string{"HOOKSPAN_SERVER=SERVER", "HOOKSPAN_ADMIN_TOKEN=given"}, nil, "", "Bearer given"},
		"given over folder":       {[]string{"--token", "given", "--server", "OTHER"}, nil, map[string]string{"admin-address": "SERVER", "admin-token": "mine"}, "", "Bearer given"},
		"another server by flag":  {[]string{"--server", "OTHER"}, nil, map[string]string{"admin-address": "SERVER", "admin-token": "mine"}, "", ""},
		"another server by name":  {nil, []string{"HOOKSPAN_SERVER=OTHER"}, map[string]string{"admin-address": "SERVER", "admin-token": "mine"}, "", ""},
		"the folder's own server": {[]string{"--server", "SERVER/"}, nil, map[string]string{"admin-address": "SERVER", "admin-token": "mine"}, "Bearer mine", ""},
		"another server's path":   {[]string{"--server", "OTHER/SERVER"}, nil, map[string]string{"admin-address": "SERVER", "admin-token": "mine"}, "", ""},
		"a token for no server":   {nil, []string{"HOOKSPAN_ADMIN_TOKEN=given", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:1"}, map[string]string{"admin-address": "OTHER"}, "", ""},
		"a server's environment":  {nil, []string{"HOOKSPAN_ADMIN_TOKEN=given", "HOOKSPAN_ADMIN_LISTEN=HOST"}, map[string]string{"admin-address": "OTHER", "admin-token": "mine"}, "Bearer given", ""},
		"a token without an end":  {[]string{"--server", "SERVER"}, []string{"HOOKSPAN_ADMIN_TOKEN_FILE=DIR/admin-token"}, map[string]string{"admin-token": "\ufefffiled\r\n"}, "Bearer filed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, other, dir := listenForTokens(t, nil), listenForTokens(t, nil), t.TempDir()
			fill := strings.NewReplacer("SERVER", server.URL, "OTHER", other.URL, "HOST", strings.TrimPrefix(server.URL, "http://"), "DIR", dir)
			environ := []string{"HOOKSPAN_DATA_DIR=" + dir}
			for _, v := range c.environ {
				name, value, _ := strings.Cut(v, "=")
				environ = append(environ, name+"="+fill.Replace(value))
			}
			for file, text := range c.folder {
				writeTo(t, filepath.Join(dir, file), fill.Replace(text))
			}
			args := []string{"deliveries"}
			for _, f := range c.flags {
				args = append(args, fill.Replace(f))
			}
			out, errs, code := hookspan(t, environ, args...)
			if got := server.seen(); got != c.server {
				t.Errorf("the server saw %q, want %q (code %d, %s%s)", got, c.server, code, out, errs)
			}
			if got := other.seen(); got != c.other {
				t.Errorf("the other server saw %q, want %q (code %d, %s%s)", got, c.other, code, out, errs)
			}
		})
	}
}

func writeTo(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutATokenItIsSaid(t *testing.T) {
	t.Parallel()
	server := listenForTokens(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	for token, want := range map[string]bool{"": true, "wrong": false} {
		_, errs, code := hookspan(t, []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN=" + token}, "deliveries")
		if code != cli.ExitFailed || strings.Contains(errs, "no token was sent") != want {
			t.Errorf("token %q: code %d, %s", token, code, errs)
		}
	}
}

// An edit by the command can be bound to what was read before.
func TestAnEditIsOfWhatWasRead(t *testing.T) {
	t.Parallel()
	const tag = `"ep_1.abc"`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		switch match := r.Header.Get("If-Match"); {
		case r.Method != http.MethodGet && match != tag:
			w.WriteHeader(http.StatusPreconditionFailed)
			_, _ = io.WriteString(w, `{"status":412,"code":"precondition_failed","detail":"it has changed since"}`)
		case r.URL.Path == "/v1/endpoints":
			_, _ = io.WriteString(w, `{"items":[{"id":"ep_1","name":"crm"}],"next":null}`)
		default:
			_, _ = io.WriteString(w, `{"id":"ep_1","name":"crm"}`)
		}
	}))
	t.Cleanup(server.Close)
	environ := []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN=t"}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"endpoints", "get", "crm", "--etag"}, cli.ExitDone, tag},
		{[]string{"endpoints", "get", "crm", "--etag", "--json"}, cli.ExitDone, `"etag"`},
		{[]string{"endpoints", "get", "crm"}, cli.ExitDone, `"name": "crm"`},
		{[]string{"endpoints", "update", "crm", "--rate", "5/s", "--if-match", tag}, cli.ExitDone, "updated crm"},
		{[]string{"endpoints", "update", "crm", "--rate", "5/s", "--if-match", `"old"`}, cli.ExitFailed, "it has changed since"},
		{[]string{"endpoints", "delete", "crm", "--if-match", `"old"`}, cli.ExitFailed, "412"},
		{[]string{"endpoints", "delete", "crm", "--if-match", tag}, cli.ExitDone, "deleted"},
	} {
		if out, errs, code := hookspan(t, environ, c.args...); code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: code %d, want %d and %q:\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		elsewhere := listenForTokens(t, nil)
		server := listenForTokens(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, status)
		})
		for _, args := range [][]string{{"deliveries"}, {"deliveries", "retry", "dlv_1"}, {"endpoints", "create", "a", "--url", "http://a.example"}} {
			_, errs, code := hookspan(t, []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN=given"}, args...)
			if code != cli.ExitFailed || !strings.Contains(errs, "redirects are not followed") {
				t.Errorf("%d: code %d, %s", status, code, errs)
			}
		}
		if got := elsewhere.seen(); got != "" {
			t.Errorf("%d: elsewhere saw %q", status, got)
		}
	}
}

// What cannot be read is said, for every file of secrets; what editors leave in one is not part
// of a secret.
func TestFilesOfSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeTo(t, dir+"/windows", "\ufeffwhsec_one\r\n\r\nwhsec two words \r\n")
	writeTo(t, dir+"/empty", "\r\n\n")
	writeTo(t, dir+"/utf16", "w\x00h\x00")
	var body string
	server := listenForTokens(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		_, _ = io.WriteString(w, `{"id":"ep_1","name":"a"}`)
	})
	environ := []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN=given"}
	create := []string{"endpoints", "create", "a", "--url", "http://a.example", "--secrets-file"}
	if _, errs, code := hookspan(t, environ, append(create, dir+"/windows")...); code != cli.ExitDone || !strings.Contains(body, `"secrets":["whsec_one","whsec two words "]`) {
		t.Errorf("code %d, %s, sent %s", code, errs, body)
	}
	for file, says := range map[string]string{"missing": "no such file", "": "is a directory", "empty": "is empty", "utf16": "NUL byte"} {
		for _, args := range [][]string{
			append(create, dir+"/"+file),
			{"trigger", "sticker", "--to", server.URL, "--secret-file", dir + "/" + file},
			{"verify", "sticker", "--body-file", dir + "/windows", "--secret-file", dir + "/" + file},
		} {
			if _, errs, code := hookspan(t, environ, args...); code != cli.ExitUsage || !strings.Contains(errs, says) {
				t.Errorf("%v: code %d, %s", args, code, errs)
			}
		}
		_, errs, code := hookspan(t, []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN_FILE=" + dir + "/" + file}, "endpoints")
		if code != cli.ExitUsage || !strings.Contains(errs, says) {
			t.Errorf("token file %q: code %d, %s", file, code, errs)
		}
	}
}

func TestPagesOfAListAreFollowed(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/refusals", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"code":"unauthorized","detail":"a valid token is needed"}`))
			return
		}
		next := map[string]string{"": `"2"`, "2": `"3"`, "3": `""`}[r.URL.Query().Get("cursor")]
		_, _ = w.Write([]byte(`{"items":[{"source":"shop","reason":"stale"},{"source":"shop","reason":"future"}],"next":` + next + `}`))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	environ := []string{"HOOKSPAN_SERVER=" + s.URL, "HOOKSPAN_ADMIN_TOKEN=t0ken"}
	for limit, want := range map[string]int{"0": 6, "3": 3, "2": 2} {
		out, errs, code := hookspan(t, environ, "refusals", "--json", "--limit", limit)
		if got := strings.Count(out, "\n"); code != cli.ExitDone || got != want {
			t.Errorf("limit %s: %d lines, want %d: %s", limit, got, want, errs)
		}
	}
	_, errs, code := hookspan(t, []string{"HOOKSPAN_SERVER=" + s.URL}, "refusals")
	if code != cli.ExitFailed || !strings.Contains(errs, "401 (unauthorized): a valid token is needed") {
		t.Errorf("code %d: %s", code, errs)
	}
}
