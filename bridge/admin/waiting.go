package admin

import (
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
)

// What waits for its first attempt, or has it made, has no record yet, and stands as newer than
// all that has. Its cursors begin with a mark of their own.
const waitingMark = "_"

// deliveries is a page of what is wanted, in the order that is asked for.
func (l *look) deliveries(want journal.Query) (items []deliveryView, next string, err error) {
	after, inLanes := strings.CutPrefix(want.Cursor, waitingMark)
	if want.Oldest {
		if !inLanes {
			if items, next, err = l.recorded(want); err != nil || next != "" {
				return items, next, err
			}
			after = ""
		}
		if want.Limit -= len(items); want.Limit == 0 {
			return items, waitingMark, nil // in front of all of them
		}
		waiting, next := l.inLanes(&want, after)
		return append(items, waiting...), next, nil
	}
	if want.Cursor == "" || inLanes {
		want.Cursor = ""
		if items, next = l.inLanes(&want, after); next != "" {
			return items, next, nil
		}
	}
	if want.Limit -= len(items); want.Limit == 0 {
		return items, waitingMark + "0", nil // behind all of them
	}
	recorded, next, err := l.recorded(want)
	return append(items, recorded...), next, err
}

// recorded is a page of what the journal has.
func (l *look) recorded(want journal.Query) (items []deliveryView, next string, err error) {
	found, next, err := l.Deliveries.List(want)
	for _, d := range found {
		items = append(items, l.delivery(d))
	}
	return items, next, err
}

// inLanes lists deliveries without a record, from a place on, and the cursor of what is left.
func (l *look) inLanes(want *journal.Query, after string) (items []deliveryView, next string) {
	if !want.Waits() {
		return nil, ""
	}
	all := l.unrecorded(want, after)
	for i := range all {
		if len(items) == want.Limit {
			return items, waitingMark + placeOf(&all[i-1].Entry)
		}
		items = append(items, l.view(journal.Unrecorded(&all[i].Entry), all[i].Standing))
	}
	return items, ""
}

// placeOf orders what waits by when it came to be.
func placeOf(e *delivery.Entry) string {
	return strconv.FormatInt(e.Created.UnixNano()+1<<60, 36) + "." + e.ID
}

// delivery is what the journal has, with where it stands.
func (l *look) delivery(d journal.Delivery) deliveryView {
	if d.Status != journal.Pending {
		return l.view(d, delivery.Standing{})
	}
	st := l.stands(&d)
	if e := l.Registry.Set().ByID(d.Endpoint); e != nil && !l.owns(d.Endpoint) { // whose owner would have said so
		st = st.Within(d.Ends(e.MaxAge))
	}
	return l.view(d, st)
}

func (l *look) view(d journal.Delivery, st delivery.Standing) deliveryView {
	v := deliveryView{Delivery: d, Endpoint: d.Endpoint, EndpointID: d.Endpoint, Waits: st.Waits, Until: st.Until.UTC()}
	if d.Status == journal.Pending {
		v.NextAttempt = st.Due.UTC()
	}
	if e := l.Registry.Set().ByID(d.Endpoint); e != nil {
		v.Endpoint, v.EndpointName = e.Name, e.Name
	}
	return v
}

// find returns the deliveries that an id names: one, or the members of a batch.
func (l *look) find(id string) ([]deliveryView, error) {
	if strings.HasPrefix(id, delivery.BatchPrefix) {
		items, _, err := l.deliveries(journal.Query{Batch: id, Limit: mostPerPage})
		if err == nil && len(items) == 0 {
			err = noDelivery()
		}
		return items, err
	}
	if d, ok := l.Deliveries.Get(id); ok {
		return []deliveryView{l.delivery(d)}, nil
	}
	here := l.Outbound.Waiting(func(e *delivery.Entry) bool { return e.ID == id })
	if len(here) > 0 {
		return []deliveryView{l.view(journal.Unrecorded(&here[0].Entry), here[0].Standing)}, nil
	}
	if d, ok := l.located.get(id); ok && !l.owns(d.Endpoint) {
		return []deliveryView{l.delivery(d)}, nil
	}
	return nil, noDelivery()
}

func noDelivery() error {
	return problem.New(problem.NotFound).With("there is no such delivery, or it ended too long ago")
}
