package provider_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

func Example() {
	catalogue, err := provider.Load("")
	if err != nil {
		fmt.Println(err)
		return
	}
	sticker, _ := catalogue.Provider("sticker")
	verifier, err := sticker.Compile(provider.Config{Source: "shop", Secrets: []string{"an invented shared secret"}})
	if err != nil {
		fmt.Println(err)
		return
	}

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sample, err := sticker.Sample(provider.SampleRequest{Type: "order.shipped", Secret: "an invented shared secret", Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	request := &provider.Request{Method: sample.Method, Header: sample.Header, Body: sample.Body, Received: now}
	verdict, err := verifier.Verify(request)
	fmt.Println(verdict.Events[0].Type, verdict.Events[0].Source, err)

	request.Body = append(request.Body, '!')
	_, err = verifier.Verify(request)
	var refusal *provider.Refusal
	fmt.Println(errors.As(err, &refusal), refusal.Reason, verifier.StatusOf(refusal))
	// Output:
	// com.sticker.order.shipped /sources/shop <nil>
	// true bad_signature 401
}
