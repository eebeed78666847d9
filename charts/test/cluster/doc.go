// Package cluster installs the chart on a real Kubernetes and lives with it: a round trip,
// webhooks in and out by the Services while pods are replaced, killed, drained and scaled,
// policies that hold, and nothing that stays behind. One test is one shape of the chart; one more
// has the API server look at every object of every case that is rendered in the package above.
//
// The tests run on a node of .ci/cluster, with the tag cluster; `.ci/run cluster` brings all that
// they need. It is a module of its own, because Helm is many times the program.
package cluster
