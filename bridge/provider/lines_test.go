package provider_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

const anyBody = "\nevent: {prefix: com.own, body: any}\n"

// lines is a request with several lines of headers: name, value, name, value, …
func lines(body string, headers ...string) *provider.Request {
	r := post(body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func base64HMAC(content string) string {
	sum, _ := hex.DecodeString(hexHMAC(content))
	return base64.StdEncoding.EncodeToString(sum)
}

// packed is a JSON object in base64: name, value, name, value, …
func packed(members ...string) string {
	object := map[string]string{}
	for i := 0; i < len(members); i += 2 {
		object[members[i]] = members[i+1]
	}
	text, _ := json.Marshal(object)
	return base64.StdEncoding.EncodeToString(text)
}

func TestSeveralLinesAreOneList(t *testing.T) {
	t.Parallel()
	right, wrong := hexHMAC("x"), strings.Repeat("0", 64)
	right64, wrong64 := base64HMAC("x"), base64HMAC("y")
	stamped := hexHMAC("5.x")
	cases := map[string]struct {
		spec    string
		headers [][]string
	}{
		"bare": {"{header: X-Sig}", [][]string{
			{"X-Sig", wrong, "X-Sig", right}, {"X-Sig", "", "X-Sig", right}, {"X-Sig", wrong + "," + right}, {"X-Sig", wrong + " ,\t" + right + ","}}},
		"prefix": {"{header: X-Sig, prefix: \"sha256=\"}", [][]string{
			{"X-Sig", "sha256=" + wrong, "X-Sig", "sha256=" + right}, {"X-Sig", "sha256=" + wrong + ", sha256=" + right}, {"X-Sig", "sha1=00, sha256=" + right}}},
		"item": {"{header: X-Sig, item: v1, content: \"{item:t}.{body}\"}", [][]string{
			{"X-Sig", "t=5,v1=" + wrong, "X-Sig", "v1=" + stamped}, {"X-Sig", "t=5", "X-Sig", "v1=" + stamped}, {"X-Sig", "t=5, v1=" + wrong + ", v1=" + stamped}}},
		"item between semicolons": {"{header: X-Sig, item: h1, separator: \";\", content: \"{item:ts}.{body}\"}", [][]string{
			{"X-Sig", "ts=5;h1=" + wrong, "X-Sig", "ts=5;h1=" + stamped}, {"X-Sig", "ts=5;h1=" + stamped + ", ts=5;h1=" + wrong},
			{"X-Sig", "ts=5;h1=" + wrong + ",ts=5;h1=" + stamped}, {"X-Sig", "h1=" + wrong + ";ts=5 , h1=" + stamped + ";ts=5"}, {"X-Sig", "ts=5;h1=" + stamped + ","}}},
		"item between spaces": {"{header: X-Sig, item: h1, separator: \" \", content: \"{item:ts}.{body}\"}", [][]string{
			{"X-Sig", "ts=5 h1=" + stamped + ", ts=5 h1=" + wrong}, {"X-Sig", "ts=5 h1=" + wrong + ",ts=5 h1=" + stamped}}},
		"another item with a comma": {"{header: X-Sig, item: h1, separator: \";\", content: \"{item:ts}{item:of}.{body}\"}", [][]string{
			{"X-Sig", "ts=5;of=a,b;h1=" + hexHMAC("5a,b.x")}, {"X-Sig", "ts=5;of=a,b, ts=5;h1=" + hexHMAC("5a,b.x")}}},
		"packed": {"{header: X-Sig, item: s, packed: true}", [][]string{
			{"X-Sig", packed("k", "1", "s", right)}, {"X-Sig", packed("s", wrong), "X-Sig", packed("s", right)}, {"X-Sig", "AAAA", "X-Sig", packed("s", right)}}},
		"packed, with a member": {"{header: X-Sig, item: s, packed: true, content: \"{item:t}.{body}\"}", [][]string{
			{"X-Sig", packed("t", "5", "s", stamped)}}},
		"version": {"{header: X-Sig, version: v1, encoding: base64}", [][]string{
			{"X-Sig", "v1," + wrong64, "X-Sig", "v1," + right64}, {"X-Sig", "v1," + wrong64 + ", v1," + right64},
			{"X-Sig", "v1," + wrong64 + ",v1," + right64}, {"X-Sig", "v1a,AAAA  v1," + right64}}},
		"numbered": {"{header: X-Sig, numbered: true}", [][]string{
			{"X-Sig-1", wrong, "X-Sig-1", right}, {"X-Sig-100", right}, {"X-Sig-7", wrong, "X-Sig-17", wrong + "," + right}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := userProvider(t, "own", "verify: [{hmac: "+c.spec+"}]"+anyBody, provider.Config{})
			for _, headers := range c.headers {
				accepted(t, v, lines("x", headers...))
				if r := reason(t, v, lines("z", headers...)); r.Reason != provider.BadSignature {
					t.Errorf("%v: %v", headers, r)
				}
			}
		})
	}
}

func TestASignedHeaderInSeveralLinesIsOneValue(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, content: \"{header:X-Id}.{body}\"}}]\nevent: {prefix: com.own, body: any, id: \"header:X-Id\"}\n", provider.Config{})
	for _, ids := range [][]string{{"a, b"}, {"a", "b"}, {"a, b", "a, b"}} {
		r := lines("x", "X-Sig", hexHMAC("a, b.x"))
		r.Header["X-Id"] = ids
		if e := accepted(t, v, r).Events[0]; e.ID != "a, b" {
			t.Errorf("%q: id %q", ids, e.ID)
		}
	}
}

func TestAHundredSignatures(t *testing.T) {
	t.Parallel()
	right := hexHMAC("x")
	many := func(n int) []string { return slices.Repeat([]string{strings.Repeat("0", 64)}, n) }
	numbered := func(values []string) *provider.Request {
		r := post("x")
		for i, value := range values {
			r.Header.Set(fmt.Sprintf("X-Sig-%d", i+1), value)
		}
		return r
	}
	forms := map[string]func([]string) *provider.Request{
		"{header: X-Sig, numbered: true}": numbered,
		"{header: X-Sig}":                 func(values []string) *provider.Request { return post("x", "X-Sig", strings.Join(values, ",")) },
		"{header: X-Sig, item: v}":        func(values []string) *provider.Request { return post("x", "X-Sig", "v="+strings.Join(values, ",v=")) },
	}
	for spec, form := range forms {
		v := userProvider(t, "own", "verify: [{hmac: "+spec+"}]"+anyBody, provider.Config{})
		for _, before := range []int{16, 17, 99} {
			accepted(t, v, form(append(many(before), right)))
		}
		if r := reason(t, v, form(append(many(300), right))); r.Reason != provider.BadSignature {
			t.Errorf("%s: %v", spec, r)
		} else if !strings.Contains(r.Detail, "100") {
			t.Errorf("%s: the bound is not named: %v", spec, r)
		}
	}
	if r := reason(t, userProvider(t, "own", "verify: [{hmac: {header: X-Sig, numbered: true}}]"+anyBody, provider.Config{}),
		post("x", "X-Sig-01", right, "X-Sig-0", right, "X-Sig-101", right, "X-Sig-", right, "X-Sig", right)); r.Reason != provider.NoSignature {
		t.Error(r)
	}
}

func TestTokensInSeveralLines(t *testing.T) {
	t.Parallel()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(invented))
	for in, headers := range map[string][][]string{
		"bearer":           {{"Authorization", "Bearer no", "Authorization", "Bearer " + invented}, {"Authorization", basic + ", bearer " + invented}},
		"basic":            {{"Authorization", "Bearer no", "Authorization", basic}, {"Authorization", "Basic x, " + basic}},
		"\"header:X-Tok\"": {{"X-Tok", "no", "X-Tok", invented}, {"X-Tok", "no," + invented}, {"X-Tok", invented}},
	} {
		v := userProvider(t, "own", "verify: [{token: {in: "+in+"}}]"+anyBody, provider.Config{})
		for _, h := range headers {
			accepted(t, v, lines("x", h...))
		}
		for _, h := range [][]string{{}, {"Authorization", "Bearer no", "X-Tok", "no"}, {"X-Tok", "", "Authorization", ","}} {
			if r := reason(t, v, lines("x", h...)); r.Reason != provider.Token {
				t.Errorf("%s: %v", in, r)
			}
		}
	}
	comma := userProvider(t, "own", "verify: [{token: {in: \"header:X-Tok\"}}]"+anyBody, provider.Config{Secrets: []string{"a token, with a comma"}})
	accepted(t, comma, lines("x", "X-Tok", "a token, with a comma"))
}

func TestSignedTokensInSeveralLines(t *testing.T) {
	t.Parallel()
	right, wrong := compact(`{"alg":"HS256"}`, `{"iss":"own","jti":"7"}`, invented), compact(`{"alg":"HS256"}`, `{"iss":"own"}`, "another secret")
	for prefix, headers := range map[string][][]string{
		"Bearer ": {
			{"Authorization", "Bearer " + right}, {"Authorization", "Bearer " + wrong, "Authorization", "Bearer " + right}, {"Authorization", "bearer " + right},
			{"Authorization", "Basic eA==", "Authorization", "Bearer " + right}, {"Authorization", "Bearer " + right + ", Basic eA=="},
			{"Authorization", "Bearer " + wrong + ",Bearer " + right + ","}, {"Authorization", "", "Authorization", "Bearer " + right}, {"Authorization", "Bearer " + right, "Authorization", "Bearer " + right},
		},
		"": {{"Authorization", right}, {"Authorization", "Basic eA==, " + right}, {"Authorization", wrong + ", " + right}},
	} {
		v := userProvider(t, "own", "verify: [{jws: {header: Authorization, prefix: \""+prefix+"\", claims: {iss: own}, items: jti}}]\nevent: {prefix: com.own, body: any, id: \"item:jti\"}\n", provider.Config{})
		for _, h := range headers {
			if e := accepted(t, v, lines("x", h...)).Events[0]; e.ID != "7" {
				t.Errorf("%q: id %q", h, e.ID)
			}
		}
		for _, h := range [][]string{{"Authorization", prefix + wrong}, {"Authorization", "Basic eA=="}, {"Authorization", prefix + wrong + ", " + prefix + "moon"}, {"Authorization", ","}} {
			if r := reason(t, v, lines("x", h...)); r.Reason != provider.BadSignature {
				t.Errorf("%q: %v", h, r)
			}
		}
		if r := reason(t, v, lines("x", "Authorization", "")); r.Reason != provider.NoSignature {
			t.Error(r)
		}
	}
}

// FuzzSignature puts anything where signatures are read; only the right one may be taken.
func FuzzSignature(f *testing.F) {
	f.Add("sha256=00", "sha256=11,")
	f.Add("Bearer a.b.c, Basic x", "t=1;v1=00, t=1;v1=,,;=")
	f.Add("t=1,v1=00, v1=,v1", "v1,AAAA v1,,v1,AAA=")
	f.Add(strings.Repeat(",", 2000), strings.Repeat("00,", 500))
	var verifiers []*provider.Verifier
	for _, spec := range []string{"{header: X-Sig}", "{header: X-Sig, item: v1}", "{header: X-Sig, item: v1, separator: \";\"}", "{header: X-Sig, version: v1, encoding: base64}",
		"{header: X-Sig, numbered: true, encoding: base64url}", "{header: X-Sig, prefix: \"sha256=\"}"} {
		verifiers = append(verifiers, userProvider(f, "own", "verify: [{hmac: "+spec+"}]"+anyBody, provider.Config{}))
	}
	for _, step := range []string{"token: {in: bearer}", "jws: {header: Authorization, prefix: 'Bearer ', claims: {iss: own}}", "jws: {header: Authorization, claims: {iss: own}}"} {
		verifiers = append(verifiers, userProvider(f, "own", "verify: [{"+step+"}]"+anyBody, provider.Config{}))
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := &provider.Request{Method: http.MethodPost, URL: "https://x/", Body: []byte("x"), Received: noon, Header: http.Header{
			"X-Sig": {first, second}, "X-Sig-3": {first}, "X-Sig-" + first: {second}, "Authorization": {second, first}}}
		if strings.Contains(first+second, hexHMAC("x")) || strings.Contains(first+second, base64HMAC("x")) {
			return
		}
		for _, v := range verifiers {
			if _, err := v.Verify(r); err == nil {
				t.Fatal("accepted without the secret")
			}
		}
	})
}
