package provider_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// Each group of a header has signatures over its own members.
func TestGroupsHoldByThemselves(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, item: v1, groups: true, content: \"{item:t}.{body}\"}}]\nfreshness: {time: \"item:t\"}"+anyBody, provider.Config{})
	at := func(d time.Duration) string { return post("").Received.Add(d).Format(time.RFC3339) }
	group := func(time, signed string) string { return "t=" + time + ",v1=" + hexHMAC(signed+".x") }
	now, old := at(0), at(-time.Hour)
	wrong := "t=" + now + ",v1=" + strings.Repeat("0", 64)
	for _, shown := range []string{group(now, now), wrong + " " + group(now, now), group(now, now) + "  " + wrong, wrong + ", " + group(now, now)} {
		accepted(t, v, lines("x", "X-Sig", shown))
	}
	accepted(t, v, lines("x", "X-Sig", wrong, "X-Sig", group(now, now)))
	for name, shown := range map[string]string{
		"a signature in another's group": group(old, now) + " t=" + now,
		"a time in another's group":      "t=" + now + " " + group(old, now),
		"behind too many":                strings.Repeat(wrong+" ", 8) + group(now, now),
	} {
		if r := reason(t, v, lines("x", "X-Sig", shown)); r.Reason != provider.BadSignature {
			t.Errorf("%s: %v", name, r)
		}
	}
	if r := reason(t, v, lines("x", "X-Sig", wrong+" "+group(old, old))); r.Reason != provider.Stale {
		t.Errorf("the time that counts is not that of the group that holds: %v", r)
	}
	first, second := accepted(t, v, lines("x", "X-Sig", group(now, now))), accepted(t, v, lines("x", "X-Sig", wrong+" "+group(at(time.Second), at(time.Second))))
	if first.Events[0].ID == second.Events[0].ID {
		t.Error("two times of signing are one id")
	}
}

// The first of a bare list is what the others sign.
func TestABareListWithATime(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, first: t, content: \"{item:t}.{body}\"}}]"+anyBody, provider.Config{})
	wrong, right := strings.Repeat("0", 64), hexHMAC("5.x")
	for _, shown := range []string{"5," + right, "5, " + wrong + " , " + right, "5," + wrong + "," + right + ","} {
		accepted(t, v, lines("x", "X-Sig", shown))
	}
	for _, shown := range []string{"5", "5,", right + ",5", right, "6," + right, "5," + wrong} {
		if r := reason(t, v, lines("x", "X-Sig", shown)); r.Reason != provider.BadSignature {
			t.Errorf("%s: %v", shown, r)
		}
	}
}

// What falls away from a text leaves no other text that means the same.
func TestPartsThatFallAway(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, content: \"{?id:{query:id|lower};?}{?by:{header:X-By};?}{body}\"}}]"+anyBody, provider.Config{})
	with := func(query, by, signed string) *provider.Request {
		r := lines("x", "X-Sig", hexHMAC(signed))
		if r.URL += query; by != "" {
			r.Header.Set("X-By", by)
		}
		return r
	}
	accepted(t, v, with("?id=Ab", "me", "id:ab;by:me;x"))
	accepted(t, v, with("?id=", "me", "by:me;x"))
	accepted(t, v, with("", "", "x"))
	for name, r := range map[string]*provider.Request{
		"left out and signed": with("?id=ab", "", "x"),
		"in another's place":  with("?id=ab%3Bby%3Ame", "", "id:ab;by:me;x"),
	} {
		if got := reason(t, v, r); got.Reason != provider.BadSignature && got.Reason != provider.NoSignature {
			t.Errorf("%s: %v", name, got)
		}
	}
	_, err := userFiles(t, map[string]string{"own.yaml": "name: own\nverify: [{hmac: {header: X-Sig, content: \"{?fixed?}{body}\"}}]" + anyBody})
	if err == nil || !strings.Contains(err.Error(), "could be missing") {
		t.Error(err)
	}
}

// A body that is no form does not fall away from under a signature.
func TestABodyThatIsNoFormIsNotSigned(t *testing.T) {
	t.Parallel()
	v := compile(t, "plivo", provider.Config{Secrets: []string{"an invented token"}})
	sign := func(text string) string { return base64.StdEncoding.EncodeToString(macOf("an invented token", text)) }
	r := lines("", "X-Plivo-Signature-V3-Nonce", "1", "X-Plivo-Signature-V3", sign(hookURL+"?a=1.1"))
	r.URL, r.Method = hookURL+"?a=1", "GET"
	accepted(t, v, r)
	r.Method, r.Body = "POST", []byte(`{"MessageUUID":"7"}`)
	if got := reason(t, v, r); got.Reason != provider.NoSignature {
		t.Errorf("%v", got)
	}
}

// The list of signed lines is the sender's, but for what has to be on it, and the digest is the body's.
func TestSignedLines(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, item: signature, content: \"{lines:headers}\"}}]"+anyBody, provider.Config{})
	const date = "Wed, 01 May 2024 10:00:00 GMT"
	sum := sha256.Sum256([]byte("x"))
	digest := "sha-256=" + base64.StdEncoding.EncodeToString(sum[:])
	_, path, _ := strings.Cut(strings.TrimPrefix(hookURL, "https://"), "/")
	line := map[string]string{"(request-target)": "post /" + path, "date": date, "digest": digest, "x-id": "7"}
	with := func(list, body string) *provider.Request {
		var signed []string
		for _, name := range strings.Fields(list) {
			signed = append(signed, name+": "+line[name])
		}
		return lines(body, "Date", date, "Digest", digest, "X-Id", "7", "X-Sig", `keyId="k", signature="`+hexHMAC(strings.Join(signed, "\n"))+`", headers="`+list+`"`)
	}
	for _, list := range []string{"digest date", "(request-target) date x-id digest"} {
		accepted(t, v, with(list, "x"))
		if r := reason(t, v, with(list, "y")); r.Reason != provider.BadSignature {
			t.Errorf("%s: another body: %v", list, r)
		}
	}
	for _, list := range []string{"", "date", "digest", "(request-target) date", "digest date x-none", strings.Repeat("digest date ", 40)} {
		if r := reason(t, v, with(list, "x")); r.Reason != provider.NoSignature {
			t.Errorf("%s: %v", list, r)
		}
	}
}

// A header may list those that are signed with it.
func TestListedHeaders(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig, content: \"{headers:X-List}.{body}\"}}]"+anyBody, provider.Config{})
	const list = "x-list, X-B,x-a ,x-none"
	signed := hexHMAC("x-a:1;x-b:2;x-list:" + list + ".x")
	accepted(t, v, lines("x", "X-List", list, "X-A", "1", "X-B", " 2 ", "X-C", "3", "X-Sig", signed))
	if r := reason(t, v, lines("x", "X-List", list, "X-A", "1", "X-B", "3", "X-Sig", signed)); r.Reason != provider.BadSignature {
		t.Errorf("%v", r)
	}
	if r := reason(t, v, lines("x", "X-A", "1", "X-Sig", signed)); r.Reason != provider.NoSignature {
		t.Errorf("%v", r)
	}
}

// A token beside a body signs the body, and no token is taken for one of the other kind.
func TestDetachedTokens(t *testing.T) {
	t.Parallel()
	const secret = "an invented shared secret"
	v := userProvider(t, "own", "verify: [{jws: {header: X-Token, detached: true, items: ts}}]\nfreshness: {time: \"item:ts\"}"+anyBody, provider.Config{Secrets: []string{secret}})
	now := post("").Received
	encode := base64.RawURLEncoding.EncodeToString
	token := func(head, payload, signs string) string {
		return encode([]byte(head)) + "." + payload + "." + encode(macOf(secret, encode([]byte(head))+"."+signs))
	}
	head := func(at time.Time) string {
		return `{"alg":"HS256","b64":false,"crit":["b64"],"ts":"` + at.Format(time.RFC3339) + `"}`
	}
	accepted(t, v, lines("x.y", "X-Token", token(head(now), "", "x.y")))
	for name, c := range map[string]struct {
		token string
		want  provider.Reason
	}{
		"another body":              {token(head(now), "", "z"), provider.BadSignature},
		"with claims":               {token(head(now), encode([]byte("x.y")), "x.y"), provider.BadSignature},
		"an old one":                {token(head(now.Add(-time.Hour)), "", "x.y"), provider.Stale},
		"in base64":                 {token(`{"alg":"HS256"}`, "", encode([]byte("x.y"))), provider.BadSignature},
		"not said to be understood": {token(`{"alg":"HS256","b64":false}`, "", "x.y"), provider.BadSignature},
		"more to be understood":     {token(`{"alg":"HS256","b64":false,"crit":["b64","exp"]}`, "", "x.y"), provider.BadSignature},
		"another algorithm":         {token(`{"alg":"none","b64":false,"crit":["b64"]}`, "", "x.y"), provider.BadSignature},
	} {
		if r := reason(t, v, lines("x.y", "X-Token", c.token)); r.Reason != c.want {
			t.Errorf("%s: %v, want %s", name, r, c.want)
		}
	}
}

// What one secret signs as an answer is never what it signs as a delivery.
func TestAnswersAreNoDeliveries(t *testing.T) {
	t.Parallel()
	braintree := compile(t, "braintree", provider.Config{Secrets: []string{"an invented key"}, Options: map[string]string{"public_key": "k"}})
	challenge := strings.Repeat("0123456789", 3)
	r := lines("")
	r.Method, r.URL = "GET", hookURL+"?bt_challenge="+challenge
	answer := string(accepted(t, braintree, r).Answer.Body)
	key := sha1.Sum([]byte("an invented key"))
	h := hmac.New(sha1.New, key[:])
	h.Write([]byte(challenge))
	if answer != "k|"+hex.EncodeToString(h.Sum(nil)) {
		t.Fatalf("answered %q", answer)
	}
	forged := url.Values{"bt_signature": {answer}, "bt_payload": {challenge}}.Encode()
	if got := reason(t, braintree, lines(forged, "Content-Type", "application/x-www-form-urlencoded")); got.Reason != provider.BadSignature {
		t.Errorf("%v", got)
	}
	for name, query := range map[string]string{"x": "crc_token=" + url.QueryEscape(`{"for_user_id":"1"}`), "linkedin": "challengeCode=" + url.QueryEscape("hmacsha256={}"), "braintree": "bt_challenge=" + url.QueryEscape("PG5vdGlmaWNhdGlvbj4=")} {
		cfg := provider.Config{Secrets: []string{"an invented key"}}
		if name == "braintree" {
			cfg.Options = map[string]string{"public_key": "k"}
		}
		r := lines("")
		r.Method, r.URL = "GET", hookURL+"?"+query
		if verdict, err := compile(t, name, cfg).Verify(r); err == nil {
			t.Errorf("%s answers %q: %+v", name, query, verdict.Answer)
		}
	}
}

// One text must not come of two lists of headers.
func TestAListOfHeadersIsNotTakenApartAnew(t *testing.T) {
	t.Parallel()
	const secret, own = "0123456789012345678901234567890123456789012345678901234567890123", "x-contentful-signed-headers,x-contentful-timestamp"
	v := compile(t, "contentful", provider.Config{Secrets: []string{secret}})
	const body = `{"sys":{"type":"Asset","id":"abc","version":3}}`
	sign := func(text string) string {
		return hex.EncodeToString(macOf(secret, "POST\n/webhooks/shop\n"+text+"\n"+body))
	}
	now := strconv.FormatInt(noon.UnixMilli(), 10)
	signed := sign("x-contentful-signed-headers:" + own + ";x-contentful-timestamp:1")
	with := func(list, at, media, signed string) *provider.Request {
		return lines(body, "Content-Type", media, "X-Contentful-Signed-Headers", list, "X-Contentful-Timestamp", at, "X-Contentful-Topic", "t", "X-Contentful-Signature", signed)
	}
	if r := reason(t, v, with(own, "1", "application/json", signed)); r.Reason != provider.Stale {
		t.Errorf("%v", r)
	}
	accepted(t, v, with(own, now, "application/json", sign("x-contentful-signed-headers:"+own+";x-contentful-timestamp:"+now)))
	for name, r := range map[string]*provider.Request{
		"the rest in the list":     with(own+";x-contentful-timestamp:1", now, "application/json", signed),
		"the rest in a header":     with("content-type", now, "a/b;x-contentful-signed-headers:"+own+";x-contentful-timestamp:1", sign("content-type:a/b;x-contentful-signed-headers:"+own+";x-contentful-timestamp:1")),
		"a list that is not of it": with("x-contentful-timestamp", now, "application/json", sign("x-contentful-timestamp:"+now)),
	} {
		if got := reason(t, v, r); got.Reason != provider.NoSignature {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What proves nothing is never enough.
func TestWhatProvesNothingIsNeverEnough(t *testing.T) {
	t.Parallel()
	for verify, says := range map[string]string{
		"[{any: [{shape: {in: 'header:X-A', pattern: '.'}}, {hmac: {header: X-Sig}}]}]": "is never enough",
		"[{any: [{hmac: {header: X-Sig}}, {digest: {in: 'header:X-Digest'}}]}]":         "is never enough",
		"[{hmac: {header: X-Sig, content: 'fixed', partial: true}}]":                    "leaves the delivery unsigned",
		"[{shape: {in: 'header:X-A', pattern: '.'}}]":                                   "anybody could send",
	} {
		if _, err := userFiles(t, map[string]string{"own.yaml": "name: own\nverify: " + verify + anyBody}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", verify, err)
		}
	}
}

// A query that readers read differently is no part of what was signed.
func TestAQueryThatIsBrokenIsRefused(t *testing.T) {
	t.Parallel()
	v := compile(t, "plivo", provider.Config{Secrets: []string{"an invented token"}})
	sign := func(text string) string { return base64.StdEncoding.EncodeToString(macOf("an invented token", text)) }
	for query, signed := range map[string]string{
		"?Status=sent&MessageUUID=7&From=evil;&Text=100%": hookURL + "?MessageUUID=7&Status=sent.1",
		"?MessageUUID=7&Status=delivered;&Status=sent":    hookURL + "?MessageUUID=7&Status=sent.1",
		"?MessageUUID=1" + strings.Repeat("&", 10001):     hookURL + ".1",
	} {
		r := lines("", "X-Plivo-Signature-V3-Nonce", "1", "X-Plivo-Signature-V3", sign(signed))
		r.URL, r.Method = hookURL+query, "GET"
		if got := reason(t, v, r); got.Reason != provider.NoSignature && got.Reason != provider.BadSignature {
			t.Errorf("%.40s: %v", query, got)
		}
	}
}

// An answer to X is no delivery of X, though its token may be JSON.
func TestNumbersAreNoDeliveriesOfX(t *testing.T) {
	t.Parallel()
	v := compile(t, "x", provider.Config{Secrets: []string{"an invented key"}})
	for _, token := range []string{"12345", "true", "null", "abc"} {
		ask := lines("")
		ask.Method, ask.URL = "GET", hookURL+"?crc_token="+token
		_, answer, _ := strings.Cut(string(accepted(t, v, ask).Answer.Body), `:"`)
		if r := reason(t, v, lines(token, "X-Twitter-Webhooks-Signature", strings.TrimSuffix(answer, `"}`))); r.Reason != provider.BadSignature {
			t.Errorf("%s: %v", token, r)
		}
	}
}

// Atlassian sorts the names of the query, and not the pairs.
func TestTheHashOfAQueryIsByItsNames(t *testing.T) {
	t.Parallel()
	const secret = "an invented shared secret"
	v := compile(t, "jira-connect", provider.Config{Secrets: []string{secret}})
	for query, canonical := range map[string]string{
		"?project.id=5&project=A": "POST&/webhooks/shop&project=A&project.id=5",
		"?a1=2&a=1":               "POST&/webhooks/shop&a=1&a1=2",
		"?b=2&b=1&jwt=x":          "POST&/webhooks/shop&b=1,2",
	} {
		sum := sha256.Sum256([]byte(canonical))
		r := lines(`{"webhookEvent":"a"}`, "Authorization", "JWT "+compact(`{"alg":"HS256"}`, `{"iat":`+strconv.FormatInt(noon.Unix(), 10)+`,"qsh":"`+hex.EncodeToString(sum[:])+`"}`, secret))
		r.URL += query
		accepted(t, v, r)
	}
}

// Values that could not be read are not taken for empty ones.
func TestSalvagedValuesAreNotEmpty(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig}}]\nevent: {prefix: com.own, id: \"{json:/code|empty}:{json:/id}\", type: /type}\n", provider.Config{})
	id := func(body string) string {
		return accepted(t, v, lines(body, "X-Sig", hexHMAC(body))).Events[0].ID
	}
	if one, other := id("{\"id\":\"1\",\"code\":\"\xff\"}"), id("{\"id\":\"1\",\"code\":\"\xfe\"}"); one == other {
		t.Errorf("both are %s", one)
	}
}
