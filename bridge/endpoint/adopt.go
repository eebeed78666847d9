package endpoint

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Adopt takes over the endpoints that managedBy (ByEnvironment or ByFile) defines, instead of
// those that it defined before. The first sight of a name writes where its events begin;
// later starts find that. Changed patterns add a period. URL and secrets stay here. Those that
// are defined no longer are shown as removed and keep their place until they return.
//
// Errors: InvalidError of any of them, ErrNameTaken for a name that is defined twice or was
// made by the API. Nothing is adopted then.
func (r *Registry) Adopt(ctx context.Context, configured []*Endpoint, managedBy string) error {
	if err := r.adoptable(ctx, configured, managedBy); err != nil {
		return err
	}
	for _, e := range configured {
		if err := r.adopt(ctx, e, managedBy); err != nil {
			return err
		}
	}
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.release()
	for name, e := range r.configured {
		if e.ManagedBy == managedBy {
			delete(r.configured, name)
		}
	}
	for _, e := range configured {
		c := e.Clone()
		c.ManagedBy = managedBy
		r.configured[c.Name] = c
	}
	for _, k := range r.state.endpoints {
		if k.endpoint.Managed() {
			k.view = nil
		}
	}
	r.publish()
	return nil
}

func (r *Registry) adoptable(ctx context.Context, configured []*Endpoint, managedBy string) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	taken := map[string]string{}
	for name, e := range r.configured {
		if e.ManagedBy != managedBy {
			taken[name] = e.ManagedBy
		}
	}
	r.release()
	var faults []error
	for _, e := range configured {
		if by := taken[e.Name]; by != "" {
			faults = append(faults, fmt.Errorf("endpoint %s: %w (%s): give one of them another name", e.Name, ErrNameTaken, by))
		}
		taken[e.Name] = managedBy
		faults = append(faults, r.validate(ctx, e), pastStart(e))
	}
	return errors.Join(faults...)
}

func (r *Registry) adopt(ctx context.Context, e *Endpoint, managedBy string) error {
	id := newID()
	_, err := r.change(ctx, edit{
		find: func(s *state) *kept { return s.byName(e.Name) },
		next: func(cur *Endpoint) (*Endpoint, error) {
			now := time.Now().UTC().Truncate(time.Millisecond)
			if cur == nil {
				fresh := &Endpoint{ID: id, Name: e.Name, ManagedBy: managedBy, State: Enabled, Created: now, Updated: now}
				fresh.Start = e.Start
				fresh.takeMembership(&e.Settings)
				return fresh, nil
			}
			if !cur.Managed() {
				return nil, fmt.Errorf("endpoint %s: %w: the API made it, delete it there or give this one another name", e.Name, ErrNameTaken)
			}
			asked, n := r.periodOf(e), len(cur.Periods)
			if n > 0 && cur.Periods[n-1].says(asked) && cur.ManagedBy == managedBy {
				return nil, nil
			}
			next := cur.Clone()
			next.ManagedBy, next.Updated = managedBy, now
			next.takeMembership(&e.Settings)
			return next, nil
		},
	})
	if err != nil {
		return fmt.Errorf("adopt endpoint %s: %w", e.Name, err)
	}
	return nil
}
