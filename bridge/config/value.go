package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"strings"

	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// BaseURL begins URLs; it has no slash at its end.
type BaseURL string

// Parse takes an http or https URL without a login, a query or a fragment.
func (b *BaseURL) Parse(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return setting.Wanted("an http or https URL without a login or a query, such as https://hooks.shop.example/schemas")
	}
	*b = BaseURL(strings.TrimRight(u.String(), "/"))
	return nil
}

// OfKind is setting.KindText.
func (BaseURL) OfKind() setting.Kind { return setting.KindText }

// Hosts are names of hosts, separated by commas.
type Hosts []string

// Parse takes names as they stand in a URL, in any case.
func (h *Hosts) Parse(text string) error {
	*h = nil
	for _, item := range setting.Items(text, ",") {
		name := strings.ToLower(item)
		if _, err := netip.ParseAddr(name); err == nil || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Trim(name, ".") != name {
			return setting.Wanted("names of hosts such as crm.example.internal, without ports; addresses go into HOOKSPAN_EGRESS_ALLOW")
		}
		*h = append(*h, name)
	}
	return nil
}

// OfKind is setting.KindList.
func (Hosts) OfKind() setting.Kind { return setting.KindList }

// Recipients get alerts; addresses, and tenant=address for those about one tenant's endpoints,
// separated by commas.
type Recipients []Recipient

// A Recipient gets alerts about the endpoints of a tenant; without one, all alerts.
type Recipient struct{ Tenant, Address string }

// Parse reads addresses and tenant=address.
func (r *Recipients) Parse(text string) error {
	*r = nil
	for _, item := range setting.Items(text, ",") {
		one := Recipient{Address: item}
		if of, address, tagged := strings.Cut(item, "="); tagged {
			name, flaw := tenant.Name(of)
			if one = (Recipient{name, strings.TrimSpace(address)}); name == "" || flaw != "" {
				return wantedRecipients
			}
		}
		if !setting.IsMailbox(one.Address) {
			return wantedRecipients
		}
		*r = append(*r, one)
	}
	return nil
}

const wantedRecipients = setting.Wanted("addresses of mail such as ops@shop.example, and tenant=address")

// OfKind is setting.KindList.
func (Recipients) OfKind() setting.Kind { return setting.KindList }

// For are the addresses of those who hear about a tenant's endpoints; "" is no tenant.
func (r Recipients) For(name string) (addresses []string) {
	for _, one := range r {
		if one.Tenant == "" || one.Tenant == name {
			addresses = append(addresses, one.Address)
		}
	}
	return addresses
}

// Level is how much is logged: a slog.Level.
type Level slog.Level

// Parse takes debug, info, warn or error.
func (l *Level) Parse(text string) error {
	level, known := logline.Parse(text)
	if !known {
		return setting.Wanted(logline.Words)
	}
	*l = Level(level)
	return nil
}

// OfKind is setting.KindText.
func (Level) OfKind() setting.Kind { return setting.KindText }
