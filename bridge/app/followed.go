package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/topic"
)

// unfollowed finds the topics of an endpoint that nobody follows: faults are those that no
// process of the installation has ever followed, warnings are those that this one does not, or
// that the endpoint had before, so that it can still be edited.
func (a *App) unfollowed(e *endpoint.Endpoint) (faults []endpoint.FieldError, warnings []string) {
	before := a.registry.Set().ByID(e.ID)
	for i, pattern := range e.Topics {
		if topic.MeetsAny(pattern, a.Config.Topics) {
			continue
		}
		others := topic.MeetsAny(pattern, a.registry.Followed())
		switch {
		case others && !a.runs(config.RoleDispatcher):
			// a process that delivers follows it
		case others, before != nil && slices.Contains(before.Topics, pattern):
			warnings = append(warnings, fmt.Sprintf("topics: %s fits no topic that this process follows (HOOKSPAN_TOPICS=%s): it gets no event from there until it is followed",
				pattern, strings.Join(a.Config.Topics, ",")))
		default:
			faults = append(faults, endpoint.FieldError{Field: fmt.Sprintf("topics[%d]", i), Message: fmt.Sprintf(
				"fits no topic that is followed (HOOKSPAN_TOPICS=%s): it would never get an event; start the processes that deliver with the topic there first", strings.Join(a.Config.Topics, ","))})
		}
	}
	return faults, warnings
}

// tellUnfollowed logs which endpoints have topics that this process does not follow.
func (a *App) tellUnfollowed(context.Context) error {
	for _, e := range a.registry.Set().All() {
		_, warnings := a.unfollowed(e)
		for _, w := range warnings {
			a.Log.Warn("endpoint has a topic that is not followed", slog.String("endpoint", e.Name), slog.String("detail", w))
		}
	}
	return nil
}
