// Package api breaks what stands between whoever asks who leads and the answer: the API server, a replica of the controller, and the
// way between the two.
package api
