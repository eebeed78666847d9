// Package endpoint is a registered outbound receiver: what it is, which events are for it,
// how its secrets are sealed, and the registry that every replica follows into memory.
//
// The registry is one chained log on the bus. Each record is a whole endpoint, the removal of
// one, or the place where a topic pattern was first followed; a record's position is its
// revision. Every replica reads the log to its end, writes behind it and reads again when
// somebody was faster, so any of them may edit and all of them come to the same Set.
//
// Endpoints of the environment or the file stay there: the log holds only what must outlive a
// restart (id, state, membership), and a Set joins both. Secrets and header values reach the
// bus sealed only.
//
// Which events an endpoint takes is said by its periods: types, topics, tenants and filters
// (bridge/filter), whose change is a period of its own. An event is taken, not taken, or a filter fails on it.
//
// Begin with Endpoint and Period, then Judge, then Registry.
package endpoint
