package test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// entrance returns the annotations of a release's Ingress, and the protocol of the port behind it.
func entrance(t *testing.T, values string) (annotations map[string]string, protocol string) {
	t.Helper()
	objects, _, err := release{values: values + "\ningress: {enabled: true}"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range typed(t, objects) {
		switch o := o.(type) {
		case *networkingv1.Ingress:
			annotations = o.Annotations
		case *corev1.Service:
			if p := o.Spec.Ports[0].AppProtocol; o.Name == "hs-hookspan" && p != nil {
				protocol = *p
			}
		}
	}
	if annotations == nil {
		t.Fatal("no Ingress has annotations")
	}
	return annotations, protocol
}

// The largest body that a provider sends gets through.
func TestTheIngressLetsThroughWhatProvidersSend(t *testing.T) {
	annotations, _ := entrance(t, "")
	size := regexp.MustCompile(`^([0-9]+)m$`).FindStringSubmatch(annotations["nginx.ingress.kubernetes.io/proxy-body-size"])
	if size == nil {
		t.Fatalf("the size is in no MiB: %v", annotations)
	}
	most, err := strconv.Atoi(size[1])
	if err != nil {
		t.Fatal(err)
	}
	seen, declared := 0, regexp.MustCompile(`(?m)^max_body: *([0-9]+)MiB *$`)
	for _, path := range files(t, "../../bridge/provider/catalog/*.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			seen++
			if n, err := strconv.Atoi(m[1]); err != nil || n > most {
				t.Errorf("%s sends %s MiB, the Ingress takes %d: %v", path, m[1], most, err)
			}
		}
	}
	if seen == 0 {
		t.Error("no provider says what its largest body is")
	}
}

// Pods that speak TLS are spoken to by TLS.
func TestTheIngressKnowsThatPodsSpeakTLS(t *testing.T) {
	const key = "nginx.ingress.kubernetes.io/backend-protocol"
	for values, want := range map[string][2]string{
		"":                                {"", ""},
		"tls: {existingSecret: pods-tls}": {"HTTPS", "https"},
	} {
		annotations, protocol := entrance(t, values)
		if got := [2]string{annotations[key], protocol}; got != want {
			t.Errorf("%q: %q, want %q", values, got, want)
		}
	}
}
