// Package bridge is what Hookspan means: webhooks in, events on a bus, webhooks out. It holds
// no code of its own; the rooms below it do, and none of them knows a broker's client.
//
// # Words
//
// One word per idea, in code, API, metrics, logs and documents:
//
//   - event: a CloudEvent. Its identity is (source, id).
//   - provider: how one webhook system signs, encrypts, names and times.
//   - source: a configured intake: name, provider, secrets, topic.
//   - topic: where events lie on the bus; bus: what holds everything durable.
//   - sink: a place that events are written to: jetstream, kafka, webhook.
//   - endpoint: a registered receiver. delivery: one event to one endpoint. attempt: one POST.
//   - tenant: whose an event is, and whose events an endpoint takes.
//   - seal key: what seals the secrets of endpoints on the bus. Several are given, newest first; to
//     rotate is to go over to the newest.
//   - replica: one of several processes on the same bus. presence: what it says of itself.
//   - overlap: how long the secrets of before sign beside an endpoint's new one.
//   - grant: how a token is got that logs requests in. way: how an endpoint is reached; requests
//     that have the same one may share connections.
//   - phase: a part of an attempt's time: to find the host's addresses, to connect, to secure the
//     connection, and from then on to the first byte of the answer.
//   - filter: what an event's attributes, or its data, must be like for an endpoint to take it. Where
//     one fails (filter_error) the event is taken by nobody, and that is told.
//   - transform: what makes an endpoint's request of an event. step: what expressions of users are
//     bounded by. toll: how long an endpoint's filters have kept whoever reads the topics.
//   - shard: a fixed slice of the endpoints, owned by one dispatcher at a time.
//   - pending: a delivery that waits; its durable form is an entry.
//   - position: a place in a topic. behind: fed over a range of its own, at its own pace.
//   - breaker: keeps attempts from an endpoint that most of them fail at; probe: the one attempt that
//     it lets through now and then.
//   - state log, journal: what a shard knows, what was attempted. chained log: each record
//     names the one that it follows.
//   - life: what bounds how long an event is of use: its age on the bus, and its own expirytime.
//   - sighting: that an event of a type was seen. known: a type that a provider of some source is known
//     to send, or that has a schema. shape: what documents have in common; difference: one way in which
//     what arrived is not what was declared.
//   - refusal: a request that was not taken. quarantine: where verified bodies go that are not
//     what the provider sends, and messages on a topic that are meant to be events and are none.
//     dead letter: an event whose delivery was given up. aside: what both are, on topics of our own.
//   - replay: to send again what was sent or could have been; each is a delivery of its own.
//   - proxy: what stands between us and endpoints, and connects for us. way: how an endpoint is
//     reached, straight or through one.
//   - handshake: the question whether an endpoint takes webhooks from here. consent: its answer.
//   - operations event: what a person should look at, told through the bus. unwell: an endpoint of
//     which something bad was told, until its next success.
//   - alert: a mail about what operations events tell. trouble: one cause, of one endpoint, source or
//     the store, until it is over. notice: its beginning or its end, to be mailed. digest: several.
//   - trace: what OpenTelemetry records of one event's way, from the webhook to the attempts;
//     span: a part of it.
//
// # Rooms
//
// From the bottom up: event, problem and provider need nothing of the others but event,
// tenant says whose an event is, spelling names what somebody meant, topic knows patterns over topics, header what HTTP allows, setting
// what a setting is, logline what a line of the log is, latency how long things take, tracing which
// spans there are. bus is
// the contract that every adapter under sinks keeps. listener takes connections, receiver is the
// inbound path (line is a list for both). signature,
// endpoint (filter says which events one wants, transform what is sent of them; cesql and jq are the
// languages of their expressions) and dispatch are the outbound path; its words, which need no engine, are in
// delivery; feed reads the topics for it and sighting counts by type what it reads, the durable state of a shard is statelog, retention says
// what may be purged, quarantine keeps what is no event, aside shows what it and dispatch have set aside,
// ops is what operators are told and alert mails it. journal keeps what was attempted.
// admin shows and changes it all (infer makes schemas of what arrived). config reads what the operator decided, and app starts and
// stops it. Imports go one way, cmd to sinks to bridge to schemas; arch_test.go holds them to it.
//
// Read next: bus/bus.go for the contract, receiver for the way in, dispatch for the way out,
// and DESIGN.md for why it is so.
package bridge
