package roundtrip

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/client"
)

// An endpoint is registered for the time of a trip.
type endpoint struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	api  *client.API
}

// register makes an endpoint that takes events of round trips alone, and is tried again at once.
// It waits for the answer whoever wants to stop: what is cut off may be registered all the same.
func register(ctx context.Context, api *client.API, r *receiver) (*endpoint, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	e := &endpoint{Name: "roundtrip-" + strings.ToLower(rand.Text()[:10]), api: api}
	err := api.Call(bounded, http.MethodPost, client.EndpointsPath, nil, map[string]any{
		"name": e.Name, "url": r.url, "secrets": []string{r.secret},
		"events": []string{"*." + eventType}, "schedule": slices.Repeat([]string{"1s"}, 60), "timeout": "5s",
	}, e)
	if err == nil {
		return e, nil
	}
	status := client.Status(err)
	err = fmt.Errorf("the endpoint was not registered: %w", plainly(api.Server.Host, err))
	if status >= 400 && status < 500 {
		return nil, err // the server has decided; else it may have, and its answer is lost
	}
	return nil, errors.Join(err, e.remove(ctx))
}

// remove is done when there is no time any more, too, and by name: that is known without an answer.
func (e *endpoint) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	err := e.api.Call(ctx, http.MethodDelete, client.EndpointsPath+"/"+url.PathEscape(e.Name), nil, nil, nil)
	if err == nil || client.Status(err) == http.StatusNotFound {
		return nil
	}
	return fmt.Errorf("the endpoint %s may still be there, remove it by hookspan endpoints delete: %w", e.Name, err)
}

// await waits for the event to come out.
func (e *endpoint) await(ctx context.Context, r *receiver, event string) (arrival, error) {
	look := time.NewTicker(pause)
	defer look.Stop()
	for {
		select {
		case a := <-r.arrived:
			return a, a.err
		case <-look.C:
			if s, err := e.standing(ctx, event); err == nil && s.hopeless() {
				return arrival{}, errors.New(s.sentence())
			}
		case <-ctx.Done():
			return arrival{}, e.late(ctx, event)
		}
	}
}

// late says why nothing has come, as far as the server knows.
func (e *endpoint) late(ctx context.Context, event string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	s, err := e.standing(ctx, event)
	if err != nil {
		return fmt.Errorf("nothing was delivered in time, and why is not to be learned: %w", plainly(e.api.Server.Host, err))
	}
	return errors.New(s.sentence())
}

// A standing is what the API says of the event and the endpoint.
type standing struct {
	Items []struct {
		Status   string `json:"status"`
		Reason   string `json:"reason"`
		Waits    string `json:"waits"`
		Attempts []struct {
			Number     int    `json:"number"`
			StatusCode int    `json:"status_code"`
			Reason     string `json:"reason"`
			Detail     string `json:"detail"`
		} `json:"attempts"`
	} `json:"items"`
	Behind []struct {
		Waits   string `json:"waits"`
		Unknown string `json:"unknown"`
	} `json:"behind"`
}

func (e *endpoint) standing(ctx context.Context, event string) (*standing, error) {
	s := &standing{}
	return s, e.api.Call(ctx, http.MethodGet, "/v1/deliveries", url.Values{"endpoint": {e.ID}, "event": {event}}, nil, s)
}

// hopeless is a standing that waiting does not change.
func (s *standing) hopeless() bool {
	if len(s.Items) == 0 {
		return false
	}
	d := s.Items[0]
	ended := d.Status == "failed" || d.Status == "discarded"
	return ended || len(d.Attempts) > 0 && d.Attempts[len(d.Attempts)-1].Reason == "egress_denied"
}

// sentence says why nothing was delivered.
func (s *standing) sentence() string {
	const nothing = "the webhook was taken in and not delivered: "
	if len(s.Items) == 0 {
		if len(s.Behind) > 0 {
			b := s.Behind[0]
			return nothing + "the endpoint has not come to it yet (" + cli.Plain(cmp.Or(b.Unknown, b.Waits, "behind")) + ")"
		}
		return nothing + "no delivery of it is known; does a process with the role dispatcher run, and does it follow the source's topic (HOOKSPAN_TOPICS)?"
	}
	d := s.Items[0]
	text := nothing + "it is " + d.Status
	if why := cmp.Or(d.Waits, d.Reason); why != "" {
		text += " (" + why + ")"
	}
	if n := len(d.Attempts); n > 0 {
		a := d.Attempts[n-1]
		text += fmt.Sprintf(", and attempt %d ended with %s", a.Number, cmp.Or(a.Reason, "success"))
		if a.StatusCode != 0 {
			text += fmt.Sprintf(" %d", a.StatusCode)
		}
		if a.Detail != "" {
			text += ": " + a.Detail
		}
	}
	if d.Status == "delivered" {
		text += "; whoever answers at the endpoint's URL is not this command"
	}
	return cli.Plain(text)
}
