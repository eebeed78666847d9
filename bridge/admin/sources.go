package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
)

// A sourceView is a configured intake: its settings as they are declared, without its secrets.
type sourceView struct {
	receiver.Source
	proof provider.Proof
}

// MarshalJSON writes one object.
func (v sourceView) MarshalJSON() ([]byte, error) {
	type front struct {
		Name string `json:"name"`
		Path string `json:"path"` // of its webhook on the intake listener
	}
	type back struct {
		Secrets int            `json:"secrets"` // how many there are
		Proof   provider.Proof `json:"proof,omitempty"`
	}
	return setting.Object{front{v.Name, "/webhooks/" + v.Name}, receiver.Fields().Shown(&v.Source), back{len(v.Secrets), v.proof}}.MarshalJSON()
}

func (a *api) listSources(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	var items []sourceView
	for _, s := range a.Sources() {
		items = append(items, sourceView{s, a.Proof(s)})
	}
	return write(w, http.StatusOK, newPage(items, ""))
}

// getSource shows one. Its ETag is that of what is shown, which no request changes.
func (a *api) getSource(w http.ResponseWriter, r *http.Request) error {
	for _, s := range a.Sources() {
		if s.Name != r.PathValue("name") {
			continue
		}
		v := sourceView{s, a.Proof(s)}
		text, err := v.MarshalJSON()
		if err != nil {
			return fmt.Errorf("encode source %s: %w", s.Name, err)
		}
		w.Header().Set("ETag", tagOfText(text))
		return write(w, http.StatusOK, v)
	}
	return problem.New(problem.NotFound).With("there is no such source")
}

// refusalsRead is how far back a list of refusals looks.
const refusalsRead = 10_000

// listRefusals pages by time, newest first.
func (a *api) listRefusals(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "source", "reason", "since", "until", "limit", "cursor")
	limit, since, until, before := q.limit(), q.time("since"), q.time("until"), time.Time{}
	if ns, err := strconv.ParseInt(q.cursor(), 36, 64); err == nil {
		before = time.Unix(0, ns)
	}
	if err := q.err(); err != nil {
		return err
	}
	var items []receiver.Refusal
	next := ""
	err := a.Refusals.Refusals(r.Context(), refusalsRead, func(data []byte) error {
		x, err := receiver.ParseRefusal(data)
		switch {
		case err != nil:
			return err
		case q.text("source") != "" && x.Source != q.text("source"),
			q.text("reason") != "" && string(x.Reason) != q.text("reason"),
			!since.IsZero() && x.Time.Before(since),
			!until.IsZero() && !x.Time.Before(until),
			!before.IsZero() && !x.Time.Before(before):
			return nil
		case len(items) == limit:
			next = strconv.FormatInt(items[limit-1].Time.UnixNano(), 36)
			return nil
		}
		items = append(items, x)
		return nil
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, newPage(items, q.next(next)))
}
