package scf

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction"
)

// A Handler answers one event with one response, both as raw bytes. A function's
// tests call Build and then Invoke; no platform is needed.
type Handler interface {
	Invoke(ctx context.Context, event []byte) ([]byte, error)
}

// Build wires a function. It must not keep ctx, which ends with the wiring. It may
// keep getenv and should read through it, when used, what changes with each
// invocation (see Credentials).
//
// If it returns an error and a Handler as well, that Handler answers events until a
// later attempt succeeds. Without one, HTTP events are answered with status 500 and
// code "misconfigured", other events with an error.
type Build func(ctx context.Context, getenv func(string) string, log *slog.Logger) (Handler, error)

// startTimeout bounds the attempt to wire before the first event. The platform allows
// 65 s for everything up to readiness.
// Source: https://cloud.tencent.com/document/product/583/11637
const startTimeout = 10 * time.Second

// Main runs the function name on the Go1 runtime and does not return.
//
// Function variables and role credentials may arrive only with an invocation. So
// build runs at the start, and if that fails, before each event until it has
// succeeded once. It gets half of the time that its event has left, so that an answer
// can still be given.
func Main(name string, build Build) {
	f := newFunction(name, build, os.Getenv, os.Stdout)
	f.start()
	cloudfunction.StartHandler(f)
}
