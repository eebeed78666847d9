package adapter

// MaxPayload is what the embedded server is told.
var MaxPayload = maxPayload
