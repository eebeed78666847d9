package topic

import (
	"fmt"
	"regexp"
	"strings"
)

// A Pattern is what Options.Topics names: a topic, or all that a regular expression finds.
type Pattern struct {
	Name string         // "" with an expression
	Find *regexp.Regexp // as Go's regexp reads it, not anchored
}

func (p Pattern) String() string {
	if p.Find == nil {
		return p.Name
	}
	return "/" + p.Find.String() + "/"
}

// Only is the one topic that the pattern stands for, "" where there may be others.
func (p Pattern) Only() string {
	if p.Find == nil {
		return p.Name
	}
	expr, begins := strings.CutPrefix(p.Find.String(), "^")
	expr, ends := strings.CutSuffix(expr, "$")
	if find, err := regexp.Compile(expr); err == nil && begins && ends {
		if name, whole := find.LiteralPrefix(); whole {
			return name
		}
	}
	return ""
}

// ReadPatterns reads names and `/expressions/`.
func ReadPatterns(list []string) ([]Pattern, error) {
	patterns := make([]Pattern, 0, len(list))
	for _, text := range list {
		if len(text) < 2 || text[0] != '/' || !strings.HasSuffix(text, "/") {
			if err := Check(text); err != nil {
				return nil, fmt.Errorf("followed topics: %w; an expression stands between slashes, as in /^orders\\./", err)
			}
			patterns = append(patterns, Pattern{Name: text})
			continue
		}
		find, err := regexp.Compile(text[1 : len(text)-1])
		if err != nil {
			return nil, fmt.Errorf("followed topics: %s: %w", text, err)
		}
		patterns = append(patterns, Pattern{Find: find})
	}
	return patterns, nil
}

// longestTopic is how long Kafka lets a topic's name be.
const longestTopic = 249

// Check refuses what Kafka takes for no topic's name.
func Check(topic string) error {
	switch {
	case topic == "" || topic == "." || topic == "..":
		return fmt.Errorf("topic %q: not a name that Kafka takes", topic)
	case len(topic) > longestTopic:
		return fmt.Errorf("topic %.40q…: its name has more than %d bytes", topic, longestTopic)
	}
	for i := 0; i < len(topic); i++ {
		c := topic[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("topic %q: Kafka takes letters, digits, '.', '_' and '-' only", topic)
		}
	}
	return nil
}
