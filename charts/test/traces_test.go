package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
)

// A process with a pod's variables sends traces to the collector that the values name, with what
// the Secret holds.
func TestTracesGoWhereTheValuesSay(t *testing.T) {
	type sent struct{ path, login, spans string }
	taken := make(chan sent, 100) // the collector sends, the test receives, nobody closes it
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		spans, _ := io.ReadAll(r.Body) // what is missing is told below
		select {
		case taken <- sent{r.URL.Path, r.Header.Get("Authorization"), string(spans)}:
		default:
		}
	}))
	defer collector.Close()
	values := fmt.Sprintf("traces: {endpoint: %q, headersFrom: {name: collector, key: headers}, samplerArg: 1, attributes: {deployment.environment.name: 'production, 100 %%'}}", collector.URL)
	objects, _, err := release{values: values}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"OTEL_BSP_SCHEDULE_DELAY=10", "HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + testToken}
	for _, v := range serving(t, objects)["hs-hookspan"].Spec.Containers[0].Env {
		value := v.Value
		if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
			value = "authorization=Bearer%20hush"
		}
		if strings.HasPrefix(v.Name, "OTEL_") {
			environ = append(environ, v.Name+"="+strings.ReplaceAll(value, "$(K8S_POD_NAME)", "hs-hookspan-0"))
		}
	}
	intake, _ := running(t, environ...)
	send(t, intake)
	select {
	case got := <-taken:
		if got.path != "/v1/traces" || got.login != "Bearer hush" {
			t.Errorf("spans came to %s with %q", got.path, got.login)
		}
		for _, want := range []string{"hs-hookspan", "hs-hookspan-0", "events", "production, 100 %"} {
			if !strings.Contains(got.spans, want) {
				t.Errorf("spans do not say %q", want)
			}
		}
	case <-time.After(time.Minute):
		t.Error("the collector got nothing")
	}
}

// Pods are let through to the collector's port, and to no other for it. Where nobody says where it
// is, the ports of endpoints stay closed to what endpoints may not have.
func TestTheNetworkPolicyKnowsTheCollector(t *testing.T) {
	const said = "{podSelector: {matchLabels: {app: collector}}}"
	for _, c := range []struct {
		endpoint, to string
		want         int
	}{
		{"http://collector:4318", said, 4318}, {"https://collector", said, 443}, {"http://collector/otlp", said, 80},
		{"https://[fd00::1]:4318/x", said, 4318}, {"http://[fd00::1]", said, 80}, {"", said, 0},
		{"http://collector:4318", "", 4318}, {"https://collector", "", 0}, {"http://collector/otlp", "", 0},
	} {
		objects, _, err := release{values: fmt.Sprintf("traces: {endpoint: %q}\nnetworkPolicy: {tracesTo: [%s]}", c.endpoint, c.to)}.render(t)
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
				toCollector := len(to) == 1 && to[0].PodSelector != nil && to[0].PodSelector.MatchLabels["app"] == "collector"
				for _, port := range rule.Ports {
					if n := port.Port.IntValue(); toCollector || len(to) == 0 && n != 53 {
						got = n
					}
				}
			}
		}
		if got != c.want {
			t.Errorf("%q to %q: port %d is open, want %d", c.endpoint, c.to, got, c.want)
		}
	}
}
