package store_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"wxnotify/internal/port"
	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
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
	newBench(t, Harness{Store: opened(t, store.Config{Now: time.Now, URL: secret.New("redis://someone:hunter2@" + m.Addr() + "/3")})}).bind()
	if in0, in3 := len(m.DB(0).Keys()), len(m.DB(3).Keys()); in0 != 0 || in3 == 0 {
		t.Errorf("%d keys are in database 0, and %d in 3", in0, in3)
	}
}

// A server that starts, or has handed over, refuses for a moment. What it refused is sent again, on
// a connection of its own.
func TestPassingRefusalsAreTriedAgain(t *testing.T) {
	for _, refusal := range []string{"LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.", "ERR max number of clients reached"} {
		m := miniredis.RunT(t)
		var refused atomic.Int64
		var w wire
		b := newBench(t, Harness{Store: opened(t, store.Config{Now: time.Now, URL: secret.New("redis://" + m.Addr()), Dial: w.dial})})
		b.bind()
		m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
			if refused.Add(1) == 1 {
				c.WriteError(refusal)
				return true
			}
			return false
		})
		b.boundTo(alice, aliceOpenID)
		equal(b, refusal+": connections, of which it is tried again on the second", w.dials.Load(), 2)
		m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool { c.WriteError(refusal); return true })
		if _, err := b.Store.OpenIDOf(t.Context(), alice); err == nil || !strings.Contains(err.Error(), refusal) {
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
		s := opened(t, store.Config{Now: time.Now, URL: secret.New("redis://:" + tt.password + "@" + m.Addr())})
		_, err := s.Claim(t.Context(), 1)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.password, err)
		}
		if err != nil && strings.Contains(err.Error(), tt.password) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// Every method returns an error when the store is away, or when its caller's time is
// over.
func TestErrorsAreReturned(t *testing.T) {
	away := open(t, port.Addr(t), nil)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	methods := map[string]reflect.Value{
		"Accounts":       reflect.ValueOf(func(ctx context.Context) error { return second(store.Accounts(ctx, away, "o")) }),
		"ReadOverview":   reflect.ValueOf(func(ctx context.Context) error { return second(store.ReadOverview(ctx, away, "wx")) }),
		"Queued":         reflect.ValueOf(func(ctx context.Context) error { return second(store.Queued(ctx, away, 5)) }),
		"ReadRecipients": reflect.ValueOf(func(ctx context.Context) error { return second(store.ReadRecipients(ctx, away, []fact.UserID{"u"})) }),
		"ReadSubscriber": reflect.ValueOf(func(ctx context.Context) error { return second(store.ReadSubscriber(ctx, away, "o")) }),
		"Metrics": reflect.ValueOf(func(ctx context.Context) error {
			return second(store.Metrics(ctx, away, store.ByHour, testkit.Future, testkit.Future.Add(time.Hour)))
		}),
	}
	of := reflect.ValueOf(away)
	for i := range of.NumMethod() {
		methods[of.Type().Method(i).Name] = of.Method(i)
	}
	for name, method := range methods {
		if method.Type().NumIn() == 0 || method.Type().In(0) != reflect.TypeFor[context.Context]() {
			continue // Close, AddHook
		}
		t.Run(name, func(t *testing.T) {
			call := func(ctx context.Context) error {
				args := []reflect.Value{reflect.ValueOf(ctx)}
				for i := 1; i < method.Type().NumIn(); i++ {
					args = append(args, something(method.Type().In(i)))
				}
				results := method.Call(args)
				err, _ := results[len(results)-1].Interface().(error)
				return err
			}
			if err := call(t.Context()); err == nil || errors.Is(err, store.ErrNotBound) {
				t.Errorf("store is away: got %v", err)
			} else if !strings.HasPrefix(err.Error(), "store: ") {
				t.Errorf("the error does not say whose it is: %v", err)
			}
			if err := call(cancelled); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
			}
		})
	}
}

// something is a value for which a store has to be asked: one of a list, and nothing that is zero.
func something(typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	switch {
	case typ == reflect.TypeFor[fact.Fact]():
		v.Set(reflect.ValueOf(fact.Fact{Message: &fact.Message{ID: "m1", From: "bob", To: "alice"}}))
	case typ == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Now().Add(time.Hour)))
	case typ == reflect.TypeFor[time.Duration]():
		v.SetInt(int64(time.Second))
	case v.CanInt():
		v.SetInt(1)
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Kind() == reflect.Slice:
		v.Set(reflect.Append(v, something(typ.Elem())))
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(typ))
		v.SetMapIndex(something(typ.Key()), something(typ.Elem()))
	}
	return v
}

func second[A any](_ A, err error) error { return err }

// A password that Redis refuses is looked up again where it is kept.
func TestPasswordThatWasChanged(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("new")
	at := func(password string) string { return "redis://:" + password + "@" + m.Addr() }
	newBench(t, Harness{Store: opened(t, store.Config{Now: time.Now, URL: secret.From(&testkit.Rotation{Old: at("old"), New: at("new")})})}).bind()
	for _, next := range []string{at("other"), "nonsense"} {
		s := opened(t, store.Config{Now: time.Now, URL: secret.From(&testkit.Rotation{Old: at("old"), New: next})})
		if _, err := s.OpenIDOf(t.Context(), alice); err == nil || strings.Contains(err.Error(), next) {
			t.Errorf("%v", err)
		}
	}
}
