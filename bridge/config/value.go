package config

import (
	"log/slog"
	"net/netip"
	"strings"

	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/setting"
)

// Prefixes are address ranges, separated by commas; an address stands for itself.
type Prefixes []netip.Prefix

// Parse takes ranges in CIDR form and single addresses.
func (p *Prefixes) Parse(text string) error {
	*p = nil
	for _, item := range setting.Items(text, ",") {
		r, err := netip.ParsePrefix(item)
		if addr, e := netip.ParseAddr(item); e == nil {
			r, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return setting.Wanted("address ranges such as 10.0.0.0/8,fd00::/8")
		}
		*p = append(*p, r.Masked())
	}
	return nil
}

// OfKind is setting.KindList.
func (Prefixes) OfKind() setting.Kind { return setting.KindList }

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
