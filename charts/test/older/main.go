// Command older holds objects against the types of an older Kubernetes, which one module cannot have
// beside those of the newest: the version is the one in the module file.
//
//	go run -modfile=1.35.mod . < objects.yaml
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run writes what is wrong, and how many objects there were.
func run(in io.Reader, out io.Writer) error {
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(known); err != nil {
			return err
		}
	}
	decode := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	wrong, seen := 0, 0
	for object := range strings.SplitSeq(string(text), "\n---\n") {
		if strings.TrimSpace(object) == "" {
			continue
		}
		seen++
		if _, _, err := decode.Decode([]byte(object), nil, nil); err != nil {
			wrong++
			fmt.Fprintf(out, "%v in\n%s\n", err, object)
		}
	}
	if wrong > 0 || seen == 0 {
		return fmt.Errorf("%d of %d objects are wrong", wrong, seen)
	}
	return nil
}
