package webhook_test

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// everywhere allows all addresses there are; what is refused even so is refused for good.
func everywhere() webhook.Egress {
	return webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}, AllowHTTP: true}
}

// special are addresses that are not public, by their canonical spelling.
var special = strings.Fields(`
	0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 127.0.0.1 127.1.2.3 172.16.0.1 172.31.255.255
	192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
	224.0.0.1 240.0.0.1 255.255.255.255
	[::] [::1] [fc00::1] [fd12:3456::1] [fec0::1] [ff02::1] [100::1] [2001::1] [2001:2::1] [2001:10::1]
	[2001:db8::1] [3fff::1] [5f00::1] [64:ff9b::7f00:1] [64:ff9b::808:808] [64:ff9b:1::7f00:1] [2002:7f00:1::]
	[2002:808:808::1] [2001:0:808:808::f7f7:f7f7] [2606:4700::5efe:127.0.0.1] [2606:4700::200:5efe:8.8.8.8] [::127.0.0.1]`)

// metadataAddresses are refused whatever is allowed, in every form that leads to them.
var metadataAddresses = strings.Fields(`
	169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.1 169.254.255.255 168.63.129.16 100.100.100.200 192.0.0.192
	[fe80::1] [fe80::a9fe:a9fe] [febf::1] [fd00:ec2::254] [fd00:ec2::23] [fd20:ce::254] [fd00:42::42]
	[::169.254.169.254] [::a9fe:aa02] [::100.100.100.200] [::ffff:0:169.254.169.254] [::ffff:0:a83f:8110]
	[64:ff9b::a9fe:a9fe] [64:ff9b::169.254.0.1] [64:ff9b::168.63.129.16] [64:ff9b::100.100.100.200] [64:ff9b::c000:c0]
	[64:ff9b:1::a9fe:a9fe] [64:ff9b:1:a9fe:a9:fe00::] [64:ff9b:1:a9:fe:a9fe::] [64:ff9b:1:0:a9:fea9:fe00:0] [64:ff9b:1::168.63.129.16]
	[2002:a9fe:a9fe::1] [2002:a9fe:1::] [2002:a83f:8110::1] [2002:6464:64c8::] [2002:c000:c0::1] [2002:808:808::5efe:169.254.169.254]
	[2001:0:a9fe:a9fe::1] [2001:0:808:808::5601:5601] [2001:0:6464:64c8::1] [2001:0:808:808:0:0:9b9b:9b37] [2001:0:808:808:0:5efe:a9fe:a9fe]
	[fd00::5efe:169.254.169.254] [fd00::200:5efe:169.254.169.254] [2606:4700::5efe:a9fe:1] [fd00::5efe:168.63.129.16]
	[fd12:3456::169.254.169.254] [2606:4700:a9fe:a9fe::1] [2606:4700:1:a9fe:a9:fe00::] [2606:4700:64:6464:64:c800::] [2606:4700:1:2:a9:fea9:fe00:0]
	[fd12:a9fe:a9fe::] [fda9:fea9:fe00::1] [fd12:3456:789a::100.100.100.200] [fd00:1::a9fe:a9fe] [2a00:1:a8:3f81:10::]`)

// unusual are URLs that one reader understands in another way than the next.
var unusual = []string{
	"https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/",
	"https://0/", "https://00000000177.0.0.1/", "https://127.0.0.01/", "https://127.0.0.1.", "https://0x/", "https://1.1.1.1.1/",
	"https://256.1.1.1/", "https://example.0x7f/", "https://example.1/", "https://localhost./", "https://example.com./",
	"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:8.8.8.8]/", "https://[fe80::1%25eth0]/",
	"https://[2606:4700::1%25lo]/", "https://[::1/", "https://[127.0.0.1]/", "https://[]/", "https://①②⑦.⓪.⓪.①/", "https://１２７.0.0.1/",
	"https://exämple.com/", "https://127。0。0。1/", "https://user@example.com/", "https://user:canary@example.com/", "https://example.com@127.0.0.1/",
	"https://example.com\\@127.0.0.1/", "https://exa\tmple.com/", "https://example.com /", " https://example.com/", "https://example.com/\r\nX: 1",
	"https://example.com:0/", "https://example.com:65536/", "https://example.com:/", "https://example.com:0443/", "https://example.com:-1/",
	"https://1.1.1.1:22/", "https://1.1.1.1:25/", "https://1.1.1.1:80/", "https://1.1.1.1:6667/", "http://1.1.1.1/", "http://1.1.1.1:443/",
	"https:///path", "https:example.com", "//example.com/", "example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:70/",
	"javascript:alert(1)", "https://%31%32%37.0.0.1/", "https://127.0.0.1%2f@example.com/", "https://example.com/#fragment", "https://-a.example.com/",
	"https://a..b/", "https://exa_mple!.com/", "https://[::ffff:169.254.169.254]/", "https://[::ffff:a9fe:a9fe]/", "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
	"https://2852039166/", "https://0xa9fea9fe/", "https://0xa9.0xfe.0xa9.0xfe/", "https://0251.0376.0251.0376/", "https://169.254.43518/",
	"https://169.16689662/", "https://0251.254.169.254/", "https://169.254.169.254./", "https://①⑥⑨.②⑤④.①⑥⑨.②⑤④/", "https://169。254。169。254/", "", "https://", "http+unix://%2Frun/x",
}

func TestRefusedURLs(t *testing.T) {
	t.Parallel()
	urls := unusual
	for _, host := range append(special, metadataAddresses...) {
		urls = append(urls, "https://"+host+"/in", "http://"+host+":8080/in")
	}
	strict := webhook.New(webhook.Options{})
	defer strict.Close()
	for _, url := range urls {
		warning, err := strict.Check(t.Context(), url)
		if err == nil {
			t.Errorf("%q was accepted (warning %q)", url, warning)
			continue
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the error repeats a credential: %v", url, err)
		}
		res := strict.Send(t.Context(), delivery.Request{URL: url, Header: http.Header{}, Timeout: time.Minute})
		if res.Reason != delivery.ReasonEgressDenied || strings.Contains(res.Detail, "canary") {
			t.Errorf("an attempt at %q: %+v", url, res)
		}
	}
}

func TestMetadataIsNeverAllowed(t *testing.T) {
	t.Parallel()
	s := webhook.New(webhook.Options{Egress: everywhere()})
	defer s.Close()
	for _, host := range metadataAddresses {
		if _, err := s.Check(t.Context(), "http://"+host+"/"); err == nil {
			t.Errorf("%s was accepted", host)
		}
		res := s.Send(t.Context(), delivery.Request{URL: "https://" + host + "/", Header: http.Header{}, Timeout: time.Minute})
		if res.Reason != delivery.ReasonEgressDenied {
			t.Errorf("an attempt at %s: %+v", host, res)
		}
	}
	if len(metadataAddresses)+len(unusual) < 100 {
		t.Errorf("only %d addresses and %d spellings", len(metadataAddresses), len(unusual))
	}
	// A name that says its address, and one that is allowed besides.
	named := webhook.New(webhook.Options{Egress: everywhere(), Resolver: nameServer(t, func(int) (int, []string) { return noError, []string{"169.254.169.254"} })})
	defer named.Close()
	if _, err := named.Check(t.Context(), "http://169.254.169.254.nip.example/"); err == nil {
		t.Error("a name of 169.254.169.254 was accepted")
	}
	for _, host := range special {
		if _, err := s.Check(t.Context(), "http://"+host+":22/"); err != nil {
			t.Errorf("%s was refused although it is allowed: %v", host, err)
		}
	}
}

func TestAcceptedURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url    string
		egress webhook.Egress
	}{
		{"https://1.1.1.1/in?token=x", webhook.Egress{}},
		{"https://1.1.1.1:8443/", webhook.Egress{}},
		{"https://[2606:4700:4700::1111]/", webhook.Egress{}},
		{"HTTPS://1.1.1.1", webhook.Egress{}},
		{"http://1.1.1.1/", webhook.Egress{AllowHTTP: true}},
		{"http://10.1.2.3:25/", webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
		{"http://[fd12::1]/", webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("fd12::/16")}}},
	} {
		s := webhook.New(webhook.Options{Egress: c.egress})
		if warning, err := s.Check(t.Context(), c.url); err != nil || warning != "" {
			t.Errorf("%s: %q, %v", c.url, warning, err)
		}
		s.Close()
	}
}

func FuzzCheck(f *testing.F) {
	for _, url := range unusual {
		f.Add(url)
	}
	f.Add("https://[fd00::5efe:169.254.169.254]/")
	s := webhook.New(webhook.Options{Egress: everywhere(), Resolver: nowhere()})
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := s.Check(context.Background(), raw); err != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.User != nil || strings.ContainsAny(u.Host, "%\\@ ") {
			t.Fatalf("%q was accepted", raw)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && (a.Is4In6() || a.IsLinkLocalUnicast()) {
			t.Fatalf("%q was accepted", raw)
		}
	})
}
