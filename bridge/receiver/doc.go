// Package receiver is the public intake: it takes webhooks over HTTP, has their provider
// verify them, and answers success only after every event is durable on the bus.
//
// Read receiver.go first: it is the way of one request. Then exchange.go (what it holds) and
// bounds.go (its time), prepare.go (what becomes of each event), claim.go (what it is recognised by) and
// publish.go. Beside them: body.go reads bodies,
// memory.go bounds what they take, dedup.go and fingerprint.go know which ids are durable or on
// their way, past.go learns what was published before and what other processes publish, release.go has it know
// what the quarantine gives back, topic.go says where events go, answer.go turns faults into answers that tell a stranger nothing,
// refusals.go keeps the reason for the operator, intake.go holds the sources and replaces them,
// open.go begins and ends. What is in front of it, connections and their limits, is
// bridge/listener.
//
// # Promises
//
// A success answer means that each event of the request is durable, by this request or by an
// earlier one with the same id and the same body (Source.Altered says what becomes of another
// one). A repeat that comes while the first is still on its way waits
// for the first one's fate. Whatever the bus does, nothing is answered 2xx before; what cannot
// be stored within the publish timeout is answered 503 with Retry-After, also when the bus does
// not answer at all.
//
// Where several processes use one bus, a repeat is recognised by each of them a moment after
// the first was published by any. Two that get the same id at once leave it to the bus, which
// refuses the second (bus.PublishOptions.Key).
//
// A request that is not genuine gets one and the same answer whatever failed. The reason goes
// to the log and the log of refusals, at most 50 a second for each source.
//
// # Life
//
//	r, err := receiver.New(options)   // every fault of the sources is in the error
//	go r.Run(ctx)                     // writes refusals, follows what others publish
//	err = r.Open(ctx)                 // reads the dedup window, then lets requests in
//	r.Replace(sources)                // any number of times, drops no request
//	err = r.Close(ctx)                // 503 from now on; waits for the requests in hand
//
// All methods may be called at the same time.
package receiver
