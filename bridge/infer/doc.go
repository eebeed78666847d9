// Package infer finds out what JSON documents have in common and says it as a JSON Schema (draft
// 2020-12), and what of that differs from a schema that somebody declared.
//
// A Shape takes documents one after the other (Add) and keeps none of them: for each place it
// counts of which types the values are, which members an object has and how often, and which formats
// every text there has. Values are never guessed to be a closed set. However documents are made, a
// Shape stays within its bounds of depth, members and places; what lies beyond is counted as left out.
//
// A Shape is for one goroutine. Begin with New.
package infer
