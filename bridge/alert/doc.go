// Package alert mails what operations events tell. A trouble begins with the first event about an
// endpoint and a cause, or a source, or the store; whoever is to hear of it gets one mail, and another
// one when it is over. Who would get many at once gets a digest, and the next after a quarter of an
// hour.
//
// One process mails for all: the one that leads. What it needs is in one log on the bus, each record
// the whole of it: up to where events were taken in, the troubles that last, and the notices that
// were not mailed to everybody yet. So neither a mail server that is away nor a kill loses a notice. A notice
// is claimed before it is mailed, and gone once the server has taken the mail: only a process that
// is killed in between, or cannot write any more, leaves a mail that comes twice, under the same
// Message-ID. Any process may write the log, because each change is made to what is there.
//
// Begin with mailer.go; trouble.go says what becomes of an event, pace.go who gets which mail when,
// text.go what is in it.
package alert
