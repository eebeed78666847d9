// Package dispatch is the outbound path: what was published to the followed topics reaches
// every endpoint that it is for, at least once, through any number of kills and takeovers.
//
// Endpoints are hashed into shards; a Dispatcher owns shards. bridge/feed reads the topics and
// has every shard take each batch, which hands it to the lanes of the endpoints that it is for. A lane makes attempts; each ends as one record in the shard's
// journal, appended asynchronously. Nothing else is written for a delivery that succeeds at
// once. What failed or runs long gets an entry in the shard's state log, which the shard
// brings forward by one delta a second. An endpoint that cannot keep up leaves the live feed
// and is fed over a range, at its own pace.
//
// After a kill the next owner reads state log and journal and goes on: what it must be fed
// again, what is done, what waits. The state log has one writer, by being a chained log: an
// owner that was taken over finds out at its next write.
//
// What is sent again is a replay: a job of its endpoint's owner, with ranges, a line in the lane and entries of its
// own, behind all that topics bring (replay.go, replay_feed.go, replay_view.go).
//
// Where order matters, the events of a key are lined up (order.go, PROTOCOL.md, section K).
//
// What waits, why and until when is in memory alone (waits.go); where others share the bus,
// owners tell of their lanes in the journal (note.go). What is told of deliveries on topics is
// never told of again (echo.go).
//
// Locks: a shard's mutex guards its lanes and all that belongs to them; a follower's may be
// held when a shard's is taken, a shard's when that of the owned shards is taken, never the other
// way round. No bus, registry or observer is called under any of them.
//
// The rules that all of this keeps are in PROTOCOL.md, by number.
//
// Begin with Dispatcher, then ownership for how a shard comes and goes, then shard, lane, attempt;
// then catchup for ranges, delta for what becomes durable (its form is bridge/statelog), load
// and restore for what a successor knows again, registry for how endpoints change, and
// positions for topics that were made anew or cut back.
package dispatch
