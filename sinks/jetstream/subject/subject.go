package subject

import (
	"fmt"
	"slices"
	"strings"
)

// Collide reports whether two patterns have a subject in common.
func Collide(a, b string) bool {
	return walk(a, b, func(x, y string) bool { return x == y || x == "*" || y == "*" }, true)
}

// Covers reports whether every subject of b is one of a's.
func Covers(a, b string) bool {
	return walk(a, b, func(x, y string) bool { return x == y || x == "*" && y != ">" }, false)
}

// walk compares token by token. A > at the end takes one token or more; one in b counts only
// when both sides are patterns that may meet halfway.
func walk(a, b string, same func(x, y string) bool, either bool) bool {
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		if x == ">" || either && y == ">" {
			return true
		}
		if !same(x, y) || moreA != moreB {
			return false
		}
		if !moreA {
			return true
		}
		a, b = restA, restB
	}
}

// Essential drops patterns that another one Covers.
func Essential(patterns []string) []string {
	var kept []string
	for i, p := range patterns {
		redundant := slices.ContainsFunc(patterns[:i], func(q string) bool { return Covers(q, p) }) ||
			slices.ContainsFunc(patterns[i+1:], func(q string) bool { return Covers(q, p) && !Covers(p, q) })
		if !redundant {
			kept = append(kept, p)
		}
	}
	return kept
}

// Disjoint keeps of patterns those that say all, without any that has a subject in common with
// one before it.
func Disjoint(patterns []string) []string {
	var kept []string
	for _, p := range Essential(patterns) {
		if !slices.ContainsFunc(kept, func(q string) bool { return Collide(p, q) }) {
			kept = append(kept, p)
		}
	}
	return kept
}

// Apart reports whether no two patterns have a subject in common.
func Apart(patterns []string) bool {
	for i, p := range patterns {
		if slices.ContainsFunc(patterns[i+1:], func(q string) bool { return Collide(p, q) }) {
			return false
		}
	}
	return true
}

// Check refuses what is no literal subject.
func Check(topic string) error {
	token := 0 // where the current token begins
	for i := 0; i <= len(topic); i++ {
		if i == len(topic) || topic[i] == '.' {
			if t := topic[token:i]; t == "" || t == "*" || t == ">" {
				return fmt.Errorf("topic %q is not a subject: it has an empty token or a wildcard", topic)
			}
			token = i + 1
		} else if topic[i] <= ' ' || topic[i] == 0x7f {
			return fmt.Errorf("topic %q is not a subject: it has white space or a control character", topic)
		}
	}
	return nil
}

// Matches reports whether one of the patterns covers a subject.
func Matches(patterns []string, subject string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return Covers(p, subject) })
}
