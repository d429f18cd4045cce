// Command world runs the functions of wxnotify, and a WeChat and an IM around them, for the tests of the mini
// program's helper. It prints its URL and ends with its input. The functions are at their names; at /world/ a test
// does what people and platforms do.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		os.Exit(1)
	}
}

// rules are the usual ones, without the waiting.
func rules() notify.Rules {
	r := notify.DefaultRules()
	r.Lead, r.BlindWindow, r.Grace = 0, time.Second, 0
	return r
}

func run(in io.Reader, out io.Writer) error {
	redis := miniredis.NewMiniRedis()
	if err := redis.Start(); err != nil {
		return err
	}
	defer redis.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	base := "http://" + listener.Addr().String()
	clock := simulator.RealClock{}
	st, err := store.Open(store.Config{URL: secret.New("redis://" + redis.Addr()), Shards: 2, Now: clock.Now, ServerTime: clock.Now})
	if err != nil {
		return err
	}
	defer st.Close()
	w, err := simulator.New(simulator.Config{
		Clock:  clock,
		WeChat: simulator.WeChatConfig{PushURL: base + "/wechatpush"},
		IM:     simulator.IMConfig{CallbackURL: base + "/imcallback", CallbackToken: fixture.CallbackToken},
	})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := fixture.AddTemplates(w.WeChat); err != nil {
		return err
	}
	functions, err := fixture.New(fixture.Config{Store: st, Platforms: w.Config(), HTTP: http.DefaultClient, Base: base + "/platforms",
		Rules: rules(), Now: clock.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", functions)
	mux.Handle("/platforms/", http.StripPrefix("/platforms", w))
	for name, do := range (world{w, functions}).acts() {
		mux.Handle("/world/"+name, act(w, do))
	}
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	defer server.Close()
	fmt.Fprintln(out, base)
	_, err = io.Copy(io.Discard, in)
	return err
}

// What a test says, as far as an act needs it.
type words struct {
	OpenID, User, Sig, Peer, Text, Template string
	Answers                                 map[string]simulator.Answer
}

type world struct {
	*simulator.World
	functions *fixture.Functions
}

// acts are what happens on phones and platforms.
func (w world) acts() map[string]func(context.Context, words) (any, error) {
	none := func(f func(words) error) func(context.Context, words) (any, error) {
		return func(_ context.Context, s words) (any, error) { return nil, f(s) }
	}
	return map[string]func(context.Context, words) (any, error){
		"user":    func(context.Context, words) (any, error) { return w.WeChat.NewUser(), nil },
		"code":    func(_ context.Context, s words) (any, error) { return w.WeChat.Login(s.OpenID), nil },
		"tap":     func(_ context.Context, s words) (any, error) { return w.WeChat.TapDialog(s.OpenID, s.Answers), nil },
		"permits": func(_ context.Context, s words) (any, error) { return w.WeChat.Permits(s.OpenID, s.Template), nil },
		"cards":   func(_ context.Context, s words) (any, error) { return w.WeChat.Cards(s.OpenID), nil },
		"run":     func(ctx context.Context, _ words) (any, error) { return w.functions.Deliver.Run(ctx), nil },
		"enter":   none(func(s words) error { return w.IM.SignInWithSig(s.User, s.Sig, simulator.MiniProgram) }),
		"leave":   none(func(s words) error { w.IM.Kill(s.User); return nil }),
		"read":    none(func(s words) error { w.IM.Read(s.User, s.Peer); return nil }),
		"send": none(func(s words) error {
			w.IM.Import(s.User, s.User)
			_, err := w.IM.SendC2C(s.User, s.Peer, simulator.Text(s.Text))
			return err
		}),
	}
}

// act does what a request says, and answers when everybody has been told.
func act(w *simulator.World, do func(context.Context, words) (any, error)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		var s words
		err := json.NewDecoder(r.Body).Decode(&s)
		var answer any
		if err == nil {
			answer, err = do(r.Context(), s)
		}
		if err == nil {
			err = w.Drain(r.Context())
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		json.NewEncoder(rw).Encode(answer)
	}
}
