package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// compose writes a letter: what happened, to which endpoint, how many, what to do.
func (m *Mailer) compose(l *letter) Mail {
	mail := Mail{To: l.Address, At: time.Now(), ID: messageID(m.Installation, l)}
	subject, text := digest(l)
	if !l.Digest {
		subject, text = single(&l.Notices[0])
	}
	mail.Subject = "[" + m.Installation + "] " + subject
	mail.Text = text + "\n-- \nHookspan, installation " + m.Installation + "\n"
	return mail
}

// messageID is the same for the same notices to the same address.
func messageID(installation string, l *letter) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%d\n", installation, l.Address, l.Beyond)
	for i := range l.Notices {
		n := &l.Notices[i]
		fmt.Fprintf(h, "%d %d\n", n.Number, n.Taken.UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// single is a mail of one notice.
func single(n *notice) (subject, text string) {
	if n.Over {
		return over(n)
	}
	t := &n.Troubles[0]
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", t.sentence())
	if t.Endpoint != "" {
		fmt.Fprintf(&b, "  endpoint  %s (%s)\n", t.Name, t.Endpoint)
	}
	if t.Tenant != "" {
		fmt.Fprintf(&b, "  tenant    %s\n", quoted(t.Tenant))
	}
	fmt.Fprintf(&b, "  since     %s\n", moment(t.Since))
	if t.Count > 1 {
		fmt.Fprintf(&b, "  so far    %d, the last at %s\n", t.Count, moment(t.Last))
	}
	if t.Detail != "" {
		fmt.Fprintf(&b, "  %s  %s\n", t.Cause.labelled(), t.Detail)
	}
	fmt.Fprintf(&b, "\nWhat to do:\n\n%s", t.remedy())
	if t.Endpoint != "" {
		b.WriteString("\nThere is one mail for this, however often it happens, and another one when the endpoint is well again.\n")
	}
	return t.short(), b.String()
}

// over says that troubles have ended.
func over(n *notice) (subject, text string) {
	var b strings.Builder
	t := &n.Troubles[0]
	switch t.Cause {
	case refusals:
		subject = "source " + t.Name + ": no more bursts of refusals"
		fmt.Fprintf(&b, "For %d minutes there was no further burst of requests to source %s that are not genuine.\n\nIt was:\n\n", int(refusals.quiet().Minutes()), t.Name)
	case store:
		subject = "event store: not nearly full any more"
		fmt.Fprintf(&b, "For %d hours the event store was not nearly full.\n\nIt was:\n\n", int(store.quiet().Hours()))
	default:
		subject = "endpoint " + t.Name + " is well again"
		fmt.Fprintf(&b, "Endpoint %s (%s) took an event at %s.\n\nIt was:\n\n", t.Name, t.Endpoint, moment(t.Last))
	}
	again := false
	for i := range n.Troubles {
		t := &n.Troubles[i]
		fmt.Fprintf(&b, "  %s, since %s\n", t.short(), moment(t.Since))
		again = again || t.Cause == exhausted
	}
	if again {
		fmt.Fprintf(&b, "\nWhat was given up is not sent again by itself:\n\n%s", listFailed(t.Name))
	}
	return subject, b.String()
}

// digest is a mail of several notices.
func digest(l *letter) (subject, text string) {
	all := len(l.Notices) + l.Beyond
	var b strings.Builder
	fmt.Fprintf(&b, "%d alerts at once, or shortly one after the other. While it goes on like this, a mail like this one comes every %d minutes.\n\n", all, int(window.Minutes()))
	for i := range l.Notices {
		n := &l.Notices[i]
		for j := range n.Troubles {
			t := &n.Troubles[j]
			what := t.short()
			if n.Over {
				what += ": over"
			}
			fmt.Fprintf(&b, "  %s  %s", moment(n.when(t)), what)
			if t.Tenant != "" {
				fmt.Fprintf(&b, ", tenant %s", quoted(t.Tenant))
			}
			b.WriteByte('\n')
		}
	}
	if l.Beyond > 0 {
		fmt.Fprintf(&b, "  … and %d more, of which nothing was kept but their number\n", l.Beyond)
	}
	b.WriteString("\nWhat to do:\n\n  hookspan endpoints                           which are disabled, and why\n" +
		"  hookspan deliveries --status failed          what was given up, and what was answered\n" +
		"  hookspan refusals                            what was not taken, and what was compared\n")
	return strconv.Itoa(all) + " alerts", b.String()
}

func (n *notice) when(t *trouble) time.Time {
	if n.Over {
		return t.Last
	}
	return t.Since
}

// short is one line without a full stop.
func (t *trouble) short() string {
	switch t.Cause {
	case disabled:
		return "endpoint " + t.Name + " is disabled"
	case exhausted:
		return "endpoint " + t.Name + ": " + several(t.Count, "delivery was", "deliveries were") + " given up"
	case expired:
		return "endpoint " + t.Name + ": " + several(t.Count, "delivery", "deliveries") + " expired"
	case breaker:
		return "endpoint " + t.Name + ": most attempts fail"
	case refusals:
		return "source " + t.Name + ": " + several(t.Count, "request", "requests") + " refused"
	case store:
		return "event store: nearly full"
	}
	return string(t.Cause) // of a newer version
}

// sentence says what happened.
func (t *trouble) sentence() string {
	switch t.Cause {
	case disabled:
		return "Endpoint " + t.Name + " is disabled: nothing is sent to it. Its events are kept, up to the retention."
	case exhausted:
		return several(t.Count, "delivery", "deliveries") + " to endpoint " + t.Name + " failed at every attempt and will not be tried again. The events are dead letters now."
	case expired:
		return several(t.Count, "delivery", "deliveries") + " to endpoint " + t.Name + " ended because the events were too old, or not stored any more."
	case breaker:
		return "Most attempts at endpoint " + t.Name + " fail, so it is left alone but for one attempt now and then. What waits for it is kept, up to the retention."
	case refusals:
		return several(t.Count, "request", "requests") + " to source " + t.Name + " were refused because they are not genuine."
	case store:
		return "The event store is nearly full. Events that everybody has passed are purged before their retention is over; in the end webhooks are answered 503."
	}
	return t.short() + "."
}

// remedy is what a person can do, line by line.
func (t *trouble) remedy() string {
	look := "  hookspan deliveries --endpoint " + t.Name + "   what it was sent, and what it answered\n"
	switch t.Cause {
	case disabled:
		return look + "  hookspan endpoints enable " + t.Name + "        once it is mended: what was kept is sent\n"
	case exhausted:
		return listFailed(t.Name)
	case expired:
		return look + "  hookspan endpoints get " + t.Name + "           whether it is paused, limited or behind\n\nGive it more time (max_age, HOOKSPAN_RETENTION) or higher limits (rate, concurrency).\n"
	case breaker:
		return look + "  hookspan endpoints get " + t.Name + "           when it is tried next\n"
	case refusals:
		return "  hookspan refusals --source " + t.Name + "       what was compared\n\n" +
			"If they are the provider's own: was a secret rotated at one side alone? Give the source the newer and the older one.\nIf not, somebody tries; nothing of it was taken.\n"
	case store:
		return "  hookspan endpoints                 who is behind, paused or disabled, and keeps events from being purged\n\n" +
			"Make the store larger (HOOKSPAN_EMBEDDED_MAX_STORE, or max_bytes of the stream), or HOOKSPAN_RETENTION shorter.\n"
	}
	return look
}

func listFailed(endpoint string) string {
	return "  hookspan deliveries --endpoint " + endpoint + " --status failed   which they are, and what was answered\n" +
		"  hookspan deliveries retry ID                          one of them is sent again\n" +
		"  hookspan deliveries retry --endpoint " + endpoint + " --status failed   all of them are\n"
}

// labelled is what a detail is, as wide as the other labels.
func (c cause) labelled() string {
	switch c {
	case exhausted, expired:
		return "the last"
	case store:
		return "size    "
	}
	return "reason  "
}

func several(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + more
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

const maxQuoted = 100

// quoted is what somebody else wrote.
func quoted(text string) string {
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return strconv.Quote(text)
}

// reasons lists refusals, the most frequent first.
func reasons(all map[string]int) string {
	words := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		if all[a] != all[b] {
			return all[b] - all[a]
		}
		return strings.Compare(a, b)
	})
	for i, word := range words {
		if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") != "" {
			word = quoted(word) // of a newer version, or nobody's
		}
		words[i] = strconv.Itoa(all[words[i]]) + " " + word
	}
	return strings.Join(words, ", ")
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return strconv.FormatFloat(float64(n)/1e9, 'f', 1, 64) + " GB"
	case n >= 1e6:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	}
	return strconv.FormatInt(n, 10) + " B"
}
