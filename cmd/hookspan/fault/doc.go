// Package fault is an oracle outside of Hookspan: it runs the real program as a child process,
// does to it what a bad day does, and holds what was acknowledged against what arrived.
//
// A Driver posts signed webhooks through several sources and notes every one that was answered
// 2xx. A Receiver is the endpoints: it checks each signature and body, notes what it took, and
// refuses, stalls or hangs when it is told to. The Oracle compares both: an event that was
// acknowledged and did not reach an endpoint is lost. Nothing here uses a package of Hookspan,
// so a mistake that is made there is not made here again.
//
// A fleet is several replicas on one bus: servers of NATS or Kafka, processes that are killed
// too, or the replicas themselves. A storm strikes it and measures how long anybody had to
// wait; a Meter and Beats see what an endpoint with a limit was asked for, and when. An outage is
// such replicas that are the bus themselves, each on a disk whose power can be cut.
//
// The faults are the tests of this package: kills, a full disk, power cuts, dead endpoints,
// stops, and kills while endpoints are being registered or sealed anew. Each prints its seed and one
// line of figures in JSON. Without build tags the kills alone run, for a moment; the tags disks and
// fleets add the others, and .ci/run has the names. See the flags in main_test.go. Begin with
// oracle.go, then kill_test.go.
package fault
