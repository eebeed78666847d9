// Command kube is all parts of Kubernetes that a cluster of one node has, in one program, because
// most of each is in all of them.
//
//	kube PART ARGS…
package main

import (
	"context"
	"log"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// parts read their arguments from os.Args, which are theirs by then.
func parts() map[string]func() {
	return map[string]func(){
		"etcd":        func() { etcdmain.Main(os.Args) },
		"dns":         coremain.Run,
		"apiserver":   func() { run(apiserver.NewAPIServerCommand()) },
		"controllers": func() { run(controllers.NewControllerManagerCommand()) },
		"scheduler":   func() { run(scheduler.NewSchedulerCommand()) },
		"kubelet":     func() { run(kubelet.NewKubeletCommand(context.Background())) },
		"proxy":       func() { run(proxy.NewProxyCommand()) },
		"kubectl":     func() { run(kubectl.NewDefaultKubectlCommand()) },
	}
}

func main() {
	log.SetFlags(0)
	all := parts()
	if len(os.Args) < 2 || all[os.Args[1]] == nil {
		log.Fatalf("usage: kube PART ARGS…, of the parts %s", strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	part := os.Args[1]
	os.Args = slices.Concat([]string{part}, os.Args[2:])
	all[part]()
}

func run(command *cobra.Command) { os.Exit(cli.Run(command)) }
