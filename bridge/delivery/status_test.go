package delivery

import "testing"

func TestMeaningOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status          int
		delayed         bool
		reason          Reason
		slow, delayable bool
	}{
		{200, false, "", false, false},
		{204, true, "", false, false},
		{101, false, ReasonProtocol, false, false},
		{302, true, ReasonRedirect, false, false},
		{400, false, ReasonStatus, false, false},
		{410, true, ReasonGone, false, false},
		{429, false, ReasonLimited, true, true},
		{429, true, ReasonLimited, true, true},
		{500, true, ReasonStatus, false, false},
		{502, true, ReasonStatus, true, false},
		{503, false, ReasonStatus, true, true},
		{503, true, ReasonLimited, true, true},
		{504, false, ReasonStatus, true, false},
		{799, false, ReasonStatus, false, false},
	} {
		m := MeaningOf(c.status, c.delayed)
		if m.Reason != c.reason || m.Slow != c.slow || m.Delayable != c.delayable || (m.Detail == "") != (c.reason == "") {
			t.Errorf("%d, delayed %v: %+v, want %q, slow %v, delayable %v", c.status, c.delayed, m, c.reason, c.slow, c.delayable)
		}
	}
}

func TestMeaningForARequest(t *testing.T) {
	t.Parallel()
	r := Request{Success: func(status int) bool {
		return status == 200 || status == 304 || status == 410 || status == 503 || status == 101
	}}
	for status, reason := range map[int]Reason{
		200: "", 204: ReasonStatus, 304: "", 302: ReasonRedirect, 410: "", 503: "", 504: ReasonStatus, 101: ReasonProtocol,
	} {
		m := r.Meaning(status, true)
		if m.Reason != reason || (m.Detail == "") != (reason == "") || reason == "" && m != (Meaning{}) {
			t.Errorf("%d: %+v, want %q", status, m, reason)
		}
	}
	if m := (&Request{}).Meaning(299, false); m != (Meaning{}) {
		t.Errorf("299 is success unless something else is said: %+v", m)
	}
}
