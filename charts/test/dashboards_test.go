package test

import (
	"fmt"
	"path/filepath"
	"testing"
)

// A panel shows queries over time, or one number.
type panel struct {
	title, about, unit string
	number             bool
	queries            []query
}

type query struct{ expr, legend string }

// all is what every query is narrowed to, and this those of one endpoint: what the reader chose
// at the top.
const (
	all  = `namespace="$namespace",pod=~"$release-([0-9]+|((receiver|dispatcher|admin)-)?[a-z0-9]+-[a-z0-9]{5})"`
	this = all + `,endpoint="$endpoint"`
)

func share(part, whole string) string {
	return fmt.Sprintf("sum(rate(%s[$__rate_interval])) / sum(rate(%s[$__rate_interval]))", part, whole)
}

func rate(by, metric string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, metric)
}

func quantiles(metric string) []query { return quantilesOf(metric, all) }

func quantilesOf(metric, filter string) []query {
	var qs []query
	for _, q := range []string{"0.5", "0.95", "0.99"} {
		qs = append(qs, query{fmt.Sprintf("histogram_quantile(%s, sum by (le) (rate(%s_bucket{%s}[$__rate_interval])))", q, metric, filter), "p" + (q + "0")[2:4]})
	}
	return qs
}

func one(expr, legend string) []query { return []query{{expr, legend}} }

// dashboards by file name: what each answers, from left to right.
var dashboards = map[string]struct {
	title  string
	panels []panel
}{
	"overview": {"Hookspan", []panel{
		{"Bus", "1 while every pod can store events.", "none", true, one("min(hookspan_bus_up{"+all+"})", "")},
		{"Shards with an owner", "All 32, or some endpoints get nothing.", "none", true, one("sum(hookspan_shards_owned{"+all+"})", "")},
		{"Waiting", "Deliveries that wait, for whatever reason.", "short", true, one("sum(hookspan_pending{"+all+"})", "")},
		{"Oldest waiting", "Its age.", "s", true, one("max(hookspan_oldest_pending_seconds{"+all+"})", "")},
		{"Webhooks by outcome", "What came of the requests of senders.", "reqps", false, one(rate("outcome", "hookspan_intake_requests_total{"+all+"}"), "{{outcome}}")},
		{"Deliveries by outcome", "Deliveries that ended.", "ops", false, one(rate("outcome", "hookspan_deliveries_total{"+all+"}"), "{{outcome}}")},
		{"Intake, time to the answer", "From a request's headers to its answer.", "s", false, quantiles("hookspan_intake_seconds")},
		{"Attempts, time", "From connect to the end of the endpoint's answer.", "s", false, quantiles("hookspan_attempt_seconds")},
		{"Versions", "Pods by version.", "none", false, one("count by (version) (hookspan_build_info{"+all+"})", "{{version}}")},
		{"Memory", "Resident memory of each pod.", "bytes", false, one("process_resident_memory_bytes{"+all+"}", "{{pod}}")},
	}},
	"intake": {"Hookspan: intake", []panel{
		{"Webhooks by source", "Requests of each source.", "reqps", false, one(rate("source", "hookspan_intake_requests_total{"+all+"}"), "{{source}}")},
		{"Refused, invalid, limited", "Requests that were not taken, by source.", "reqps", false, one(rate("source, outcome", "hookspan_intake_requests_total{"+all+`,outcome=~"refused|invalid|limited"}`), "{{source}} {{outcome}}")},
		{"Answered 503", "Share of requests that could not be stored.", "percentunit", false, one(share("hookspan_intake_requests_total{"+all+`,outcome="unavailable"}`, "hookspan_intake_requests_total{"+all+"}"), "")},
		{"Repeats", "Webhooks that were published before.", "reqps", false, one(rate("source", "hookspan_intake_requests_total{"+all+`,outcome="repeated"}`), "{{source}}")},
		{"Time to the answer", "From a request's headers to its answer.", "s", false, quantiles("hookspan_intake_seconds")},
		{"Time to durable", "Until the bus had made an event durable.", "s", false, quantiles("hookspan_publish_seconds")},
		{"Bodies in hand", "Memory of bodies, beyond intake_memory 503.", "bytes", false, one("hookspan_intake_memory_bytes{"+all+"}", "{{pod}}")},
		{"Connections", "Connections of senders.", "short", false, one("hookspan_intake_connections{"+all+"}", "{{pod}}")},
		{"Ids remembered", "To recognise repeats.", "short", false, one("hookspan_dedup_ids{"+all+"}", "{{pod}}")},
	}},
	"delivery": {"Hookspan: delivery", []panel{
		{"Deliveries by outcome", "Deliveries that ended.", "ops", false, one(rate("outcome", "hookspan_deliveries_total{"+all+"}"), "{{outcome}}")},
		{"Success", "Share of ended deliveries that were delivered.", "percentunit", false, one(share("hookspan_deliveries_total{"+all+`,outcome="delivered"}`, "hookspan_deliveries_total{"+all+"}"), "")},
		{"Waiting, by reason", "Deliveries that wait.", "short", false, one("sum by (reason) (hookspan_pending{"+all+"})", "{{reason}}")},
		{"Oldest waiting, by reason", "Age of the oldest delivery that waits.", "s", false, one("max by (reason) (hookspan_pending_oldest_seconds{"+all+"})", "{{reason}}")},
		{"Attempts, time", "From connect to the end of the endpoint's answer.", "s", false, quantiles("hookspan_attempt_seconds")},
		{"Events not read yet", "Stored, and not read by the live feed.", "short", false, one("hookspan_lag_events{"+all+"}", "{{pod}}")},
		{"Shards", "Shards that each pod owns.", "short", false, one("hookspan_shards_owned{"+all+"}", "{{pod}}")},
	}},
	"endpoint": {"Hookspan: one endpoint", []panel{
		{"Waiting", "Deliveries that wait for it, for whatever reason.", "short", true, one("sum(hookspan_endpoint_pending{"+this+"})", "")},
		{"Oldest waiting", "Its age.", "s", true, one("max(hookspan_endpoint_oldest_pending_seconds{"+this+"})", "")},
		{"Success", "Share of attempts that succeeded.", "percentunit", true, one(share("hookspan_attempts_total{"+this+`,outcome="success"}`, "hookspan_attempts_total{"+this+"}"), "")},
		{"Of all attempts", "Share of the attempts at all endpoints.", "percentunit", true, one(share("hookspan_attempts_total{"+this+"}", "hookspan_attempts_total{"+all+"}"), "")},
		{"Attempts by outcome", "Attempts at it; failures are made again by its schedule.", "ops", false, one(rate("outcome", "hookspan_attempts_total{"+this+"}"), "{{outcome}}")},
		{"Attempts, time", "From connect to the end of its answer.", "s", false, quantilesOf("hookspan_endpoint_attempt_seconds", this)},
		{"Waiting over time", "By the pod that delivers to it.", "short", false, one("hookspan_endpoint_pending{"+this+"}", "{{pod}}")},
		{"Oldest waiting over time", "Its age, by the pod that delivers to it.", "s", false, one("hookspan_endpoint_oldest_pending_seconds{"+this+"}", "{{pod}}")},
		{"Attempts at all endpoints, time", "To hold it against.", "s", false, quantiles("hookspan_attempt_seconds")},
	}},
	"bus": {"Hookspan: bus", []panel{
		{"State", "Which state the bus is in, by pod.", "none", false, one("hookspan_bus_state{"+all+"} == 1", "{{pod}} {{state}}")},
		{"Time to durable", "Until the bus had made an event durable.", "s", false, quantiles("hookspan_publish_seconds")},
		{"Time of a sync", "Of the embedded store.", "s", false, quantiles("hookspan_sync_seconds")},
		{"Free on the volume", "Below the watermark intake answers 503.", "bytes", false, one("hookspan_disk_free_bytes{"+all+"}", "{{pod}}")},
		{"Not believed", "What the bus said or did and Hookspan did again.", "ops", false, one(rate("reason", "hookspan_bus_distrusted_total{"+all+"}"), "{{reason}}")},
	}},
}

func TestDashboardsAreMadeFromTheirPanels(t *testing.T) {
	for name, d := range dashboards {
		golden(t, filepath.Join(dir, "dashboards", name+".json"), marshal(t, board(name, d.title, d.panels)))
	}
}

func board(name, title string, panels []panel) map[string]any {
	var shown []any
	x, y := 0, 0
	for i, p := range panels {
		w, h, kind := 12, 8, "timeseries"
		if p.number {
			w, h, kind = 6, 4, "stat"
		}
		var targets []any
		for j, q := range p.queries {
			targets = append(targets, map[string]any{"refId": string(rune('A' + j)), "expr": q.expr, "legendFormat": q.legend, "datasource": source})
		}
		shown = append(shown, map[string]any{
			"id": i + 1, "type": kind, "title": p.title, "description": p.about, "datasource": source, "targets": targets,
			"gridPos":     map[string]int{"x": x, "y": y, "w": w, "h": h},
			"fieldConfig": map[string]any{"defaults": map[string]any{"unit": p.unit}, "overrides": []any{}},
		})
		if x += w; x >= 24 {
			x, y = 0, y+h
		}
	}
	chosen := []any{
		map[string]any{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
		variable("namespace", "label_values(hookspan_build_info, namespace)"),
		variable("release", `label_values(hookspan_build_info{namespace="$namespace"}, pod)`),
	}
	if name == "endpoint" {
		chosen = append(chosen, variable("endpoint", "label_values(hookspan_attempts_total{"+all+"}, endpoint)"))
	}
	return map[string]any{
		"uid": "hookspan-" + name, "title": title, "tags": []string{"hookspan"}, "schemaVersion": 41, "editable": true,
		"refresh": "30s", "time": map[string]string{"from": "now-6h", "to": "now"}, "panels": shown,
		"templating": map[string]any{"list": chosen},
	}
}

var source = map[string]string{"type": "prometheus", "uid": "${datasource}"}

// variable: releases are told from the names of their pods.
func variable(name, query string) map[string]any {
	v := map[string]any{"name": name, "type": "query", "datasource": source, "query": map[string]string{"query": query, "refId": name}, "refresh": 2, "sort": 1}
	if name == "release" {
		v["regex"] = `/^(.+?)(?:-(?:receiver|dispatcher|admin))?(?:-[0-9]+|-[a-z0-9]+-[a-z0-9]{5})$/`
	}
	return v
}
