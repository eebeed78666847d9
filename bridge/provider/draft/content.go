package draft

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme"
)

// A content is what a signature may cover.
type content struct {
	template string
	time     string // the value in it that is the time of sending; "" for none
}

// The forms that vendors use, commonest first: B is the body, T a time, I an id, U the URL, F the
// sorted form, M the method and S the secret.
var (
	bareForms   = []string{"B"}
	timeForms   = []string{"T.B", "TB", "T:B", "BT", "B.T", "v0:T:B", "v1:T:B", "v1.T.B", "[T;B]", "T|B", "T\nB"}
	bothForms   = []string{"I.T.B", "T.I.B", "ITB", "TIB", "B.I.T", "B.T.I"}
	idForms     = []string{"I.B", "IB", "BI"}
	urlForms    = []string{"UB", "U.B", "BU", "MUB", "MB", "UF", "U"}
	sentForms   = []string{"MUBT", "TUB", "T.U.B", "T.M.U.B"}
	secretForms = []string{"SB", "BS", "SBS"}
	keptForms   = []string{"STB", "TSB", "BTS"}
)

// contents lists what a signature in a place may cover, the commonest first.
func (d *drafting) contents(p place) (all []content) {
	times, ids := d.times(p), d.ids(p)
	bodies := []string{"{body}"}
	if packed, _ := scheme.Packed(d.request.Header); packed {
		bodies = append(bodies, "{unpacked}")
	}
	for _, body := range bodies {
		add := func(forms []string, time, id string) {
			fill := strings.NewReplacer("B", body, "T", "{"+time+"}", "I", "{"+id+"}", "U", "{url}", "F", "{sorted-form}", "M", "{method}", "S", "{secret}")
			for _, form := range forms {
				all = append(all, content{fill.Replace(form), time})
			}
		}
		add(bareForms, "", "")
		for _, time := range times {
			add(timeForms, time, "")
			for _, id := range ids {
				add(bothForms, time, id)
			}
		}
		for _, id := range ids {
			add(idForms, "", id)
		}
		add(urlForms, "", "")
		for _, time := range times {
			add(sentForms, time, "")
		}
		add(secretForms, "", "")
		for _, time := range times {
			add(keptForms, time, "")
		}
	}
	return all
}

// most is how many times and how many ids are tried.
const most = 3

// times lists what may be the time of sending: of the signature's own list, then of the headers.
func (d *drafting) times(p place) (refs []string) {
	for _, item := range p.times {
		if item != p.item {
			refs = append(refs, "item:"+item)
		}
	}
	refs = append(refs, d.headers(timeRank)...)
	if _, ok := plausible(d.request.Header.Get("Date")); ok {
		refs = append(refs, "header:Date")
	}
	return refs[:min(len(refs), most)]
}

// ids lists headers that may hold the id of the delivery, and a date that cannot be read as a time.
func (d *drafting) ids(p place) []string {
	refs := slices.DeleteFunc(d.headers(idRank), func(ref string) bool { return ref == "header:"+p.header })
	if date := d.request.Header.Get("Date"); date != "" {
		if _, ok := plausible(date); !ok {
			refs = slices.Insert(refs, 0, "header:Date")
		}
	}
	return refs[:min(len(refs), most)]
}

// headers lists the headers that rank takes for something, best first; it gives less to what is
// likelier, and a negative number to what it is not.
func (d *drafting) headers(rank func(name, value string) int) (refs []string) {
	ranks := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(d.request.Header)) {
		value := first(d.request.Header[name])
		if ofTransport(name) || !plain(name) || value == "" || len(value) > 512 {
			continue
		}
		if n := rank(strings.ToLower(name), value); n >= 0 {
			ref := "header:" + name
			refs, ranks[ref] = append(refs, ref), n
		}
	}
	slices.SortStableFunc(refs, func(a, b string) int { return cmp.Compare(ranks[a], ranks[b]) })
	return refs
}

func containsAny(name string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(name, word) })
}

func timeRank(name, value string) int {
	if _, ok := plausible(value); !ok {
		return -1
	}
	if containsAny(name, "time", "stamp", "date", "sent") {
		return 0
	}
	return 1
}

func idRank(name, value string) int {
	if _, ok := plausible(value); ok {
		return -1
	}
	switch {
	case containsAny(name, "delivery", "deliver-"):
		return 0
	case containsAny(name, "event-id", "eventid", "message-id", "messageid", "webhook-id", "webhookid", "notification-id"):
		return 1
	case containsAny(name, "idempotency", "uuid", "guid", "nonce"):
		return 2
	case strings.HasSuffix(name, "-id") || strings.HasSuffix(name, "_id"):
		return 3
	}
	return -1
}

func kindRank(name, value string) int {
	if idRank(name, value) >= 0 || timeRank(name, value) >= 0 || strings.Trim(value, "0123456789") == "" || rank(name) < 2 {
		return -1
	}
	switch {
	case containsAny(name, "event", "topic"):
		return 0
	case containsAny(name, "type", "action", "trigger"):
		return 1
	}
	return -1
}
