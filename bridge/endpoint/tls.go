package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/netip"
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
)

// TLS is what an endpoint asks for beyond what every client does. All of it is PEM but the name.
// Nothing of it is shown.
type TLS struct {
	CA         setting.Secret `json:"ca,omitempty"`          // authorities beside the system's
	Cert       setting.Secret `json:"cert,omitempty"`        // of the client, with what lies between it and its authority
	Key        setting.Secret `json:"key,omitempty"`         // of cert
	ServerName setting.Secret `json:"server_name,omitempty"` // that the endpoint's certificate must be for, instead of the URL's host
}

const wantedTLS = setting.Wanted("an object with ca, cert, key and server_name, all texts")

// Parse reads JSON.
func (t *TLS) Parse(text string) error {
	*t = TLS{}
	if json.Unmarshal([]byte(text), t) != nil {
		*t = TLS{}
		return wantedTLS
	}
	return nil
}

// UnmarshalJSON refuses what it does not know, as Auth's does.
func (t *TLS) UnmarshalJSON(raw []byte) error {
	type plain TLS
	return strictly(raw, (*plain)(t))
}

// OfKind is setting.KindObject.
func (TLS) OfKind() setting.Kind { return setting.KindObject }

// IsZero reports that the endpoint asks for nothing.
func (t TLS) IsZero() bool { return t == TLS{} }

// members are its parts by name.
func (t *TLS) members() map[string]*setting.Secret {
	return map[string]*setting.Secret{"ca": &t.CA, "cert": &t.Cert, "key": &t.Key, "server_name": &t.ServerName}
}

func (t TLS) each(value func(setting.Secret) string) map[string]string {
	m := map[string]string{}
	for name, member := range t.members() {
		if *member != "" {
			m[name] = value(*member)
		}
	}
	return m
}

// Show says what is set.
func (t TLS) Show() any {
	if t.IsZero() {
		return nil
	}
	return t.each(func(setting.Secret) string { return setting.Hidden })
}

// Shape is what Show shows.
func (TLS) Shape() map[string]any {
	return hiddenShape(map[string]string{
		"ca": "That it may come from authorities beside the system's.", "cert": "That requests show a client certificate.",
		"key": "That the certificate's key is there.", "server_name": "That its certificate must be for another name than the URL's host.",
	})
}

// Open is what the registry seals.
func (t TLS) Open() any { return t.each(setting.Secret.Open) }

// Merge takes a merge patch; what was shown hidden stays as it is.
func (t *TLS) Merge(raw []byte) []setting.Fault {
	var changes map[string]*string
	if json.Unmarshal(raw, &changes) != nil || changes == nil {
		return []setting.Fault{{Message: wantedTLS.Error()}}
	}
	var faults []setting.Fault
	members := t.members()
	for name, text := range changes {
		member, known := members[name]
		switch {
		case !known:
			faults = append(faults, setting.Fault{Field: "." + name, Message: "is not known; " + wantedTLS.Error()})
		case text == nil:
			*member = ""
		case *text != setting.Hidden:
			*member = setting.Secret(*text)
		case *member == "":
			faults = append(faults, setting.Fault{Field: "." + name, Message: "give the value; " + setting.Hidden + " only stands for one that is kept"})
		}
	}
	return faults
}

// pemBegin is how PEM can be told from a path.
const pemBegin = "-----BEGIN "

// Refer opens what the environment or the file only refers to; what is no PEM is the path of some.
func (t *TLS) Refer(open setting.Opener) error {
	return setting.OpenAll(t.members(), func(name, text string) (string, error) {
		refers := strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:")
		path := name != "server_name" && !strings.Contains(text, pemBegin) && !refers
		return open(text, setting.Reference{Path: path, Secret: name == "key"})
	})
}

// Limits of what an endpoint's record holds.
const (
	maxAuthorities = 64 << 10
	maxCertificate = 32 << 10
)

// Check never repeats what was given.
func (t TLS) Check() []setting.Fault {
	v := &faults{}
	ca, cert, key := t.CA.Open(), t.Cert.Open(), t.Key.Open()
	switch {
	case len(ca) > maxAuthorities:
		v.add(".ca", "is longer than %d bytes", maxAuthorities)
	case ca != "" && !onlyCertificates(ca):
		v.add(".ca", "want certificates in PEM (-----BEGIN CERTIFICATE-----) and nothing else")
	}
	switch {
	case (cert == "") != (key == ""):
		v.add(map[bool]string{true: ".cert", false: ".key"}[cert == ""], "is missing; certificate and key belong together")
	case len(cert) > maxCertificate || len(key) > maxCertificate:
		v.add(".cert", "certificate or key is longer than %d bytes", maxCertificate)
	case cert != "" && !onlyCertificates(cert):
		v.add(".cert", "want the certificate, and those between it and its authority, in PEM (-----BEGIN CERTIFICATE-----)")
	case cert != "":
		if _, err := t.Certificate(); err != nil {
			v.add(".key", "is not the key of the certificate, or no PEM of a private key without a passphrase (-----BEGIN PRIVATE KEY-----)")
		}
	}
	if name := t.ServerName.Open(); name != "" && !hostName(name) {
		v.add(".server_name", "want a host name such as crm.internal.example, or an address, without a port")
	}
	return v.list
}

// Certificate is the client's; one without a chain where there is none.
func (t TLS) Certificate() (tls.Certificate, error) {
	if t.Cert == "" {
		return tls.Certificate{}, nil
	}
	c, err := tls.X509KeyPair([]byte(t.Cert.Open()), []byte(t.Key.Open()))
	if err != nil {
		return tls.Certificate{}, errors.New("the client certificate and its key do not serve") // the cause may quote them
	}
	return c, nil
}

// onlyCertificates refuses a key that was given in the wrong place, and would be sent out.
func onlyCertificates(text string) bool {
	rest, n := []byte(text), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return n > 0 && !strings.Contains(string(rest), pemBegin)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			return false
		}
		n++
	}
}

func hostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return len(s) <= 253 && !strings.HasPrefix(s, ".") && !strings.HasPrefix(s, "-") &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
		})
}
