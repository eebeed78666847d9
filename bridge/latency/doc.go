// Package latency measures how long things take: histograms for Prometheus with the same buckets
// everywhere, from 100 µs to 60 s, so that what is measured at one place can be held against
// what is measured at another.
//
// Whoever scrapes with protobuf gets native histograms, ten times as fine, beside the classic
// buckets. A value of a sampled trace leaves an exemplar (trace_id), which OpenMetrics and
// protobuf show: so a slow bucket leads to a trace that explains it.
package latency
