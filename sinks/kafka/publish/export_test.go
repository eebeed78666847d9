package publish

import "time"

// Pure functions that are tested from outside.
var (
	AppendMarker = appendMarker
	ReadMarkers  = readMarkers
)

// Words are what a record of words says, as a record of its own.
func Words(data []byte) []byte {
	again := []byte{wordsFormat}
	readWords(data, func(w word) { again = appendWord(again, w) })
	return again
}

// SampleWords is a record with a word of each kind.
func SampleWords() []byte {
	data := []byte{wordsFormat}
	for kind := wordClaim; kind <= wordAlive; kind++ {
		data = appendWord(data, word{kind, try{tryID: tryID{1, 2}, key: "key", topic: "orders", began: time.UnixMilli(1), partition: int32(kind)}})
	}
	return data
}
