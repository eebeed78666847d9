package provider_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// certificateOf is a self-signed one, in PEM.
func certificateOf(t testing.TB, key *rsa.PrivateKey, name string, from, until time.Time) (text string, pool *x509.CertPool) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(own)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), pool
}

const snsCertificate = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"

func TestCertificatesLieOnTheSendersHostsAlone(t *testing.T) {
	t.Parallel()
	key, now := rsaKeys()[0], time.Now()
	text, _ := certificateOf(t, key, "sns.amazonaws.com", now.Add(-time.Hour), now.Add(time.Hour))
	for at, want := range map[string]provider.Reason{
		snsCertificate: "",
		"https://sns.cn-north-1.amazonaws.com.cn/a.pem":           "",
		"http://sns.eu-west-1.amazonaws.com/a.pem":                provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com:444/a.pem":           provider.UnknownKey,
		"https://user@sns.eu-west-1.amazonaws.com/a.pem":          provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com.evil.example/a.pem":  provider.UnknownKey,
		"https://sns.a.b.amazonaws.com/a.pem":                     provider.UnknownKey,
		"https://sns..amazonaws.com/a.pem":                        provider.UnknownKey,
		"https://evil.example/sns.eu-west-1.amazonaws.com/a.pem":  provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com/bucket/a.pem":        provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com/a.pem?redirect=evil": provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com/%61.pem":             provider.UnknownKey,
		"https://Sns.eu-west-1.amazonaws.com/a.pem":               provider.UnknownKey, // one place has one name
		"HTTPS://sns.eu-west-1.amazonaws.com/a.pem":               provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com/a.pem?":              provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com/a.pem#":              provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com/a.txt":               provider.UnknownKey,
		"::": provider.UnknownKey,
	} {
		h := &hosts{texts: map[string]string{at: text}}
		v := publishing(t, "aws-sns", h, nil)
		if got := says(t, v, notification(t, key, at)); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
		if asked := h.times() > 0; asked != (want == "") {
			t.Errorf("%s: asked %v", at, h.asked)
		}
	}
}

func TestCertificatesThatDoNotCount(t *testing.T) {
	t.Parallel()
	key, now := rsaKeys()[0], time.Now()
	const at, name = "https://api.paypal.com/v1/notifications/certs/CERT-1", "messageverificationcerts.paypal.com"
	good, roots := certificateOf(t, key, name, now.Add(-time.Hour), now.Add(time.Hour))
	old, oldRoots := certificateOf(t, key, name, now.Add(-2*time.Hour), now.Add(-time.Hour))
	early, earlyRoots := certificateOf(t, key, name, now.Add(time.Hour), now.Add(2*time.Hour))
	other, otherRoots := certificateOf(t, key, "www.paypal.com", now.Add(-time.Hour), now.Add(time.Hour))
	another, anotherRoots := certificateOf(t, rsaKeys()[1], name, now.Add(-time.Hour), now.Add(time.Hour))
	p, _ := catalog(t).Provider("paypal")
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Sample(provider.SampleRequest{Secret: base64.StdEncoding.EncodeToString(der), Options: optionsOf("paypal"), Now: now, URL: "https://hooks.example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	s.Header.Set("Paypal-Cert-Url", at)
	for what, c := range map[string]struct {
		text  string
		roots *x509.CertPool
		want  provider.Reason
	}{
		"a good one":           {good, roots, ""},
		"of no authority":      {good, otherRoots, provider.Unreachable},
		"ended":                {old, oldRoots, provider.Unreachable},
		"not yet":              {early, earlyRoots, provider.Unreachable},
		"of another host":      {other, otherRoots, provider.Unreachable},
		"of another key":       {another, anotherRoots, provider.BadSignature},
		"no PEM":               {"moon", roots, provider.Unreachable},
		"PEM of something":     {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", roots, provider.Unreachable},
		"nothing":              {"", roots, provider.Unreachable},
		"another one above it": {another + good, roots, provider.Unreachable},
	} {
		v := publishing(t, "paypal", &hosts{texts: map[string]string{at: c.text}}, c.roots)
		if got := says(t, v, request(s, now)); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

// A subscription is confirmed where a genuine request for the source's own topic asks for it.
func TestASubscriptionIsConfirmed(t *testing.T) {
	t.Parallel()
	key, now := rsaKeys()[0], time.Now()
	text, _ := certificateOf(t, key, "sns.amazonaws.com", now.Add(-time.Hour), now.Add(time.Hour))
	const confirm = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
	message := func(at string) map[string]string {
		return map[string]string{
			"Type": "SubscriptionConfirmation", "MessageId": "m-1", "Message": "You have chosen to subscribe", "Timestamp": "2026-03-01T12:00:00.000Z",
			"Token": "abc", "SubscribeURL": at, "SigningCertURL": snsCertificate,
		}
	}
	signed := []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	h := &hosts{texts: map[string]string{snsCertificate: text, confirm: "<ok/>"}}
	v := publishing(t, "aws-sns", h, nil)
	verdict, err := v.Verify(snsMessage(t, key, message(confirm), signed...))
	if err != nil || verdict.Answer == nil || verdict.Answer.Status != 200 || h.asked[len(h.asked)-1] != confirm {
		t.Errorf("%+v, %v, asked %v", verdict, err, h.asked)
	}
	for at, want := range map[string]provider.Reason{
		"https://evil.example/?Action=ConfirmSubscription":                       provider.UnknownKey,
		"https://sns.eu-west-1.amazonaws.com/other?Action=ConfirmSubscription":   provider.UnknownKey,
		"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&away=1": provider.Unreachable,
	} {
		if got := says(t, v, snsMessage(t, key, message(at), signed...)); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
	stranger := &hosts{texts: h.texts}
	v = publishing(t, "aws-sns", stranger, nil)
	r := snsMessage(t, key, message(confirm), signed...)
	r.Body = []byte(strings.Replace(string(r.Body), ":orders", ":others", 1))
	if got := says(t, v, r); got != provider.Token || stranger.times() != 0 {
		t.Errorf("of another topic: %q, asked %v", got, stranger.asked)
	}
	v = publishing(t, "aws-sns", stranger, nil)
	if got := says(t, v, snsMessage(t, rsaKeys()[1], message(confirm), signed...)); got != provider.BadSignature || len(stranger.asked) != 1 {
		t.Errorf("of another key: %q, asked %v", got, stranger.asked)
	}
}
