package provider_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
)

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestAnIdThatNobodyGaveIsTheHashOfWhatWasSigned(t *testing.T) {
	t.Parallel()
	const body = `{"button":"pressed"}`
	for name, c := range map[string]struct {
		file, query, signed string // what is signed, and hashed unless id says otherwise
		id                  string
		headers             []string
	}{
		"the body":              {file: `verify: [{hmac: {header: X-Sig}}]`, signed: body},
		"a time in a header":    {file: `verify: [{hmac: {header: X-Sig, content: "{header:X-Time}.{body}"}}]`, headers: []string{"X-Time", "17"}, signed: "17." + body},
		"a time in a list":      {file: `verify: [{hmac: {header: X-Sig, item: v1, content: "{item:t}.{body}"}}]`, signed: "17." + body},
		"the query":             {file: `verify: [{hmac: {header: X-Sig, content: "{query:at}{body}"}}]`, query: "?at=17&x=2", signed: "17" + body},
		"the URL":               {file: `verify: [{hmac: {header: X-Sig, content: "{method}{url}{body}"}}]`, query: "?at=17", signed: "POSThttps://hooks.example.com/webhooks/shop?at=17" + body},
		"with the secret in it": {file: `verify: [{hash: {header: X-Sig, content: "{secret}{header:X-Time}{body}"}}]`, headers: []string{"X-Time", "17"}, signed: invented + "17" + body, id: "17" + body},
		"a time, signed anew":   {file: "verify: [{hmac: {header: X-Sig, content: \"{header:X-Time}.{body}\"}}]\nresigned", headers: []string{"X-Time", "17"}, signed: "17." + body, id: body},
		"the default port":      {file: `verify: [{hmac: {header: X-Sig, content: "{url}{body}"}}]`, signed: "https://hooks.example.com:443/webhooks/shop" + body},
	} {
		event := "event: {prefix: com.own}\n"
		if file, ok := strings.CutSuffix(c.file, "\nresigned"); ok {
			c.file, event = file, "event: {prefix: com.own, resigned: true}\n"
		}
		v := userProvider(t, "own", c.file+"\n"+event, provider.Config{})
		signature := hexHMAC(c.signed)
		switch {
		case strings.Contains(c.file, "hash:"):
			signature = sumOf(c.signed)
		case strings.Contains(c.file, "item:"):
			signature = "t=17,v1=" + signature
		}
		r := post(body, append(c.headers, "X-Sig", signature)...)
		r.URL = "https://hooks.example.com/webhooks/shop" + c.query
		e := accepted(t, v, r).Events[0]
		if want := sumOf(orElse(c.id, c.signed)); e.ID != want || e.Named {
			t.Errorf("%s: id %s, want %s", name, e.ID, want)
		}
	}
}

// What a body or a header says is taken where it can be such an attribute; else the event has what
// it would have had without.
func TestSourceAndTypeOfTheContentHaveTheirForm(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig}}]\nevent: {prefix: com.own, source: [/shop]}\n", provider.Config{})
	for _, c := range []struct{ shop, sent, source, content string }{
		{"https://shop.example", "application/vnd.shop+json", "https://shop.example", "application/vnd.shop+json"},
		{"my shop", "json", "/sources/shop", "application/json"},
	} {
		body := `{"shop":"` + c.shop + `"}`
		e := accepted(t, v, post(body, "Content-Type", c.sent, "X-Sig", hexHMAC(body))).Events[0]
		if e.Source != c.source || e.DataContentType != c.content {
			t.Errorf("%q, %q: %+v", c.shop, c.sent, e)
		}
	}
}

func TestTwilioNamesAMessageByItsSidAndStatus(t *testing.T) {
	t.Parallel()
	v := compile(t, "twilio", provider.Config{Secrets: []string{invented}})
	for form, want := range map[string][2]string{
		"MessageSid=SM1&MessageStatus=sent": {"SM1:sent", "MessageSidSM1MessageStatussent"},
		"MessageSid=SM1&SmsStatus=received": {"SM1:received", "MessageSidSM1SmsStatusreceived"},
		"CallSid=CA1&CallStatus=completed":  {"CA1:completed", "CallSidCA1CallStatuscompleted"},
	} {
		r := post(form, "Content-Type", "application/x-www-form-urlencoded")
		mac := hmac.New(sha1.New, []byte(invented))
		mac.Write([]byte(r.URL + want[1]))
		r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		if e := accepted(t, v, r).Events[0]; e.ID != want[0] {
			t.Errorf("%s: id %s, want %s", form, e.ID, want[0])
		}
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// A token signs nothing, and two scheme at once sign both.
func TestAnIdWithoutASignature(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
verify: [{token: {in: "header:X-Token"}}]
event: {prefix: com.own, body: any}
`, provider.Config{})
	e := accepted(t, v, post("{}", "X-Token", invented)).Events[0]
	if e.ID != sumOf("{}") || e.Signed != [32]byte{} {
		t.Errorf("%+v", e)
	}
	r := post("", "X-Token", invented)
	r.URL += "?job=7"
	if e := accepted(t, v, r).Events[0]; e.ID != sumOf("job=7") {
		t.Errorf("without a body: id %s", e.ID)
	}
}

// Where the id stands outside of what is signed, another id does not hide that it is the same
// request; elsewhere nobody can change the id.
func TestWhatAChangedIdWouldNotChange(t *testing.T) {
	t.Parallel()
	const body = `{"id":"7"}`
	for name, c := range map[string]struct {
		file, content string
		unsigned      bool
	}{
		"a header beside the body":    {`id: "header:X-Id"`, "{body}", true},
		"a header that is signed":     {`id: "header:X-Id"`, "{header:X-Id}.{body}", false},
		"in the body":                 {`id: /id`, "{body}", false},
		"the query beside the body":   {`id: "query:id"`, "{body}", true},
		"the query in a signed URL":   {`id: "query:id"`, "{url}{body}", false},
		"a header with a signed time": {`id: "header:X-Id"`, "{header:X-Time}.{body}", true},
		"half of it is not signed":    {`id: "{json:/id}-{header:X-Id}"`, "{body}", true},
	} {
		v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, content: \""+c.content+"\"}}]\nevent: {prefix: com.own, "+c.file+"}\n", provider.Config{})
		signed := strings.NewReplacer("{body}", body, "{header:X-Id}", "7", "{header:X-Time}", "17", "{url}", "https://h/in?id=7").Replace(c.content)
		r := post(body, "X-Sig", hexHMAC(signed), "X-Id", "7", "X-Time", "17")
		r.URL = "https://h/in?id=7"
		e := accepted(t, v, r).Events[0]
		want := [32]byte{}
		if c.unsigned {
			want = sha256.Sum256([]byte(signed))
		}
		if !e.Named || e.Signed != want {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// Members of a batch that are equal are so many events, and the same ones when it comes again.
func TestEqualMembersOfABatchAreEvents(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"{body}", "{header:X-Time}.{body}"} {
		v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, content: \""+content+"\"}}]\nevent: {prefix: com.own, batch: /events, type: /k, id: /id}\n", provider.Config{})
		body := `{"events":[{"k":"a"},{"k":"a"},{"k":"b"},{"k":"a"},{"k":"a","id":"x"},{"k":"b","id":"x"}]}`
		signed := strings.NewReplacer("{body}", body, "{header:X-Time}", "17").Replace(content)
		ids := map[string]bool{}
		for range 2 {
			for _, e := range accepted(t, v, post(body, "X-Sig", hexHMAC(signed), "X-Time", "17")).Events {
				ids[e.ID] = true
			}
		}
		if len(ids) != 5 {
			t.Errorf("%s: ids %v", content, ids)
		}
		if content == "{body}" && (!ids[sumOf(`{"k":"a"}`)] || !ids[sumOf(`{"k":"b"}`)]) {
			t.Errorf("ids %v", ids)
		}
	}
}

func TestAnUnreadableDeliveryKeepsWhatItCameWith(t *testing.T) {
	t.Parallel()
	v := compile(t, "github", provider.Config{Secrets: []string{invented}})
	for _, body := range []string{"{}", "no JSON"} {
		e := accepted(t, v, post(body, "X-Hub-Signature-256", "sha256="+hexHMAC(body), "X-Github-Delivery", "d1", "Authorization", "Bearer hidden",
			"X-Api-Key", "hidden", "Cf-Access-Jwt-Assertion", "hidden", "X-Forwarded-Access-Token", "hidden")).Events[0]
		if e.ID != "d1" || !e.Named || e.Invalid == "" || string(e.Data) != body || e.Type != "com.github.invalid" {
			t.Errorf("%+v", e)
		}
		var kept map[string]string
		if err := json.Unmarshal([]byte(e.Extension("hookspanheaders")), &kept); err != nil || kept["X-Github-Delivery"] != "d1" || strings.Contains(e.Extension("hookspanheaders"), "hidden") {
			t.Errorf("headers %v, %v", kept, err)
		}
	}
	v = userProvider(t, "own", `
verify: [{token: {in: "header:X-Token"}}]
event: {prefix: com.own, id: "header:X-Id", subject: "header:X-About", time: "header:X-At"}
`, provider.Config{})
	e := accepted(t, v, post("no JSON", "X-Token", invented, "X-Id", "7", "X-About", "s", "X-At", "2026-02-01T00:00:00Z")).Events[0]
	if e.ID != "7" || e.Subject != "s" || e.Time.Month() != 2 || strings.Contains(e.Extension("hookspanheaders"), invented) {
		t.Errorf("%+v", e)
	}
}

func TestAnUnreadableCloudEventKeepsWhatItCameWith(t *testing.T) {
	t.Parallel()
	v := compile(t, "cloudevents", provider.Config{Secrets: []string{invented}})
	token := []string{"Authorization", "Bearer " + invented}
	binary := func(pairs ...string) *provider.Request {
		return post(`{"ok":true}`, append(append([]string{
			"Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "order-1", "Ce-Source", "/shops/7",
			"Ce-Type", "order.paid", "Ce-Subject", "o1", "Ce-Tenant", "t",
		}, pairs...), token...)...)
	}
	structured := func(version, rest string) *provider.Request {
		return post(`{"specversion":"`+version+`","id":"order-1","source":"/shops/7","type":"order.paid","subject":"o1","tenant":"t"`+rest+`}`,
			append([]string{"Content-Type", "application/cloudevents+json"}, token...)...)
	}
	for name, r := range map[string]*provider.Request{
		"specversion":             binary("Ce-Specversion", "0.3"),
		"time":                    binary("Ce-Time", "yesterday"),
		"structured, specversion": structured("0.3", ""),
		"structured, an object":   structured("1.0", `,"thing":{}`),
		"structured, time":        structured("1.0", `,"time":"yesterday"`),
	} {
		e := accepted(t, v, r).Events[0]
		if e.ID != "order-1" || e.Source != "/shops/7" || e.Type != "order.paid" || e.Subject != "o1" || e.Extension("tenant") != "t" {
			t.Errorf("%s: %+v", name, e)
		}
		if e.Invalid == "" || strings.Count(e.Invalid, "CloudEvent") != 1 || string(e.Data) != string(r.Body) || e.DataContentType != "application/json" {
			t.Errorf("%s: %+v", name, e)
		}
		if strings.Contains(e.Extension("hookspanheaders"), invented) || !strings.Contains(e.Extension("hookspanheaders"), "Content-Type") {
			t.Errorf("%s: headers %s", name, e.Extension("hookspanheaders"))
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range map[string]*provider.Request{
		"no id":     binary("Ce-Id", ""),
		"no source": binary("Ce-Source", ""),
		"no type":   binary("Ce-Type", ""),
		"no object": post(`[]`, append([]string{"Content-Type", "application/cloudevents+json"}, token...)...),
		"no list":   post(`{`, append([]string{"Content-Type", "application/cloudevents-batch+json"}, token...)...),
	} {
		e := accepted(t, v, r).Events[0]
		if err := e.Validate(); err != nil || e.Invalid == "" || string(e.Data) != string(r.Body) {
			t.Errorf("%s: %v %+v", name, err, e)
		}
	}
}

// However many attributes came with an event that cannot be read, and however long, it fits the headers of a
// message; those that are short are there.
func TestAnUnreadableEventOfManyAttributesIsShort(t *testing.T) {
	t.Parallel()
	v := compile(t, "cloudevents", provider.Config{Secrets: []string{invented}})
	for name, one := range map[string]string{
		"long":           `"a%03d":"` + strings.Repeat("x", 1024) + `"`,
		"of three bytes": `"a%03d":"` + strings.Repeat("é", 512) + `"`,
		"long names":     `"a%03d` + strings.Repeat("x", 3000) + `":"x"`,
		"short":          `"a%03d":"x"`,
	} {
		body := `{"specversion":"0.3","id":"1","source":"/` + strings.Repeat("é", 500) + `","type":"t","subject":"` + strings.Repeat("é", 500) + `","zone":"z"`
		for n := range 200 {
			body += "," + fmt.Sprintf(one, n)
		}
		e := accepted(t, v, post(body+"}", "Authorization", "Bearer "+invented, "Content-Type", "application/cloudevents+json", "X-Long", strings.Repeat("x", 7000))).Events[0]
		if e.Invalid == "" || e.ID != "1" || e.Extension("zone") != "z" || e.Extension("hookspanheaders") == "" {
			t.Errorf("%s: %+v", name, e.Event)
		}
		if n := len(e.AppendLines(nil)); n > 32<<10 {
			t.Errorf("%s: it is written in %d bytes", name, n)
		}
	}
}

// A header that is too long hides no other, and what tells of the event comes before what does not.
func TestALongHeaderHidesNoOther(t *testing.T) {
	t.Parallel()
	v := compile(t, "cloudevents", provider.Config{Secrets: []string{invented}})
	for name, more := range map[string][]string{
		"one too long":           {"A-Trace", strings.Repeat("x", 8300)},
		"quotes, as %22":         {"A-Trace", strings.Repeat(`"`, 3000)},
		"many fill it":           {"B-1", strings.Repeat("x", 3000), "B-2", strings.Repeat("x", 3000), "B-3", strings.Repeat("x", 3000)},
		"a short one beside it":  {"A-Trace", strings.Repeat("x", 8300), "A-Short", "once"},
		"bytes that are no text": {"A-Trace", strings.Repeat("\xff", 3000)},
	} {
		e := accepted(t, v, post("{}", append([]string{
			"Authorization", "Bearer " + invented, "Content-Type", "application/json", "Ce-Specversion", "0.3", "Ce-Id", "a%01b", "Ce-Long", strings.Repeat("x", 2000), "Z-Last", "z",
		}, more...)...)).Events[0]
		var kept map[string]string
		if err := json.Unmarshal([]byte(e.Extension("hookspanheaders")), &kept); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if kept["Ce-Id"] != "a%01b" || kept["Content-Type"] == "" || kept["Ce-Long"] == "" || kept["Z-Last"] != "z" || kept["A-Trace"] != "" {
			t.Errorf("%s: kept are %v", name, slices.Sorted(maps.Keys(kept)))
		}
		if n := event.WrittenSize(e.Extension("hookspanheaders")); n > 8<<10 {
			t.Errorf("%s: they are written in %d bytes", name, n)
		}
	}
}

// A member of a batch that cannot be read has the request's headers, as a whole request has.
func TestAnUnreadableMemberKeepsTheHeaders(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig}}]\nevent: {prefix: com.own, whole: true, type: /k}\n", provider.Config{})
	body := `[{"k":"a"}` + strings.Repeat(`,{"no":"type"}`, 103) + "]"
	kept := 0
	for i, e := range accepted(t, v, post(body, "X-Sig", hexHMAC(body), "X-Try", "7")).Events {
		switch text := e.Extension("hookspanheaders"); {
		case text == `{"X-Sig":"`+hexHMAC(body)+`","X-Try":"7"}` && e.Invalid != "":
			kept++
		case text != "", i == 1:
			t.Errorf("member %d has the headers %s", i, text)
		}
	}
	if kept != 100 {
		t.Errorf("%d members have the headers", kept)
	}
}

// Events that cannot be read differ by any attribute that they came with; the same one again is a repeat.
func TestUnreadableCloudEventsOfEqualDataAreToldApart(t *testing.T) {
	t.Parallel()
	v := compile(t, "cloudevents", provider.Config{Secrets: []string{invented}})
	ids := map[string]string{}
	for name, pairs := range map[string][]string{
		"bytes that are no text": {"Ce-Id", "Best\xf6llung-1"},
		"another one":            {"Ce-Id", "Best\xf6llung-2"},
		"a control character":    {"Ce-Id", "a%01b"},
		"no id":                  {"Ce-Subject", "o1"},
		"no id, another subject": {"Ce-Subject", "o2"},
		"nothing but the data":   nil,
	} {
		request := func() *provider.Request {
			return post(`{"ok":true}`, append([]string{
				"Authorization", "Bearer " + invented, "Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Source", "/shops/7", "Ce-Type", "order.paid",
			}, pairs...)...)
		}
		first, again := accepted(t, v, request()).Events[0], accepted(t, v, request()).Events[0]
		if first.Invalid == "" || first.ID != again.ID {
			t.Errorf("%s: %q, and again %q", name, first.ID, again.ID)
		}
		if other := ids[first.ID]; other != "" {
			t.Errorf("%s has the id of %s", name, other)
		}
		ids[first.ID] = name
	}
}

// One member that is at fault takes no other with it.
func TestABatchOfCloudEventsWithABadOne(t *testing.T) {
	t.Parallel()
	v := compile(t, "cloudevents", provider.Config{Secrets: []string{invented}})
	member := func(version, id string) string {
		return `{"specversion":"` + version + `","id":"` + id + `","source":"/s","type":"t"}`
	}
	bytes := `{"specversion":"1.0","id":"4","source":"/s","type":"t","subject":"` + "\xff" + `"}`
	body := "[" + strings.Join([]string{member("1.0", "1"), member("0.3", "2"), "7", member("1.0", "3"), "7", bytes}, ",") + "]"
	verdict := accepted(t, v, post(body, "Content-Type", "application/cloudevents-batch+json", "Authorization", "Bearer "+invented))
	if len(verdict.Events) != 6 || verdict.Invalid == "" {
		t.Fatalf("%+v", verdict)
	}
	for i, want := range []struct{ id, data string }{{"1", ""}, {"2", member("0.3", "2")}, {"", "7"}, {"3", ""}, {"", "7"}, {"4", bytes}} {
		e := verdict.Events[i]
		if (want.id != "" && e.ID != want.id) || string(e.Data) != want.data || (e.Invalid == "") != (want.data == "") {
			t.Errorf("member %d: %+v", i, e)
		}
	}
	if verdict.Events[2].ID == verdict.Events[4].ID {
		t.Error("two equal members have one id")
	}
}

// The same of a vendor's batch: bytes that are no UTF-8 concern the member that holds them.
func TestABatchWithBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	for batch, body := range map[string]string{
		"whole: true":     `[{"k":"a"},{"k":"b","text":"BYTES"},{"k":"c"}]`,
		"batch: /list":    `{"list":[{"k":"a"},{"k":"b","text":"BYTES"},{"k":"c"}]}`,
		"batch: /of/list": `{"of":{"note":"BYTES","list":[{"k":"a"},{"BYTES":1,"k":"b"},{"k":"c"}]}}`,
	} {
		v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig}}]\nevent: {prefix: com.own, type: /k, "+batch+"}\n", provider.Config{})
		body = strings.ReplaceAll(body, "BYTES", "\xff")
		var types, faults []string
		for _, e := range accepted(t, v, post(body, "X-Sig", hexHMAC(body))).Events {
			if types = append(types, e.Type); e.Invalid != "" {
				faults = append(faults, e.Invalid)
			}
		}
		if !slices.Equal(types, []string{"com.own.a", "com.own.invalid", "com.own.c"}) || !slices.Equal(faults, []string{"it holds bytes that are no UTF-8"}) {
			t.Errorf("%s: %v, at fault %v", batch, types, faults)
		}
	}
}
