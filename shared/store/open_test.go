package store_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"wxnotify/internal/port"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	for _, tt := range []struct {
		name, url string
		shards    int
		want      string // in the error
	}{
		{"no URL", "", 0, "STORE_URL"},
		{"another protocol", "http://:hunter2@host", 0, "STORE_URL"},
		{"a URL that does not parse", "redis://:hunter2@host:port", 0, "STORE_URL"},
		{"no host", "redis://:hunter2@/0", 0, "STORE_URL"},
		{"a database that is no number", "redis://:hunter2@host/users", 0, "STORE_URL"},
		{"options, which are not read", "redis://:hunter2@host/0?max_retries=3", 0, "STORE_URL"},
		{"no socket", "unix://", 0, "STORE_URL"},
		{"negative shards", "redis://:hunter2@host", -1, "STORE_SHARDS: -1"},
		{"too many shards", "redis://:hunter2@host", 4097, "STORE_SHARDS: 4097"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := store.Open(store.Config{Now: time.Now, URL: secret.New(tt.url), Shards: tt.shards})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error that names %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// A URL says which user we are, and which database is ours.
func TestUserAndDatabaseOfTheURL(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireUserAuth("someone", "hunter2")
	s, err := store.Open(store.Config{Now: time.Now, URL: secret.New("redis://someone:hunter2@" + m.Addr() + "/3")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Bind(t.Context(), "alice", "o-alice"); err != nil {
		t.Fatal(err)
	}
	if in0, in3 := len(m.DB(0).Keys()), len(m.DB(3).Keys()); in0 != 0 || in3 == 0 {
		t.Errorf("%d keys are in database 0, and %d in 3", in0, in3)
	}
}

// A server that starts, or has handed over, refuses for a moment. What it refused is sent again, on
// a connection of its own.
func TestPassingRefusalsAreTriedAgain(t *testing.T) {
	for _, refusal := range []string{"LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.", "ERR max number of clients reached"} {
		m := miniredis.RunT(t)
		var dials, refused atomic.Int64
		s, err := store.Open(store.Config{Now: time.Now, URL: secret.New("redis://" + m.Addr()), Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, addr)
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Bind(t.Context(), "alice", "o-alice"); err != nil {
			t.Fatal(err)
		}
		m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
			if refused.Add(1) == 1 {
				c.WriteError(refusal)
				return true
			}
			return false
		})
		if o, err := s.OpenIDOf(t.Context(), "alice"); err != nil || o != "o-alice" || dials.Load() != 2 {
			t.Errorf("%s: %q, %v, %d connections; want it to be tried again on a second one", refusal, o, err, dials.Load())
		}
		m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool { c.WriteError(refusal); return true })
		if _, err := s.OpenIDOf(t.Context(), "alice"); err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("%s each time: %v", refusal, err)
		}
	}
}

func TestPasswordIsUsedAndNeverShown(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("hunter2")
	for _, tt := range []struct {
		password string
		ok       bool
	}{{"hunter2", true}, {"wrong-secret", false}} {
		s, err := store.Open(store.Config{Now: time.Now, URL: secret.New("redis://:" + tt.password + "@" + m.Addr())})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		_, err = s.Claim(t.Context(), 1)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.password, err)
		}
		if err != nil && strings.Contains(err.Error(), tt.password) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// Every method returns an error when the store is away, or when its caller's time is
// over, and none a result.
func TestErrorsAreReturned(t *testing.T) {
	away := open(t, port.Addr(t), nil)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	message := []notify.Fact{{Message: &notify.Message{ID: "m1", From: "bob", To: "alice"}}}
	for name, do := range map[string]func(ctx context.Context, s *store.Store) error{
		"Record": func(ctx context.Context, s *store.Store) error { return second(s.Record(ctx, notify.Rules{}, message)) },
		"Claim":  func(ctx context.Context, s *store.Store) error { return second(s.Claim(ctx, 1)) },
		"Announce": func(ctx context.Context, s *store.Store) error {
			_, _, err := s.Announce(ctx, notify.Rules{}, make([]notify.Message, 1))
			return err
		},
		"ClaimCalls": func(ctx context.Context, s *store.Store) error { return second(s.ClaimCalls(ctx, 1)) },
		"Reconcile":  func(ctx context.Context, s *store.Store) error { return second(s.Reconcile(ctx, 1)) },
		"Spreads":    func(ctx context.Context, s *store.Store) error { return second(s.Spreads(ctx, 1)) },
		"Advance":    func(ctx context.Context, s *store.Store) error { return s.Advance(ctx, notify.Spread{}, "", true) },
		"Recalled": func(ctx context.Context, s *store.Store) error {
			return second(s.Recalled(ctx, make([]notify.GroupMessageRef, 1)))
		},
		"Trip":         func(ctx context.Context, s *store.Store) error { return s.Trip(ctx, notify.Circuit{}) },
		"Probe":        func(ctx context.Context, s *store.Store) error { return second(s.Probe(ctx, "app", 1)) },
		"CloseCircuit": func(ctx context.Context, s *store.Store) error { return s.CloseCircuit(ctx, "app") },
		"CountGone":    func(ctx context.Context, s *store.Store) error { return second(s.CountGone(ctx, "o")) },
		"PaceWithin": func(ctx context.Context, s *store.Store) error {
			_, _, err := s.PaceWithin(ctx, "name", 1, 1, time.Second)
			return err
		},
		"Pace": func(ctx context.Context, s *store.Store) error { return second(s.Pace(ctx, "name", 1, 1)) },
		"CachedNames": func(ctx context.Context, s *store.Store) error {
			return second(s.CachedNames(ctx, []string{"alice"}))
		},
		"KeepNames": func(ctx context.Context, s *store.Store) error {
			return s.KeepNames(ctx, map[string]string{"alice": "Alice"}, time.Hour)
		},
		"SetPreferences": func(ctx context.Context, s *store.Store) error {
			return s.SetPreferences(ctx, "alice", notify.Preferences{})
		},
		"Preferences": func(ctx context.Context, s *store.Store) error { return second(s.Preferences(ctx, "alice")) },
		"DeadLetters": func(ctx context.Context, s *store.Store) error { return second(s.DeadLetters(ctx, 1)) },
		"Replay":      func(ctx context.Context, s *store.Store) error { return second(s.Replay(ctx, "alice", "id")) },
		"FindMessage": func(ctx context.Context, s *store.Store) error { return second(s.FindMessage(ctx, "id")) },
		"Accounts":    func(ctx context.Context, s *store.Store) error { return second(store.Accounts(ctx, s, "o")) },
		"Drift":       func(ctx context.Context, s *store.Store) error { return second(store.Drift(ctx, s)) },
		"PutToken": func(ctx context.Context, s *store.Store) error {
			return s.PutToken(ctx, "wx", "t", time.Now().Add(time.Hour))
		},
		"Begin": func(ctx context.Context, s *store.Store) error { return second(s.Begin(ctx, make([]notify.Begin, 1))) },
		"Finish": func(ctx context.Context, s *store.Store) error {
			_, err := s.Finish(ctx, notify.Rules{}, make([]notify.Finish, 1))
			return err
		},
		"Rest":        func(ctx context.Context, s *store.Store) error { return second(s.Rest(ctx, t0)) },
		"Reserve":     func(ctx context.Context, s *store.Store) error { return second(s.Reserve(ctx, notify.Reserve{})) },
		"Settle":      func(ctx context.Context, s *store.Store) error { return second(s.Settle(ctx, notify.Settle{})) },
		"Resolve":     func(ctx context.Context, s *store.Store) error { return second(s.Resolve(ctx, notify.OpenCard{})) },
		"Bind":        func(ctx context.Context, s *store.Store) error { return s.Bind(ctx, "alice", "o") },
		"BindDefault": func(ctx context.Context, s *store.Store) error { return second(s.BindDefault(ctx, "o", "alice")) },
		"OpenIDOf":    func(ctx context.Context, s *store.Store) error { return second(s.OpenIDOf(ctx, "alice")) },
		"EraseUser":   func(ctx context.Context, s *store.Store) error { return s.EraseUser(ctx, "alice") },
		"EraseOpenID": func(ctx context.Context, s *store.Store) error { return s.EraseOpenID(ctx, "o") },
		"Timeline":    func(ctx context.Context, s *store.Store) error { return second(s.Timeline(ctx, "alice")) },
		"Balances": func(ctx context.Context, s *store.Store) error {
			return second(s.Balances(ctx, "o", []notify.TemplateID{"t"}))
		},
		"Counts":    func(ctx context.Context, s *store.Store) error { return second(s.Counts(ctx)) },
		"Token":     func(ctx context.Context, s *store.Store) error { _, _, _, err := s.Token(ctx, "wx"); return err },
		"DropToken": func(ctx context.Context, s *store.Store) error { return s.DropToken(ctx, "wx", "t") },
		"Allow":     func(ctx context.Context, s *store.Store) error { return second(s.Allow(ctx, "name", 1, 1)) },
		"Forgive":   func(ctx context.Context, s *store.Store) error { return s.Forgive(ctx, "name", "attempt") },
		"Allowed":   func(ctx context.Context, s *store.Store) error { return second(s.Allowed(ctx, "name", 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := do(t.Context(), away); err == nil || errors.Is(err, store.ErrNotBound) {
				t.Errorf("store is away: got %v", err)
			} else if !strings.HasPrefix(err.Error(), "store: ") {
				t.Errorf("the error does not say whose it is: %v", err)
			}
			if err := do(cancelled, away); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
			}
		})
	}
}

var t0 = NewClock().Now()

func second[A any](_ A, err error) error { return err }
