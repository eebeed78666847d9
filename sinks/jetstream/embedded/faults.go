package embedded

import (
	"errors"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// faults are what the server says is wrong with its storage, and what is found wrong with it. One
// goroutine at a time uses them: who opens the server, then watch. Syncs look at kept, too.
type faults struct {
	clustered bool
	kept      kept
	inherited map[string]bool // those that the server had when it was opened
	suspect   map[string]bool // at the last look
}

// opened takes for inherited what is wrong with a server that was just opened.
func (f *faults) opened(inner *server.Server) { f.inherited = f.of(inner) }

// fresh is something wrong, seen at two looks in a row, that was not so when the server was
// opened: opening it again can only help against that.
func (f *faults) fresh(inner *server.Server) error {
	if inner == nil {
		return ErrClosed
	}
	var again error
	now := f.of(inner)
	for fault := range now {
		if !f.inherited[fault] && f.suspect[fault] {
			again = errors.New(fault)
		}
	}
	f.suspect = now
	return again
}

// of lists them. That the server did not answer in time whether it takes connections says nothing
// about its storage; neither does, in a cluster, that it lags behind the others. A full disk ends
// all of its storage there.
func (f *faults) of(inner *server.Server) map[string]bool {
	list := map[string]bool{}
	if !inner.JetStreamEnabled() {
		list["the server has given up its storage"] = true
		return list
	}
	for _, e := range inner.Healthz(&server.HealthzOptions{Details: true}).Errors {
		// In a cluster the text is all that tells a stream that cannot write from one that lags.
		if e.Type != server.HealthzErrorConn && (!f.clustered || strings.Contains(e.Error, "write error")) {
			list[e.Error] = true
		}
	}
	for _, fault := range f.kept.removed(inner) {
		list[fault] = true
	}
	return list
}
