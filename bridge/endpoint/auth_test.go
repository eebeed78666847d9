package endpoint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

// patched applies merge patches to a setting of an endpoint, and returns what is wrong at the end.
func patched(t *testing.T, e *endpoint.Endpoint, word string, patches ...string) string {
	t.Helper()
	f, _ := endpoint.Fields().Find(word)
	var faults []string
	for _, text := range patches {
		for _, fault := range f.Patch(&e.Settings, json.RawMessage(text)) {
			faults = append(faults, fault.Field+": "+fault.Message)
		}
	}
	for _, fault := range f.Check(&e.Settings) {
		faults = append(faults, fault.Field+": "+fault.Message)
	}
	return strings.Join(faults, "; ")
}

func shownAs(t *testing.T, e *endpoint.Endpoint, word string) string {
	t.Helper()
	f, _ := endpoint.Fields().Find(word)
	text, err := json.Marshal(f.Show(&e.Settings))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const (
	basic  = `{"basic":{"username":"canary-user","password":"canary-word"}}`
	bearer = `{"bearer":"canary-token"}`
	oauth2 = `{"oauth2":{"token_url":"https://login.example/canary","client_id":"canary-id","client_secret":"canary-secret","scopes":["canary-a","b"]}}`
)

func TestAuthIsMergedAndNotShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patches []string
		shown   string
		open    string
	}{
		"none":                      {[]string{`{}`}, "null", "{}"},
		"basic":                     {[]string{basic}, `{"basic":"***"}`, basic},
		"bearer":                    {[]string{bearer}, `{"bearer":"***"}`, bearer},
		"oauth2":                    {[]string{oauth2}, `{"oauth2":"***"}`, oauth2},
		"another kind":              {[]string{basic, bearer}, `{"bearer":"***"}`, bearer},
		"the way back":              {[]string{oauth2, basic}, `{"basic":"***"}`, basic},
		"as it was shown":           {[]string{basic, `{"basic":"***"}`}, `{"basic":"***"}`, basic},
		"a token as shown":          {[]string{bearer, `{"bearer":"***","basic":null}`}, `{"bearer":"***"}`, bearer},
		"nothing":                   {[]string{basic, `{}`}, `{"basic":"***"}`, basic},
		"taken away":                {[]string{basic, `{"basic":null}`}, "null", "{}"},
		"another's taken away":      {[]string{basic, `{"bearer":null}`}, `{"basic":"***"}`, basic},
		"all taken away":            {[]string{oauth2, "null"}, "null", "{}"},
		"a member":                  {[]string{basic, `{"basic":{"password":"canary-new"}}`}, `{"basic":"***"}`, strings.Replace(basic, "canary-word", "canary-new", 1)},
		"a member that is null":     {[]string{oauth2, `{"oauth2":{"scopes":null}}`}, `{"oauth2":"***"}`, strings.Replace(oauth2, `["canary-a","b"]`, "null", 1)},
		"scopes as one text":        {[]string{oauth2, `{"oauth2":{"scopes":"canary-a, b"}}`}, `{"oauth2":"***"}`, oauth2},
		"scopes as one text (2)":    {[]string{oauth2, `{"oauth2":{"scopes":"canary-a b"}}`}, `{"oauth2":"***"}`, oauth2},
		"a kind and not the others": {[]string{basic, `{"bearer":"canary-token","basic":null}`}, `{"bearer":"***"}`, bearer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := endpoint.Default()
			if faults := patched(t, e, "auth", c.patches...); faults != "" {
				t.Fatal(faults)
			}
			if got := shownAs(t, e, "auth"); got != c.shown {
				t.Errorf("shown as %s, want %s", got, c.shown)
			}
			var want any
			if err := json.Unmarshal([]byte(c.open), &want); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(e.Auth.Open())
			if err != nil {
				t.Fatal(err)
			}
			var got any
			if err := json.Unmarshal(text, &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("it is %s, want %s", text, c.open)
			}
			var back endpoint.Auth
			if err := json.Unmarshal(text, &back); err != nil || fmt.Sprint(back.Open()) != fmt.Sprint(e.Auth.Open()) {
				t.Errorf("%s is read as %v: %v", text, back.Open(), err)
			}
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
				if text := fmt.Sprintf(format, e.Auth); strings.Contains(text, "canary") {
					t.Errorf("%s prints %s", format, text)
				}
			}
		})
	}
}

// An edit makes another value: the old one is what runs.
func TestAuthIsNotWrittenInto(t *testing.T) {
	t.Parallel()
	e := endpoint.Default()
	patched(t, e, "auth", oauth2)
	old := e.Clone()
	patched(t, e, "auth", `{"oauth2":{"client_id":"other","scopes":["z"]}}`)
	if o := old.Auth.OAuth2; o.ClientID != "canary-id" || o.Scopes[0] != "canary-a" {
		t.Errorf("the old value has become %v %v", o.ClientID.Open(), o.Scopes)
	}
}

func TestAuthThatIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"canary"`:                        "auth: want {\"basic\"",
		`[]`:                              "auth: want {\"basic\"",
		`{"digest":"canary"}`:             "auth.digest: is not known; want {\"basic\"",
		`{"basic":"canary"}`:              "auth.basic: want {\"basic\"",
		`{"basic":"***"}`:                 "auth.basic: give the value; *** only stands",
		`{"bearer":{"a":"b"}}`:            "auth.bearer: want",
		`{"bearer":""}`:                   "auth.bearer: is empty",
		`{"bearer":"canary x"}`:           "auth.bearer: want at most",
		`{"bearer":"canary\n"}`:           "auth.bearer: want at most",
		`{"bearer":"canary\u00e9"}`:       "auth.bearer: want at most",
		`{"basic":{"username":"u"}}`:      "auth.basic.password: is missing",
		`{"basic":{"password":"canary"}}`: "auth.basic.username: is missing",
		`{"basic":{"username":"canary:","password":"canary"}}`:                                                       "auth.basic.username: holds a colon",
		`{"basic":{"username":"u","password":"canary\n"}}`:                                                           "auth.basic.password: holds a control character",
		`{"basic":{"username":"u","password":"p","realm":"canary"}}`:                                                 "auth.basic: want",
		`{"basic":{"username":"u","password":"p"},"bearer":"canary"}`:                                                "auth: give one of basic, bearer and oauth2",
		`{"oauth2":{"client_id":"canary","client_secret":"canary"}}`:                                                 "auth.oauth2.token_url: is missing",
		`{"oauth2":{"token_url":"ftp://x.example/canary","client_id":"canary","client_secret":"canary"}}`:            "auth.oauth2.token_url: must begin with https://",
		`{"oauth2":{"token_url":"https://canary:canary@x.example","client_id":"canary","client_secret":"canary"}}`:   "auth.oauth2.token_url: must not hold a user",
		`{"oauth2":{"token_url":"https://x.example","client_secret":"canary"}}`:                                      "auth.oauth2.client_id: is missing",
		`{"oauth2":{"token_url":"https://x.example","client_id":"canary"}}`:                                          "auth.oauth2.client_secret: is missing",
		`{"oauth2":{"token_url":"https://x.example","client_id":"i","client_secret":"s","scopes":["a","canary\""]}}`: "auth.oauth2.scopes[1]: is no scope",
		`{"oauth2":{"token_url":"https://x.example","client_id":"i","client_secret":"s","scope":"canary"}}`:          "auth.oauth2: want",
	} {
		e := endpoint.Default()
		got := patched(t, e, "auth", text)
		if !strings.HasPrefix(got, want) || strings.Contains(got, "canary") {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestAuthBesideOtherSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*endpoint.Endpoint)
		want string
	}{
		"a header": {func(e *endpoint.Endpoint) { e.Headers = []endpoint.Header{{Name: "authorization", Value: "x"}} }, "auth: headers has the header"},
		"a signature": {func(e *endpoint.Endpoint) {
			e.Signature, e.Options = "hmac", map[string]string{"header": "authorization"}
		}, "auth: options.header has the header"},
		"a client's TLS":      {func(e *endpoint.Endpoint) { e.URL, e.TLS.ServerName = "http://crm.example/", "a.example" }, "tls: is of no use with a url that begins with http://"},
		"nothing of all that": {func(*endpoint.Endpoint) {}, ""},
	} {
		e := receiver("crm")
		patched(t, e, "auth", bearer)
		c.edit(e)
		got := ""
		for _, f := range e.Validate() {
			got += f.Field + ": " + f.Message
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A login of a newer version is not taken for none: nothing is sent without it, and it outlives what
// this version writes.
func TestALoginThatIsNotKnownIsKept(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, receiver("crm"))
	sealed, err := sealer(t, 1).Seal(made.ID, []byte(`{"secrets":["canary-secret-crm"],"auth":{"hawk":{"key":"of a newer version"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	land(t, store, made.ID, sealed)
	set, err := r.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e := set.ByID(made.ID); e.State != endpoint.Paused || !strings.Contains(e.Reason, "not readable") {
		t.Errorf("it is %s (%s)", e.State, e.Reason)
	}
	if _, err := r.SetState(t.Context(), made.ID, endpoint.Disabled, "x"); err != nil {
		t.Fatal(err)
	}
	if plain := sealedOf(t, store, made.ID, 1); !strings.Contains(plain, "of a newer version") {
		t.Errorf("an edit has lost it: %s", plain)
	}
}

// land writes the last record of an endpoint anew, with something else sealed.
func land(t *testing.T, store *endpointtest.Store, id string, sealed endpoint.Sealed) {
	t.Helper()
	records := store.Records(registryLog)
	last := records[len(records)-1]
	var record map[string]json.RawMessage
	var e map[string]any
	if err := json.Unmarshal(last.Data, &record); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(record["endpoint"], &e); err != nil || e["id"] != id {
		t.Fatalf("%v: %s", err, last.Data)
	}
	e["sealed"], e["updated"] = sealed, time.Now().Add(time.Minute).UTC() // it was changed
	var err error
	if record["endpoint"], err = json.Marshal(e); err != nil {
		t.Fatal(err)
	}
	next := last
	next.ID, next.Prev, next.PrevID = [16]byte{9}, last.Pos, last.ID
	if next.Data, err = json.Marshal(record); err != nil {
		t.Fatal(err)
	}
	store.Land(registryLog, next)
}

func TestAccessReachesTheBusSealedOnly(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	e := receiver("crm")
	cert, key := clientPEM(t, "canary-client")
	patched(t, e, "auth", oauth2)
	patched(t, e, "tls", object(t, map[string]string{"cert": cert, "key": key, "ca": cert, "server_name": "canary.example"}))
	made := mustCreate(t, r, e)
	for _, rec := range store.Records(registryLog) {
		for _, part := range []string{"canary", "oauth2", "login.example", "CERTIFICATE", "server_name", strings.Split(key, "\n")[1]} {
			if bytes.Contains(rec.Data, []byte(part)) {
				t.Errorf("%s lies open: %s", part, rec.Data)
			}
		}
	}
	back := loaded(t, store, endpoint.Options{}).Set().ByID(made.ID)
	for _, word := range []string{"auth", "tls"} {
		if f, _ := endpoint.Fields().Find(word); !f.Same(&e.Settings, &back.Settings) {
			t.Errorf("%s came back changed", word)
		}
	}
}
