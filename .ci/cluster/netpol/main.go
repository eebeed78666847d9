// Command netpol makes NetworkPolicies hold on a node, by iptables and ipset, until a signal.
//
//	netpol KUBECONFIG NODE SERVICES      netpol admin.json node0 10.96.0.0/16
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: netpol KUBECONFIG NODE SERVICES")
	}
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		close(stop)
	}()
	if err := enforce(os.Args[1], os.Args[2], os.Args[3], stop); err != nil {
		log.Fatal(err)
	}
}

func enforce(kubeconfig, node, services string, stop chan struct{}) error {
	at, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read %s: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(at)
	if err != nil {
		return err
	}
	settings := options.NewKubeRouterConfig()
	settings.RunFirewall, settings.EnableIPv4 = true, true
	settings.HostnameOverride = node
	settings.ClusterIPCIDRs = []string{services}

	watched := informers.NewSharedInformerFactory(client, 0)
	pods := watched.Core().V1().Pods().Informer()
	policies := watched.Networking().V1().NetworkPolicies().Informer()
	namespaces := watched.Core().V1().Namespaces().Informer()
	watched.Start(stop)
	watched.WaitForCacheSync(stop)

	tables, sets, err := netpol.NewIPTablesHandlers(settings)
	if err != nil {
		return fmt.Errorf("iptables and ipset: %w", err)
	}
	c, err := netpol.NewNetworkPolicyController(client, settings, pods, policies, namespaces, &sync.Mutex{}, tables, sets)
	if err != nil {
		return err
	}
	for _, add := range []func() error{
		func() error { _, err := pods.AddEventHandler(c.PodEventHandler); return err },
		func() error { _, err := policies.AddEventHandler(c.NetworkPolicyEventHandler); return err },
		func() error { _, err := namespaces.AddEventHandler(c.NamespaceEventHandler); return err },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	beats := make(chan *healthcheck.ControllerHeartbeat) // nobody asks how it is
	go func() {
		for range beats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	c.Run(beats, stop, &running)
	return nil
}
