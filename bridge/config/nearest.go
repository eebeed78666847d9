package config

import (
	"slices"
	"strconv"
)

func quoted(text string) string { return strconv.Quote(text) }

// nearest is the known word with the fewest edits from the given one.
func nearest(word string, known []string) string {
	best, fewest := "", len(word)+1<<10
	for _, k := range slices.Sorted(slices.Values(known)) {
		if n := edits(word, k); n < fewest {
			best, fewest = k, n
		}
	}
	return best
}

// edits counts the bytes to insert, remove or change (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
