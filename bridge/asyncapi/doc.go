// Package asyncapi says what runs here as one document of AsyncAPI 3.1: the webhooks that sources
// take in, the topics of the bus with the events that lie on them, and the webhooks that endpoints
// get, each message with its schema where one is known.
//
// Describe makes the document of an Application, which names what there is in the words of the rooms
// that know it. The document is the same for the same Application, and holds no secret: no URL of an
// endpoint is in it, because such URLs may be one.
//
// What AsyncAPI calls send is what Hookspan does, and receive what is done to it.
package asyncapi
