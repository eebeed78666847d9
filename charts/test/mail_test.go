package test

import (
	"fmt"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

// The password is a file of the pod, and stands in no other object.
func TestTheMailPasswordIsMounted(t *testing.T) {
	objects, _, err := release{values: "config: {smtp_url: 'smtp://me@mail.example', alert_from: a@b.example}\nmail: {passwordFrom: {name: mail, key: password}}"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	pod := serving(t, objects)["hs-hookspan"]
	found := false
	for _, v := range pod.Spec.Volumes {
		if v.Name != "secrets" || v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			found = found || source.Secret != nil && source.Secret.Name == "mail" && source.Secret.Items[0].Path == "mail/password"
		}
	}
	if !found || !strings.Contains(fmt.Sprint(objects), "smtp_password_file: /run/hookspan/secrets/mail/password") {
		t.Errorf("mounted: %v", found)
	}
}

// Pods are let through to the mail server's port, and to no other for it.
func TestTheNetworkPolicyKnowsTheMailServer(t *testing.T) {
	const said = "{podSelector: {matchLabels: {app: mail}}}"
	for _, c := range []struct {
		url, to string
		want    int
	}{
		{"smtp://mail.example:25", said, 25}, {"smtp://me@mail.example", said, 587}, {"smtps://mail.example/", said, 465},
		{"smtp://[fd00::1]:2525", said, 2525}, {"smtp://[fd00::1]", said, 587}, {"", said, 0}, {"smtp://mail.example:25", "", 25}, {"", "", 0},
	} {
		config := ""
		if c.url != "" {
			config = fmt.Sprintf("smtp_url: %q", c.url)
		}
		objects, _, err := release{values: fmt.Sprintf("config: {%s}\nnetworkPolicy: {mailTo: [%s]}", config, c.to)}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, o := range typed(t, objects) {
			policy, ok := o.(*networkingv1.NetworkPolicy)
			if !ok || policy.Name != "hs-hookspan" {
				continue
			}
			for _, rule := range policy.Spec.Egress {
				to := rule.To
				toMail := len(to) == 1 && to[0].PodSelector != nil && to[0].PodSelector.MatchLabels["app"] == "mail"
				for _, port := range rule.Ports {
					if n := port.Port.IntValue(); toMail || len(to) == 0 && n != 53 {
						got = n
					}
				}
			}
		}
		if got != c.want {
			t.Errorf("%q to %q: port %d is open, want %d", c.url, c.to, got, c.want)
		}
	}
}
