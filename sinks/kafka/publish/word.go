package publish

import (
	"encoding/binary"
	"time"
)

// A word is what a process tells the others about tries: a kind, and as much of the try as the
// kind needs.
type word struct {
	kind byte
	try
}

const (
	wordClaim  byte = 1 + iota // wants to publish the key, once those before it are settled
	wordFlying                 // may have sent it
	wordVoid                   // it was not published, and will not be
	wordLanded                 // it was published
	wordAlive                  // the process still settles its tries
)

// A record of words is one byte of format, which is none of markers, and each word behind its
// length, so that a reader skips kinds that it does not know.
const wordsFormat = 3

func appendWord(dst []byte, w word) []byte {
	body := []byte{w.kind}
	body = binary.BigEndian.AppendUint64(body, w.process)
	body = binary.BigEndian.AppendUint64(body, w.number)
	if w.kind != wordAlive {
		body = appendText(body, w.key)
	}
	if w.kind == wordClaim || w.kind == wordFlying {
		body = appendText(body, w.topic)
		body = binary.AppendUvarint(body, uint64(w.partition+1))
		body = binary.AppendUvarint(body, uint64(max(w.began.UnixMilli(), 0)))
		body = append(body, w.sum[:]...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...)
}

func appendText(dst []byte, text string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// readWords hands over the words of a record. What is none is left out: it costs a repeat at
// most.
func readWords(data []byte, each func(word)) {
	if len(data) == 0 || data[0] != wordsFormat {
		return
	}
	all := cut{rest: data[1:]}
	for len(all.rest) > 0 && !all.short {
		body := cut{rest: all.text()}
		w := word{kind: body.byte(), try: try{tryID: tryID{body.uint64(), body.uint64()}, partition: -1}}
		switch w.kind {
		case wordAlive:
		case wordVoid, wordLanded:
			w.key = string(body.text())
		case wordClaim, wordFlying:
			w.flying = w.kind == wordFlying
			w.key, w.topic = string(body.text()), string(body.text())
			w.partition = int32(min(body.uvarint(), 1<<31-1)) - 1
			w.began = time.UnixMilli(int64(min(body.uvarint(), 1<<62)))
			copy(w.sum[:], body.take(len(w.sum)))
		default:
			continue
		}
		if !body.short && !all.short {
			each(w)
		}
	}
}

// A cut takes pieces off the front of bytes; short says that there were too few.
type cut struct {
	rest  []byte
	short bool
}

func (c *cut) take(n int) []byte {
	if n > len(c.rest) {
		c.short, c.rest = true, nil
		return nil
	}
	piece := c.rest[:n]
	c.rest = c.rest[n:]
	return piece
}

func (c *cut) byte() byte {
	if piece := c.take(1); piece != nil {
		return piece[0]
	}
	return 0
}

func (c *cut) uint64() uint64 {
	if piece := c.take(8); piece != nil {
		return binary.BigEndian.Uint64(piece)
	}
	return 0
}

func (c *cut) uvarint() uint64 {
	n, size := binary.Uvarint(c.rest)
	if size <= 0 {
		c.short, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

func (c *cut) text() []byte {
	n := c.uvarint()
	return c.take(int(min(n, uint64(len(c.rest)+1))))
}
