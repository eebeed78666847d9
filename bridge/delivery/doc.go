// Package delivery holds the words of the way out: what is delivered (Entry, EventRef), what one
// attempt is and how it ended (Attempt, Outcome, Ended, Reason), what a sender is asked and
// answers (Sender, Request, Response), and what is told of deliveries that wait (Note, Standing).
//
// It imports no engine: who makes attempts (bridge/dispatch), who remembers them
// (bridge/journal), who shows them (bridge/admin) and who sends them (sinks/webhook) know these
// words and not each other.
//
// Attempts and notes have a durable form, lines of JSON that a shard's journal holds; an entry's
// is part of the shard's state log. All values may be copied; those with a Compact hold parts of
// larger texts until it is called.
//
// Begin with Entry, then Attempt, then Sender.
package delivery
