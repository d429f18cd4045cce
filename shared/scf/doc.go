// Package scf runs functions on Tencent SCF (Serverless Cloud Function). It is the
// only package that knows event envelopes, the Go1 runtime, request ids and the
// platform's credentials.
//
// A function is a [Build]: it gets its environment and a logger and returns a
// [Handler]. HTTP makes one of an http.Handler, Event one of a function over a typed
// event. [Main] runs it:
//
//	gateway or function URL event ─▶ Main ─▶ HTTP ─▶ *http.Request ─▶ http.Handler
//	timer, asynchronous invocation ─▶ Main ─▶ Event ─▶ func(ctx, In) (Out, error)
//
// [Invoker] is the way back: it wakes deliver, and hands facts to it while the store
// is away.
package scf
