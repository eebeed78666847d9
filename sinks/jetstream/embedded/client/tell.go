package client

import (
	"errors"

	"github.com/nats-io/nats.go"
)

// tellers is the queue in which the desks of a cluster tell of events: one tells of each.
const tellers = "hookspan-tellers"

// tell passes events on to the clients that subscribe to them. Whoever publishes an event would
// wait until the server had written to all of them, and longer for those that read slowly.
func (d *Desk) tell() error {
	var err error
	if d.told, err = d.o.Dial("hookspan desk, events for subscribers", d.o.EventsAccount); err != nil {
		return err
	}
	errs := []error{}
	for _, topic := range d.o.readable() {
		_, err := d.told.QueueSubscribe(topic, tellers, func(m *nats.Msg) {
			subject := telling + m.Subject
			if account := d.account(); account != nil && account.Interest(subject) > 0 {
				_ = d.told.PublishMsg(&nats.Msg{Subject: subject, Header: m.Header, Data: m.Data})
			}
		})
		errs = append(errs, err)
	}
	return errors.Join(append(errs, d.told.Flush())...)
}
