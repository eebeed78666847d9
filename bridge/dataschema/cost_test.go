package dataschema

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
)

// filled is JSON of some length with as many items as fit.
func filled(open, item, end string) []byte {
	const size = 64 << 10
	items := strings.Repeat(item+",", (size-len(open)-len(end))/(len(item)+1))
	return []byte(open + items + item + end)
}

// What is asked for before data is held against a schema is what that takes. It is not parallel: all
// that is allocated meanwhile would count.
func TestAChecksCostIsKnownBefore(t *testing.T) {
	s, err := Load("", "")
	if err != nil {
		t.Fatal(err)
	}
	var names bytes.Buffer
	for i := range 6000 {
		fmt.Fprintf(&names, `"%x":1,`, i)
	}
	const variants, items = `{"data":{"object":[`, `{"data":{"items":[`
	type body struct {
		typ  string
		data []byte
	}
	bodies := map[string]body{
		"names": {"com.corefy", []byte("{" + names.String() + `"":1}`)}, "text": {"com.corefy", filled(`{"a":"`, "xx", `"}`)}, "escapes": {"com.corefy", filled(`{"a":"`, `\n\n\n`, `"}`)},
		"ordinary": {"com.corefy", filled(`{"items":[`, `{"id":12345678,"name":"a product, by name","price":"12.50","tags":["a","b"],"qty":3}`, `]}`)},
		"no JSON":  {"com.corefy", filled("[", "{[", "")},
	}
	for _, item := range []string{"1", "null", `""`, "{}", "[]", `{"":1}`, `{ }`, strings.Repeat("[", 100) + strings.Repeat("]", 100), strings.Repeat(`{"":`, 100) + "1" + strings.Repeat("}", 100), `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}`, `{"attributes":[1],"images":[1]}`} {
		bodies["list of "+item] = body{"com.corefy", filled("[", item, "]")}
		bodies["items of "+item] = body{"com.sticker.order.shipped", filled(items, item, "]}}")}
		bodies["variants of "+item] = body{"io.sticky.bulk.variant", filled(variants, item, "]}}")}
	}
	for name, b := range bodies {
		var before, after runtime.MemStats
		asked := int64(0)
		runtime.ReadMemStats(&before)
		_, err := s.Check(&event.Event{Type: b.typ, Data: b.data}, func(n int64) error { asked += n; return nil })
		text := fmt.Sprint(err)
		runtime.ReadMemStats(&after)
		took := int64(after.TotalAlloc - before.TotalAlloc)
		if took > asked || asked > 16*took+1<<20 && name != "no JSON" { // of which little is read
			t.Errorf("%s: %d KB were asked for, %d KB were taken (%d times the data)", name, asked>>10, took>>10, took/int64(len(b.data)))
		}
		if len(text) > 4<<10 {
			t.Errorf("%s: the error has %d bytes", name, len(text))
		}
	}
}

func TestAnErrorOfASchemaNamesAFewFaults(t *testing.T) {
	t.Parallel()
	s, err := Load("", "")
	if err != nil {
		t.Fatal(err)
	}
	told := func(n int) string {
		data := `{"data":{"items":[` + strings.Repeat("1,", n-1) + "1]}}"
		_, err := s.Check(&event.Event{Type: "com.sticker.order.shipped", Data: []byte(data)}, func(int64) error { return nil })
		return err.Error()
	}
	for n, want := range map[int]bool{1: false, faultsTold - 2: false, 1000: true} {
		text := told(n)
		if more := strings.HasSuffix(text, "and more"); more != want || !strings.Contains(text, "/data/items/0") {
			t.Errorf("%d faults: %s", n, text)
		}
	}
}
