// Package simulator is a WeChat and a Tencent IM over HTTP: fakes that speak the
// real protocols, for tests, for the local program and for benchmarks.
//
// A World holds both platforms, the people who use them and their phones. Programs
// under test talk to it over HTTP, as they would to the real ones; tests play the
// people through methods:
//
//	w, err := simulator.New(simulator.Config{Clock: clock})
//	srv := httptest.NewServer(w)                  // /cgi-bin, /sns, /wxaapi and /v4
//	w.IM.SetCallbackURL(receiver.URL + "/imcallback")
//	w.WeChat.SetPushURL(receiver.URL + "/wechatpush")
//
//	w.IM.SignIn("tommy", simulator.MiniProgram)
//	w.IM.Background("tommy")                      // still Online for 30 s
//	w.IM.SendC2C("jared", "tommy", simulator.Text("lunch?"))
//	clock.Advance(time.Minute)
//	w.WeChat.Cards(openID)                        // what tommy's phone shows
//
// The package is written from the platforms' documents and shares no code with the
// adapters of wxnotify, so that it can disagree with them. Where the documents leave
// a question open it takes the stricter answer and says so at that place.
//
// # Time
//
// Everything that takes time on the platforms (tokens, login codes, presence,
// retries, delays) runs on Config.Clock. Two things run on the machine's clock
// whatever Config.Clock is, because they bound real I/O: the time a receiver has for
// an answer (IMConfig.CallbackTimeout, WeChatConfig.PushTimeout) and the latencies in
// the Record.
//
// # When callbacks and pushes are sent
//
// Under a *ManualClock they are sent by the goroutine that caused them, before the
// causing call returns: when SendC2C returns, its callback has been answered; when
// Advance returns, everything due has been sent and answered, in order of time. Retries
// wait for Advance. So a test is a straight line, and equal seeds give equal runs.
//
// Under any other clock each is sent by a goroutine of its own, as the platforms do:
// order is not promised, and Drain waits for those that are on their way. A callback
// before sending (C2C.CallbackBeforeSendMsg) is awaited under every clock.
//
// All of it is safe for concurrent use. An OnEvent function may do anything but move a
// ManualClock or wait for Drain or Close.
package simulator
