package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/signature"
)

// A rotation is what a request for a new secret asks for.
type rotation struct {
	secret  string // "": one is made
	overlap time.Duration
}

// A secretView is the answer to it, the only one that shows the secret.
type secretView struct {
	Secret       string    `json:"secret"`
	PublicKey    string    `json:"public_key,omitempty"`
	OverlapUntil time.Time `json:"overlap_until"`
}

// rotateSecret gives an endpoint a new secret, beside which those of before sign for a while.
func (a *api) rotateSecret(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	if e.Managed() && e.State != endpoint.Removed {
		return fmt.Errorf("endpoint %s: %w", e.Name, endpoint.ErrManaged)
	}
	want, err := readRotation(w, r)
	if err != nil {
		return err
	}
	var v secretView
	made, err := a.Registry.Update(r.Context(), e.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		secret, err := want.secretFor(e)
		if err != nil {
			return nil, err
		}
		now := time.Now().UTC().Truncate(time.Millisecond)
		e.Rotate(secret, now, want.overlap)
		v.Secret, v.OverlapUntil = secret, now.Add(want.overlap)
		return e, nil
	})
	if err != nil {
		return ofSecret(err)
	}
	v.PublicKey, _ = signature.PublicKey(made.Signature, v.Secret) // none of what is no key
	a.Log.Info("endpoint's secret rotated", "endpoint", made.Name, "endpoint_id", made.ID, "overlap_until", v.OverlapUntil)
	return write(w, http.StatusOK, v)
}

func readRotation(w http.ResponseWriter, r *http.Request) (rotation, error) {
	want := rotation{overlap: endpoint.DefaultOverlap}
	fields, err := readObject(w, r, true)
	if err != nil {
		return want, err
	}
	p := &patch{}
	for name, raw := range fields {
		switch name {
		case "secret":
			if want.secret = p.text(name, raw, ""); want.secret == "" && string(raw) != "null" && len(p.faults) == 0 {
				p.fault(name, "is empty; leave it out and one is made")
			}
		case "overlap":
			want.overlap = p.overlap(name, raw)
		default:
			p.fault(name, "is not known; a rotation takes secret and overlap")
		}
	}
	if len(p.faults) > 0 {
		return want, problem.New(problem.Invalid).With("", p.faults...)
	}
	return want, nil
}

func (p *patch) overlap(name string, raw json.RawMessage) time.Duration {
	text := p.text(name, raw, setting.FormatDuration(endpoint.DefaultOverlap))
	d, err := setting.ParseDuration(text)
	if (err != nil || d > endpoint.MaxOverlap) && len(p.faults) == 0 {
		p.fault(name, "want a duration of at most %s, such as 24h; 0s forgets the old secret at once", setting.FormatDuration(endpoint.MaxOverlap))
	}
	return d
}

// secretFor is the secret that was given, or a new one.
func (want rotation) secretFor(e *endpoint.Endpoint) (string, error) {
	fault := func(path, message string) error {
		return problem.New(problem.Invalid).With("", problem.Field{Path: path, Message: message})
	}
	switch {
	case !signature.NeedsSecret(e.Signature):
		return "", fault("signature", e.Signature+" signs with no secret, so there is none to rotate")
	case want.secret != "" && len(e.Secrets) > 0 && e.Secrets[0] == want.secret:
		return "", fault("secret", "signs already; give another one, or leave it out and one is made")
	case want.secret != "":
		return want.secret, nil
	}
	secret := signature.GenerateSecret(e.Signature)
	if secret == "" {
		return "", fault("secret", "give "+signature.SecretForm(e.Signature))
	}
	return secret, nil
}

// ofSecret names the field of the request that an endpoint's secrets came from.
func ofSecret(err error) error {
	invalid, ok := errors.AsType[*endpoint.InvalidError](err)
	if !ok {
		return err
	}
	renamed := &endpoint.InvalidError{Name: invalid.Name}
	for _, f := range invalid.Fields {
		if strings.HasPrefix(f.Field, "secrets") {
			f.Field = "secret"
		}
		renamed.Fields = append(renamed.Fields, f)
	}
	return renamed
}
