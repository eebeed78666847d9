package provider_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

func TestAProviderBuildsOnAnother(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
title: Own
like: standard-webhooks
with: {headers: svix}
event:
  prefix: com.own
  subject: /order
`, provider.Config{Secrets: []string{secretOf(t, "standard-webhooks")}})
	body := `{"type":"order.paid","order":"7"}`
	c, err := userFiles(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	svix, _ := c.Provider("svix")
	s, err := svix.Sample(provider.SampleRequest{Secret: secretOf(t, "standard-webhooks"), Now: noon, Body: []byte(body), URL: "https://hooks.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := v.Verify(request(s, noon))
	if err != nil {
		t.Fatal(err)
	}
	e := verdict.Events[0]
	if e.Type != "com.own.order.paid" || e.Subject != "7" || e.ID != s.Header.Get("svix-id") {
		t.Errorf("type %s, subject %s, id %s", e.Type, e.Subject, e.ID)
	}
	s.Header.Set("svix-id", "another")
	if _, err := v.Verify(request(s, noon)); err == nil {
		t.Error("an altered id was taken")
	}
}

func TestWhatAProviderCannotBuildOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nobody":         {"like: nobody\nevent: {prefix: com.own}", `there is no provider "nobody"`},
		"a second step":  {"like: clerk\nevent: {prefix: com.own}", "clerk builds on standard-webhooks itself; name that one"},
		"another option": {"like: standard-webhooks\nwith: {header: X}\nevent: {prefix: com.own}", "with: header is no option here; did you mean headers? There is headers"},
		"alone":          {"with: {header: X}\nverify: [{hmac: {header: X-Own}}]\nevent: {prefix: com.own}", "with: header is no option here; the provider takes none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := userFiles(t, map[string]string{"own.yaml": "name: own\ntitle: Own\n" + c.text + "\n"})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}
