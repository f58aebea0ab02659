package main

import (
	"context"
	"net/http"
)

// post sends an empty request and does not care for the answer, which may never come: who would give it may be killed by it.
func post(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
