// Package topic knows which topics an installation on Kafka has, how each has to be, and which
// topics of others are followed.
//
// A Layout makes the topics that are missing, and holds those that are there against what they
// are for: a Condition says what is wrong, each with its remedy, and what an operator should
// know. A Pattern is a name, or an expression that finds names.
//
// Start reading at Layout.Wanted (layout.go), then create.go and suitable.go.
package topic
