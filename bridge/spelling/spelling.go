// Package spelling finds the word that somebody meant.
package spelling

import "slices"

// Nearest is the known word with the fewest edits from the given one, "" when none is known.
func Nearest(word string, known []string) string {
	best, fewest := "", len(word)+1<<10
	for _, k := range slices.Sorted(slices.Values(known)) {
		if n := edits(word, k); n < fewest {
			best, fewest = k, n
		}
	}
	return best
}

// edits counts the bytes to insert, remove or change (Levenshtein), and two neighbours that
// changed places as one.
func edits(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := row[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			next[j] = min(change, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
