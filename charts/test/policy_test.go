package test

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

// blocks are the ranges that pods of a release may reach, each with what is taken out of it.
func blocks(t *testing.T, values string) map[netip.Prefix][]netip.Prefix {
	t.Helper()
	objects, _, err := release{values: values}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	found := map[netip.Prefix][]netip.Prefix{}
	prefix := func(text string) netip.Prefix {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			t.Errorf("Kubernetes refuses %q: %v", text, err)
		}
		return p
	}
	for _, o := range typed(t, objects) {
		policy, ok := o.(*networkingv1.NetworkPolicy)
		if !ok || policy.Name != "hs-hookspan" {
			continue
		}
		for _, rule := range policy.Spec.Egress {
			for _, to := range rule.To {
				if to.IPBlock == nil {
					continue
				}
				whole := prefix(to.IPBlock.CIDR)
				found[whole] = nil
				for _, except := range to.IPBlock.Except {
					found[whole] = append(found[whole], prefix(except))
				}
			}
		}
	}
	return found
}

// What the program never reaches, and private networks, are shut by the policy too: a second wall,
// of other stones. The rest of the internet is open.
func TestThePolicyShutsWhatTheProgramNeverReaches(t *testing.T) {
	text, err := os.ReadFile("../../sinks/webhook/metadata.go")
	if err != nil {
		t.Fatal(err)
	}
	shut := []string{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::1/128", "fc00::/7", "ff00::/8"}
	for _, m := range regexp.MustCompile(`MustParsePrefix\("([^"]+)"\)`).FindAllStringSubmatch(string(text), -1) {
		shut = append(shut, m[1])
	}
	if len(shut) < 20 {
		t.Fatalf("only %v are never reached", shut)
	}
	allowed := blocks(t, "")
	if len(allowed) != 2 {
		t.Fatalf("pods may reach %v", allowed)
	}
	for whole, excepts := range allowed {
		within := func(p netip.Prefix) bool {
			return slices.ContainsFunc(excepts, func(e netip.Prefix) bool { return e.Bits() <= p.Bits() && e.Contains(p.Addr()) })
		}
		for _, text := range shut {
			if p := netip.MustParsePrefix(text); p.Addr().Is4() == whole.Addr().Is4() && !within(p) {
				t.Errorf("%s may be reached", text)
			}
		}
		for _, text := range []string{"1.1.1.1/32", "168.63.129.17/32", "2606:4700:4700::1111/128"} {
			if p := netip.MustParsePrefix(text); p.Addr().Is4() == whole.Addr().Is4() && within(p) {
				t.Errorf("%s may not be reached", text)
			}
		}
	}
}

// Whatever the program takes as a range, the policy has as one.
func TestThePolicyFollowsWhatEgressAllows(t *testing.T) {
	for _, values := range []string{"config: {egress_allow: [10.20.0.0/16, 10.1.2.3, 'fd00::1']}", "config: {egress_allow: '10.20.0.0/16, 10.1.2.3,fd00::1'}"} {
		allowed := blocks(t, values)
		for _, want := range []string{"10.20.0.0/16", "10.1.2.3/32", "fd00::1/128"} {
			if except, ok := allowed[netip.MustParsePrefix(want)]; !ok || except != nil {
				t.Errorf("%s: %s is not let out: %v", values, want, allowed)
			}
		}
	}
}

// A port of the web that is open to every address is open to the nodes' metadata.
func TestNoPortOfTheWebIsOpenToEveryAddress(t *testing.T) {
	const to = "\nnetworkPolicy: {busTo: [{podSelector: {}}], mailTo: [{podSelector: {}}]}"
	for values, want := range map[string][]int{
		"bus: {kind: nats, url: 'nats://n:4222'}":                                                 {4222},
		"bus: {kind: nats, url: 'tls://n:443'}":                                                   {},
		"bus: {kind: nats, url: 'tls://n:443'}" + to:                                              {443},
		"bus: {kind: kafka, url: 'kafka://k:80,k2:9092'}":                                         {9092},
		"bus: {kind: nats, url: 'nats://n:4222'}\nconfig: {smtp_url: 'smtps://mail.example:443'}": {4222},
		"config: {smtp_url: 'smtp://mail.example'}":                                               {587},
		"config: {smtp_url: 'smtps://mail.example:443'}" + to:                                     {443},
	} {
		objects, _, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		got := []int{}
		for _, o := range typed(t, objects) {
			policy, ok := o.(*networkingv1.NetworkPolicy)
			if !ok || policy.Name != "hs-hookspan" {
				continue
			}
			for _, rule := range policy.Spec.Egress {
				for _, port := range rule.Ports {
					if n := port.Port.IntValue(); n != 53 && n != 8090 {
						got = append(got, n)
					}
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q: the ports %v are open, want %v", values, got, want)
		}
	}
}
