package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

const hookURL = "https://hooks.example.com/webhooks/shop"

// get is a request without a body.
func get(query string, headers ...string) *provider.Request {
	r := lines("", headers...)
	r.Method, r.URL = http.MethodGet, hookURL+"?"+query
	return r
}

func TestADeliveryByGETCarriesItsQuery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, query, signed, data, kind, subject string }{
		"signed URL": {"methods: [GET]\nverify: [{hmac: {header: X-Sig, content: \"{url}\"}}]\nevent: {prefix: com.own, body: form, type: \"query:Status\", subject: \"form:Id\"}\n",
			"Id=1&Status=review&Note=a+b%20c", hookURL + "?Id=1&Status=review&Note=a+b%20c", "Id=1&Status=review&Note=a+b%20c", "com.own.review", "1"},
		"JSON is expected of others": {"methods: [POST, GET]\nverify: [{hmac: {header: X-Sig, content: \"{url}{body}\"}}]\nevent: {prefix: com.own, type: [/type, \"query:type\"]}\n",
			"type=x", hookURL + "?type=x", "type=x", "com.own.x", ""},
		"only what is signed": {"methods: [GET]\nverify: [{hmac: {header: X-Sig, content: \"{query:id}{query:type}\"}}]\nevent: {prefix: com.own, body: any, type: \"query:type\"}\n",
			"id=1&forged=yes&type=x", "1x", "id=1&type=x", "com.own.x", ""},
		"a token is not part of it": {"methods: [GET]\nverify: [{token: {in: \"query:key\"}}]\nevent: {prefix: com.own, body: any, type: \"query:type\"}\n",
			"a=1&key=" + strings.ReplaceAll(invented, " ", "+") + "&type=x&%zz", "", "a=1&type=x", "com.own.x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := userProvider(t, "own", c.file, provider.Config{})
			e := accepted(t, v, get(c.query, "X-Sig", hexHMAC(c.signed))).Events[0]
			if string(e.Data) != c.data || e.Type != c.kind || e.Subject != c.subject || e.DataContentType != "application/x-www-form-urlencoded" {
				t.Errorf("%s %q %q: %q", e.Type, e.Subject, e.DataContentType, e.Data)
			}
		})
	}
}

func TestEveryQueryIsAnEventOfItsOwn(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "methods: [GET]\nverify: [{hmac: {header: X-Sig, content: \"{url}\"}}]\nevent: {prefix: com.own, body: any}\n", provider.Config{})
	ids := map[string]bool{}
	for _, query := range []string{"a=1", "a=2", "a=1&b=", "a=1"} {
		ids[accepted(t, v, get(query, "X-Sig", hexHMAC(hookURL+"?"+query))).Events[0].ID] = true
	}
	if len(ids) != 3 {
		t.Errorf("%d ids of three deliveries and a repeat", len(ids))
	}
}

func TestAnUnsignedQueryIsNotCarried(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig}}]"+anyBody, provider.Config{})
	r := lines("", "X-Sig", hexHMAC(""))
	r.URL += "?forged=yes"
	if e := accepted(t, v, r).Events[0]; len(e.Data) != 0 {
		t.Errorf("%q", e.Data)
	}
}

func TestASignatureHasToCoverTheDelivery(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	p, _ := c.Provider("hmac")
	for template, method := range map[string]string{
		"{header:X-Time}": "POST", "{url}": "POST", "fixed": "GET", "{json:/id}": "POST", "{header:X-Time}.{method}": "GET",
	} {
		_, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{invented}, Options: map[string]string{"header": "X-Sig", "template": template, "method": method}})
		if err == nil || !strings.Contains(err.Error(), "{body}") || !strings.Contains(err.Error(), template) {
			t.Errorf("%s of %s: %v", template, method, err)
		}
	}
	v := compile(t, "hmac", provider.Config{Options: map[string]string{"header": "X-Sig", "template": "{url}", "method": "GET", "type": "query:t"}, Secrets: []string{invented}})
	if e := accepted(t, v, get("t=a", "X-Sig", hexHMAC(hookURL+"?t=a"))).Events[0]; e.Type != "webhook.shop.a" || string(e.Data) != "t=a" {
		t.Errorf("%+v", e)
	}
	forged := get("t=a", "X-Sig", hexHMAC(hookURL+"?t=a"))
	forged.Body = []byte(`{"forged":true}`)
	if r := reason(t, v, forged); r.Reason != provider.BadSignature {
		t.Error(r)
	}
	weak := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, content: \"{json:/id}\"}}]"+anyBody, provider.Config{})
	if w := strings.Join(weak.Warnings(), " "); !strings.Contains(w, "values of the body") {
		t.Errorf("no warning of a signature over a part: %s", w)
	}
}

func TestASampleComesByTheSourcesMethod(t *testing.T) {
	t.Parallel()
	options := map[string]string{"header": "X-Sig", "template": "{url}", "method": "GET"}
	p, _ := catalog(t).Provider("hmac")
	s, err := p.Sample(provider.SampleRequest{Secret: invented, Now: noon, URL: hookURL + "?a=1", Options: options})
	if err != nil {
		t.Fatal(err)
	}
	v := compile(t, "hmac", provider.Config{Secrets: []string{invented}, Options: options})
	if e := accepted(t, v, request(s, noon)).Events[0]; s.Method != "GET" || string(e.Data) != "a=1" {
		t.Errorf("%s %q", s.Method, e.Data)
	}
}

func TestProbesOfTheGenericProvider(t *testing.T) {
	t.Parallel()
	for probe, answered := range map[string]map[string]bool{"": {"HEAD": true}, "none": {}, "head": {"HEAD": true}, "get": {"HEAD": true, "GET": true}} {
		options := map[string]string{"header": "X-Sig"}
		if probe != "" {
			options["probe"] = probe
		}
		v := compile(t, "hmac", provider.Config{Options: options, Secrets: []string{invented}})
		for _, method := range []string{"HEAD", "GET", "POST"} {
			r := get("x=1")
			r.Method = method
			verdict, err := v.Verify(r)
			if ok := err == nil && verdict.Answer != nil && verdict.Answer.Status == 200; ok != answered[method] {
				t.Errorf("probe=%s %s: %+v, %v", probe, method, verdict, err)
			}
		}
		if r := reason(t, v, get("x=1", "X-Sig", hexHMAC(""))); answered["GET"] && r.Reason != provider.Challenge {
			t.Errorf("a signed GET is no probe: %v", r)
		}
	}
}
