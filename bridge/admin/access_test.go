package admin_test

import (
	"strings"
	"testing"
)

// How an endpoint is logged in at is told as its kind alone, whoever asks and whatever went wrong.
func TestAccessIsNeverShown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	made := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","auth":{"oauth2":{"token_url":"https://canary.example/","client_id":"canary",`+
		`"client_secret":"canary","scopes":["canary"]}},"tls":{"server_name":"canary.example"}}`)
	made.object(201)
	for name, a := range map[string]answer{
		"made": made, "read": s.do("GET", "/v1/endpoints/crm", ""), "listed": s.do("GET", "/v1/endpoints", ""),
		"changed":  s.do("PATCH", "/v1/endpoints/crm", `{"auth":{"oauth2":{"client_secret":"canary-2"}},"concurrency":3}`),
		"refused":  s.do("PATCH", "/v1/endpoints/crm", `{"auth":{"basic":{"username":"canary:","password":"canary"}},"tls":{"key":"canary"}}`),
		"kept":     s.do("PATCH", "/v1/endpoints/crm", `{"auth":{"oauth2":"***"},"tls":{"server_name":"***"}}`),
		"unknown":  s.do("PATCH", "/v1/endpoints/crm", `{"auth":{"digest":"canary"}}`),
		"no login": s.do("PATCH", "/v1/endpoints/crm", `{"auth":"canary"}`),
	} {
		if strings.Contains(a.body, "canary") {
			t.Errorf("%s: %s", name, a.body)
		}
		if a.status < 300 && (!strings.Contains(a.body, `"auth":{"oauth2":"***"}`) || !strings.Contains(a.body, `"tls":{"server_name":"***"}`)) {
			t.Errorf("%s: the kinds are not told: %s", name, a.body)
		}
	}
	if e := s.registry.Set().ByName("crm"); e.Auth.OAuth2.ClientSecret != "canary-2" || e.Auth.OAuth2.ClientID != "canary" || e.TLS.ServerName != "canary.example" {
		t.Errorf("kept: %v %v", e.Auth.Open(), e.TLS.Open())
	}
	if paths := s.do("PATCH", "/v1/endpoints/crm", `{"auth":{"basic":{"username":"u"}},"tls":{"ca":"x"}}`).problem(422, "invalid"); strings.Join(paths, " ") != "auth.basic.password tls.ca" {
		t.Errorf("at fault: %v", paths)
	}
	got := s.do("PATCH", "/v1/endpoints/crm", `{"auth":null,"tls":null}`).object(200)
	if got["auth"] != nil || got["tls"] != nil || s.registry.Set().ByName("crm").Auth.OAuth2 != nil {
		t.Errorf("taken away: %v %v", got["auth"], got["tls"])
	}
}
