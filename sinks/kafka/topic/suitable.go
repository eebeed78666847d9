package topic

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// A Condition is what an existing topic is like.
type Condition struct {
	Want *Want
	*cluster.Topic
	faults     []string // why it will not do, each with the remedy
	doubts     []string // what an operator should know
	maxMessage int64    // bytes of a batch; 0: not known
	minInsync  int
}

// Inspect looks at topics that exist.
func (l *Layout) Inspect(ctx context.Context, list []Want) ([]Condition, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var answer map[string]cluster.Described
	var settings map[string]cluster.Settings
	err := l.cluster.RetryBriefly(ctx, func(ctx context.Context) (err error) {
		if answer, err = l.cluster.Describe(ctx, NamesOf(list)...); err != nil {
			return err
		}
		settings, err = l.cluster.Settings(ctx, answer)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the topics: %w", err)
	}
	conditions := make([]Condition, len(list))
	for i := range list {
		name := list[i].Name
		conditions[i] = judge(&list[i], answer[name], settings[name])
		conditions[i].Want = &list[i]
		if conditions[i].maxMessage == 0 {
			conditions[i].maxMessage = DefaultMessage
		}
	}
	return conditions, nil
}

// Limits are what a topic takes.
type Limits struct {
	MaxBytes  int64 // of a batch
	MinInSync int   // replicas that a write needs; 0: not known
}

// Limits asks what a topic takes.
func (l *Layout) Limits(ctx context.Context, topic string) (Limits, error) {
	conditions, err := l.Inspect(ctx, []Want{l.eventTopic(topic)})
	if err != nil {
		return Limits{}, err
	}
	return conditions[0].Limits(), nil
}

// Limits are what the topic takes.
func (c *Condition) Limits() Limits { return Limits{c.maxMessage, c.minInsync} }

// DefaultMessage is Kafka's own max.message.bytes, taken where the topic's is not told.
const DefaultMessage = 1<<20 + 12

// judge says whether a topic will do for what it is wanted for.
func judge(w *Want, said cluster.Described, set cluster.Settings) Condition {
	c := Condition{Topic: said.Topic}
	switch {
	case errors.Is(said.Err, cluster.ErrNoTopic):
		c.fault("it does not exist")
		return c
	case said.Err != nil:
		c.fault("it cannot be looked at (%v): grant Hookspan's user DESCRIBE, %s on it", said.Err, rightNames(w.Use.Rights()))
		return c
	}
	if missing := Lacking(w.Use.Rights(), said.Rights); len(missing) > 0 {
		c.fault("grant Hookspan's user %s on it", rightNames(missing))
	}
	if have := len(said.Partitions); have < w.least {
		c.fault("it has %d partitions and must have %d or more", have, w.least)
	}
	if set.Err != nil {
		c.unread(w, set.Err)
		return c
	}
	c.judge(w, set.Values)
	return c
}

func (c *Condition) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *Condition) doubt(format string, args ...any) {
	c.doubts = append(c.doubts, fmt.Sprintf(format, args...))
}

// unread: the topic's settings are not told. A log that the broker might compact or shorten
// behind our back is not to be trusted.
func (c *Condition) unread(w *Want, err error) {
	if w.Use == ofLogs {
		c.fault("its settings cannot be read (%v): grant Hookspan's user DESCRIBE_CONFIGS on it", err)
		return
	}
	c.doubt("its settings cannot be read (%v): with DESCRIBE_CONFIGS they would be checked", err)
}

// judge looks at what the topic is set to.
func (c *Condition) judge(w *Want, have map[string]string) {
	c.maxMessage = parsed(have[maxMessage])
	c.minInsync = int(parsed(have[MinInsync]))
	must := func(name, value, why string) {
		if got := have[name]; got != value {
			c.fault("%s is %q and must be %q: %s", name, got, value, why)
		}
	}
	switch w.Use {
	case ofLogs:
		must(cleanupPolicy, "delete", "compaction would take records out of it")
		must(retentionTime, forever, "Hookspan trims it itself, else state is lost")
		must(retentionBytes, forever, "Hookspan trims it itself, else state is lost")
	case ofRecords:
		must(cleanupPolicy, "delete", "its records have no key to be kept by")
	case OfEvents:
		must(cleanupPolicy, "delete", "a compacted topic takes no event without a key, and forgets older ones of the same key")
	}
	if wish := w.config[retentionTime]; w.Use != ofLogs && shorter(have[retentionTime], wish) {
		c.doubt("%s is %s, less than the %s that Hookspan is set up for", retentionTime, have[retentionTime], wish)
	}
	if have[uncleanElect] == "true" {
		c.doubt("%s is true: what was acknowledged may be lost when brokers fail", uncleanElect)
	}
}

// shorter compares two retentions, of which -1 is the longest.
func shorter(have, wish string) bool {
	h, w := parsed(have), parsed(wish)
	return h > 0 && (w < 0 || h < w)
}

// parsed is a setting's number, 0 when it has none.
func parsed(value string) int64 {
	n, _ := strconv.ParseInt(value, 10, 64)
	return n
}

// Lacking are the rights that a broker's answer does not hold.
func Lacking(need []kmsg.ACLOperation, have int32) (missing []kmsg.ACLOperation) {
	if have == cluster.RightsUnknown {
		return nil
	}
	for _, right := range need {
		if have&(1<<right) == 0 {
			missing = append(missing, right)
		}
	}
	return missing
}

func rightNames(rights []kmsg.ACLOperation) string {
	names := make([]string, len(rights))
	for i, r := range rights {
		names[i] = r.String()
	}
	return strings.Join(names, ", ")
}
