// Package cluster reaches the brokers of a Kafka cluster and reads from it.
//
// A Cluster is our clients and what they have learnt of the topics: who leads a partition, since
// which epoch, and with which rights it may be used. What is there is read by single fetch
// requests to a partition's leader (fetch.go); a Reader that has come to the end waits at a
// tail that all readers share (tail.go). Every request names the leader epoch that it believes
// in, so that an answer is never taken from a broker that is the leader no more, and a leader is
// believed about an end only once it knows what had been acknowledged before its time.
//
// Errors are those of bridge/bus: what a retry may mend is bus.ErrUnavailable, and the rest
// names the remedy. RetryBriefly and RetryForever go by that.
//
// Nothing here knows what the records mean. Start reading at Connect (cluster.go), then
// topic.go, offsets.go, fetch.go, reader.go.
package cluster
