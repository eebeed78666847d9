package endpoint

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// A replica of an older version may edit what a newer one wrote. What it does not know it
// carries on, so that an edit never takes a newer setting away.

// MarshalJSON writes the period with the fields that were unknown when it was read.
func (it Period) MarshalJSON() ([]byte, error) {
	type fields Period
	return encodeCarrying(fields(it), it.unknown)
}

// UnmarshalJSON keeps the fields that it does not know for MarshalJSON.
func (it *Period) UnmarshalJSON(raw []byte) error {
	type fields Period
	var f fields
	unknown, err := decodeCarrying(raw, &f)
	*it = Period(f)
	it.unknown = unknown
	return err
}

// decodeCarrying fills into and returns the fields that it has no place for.
func decodeCarrying(raw []byte, into any) (map[string]json.RawMessage, error) {
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(into).Elem()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		delete(all, name)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// encodeCarrying writes v with the fields that decodeCarrying had left over.
func encodeCarrying(v any, unknown map[string]json.RawMessage) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil || len(unknown) == 0 {
		return raw, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, unknown)
	return json.Marshal(all)
}
