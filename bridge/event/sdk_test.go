package event_test

import (
	"encoding/json"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	sdktest "github.com/cloudevents/sdk-go/v2/test"
	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

func TestSDKRoundTrip(t *testing.T) {
	t.Parallel()
	for name, s := range eventtest.SDK(t) {
		e := eventtest.FromSDK(t, s)
		back, err := eventtest.ToSDK(&e)
		if err != nil {
			t.Fatal(err)
		}
		sdktest.AssertEventEquals(t, sdktest.ConvertEventExtensionsToString(t, s), sdktest.ConvertEventExtensionsToString(t, back))
		if diff := cmp.Diff(e, eventtest.FromSDK(t, back)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestJSONAgreesWithTheSDK(t *testing.T) {
	t.Parallel()
	for name, s := range eventtest.SDK(t) {
		doc, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.UnmarshalStructured(doc)
		if err != nil {
			t.Fatal(err)
		}
		var read cloudevents.Event
		if err := json.Unmarshal(doc, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(eventtest.FromSDK(t, read), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestToSDKRefuses(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*event.Event){
		func(e *event.Event) { e.Source = "http://[" },
		func(e *event.Event) { e.DataSchema = "http://[" },
		func(e *event.Event) { e.SetExtension("bad-name", "x") },
	} {
		e := eventtest.Order()
		change(e)
		if _, err := eventtest.ToSDK(e); err == nil {
			t.Errorf("%+v became an SDK event", e)
		}
	}
	if _, err := eventtest.ReadSDK(cloudevents.New()); err == nil {
		t.Error("an SDK event without id, source and type was accepted")
	}
}

func TestTheSDKAgreesOverHTTP(t *testing.T) {
	t.Parallel()
	eventtest.HTTP().SDKReads(t)
	eventtest.HTTP().SDKWrites(t)
}
