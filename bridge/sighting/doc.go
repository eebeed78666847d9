// Package sighting counts which types of events were seen: how many of each, when first and last, with
// which sources, on which topics, and where the newest one lies.
//
// A Tally is fed batches of what was read from partitions, by whoever reads them, and counts each event
// once: it knows for every partition the stretch that it has counted, takes what follows that stretch,
// and passes over what lies in it. So the live feed of a process and a look at what is stored can both
// feed it. What is known of types is bounded: 2,000 of them, with 16 sources each; events of others
// are counted together, so a flood of invented types takes no more room.
//
// An event of a known type costs one lookup and no memory. Everything may be used by many goroutines.
// Begin with New.
package sighting
