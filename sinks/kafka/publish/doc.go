// Package publish writes to Kafka: events, once for each key as far as that can be had, and
// what Hookspan keeps beside them.
//
// A record that is not acknowledged in time may land yet. Its publisher tells the others so in
// words on the topic of markers, beside the markers of what is durable, and later what became
// of it; who gets the same key meanwhile claims it and waits for its turn. Whoever follows the
// topic hands what it reads to Publisher.Hear.
//
// Start reading at Publisher.Publish (publish.go), then publishing.go, which is the life of one
// publish, produce.go, which writes a record, and contest.go and contend.go for what is in
// doubt.
package publish
