package endpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
)

// Auth is how requests log in at an endpoint: one of its kinds, or none. What it holds is never
// shown, not even the parts that are no secret.
type Auth struct {
	Basic  *Basic         `json:"basic,omitempty"`
	Bearer setting.Secret `json:"bearer,omitempty"`
	OAuth2 *OAuth2        `json:"oauth2,omitempty"`
}

// Basic is a login by name and password (RFC 7617).
type Basic struct {
	Username setting.Secret `json:"username"`
	Password setting.Secret `json:"password"`
}

// OAuth2 is the client credentials grant (RFC 6749, 4.4).
type OAuth2 struct {
	TokenURL     setting.Secret `json:"token_url"`
	ClientID     setting.Secret `json:"client_id"`
	ClientSecret setting.Secret `json:"client_secret"`
	Scopes       Scopes         `json:"scopes,omitempty"`
}

// Scopes are what a token is asked for. One text may hold several, between commas or spaces.
type Scopes []string

// UnmarshalJSON takes a list or a text.
func (s *Scopes) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*s = setting.Items(text, ", ")
		return nil
	}
	var list []string // the one before may be shared
	err := json.Unmarshal(raw, &list)
	*s = list
	return err
}

const wantedAuth = setting.Wanted(`{"basic": {"username": …, "password": …}}, {"bearer": …} or {"oauth2": {"token_url": …, "client_id": …, "client_secret": …, "scopes": […]}}`)

// Parse reads JSON.
func (a *Auth) Parse(text string) error {
	*a = Auth{}
	if json.Unmarshal([]byte(text), a) != nil {
		*a = Auth{}
		return wantedAuth
	}
	return nil
}

// UnmarshalJSON refuses what it does not know: a login of a newer version must not be taken for
// none, and not be lost by an edit.
func (a *Auth) UnmarshalJSON(raw []byte) error {
	type plain Auth
	return strictly(raw, (*plain)(a))
}

func strictly(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// OfKind is setting.KindObject.
func (Auth) OfKind() setting.Kind { return setting.KindObject }

// Show says which kind is set.
func (a Auth) Show() any {
	shown := map[string]string{}
	for _, kind := range a.kinds() {
		shown[kind] = setting.Hidden
	}
	if len(shown) == 0 {
		return nil
	}
	return shown
}

// Given reports whether requests log in at all.
func (a Auth) Given() bool { return len(a.kinds()) > 0 }

func (a Auth) kinds() (set []string) {
	if a.Basic != nil {
		set = append(set, "basic")
	}
	if a.Bearer != "" {
		set = append(set, "bearer")
	}
	if a.OAuth2 != nil {
		set = append(set, "oauth2")
	}
	return set
}

// Format writes the kinds for every verb. It is needed although the parts hide: fmt prints what a
// pointer leads to without asking it, where a verb does not fit.
func (a Auth) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, a.kinds()) }

// Format writes *** for every verb.
func (Basic) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, setting.Hidden) }

// Format writes *** for every verb.
func (OAuth2) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, setting.Hidden) }

// Shape is what Show shows.
func (Auth) Shape() map[string]any {
	return hiddenShape(map[string]string{
		"basic": "That requests carry a user name and a password.", "bearer": "That requests carry a token.",
		"oauth2": "That requests carry a token of the client credentials grant.",
	})
}

// hiddenShape is an object of what is set, or null.
func hiddenShape(members map[string]string) map[string]any {
	properties := map[string]any{}
	for name, description := range members {
		properties[name] = map[string]any{"type": "string", "const": setting.Hidden, "description": description, "examples": []any{setting.Hidden}}
	}
	return map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
}

// Open is what the registry seals.
func (a Auth) Open() any {
	open := map[string]any{}
	if a.Basic != nil {
		open["basic"] = map[string]any{"username": a.Basic.Username.Open(), "password": a.Basic.Password.Open()}
	}
	if a.Bearer != "" {
		open["bearer"] = a.Bearer.Open()
	}
	if o := a.OAuth2; o != nil {
		open["oauth2"] = map[string]any{
			"token_url": o.TokenURL.Open(), "client_id": o.ClientID.Open(), "client_secret": o.ClientSecret.Open(), "scopes": []string(o.Scopes),
		}
	}
	return open
}

// Merge takes a merge patch. A kind takes the place of another one, and its own members one by
// one; what was shown hidden stays as it is.
func (a *Auth) Merge(raw []byte) []setting.Fault {
	var changes map[string]json.RawMessage
	if json.Unmarshal(raw, &changes) != nil || changes == nil {
		return []setting.Fault{{Message: wantedAuth.Error()}}
	}
	was, named := *a, Auth{}
	var faults []setting.Fault
	for name, change := range changes {
		f := was.mergeKind(name, change, &named)
		if f != "" {
			faults = append(faults, setting.Fault{Field: "." + name, Message: f})
		}
	}
	slices.SortFunc(faults, func(a, b setting.Fault) int { return strings.Compare(a.Field, b.Field) })
	if len(faults) > 0 {
		return faults
	}
	if len(named.kinds()) > 0 {
		*a = named
		return nil
	}
	for name := range changes { // each is null
		a.drop(name)
	}
	return nil
}

// mergeKind puts a kind into named, with what it was below what has changed.
func (a *Auth) mergeKind(name string, change json.RawMessage, named *Auth) (fault string) {
	kept := string(change) == `"`+setting.Hidden+`"`
	if !slices.Contains([]string{"basic", "bearer", "oauth2"}, name) {
		return "is not known; " + wantedAuth.Error()
	}
	if kept && !slices.Contains(a.kinds(), name) {
		return "give the value; " + setting.Hidden + " only stands for one that is kept"
	}
	if string(change) == "null" {
		return ""
	}
	var err error
	switch name {
	case "bearer":
		if named.Bearer = a.Bearer; !kept {
			named.Bearer = ""
			err = json.Unmarshal(change, &named.Bearer)
		}
		if err == nil && named.Bearer == "" {
			return "is empty"
		}
	case "basic":
		named.Basic = overlaid(a.Basic)
		if !kept {
			err = strictly(unset(change), named.Basic)
		}
	case "oauth2":
		named.OAuth2 = overlaid(a.OAuth2)
		if !kept {
			err = strictly(unset(change), named.OAuth2)
		}
	}
	if err != nil {
		return wantedAuth.Error()
	}
	return ""
}

// overlaid is a copy to write into.
func overlaid[T any](was *T) *T {
	next := new(T)
	if was != nil {
		*next = *was
	}
	return next
}

// unset has null mean an empty text, as a merge patch takes a member away.
func unset(change json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(change, &members) != nil {
		return change
	}
	for name, member := range members {
		if string(member) == "null" && name != "scopes" {
			members[name] = json.RawMessage(`""`)
		}
	}
	raw, _ := json.Marshal(members) // what was read can be written
	return raw
}

func (a *Auth) drop(kind string) {
	switch kind {
	case "basic":
		a.Basic = nil
	case "bearer":
		a.Bearer = ""
	case "oauth2":
		a.OAuth2 = nil
	}
}

// Refer opens what the environment or the file only refers to.
func (a *Auth) Refer(open setting.Opener) error {
	members := map[string]*setting.Secret{"bearer": &a.Bearer}
	if b := a.Basic; b != nil {
		members["basic.username"], members["basic.password"] = &b.Username, &b.Password
	}
	if o := a.OAuth2; o != nil {
		members["oauth2.token_url"], members["oauth2.client_id"], members["oauth2.client_secret"] = &o.TokenURL, &o.ClientID, &o.ClientSecret
	}
	return setting.OpenAll(members, func(name, text string) (string, error) {
		secret := name == "bearer" || name == "basic.password" || name == "oauth2.client_secret"
		return open(text, setting.Reference{Secret: secret})
	})
}

// Check never repeats what was given.
func (a Auth) Check() []setting.Fault {
	v := &faults{}
	if len(a.kinds()) > 1 {
		v.add("", "give one of basic, bearer and oauth2")
	}
	if a.Basic != nil {
		v.basic(a.Basic)
	}
	if t := a.Bearer.Open(); t != "" && (len(t) > maxHeaderValue || strings.ContainsFunc(t, notVisible)) {
		v.add(".bearer", "want at most %d visible ASCII characters without a space: the token alone", maxHeaderValue)
	}
	if a.OAuth2 != nil {
		v.oauth2(a.OAuth2)
	}
	return v.list
}

func notVisible(r rune) bool { return r <= ' ' || r > '~' }

func (v *faults) required(field string, s setting.Secret) {
	switch text := s.Open(); {
	case text == "":
		v.add(field, "is missing")
	case len(text) > maxSecret:
		v.add(field, "is longer than %d bytes", maxSecret)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		v.add(field, "holds a control character")
	}
}

func (v *faults) basic(b *Basic) {
	v.required(".basic.username", b.Username)
	v.required(".basic.password", b.Password)
	if strings.Contains(b.Username.Open(), ":") {
		v.add(".basic.username", "holds a colon, which ends the name in a request")
	}
}

func (v *faults) oauth2(o *OAuth2) {
	own := &faults{}
	own.url(o.TokenURL.Open())
	if o.TokenURL == "" {
		v.add(".oauth2.token_url", "is missing; give the address that gives tokens")
	} else if len(own.list) > 0 {
		v.add(".oauth2.token_url", "%s", own.list[0].Message)
	}
	v.required(".oauth2.client_id", o.ClientID)
	v.required(".oauth2.client_secret", o.ClientSecret)
	if len(o.Scopes) > maxOptions {
		v.add(".oauth2.scopes", "has %d scopes; %d are allowed", len(o.Scopes), maxOptions)
		return
	}
	for i, s := range o.Scopes { // RFC 6749, 3.3
		if s == "" || len(s) > maxPattern || strings.ContainsFunc(s, func(r rune) bool { return notVisible(r) || r == '"' || r == '\\' }) {
			v.add(at(".oauth2.scopes", i), "is no scope: visible ASCII without spaces, quotes and backslashes")
		}
	}
}

// access refuses a login that something else would overwrite, and a client certificate that nobody
// would ask for.
func (v *faults) access(e *Endpoint) {
	const name = "Authorization"
	taken := ""
	if slices.ContainsFunc(e.Headers, func(h Header) bool { return http.CanonicalHeaderKey(h.Name) == name }) {
		taken = "headers"
	}
	if http.CanonicalHeaderKey(e.Options["header"]) == name {
		taken = "options.header"
	}
	if taken != "" && e.Auth.Given() {
		v.add("auth", "%s has the header %s already; take one of the two out", taken, name)
	}
	u, err := url.Parse(e.URL)
	if err == nil && u.Scheme == "http" && !e.TLS.IsZero() && e.Auth.OAuth2 == nil {
		v.add("tls", "is of no use with a url that begins with http://")
	}
}
