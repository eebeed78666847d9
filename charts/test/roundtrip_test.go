package test

import (
	"errors"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// What the pod of helm test runs fits what the chart configures. Names of Services are names of
// this machine here.
func TestTheTestPodMakesARoundTrip(t *testing.T) {
	objects, _, err := release{}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	pod := pods(t, objects)["hs-hookspan-test"].Spec.Containers[0]
	if got, want := pod.Env[0].Value, "http://hs-hookspan-admin.events.svc.cluster.local:8081"; got != want {
		t.Errorf("the API is asked for at %s, not %s", got, want)
	}
	const host = "hs-hookspan-test.events.svc.cluster.local"
	file, config := configured(t, objects)
	if !strings.Contains(config, host) {
		t.Fatalf("egress is not opened to %s:\n%s", host, config)
	}
	write(t, file, strings.ReplaceAll(config, host, "localhost"))
	intake, admin := running(t, "HOOKSPAN_CONFIG="+file, "HOOKSPAN_ADMIN_TOKEN=of-the-test")

	secret := filepath.Join(filepath.Dir(file), "secret")
	address := free(t)
	_, port, _ := net.SplitHostPort(address)
	here := strings.NewReplacer("//hs-hookspan.events.svc.cluster.local/", "//"+intake+"/", host+":8090", "localhost:"+port, "=:8090", "="+address, "/run/hookspan/test/secret", secret)
	trip := func(content string) (string, error) {
		write(t, secret, content)
		var args []string
		for _, arg := range pod.Args {
			args = append(args, here.Replace(arg))
		}
		cmd := exec.Command(hookspan(t), args...)
		cmd.Env = []string{"HOOKSPAN_SERVER=http://" + admin, "HOOKSPAN_ADMIN_TOKEN=of-the-test"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := trip(content("-test/secret"))
	if err != nil || !strings.Contains(out, "the signature is right, the body the same") {
		t.Fatalf("%v: %s", err, out)
	}
	there := strings.NewReplacer(intake, "hs-hookspan.events.svc.cluster.local", admin, "hs-hookspan-admin.events.svc.cluster.local:8081", "localhost:"+port, host+":8090")
	pictured(t, "helm-test", "helm test hs -n events --logs", "POD LOGS: hs-hookspan-test\n"+there.Replace(out))
	if out, err := trip("whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="); err == nil || !strings.Contains(out, "the secret is not one of the source's") {
		t.Errorf("with another secret: %v: %s", err, out)
	}
}

// free is an address that nobody listens at. Whoever asks for any port is given one above those.
func free(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(10000))))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
}

// The pod of helm test is behind no Service of Hookspan's, and counts as none of its pods.
func TestTheTestPodIsNoneOfHookspans(t *testing.T) {
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, _, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			var pod *corev1.Pod
			selects := map[string]labels.Selector{}
			for _, o := range typed(t, objects) {
				switch o := o.(type) {
				case *corev1.Pod:
					pod = o
				case *corev1.Service:
					selects["Service/"+o.Name] = labels.SelectorFromSet(o.Spec.Selector)
				case *networkingv1.NetworkPolicy:
					selects["NetworkPolicy/"+o.Name] = labels.SelectorFromSet(o.Spec.PodSelector.MatchLabels)
				case *policyv1.PodDisruptionBudget:
					selects["PodDisruptionBudget/"+o.Name] = labels.SelectorFromSet(o.Spec.Selector.MatchLabels)
				case *appsv1.StatefulSet:
					selects["StatefulSet/"+o.Name] = labels.SelectorFromSet(o.Spec.Selector.MatchLabels)
				case *appsv1.Deployment:
					selects["Deployment/"+o.Name] = labels.SelectorFromSet(o.Spec.Selector.MatchLabels)
				}
			}
			if pod == nil {
				t.Fatal("no pod of helm test")
			}
			for id, selector := range selects {
				if its := strings.HasSuffix(id, "/"+pod.Name); selector.Matches(labels.Set(pod.Labels)) != its {
					t.Errorf("%s selects the pod of helm test: %v", id, !its)
				}
			}
		})
	}
}
