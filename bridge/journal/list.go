package journal

import (
	"errors"
	"iter"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
)

// A Query says which deliveries are wanted; a field that is zero asks for nothing.
type Query struct {
	Endpoint string // id
	Status   Status
	Type     string // * stands for any run of characters
	Tenant   string
	Subject  string
	Event    string
	Reason   string // of the end, or of one of the attempts
	Batch    string
	Code     int    // the last answer's status
	Text     string // in an answer's body
	Since    time.Time
	Until    time.Time
	Oldest   bool   // first, instead of the newest
	Limit    int    // 50 when 0
	Cursor   string // where the page before ended
}

// ErrCursor: the cursor is none that List has given.
var ErrCursor = errors.New("cursor is not known: leave it out to begin anew")

// List returns deliveries in the order that is asked for, and the cursor of the next page, "" when
// there is none. What arrives between two pages is newer than both.
func (ix *Index) List(q Query) (page []Delivery, next string, err error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	rows, err := ix.behind(&q)
	if err != nil {
		return nil, "", err
	}
	page = []Delivery{}
	last := uint64(0)
	for r := range rows {
		if r.evicted || !q.wants(r) {
			continue
		}
		if len(page) == q.Limit { // there is at least one more
			return page, strconv.FormatUint(last, 36), nil
		}
		page = append(page, r.delivery())
		last = r.order
	}
	return page, "", nil
}

// behind walks through the rows behind a query's cursor, in its order.
func (ix *Index) behind(q *Query) (iter.Seq[*row], error) {
	at := len(ix.arrived)
	if q.Oldest {
		at = -1
	}
	if q.Cursor != "" {
		order, err := strconv.ParseUint(q.Cursor, 36, 64)
		if err != nil {
			return nil, ErrCursor
		}
		at = sort.Search(len(ix.arrived), func(i int) bool { return ix.arrived[i].order >= order })
		if q.Oldest && (at == len(ix.arrived) || ix.arrived[at].order > order) {
			at-- // it is gone since
		}
	}
	step := map[bool]int{false: -1, true: 1}[q.Oldest]
	return func(yield func(*row) bool) {
		for i := at + step; i >= 0 && i < len(ix.arrived); i += step {
			if !yield(ix.arrived[i]) {
				return
			}
		}
	}, nil
}

func (q *Query) wants(r *row) bool {
	switch {
	case q.Endpoint != "" && r.origin.Value().endpoint != q.Endpoint,
		q.Status != "" && r.status.public() != q.Status,
		q.Type != "" && !q.wantsType(r.origin.Value().kind),
		q.Tenant != "" && r.origin.Value().tenant != q.Tenant,
		q.Subject != "" && r.subject != q.Subject,
		q.Event != "" && r.event != q.Event,
		q.Batch != "" && r.batch.Value() != q.Batch,
		!q.Since.IsZero() && r.created < q.Since.UnixNano(),
		!q.Until.IsZero() && r.created >= q.Until.UnixNano():
		return false
	}
	return (q.Reason == "" || r.hasReason(q.Reason)) && (q.Code == 0 || r.lastCode() == q.Code) && (q.Text == "" || r.answered(q.Text))
}

func (q *Query) wantsType(kind string) bool {
	return q.Type == kind || strings.Contains(q.Type, "*") && event.CompileTypePattern(q.Type).Match(kind)
}

// Waits: what waits for its first attempt may be wanted.
func (q *Query) Waits() bool {
	return (q.Status == "" || q.Status == Pending) && q.Reason == "" && q.Code == 0 && q.Text == ""
}

// WantsEntry is for deliveries without a record.
func (q *Query) WantsEntry(e *delivery.Entry) bool {
	return (q.Endpoint == "" || e.Endpoint == q.Endpoint) && (q.Type == "" || q.wantsType(e.Event.Type)) &&
		(q.Subject == "" || e.Event.Subject == q.Subject) && (q.Event == "" || e.Event.ID == q.Event) &&
		(q.Tenant == "" || e.Event.Tenant == q.Tenant) && (q.Batch == "" || e.Batch == q.Batch) &&
		(q.Since.IsZero() || !e.Created.Before(q.Since)) && (q.Until.IsZero() || e.Created.Before(q.Until))
}

func (r *row) hasReason(reason string) bool {
	if r.ended.Value() == reason {
		return true
	}
	for _, a := range r.attempts {
		if a.reason.Value() == delivery.Reason(reason) {
			return true
		}
	}
	return false
}

// lastCode is 0 where no attempt was made, or the last one had no answer.
func (r *row) lastCode() int {
	if len(r.attempts) == 0 {
		return 0
	}
	return int(r.attempts[len(r.attempts)-1].code)
}

// answered reports whether the body of an answer, as far as it is kept, holds a text.
func (r *row) answered(text string) bool {
	for _, a := range r.attempts {
		if a.text != nil && strings.Contains(a.text.response, text) {
			return true
		}
	}
	return false
}
