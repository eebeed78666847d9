package app

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"errors"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

func (a *App) api() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(a.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Readiness(r.Context()); err != nil {
			http.Error(w, err.Error(), 503)
		}
	})
	return mux
}

func fieldError(err error) endpoint.FieldError {
	var f *signature.FieldError
	if errors.As(err, &f) {
		return endpoint.FieldError{Field: f.Field, Message: f.Detail}
	}
	return endpoint.FieldError{Field: "signature", Message: err.Error()}
}
