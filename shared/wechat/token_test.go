package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/wechat"
)

// pass lets d go by on the clock of the synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

// processes makes n Clients that share cache, as n instances of a function do.
func processes(t *testing.T, n int, api *fakeAPI, cache wechat.TokenCache) []*wechat.Client {
	t.Helper()
	list := make([]*wechat.Client, n)
	for i := range list {
		cfg := inMemory(api)
		cfg.Tokens = cache
		list[i] = client(t, cfg)
	}
	return list
}

// sendAll makes each Client send from 25 goroutines at once; so many of them are to fail.
func sendAll(t *testing.T, clients []*wechat.Client, fail int) {
	t.Helper()
	var wg sync.WaitGroup
	var failed atomic.Int32
	for _, c := range clients {
		for range 25 {
			wg.Go(func() {
				if _, err := c.SendSubscribe(t.Context(), message); err != nil {
					failed.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if n := int(failed.Load()); n != fail {
		t.Errorf("%d of %d sends failed, want %d", n, 25*len(clients), fail)
	}
}

func send(t *testing.T, c *wechat.Client) {
	t.Helper()
	if _, err := c.SendSubscribe(t.Context(), message); err != nil {
		t.Error(err)
	}
}

func wantFetches(t *testing.T, api *fakeAPI, want int) {
	t.Helper()
	if n := api.count(tokenPath); n != want {
		t.Errorf("%d tokens fetched, want %d", n, want)
	}
}

func TestManyCallersFetchOneToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{}
		api.slow = 200 * time.Millisecond
		clients := processes(t, 8, api, cache)
		sendAll(t, clients, 0)
		wantFetches(t, api, 1)

		api.expire()
		sendAll(t, clients, 0)
		wantFetches(t, api, 2)
		if cache.dropped != 1 {
			t.Errorf("%d tokens dropped, want 1", cache.dropped)
		}
		if n := api.count(sendPath); n > 600 {
			t.Errorf("%d sends for 400 cards: more than one retry each", n)
		}
	})
}

// The same with the real scheduler, where callers overlap at random.
func TestManyCallersAtRandom(t *testing.T) {
	api, cache := newAPI(), &sharedCache{}
	clients := processes(t, 8, api, cache)
	for round := 1; round <= 5; round++ {
		sendAll(t, clients, 0)
		wantFetches(t, api, round)
		api.expire()
	}
}

func TestOneProcessPollsAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{}
		if _, _, lease, _ := cache.Token(t.Context(), appID); !lease { // a refresher that will never report back
			t.Fatal("no lease on an empty cache")
		}
		start := time.Now()
		sendAll(t, processes(t, 1, api, cache), 0)
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("took over the lease after %v, want just after 10s", took)
		}
		wantFetches(t, api, 1)
		if n := cache.asked; n > 100 {
			t.Errorf("25 callers asked the cache %d times in 10s", n)
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{}
		cache.Token(t.Context(), appID) // somebody holds the lease
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		_, err := processes(t, 1, api, cache)[0].SendSubscribe(ctx, message)
		wantClass(t, err, card.ClassUnreached)
		if took := time.Since(start); took != 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A caller that gives up must not take those along who wait for it.
func TestWaitersOutliveTheirLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{}
		api.slow = 2 * time.Second
		c := processes(t, 1, api, cache)[0]
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.SendSubscribe(ctx, message)
			wantClass(t, err, card.ClassRetry) // stable_token was asked, the card was not
		})
		synctest.Wait()
		for range 5 {
			wg.Go(func() { send(t, c) })
		}
		wg.Wait()
		wantFetches(t, api, 2)
	})
}

func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{window: 4 * time.Minute}
		clients := processes(t, 2, api, cache)
		sendAll(t, clients, 0)
		pass(2*time.Hour - 3*time.Minute)
		api.slow = 3 * time.Second
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			send(t, clients[0])
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("the refresher took %v, want 3s", took)
			}
		})
		synctest.Wait()
		if sendAll(t, clients, 0); time.Since(start) != 0 {
			t.Errorf("others waited %v for the refresher", time.Since(start))
		}
		wg.Wait()
		wantFetches(t, api, 2)
	})
}

func TestFailedRenewalKeepsTheOldToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{window: 4 * time.Minute}
		cfg := inMemory(api)
		var log bytes.Buffer
		cfg.Tokens, cfg.Log = cache, logTo(&log)
		c := client(t, cfg)
		send(t, c)
		pass(2*time.Hour - 3*time.Minute)
		api.refuse = `{"errcode":-1,"errmsg":"system error app-secret-5bd2850f"}`
		for range 3 {
			send(t, c)
		}
		wantFetches(t, api, 2)
		if !bytes.Contains(log.Bytes(), []byte("access token not renewed")) {
			t.Errorf("log: %s", &log)
		}
		wantNoSecret(t, log.String())
	})
}

func TestTokenLife(t *testing.T) {
	for _, tt := range []struct {
		remains int
		life    time.Duration
	}{{345, 345 * time.Second}, {7200, 2 * time.Hour}, {1e9, 2 * time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI()
			api.remains = tt.remains
			c := processes(t, 1, api, &sharedCache{})[0]
			got, err := c.StableToken(t.Context())
			if err != nil || got.Lifetime != tt.life || got.Value.Reveal() != "token-1" {
				t.Errorf("StableToken = %+v, %v, want a life of %v", got, err, tt.life)
			}
			sendAll(t, []*wechat.Client{c}, 0)
			pass(tt.life - time.Second)
			sendAll(t, []*wechat.Client{c}, 0)
			wantFetches(t, api, 2) // ours above, and one for all sends
			pass(time.Second)
			sendAll(t, []*wechat.Client{c}, 0)
			wantFetches(t, api, 3)
		})
	}
}

// WeChat's own words for a refused token, and for one issued before.
func TestTokenSamples(t *testing.T) {
	c, api := answered(t, sendPath, string(sample(t, "api-send-40001.json")))
	send(t, c)
	wantFetches(t, api, 2)
	c, _ = answered(t, tokenPath, string(sample(t, "api-stable-token-remaining.json")))
	got, err := c.StableToken(t.Context())
	if err != nil || got.Value.Reveal() != "ACCESS_TOKEN" || got.Lifetime != 345*time.Second {
		t.Errorf("StableToken = %v, %v, want 345 s", got.Lifetime, err)
	}
}

func TestCacheAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{away: true}
		clients := processes(t, 3, api, cache)
		for range 3 {
			sendAll(t, clients, 0)
			pass(time.Minute)
		}
		wantFetches(t, api, 3) // one for each process, kept in memory

		api.expire()
		sendAll(t, clients, 0)
		wantFetches(t, api, 6)

		cache.away = false
		pass(time.Minute)
		sendAll(t, clients, 0)
		wantFetches(t, api, 7)
	})
}

// A store that hangs is away too.
func TestCacheHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		send(t, processes(t, 1, newAPI(), &sharedCache{hangs: true})[0])
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("waited %v for the cache", took)
		}
	})
}

// slowCache keeps back what Token has found until open is closed.
type slowCache struct {
	*sharedCache
	shut atomic.Bool
	open chan struct{}
}

func (c *slowCache) Token(ctx context.Context, appID string) (string, time.Time, bool, error) {
	text, expires, refresh, err := c.sharedCache.Token(ctx, appID)
	if c.shut.Load() {
		<-c.open
	}
	return text, expires, refresh, err
}

// One caller looks a token up; before it has the answer another one finds that token
// refused. The first must not go on with it.
func TestLookupOvertakenByARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &slowCache{sharedCache: &sharedCache{}, open: make(chan struct{})}
		gate := make(chan struct{})
		var gated atomic.Bool
		cfg := inMemory(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == sendPath && gated.CompareAndSwap(true, false) {
				<-gate
			}
			api.ServeHTTP(w, r)
		}))
		cfg.Tokens, cfg.Timeout = cache, time.Hour
		c := client(t, cfg)
		send(t, c)
		var wg sync.WaitGroup
		gated.Store(true)
		wg.Go(func() { send(t, c) }) // under way with token-1
		pass(31 * time.Second)
		cache.shut.Store(true)
		wg.Go(func() { send(t, c) }) // looks token-1 up again, and waits
		synctest.Wait()
		cache.shut.Store(false)
		api.expire()
		close(gate) // the first is refused and drops token-1
		synctest.Wait()
		close(cache.open)
		wg.Wait()
		wantFetches(t, api, 2)
		if n := api.count(sendPath); n != 4 {
			t.Errorf("%d sends, want 4: one, one refused and repeated, one", n)
		}
	})
}

// When WeChat refuses fresh tokens too, each call asks once more and then says so.
func TestRefusedTwice(t *testing.T) {
	for _, code := range []string{"40001", "40014", "41001", "42001"} {
		answer := `{"errcode":` + code + `,"errmsg":"x"}`
		c, api := answered(t, sendPath, answer, answer)
		_, err := c.SendSubscribe(t.Context(), message)
		wantClass(t, err, card.ClassRetry)
		if e, ok := errors.AsType[*wechat.APIError](err); !ok || e.Cure() != "" {
			t.Errorf("%s: %#v", code, err)
		}
		if api.count(sendPath) != 2 || api.count(tokenPath) != 2 {
			t.Errorf("%s: %d sends and %d fetches, want 2 and 2", code, api.count(sendPath), api.count(tokenPath))
		}
	}
}

// A storm in which nothing helps must not become a storm of fetches.
func TestStormOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{}
		api.deaf = true // and stable_token returns the same token for ever
		sendAll(t, processes(t, 8, api, cache), 200)
		if n := api.count(tokenPath); n > 16 {
			t.Errorf("200 refused sends fetched %d tokens", n)
		}
	})
}

// All who wait in a process learn at once why there is no token, and nobody asks
// WeChat again before the lease is over.
func TestFailedFetchIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, cache := newAPI(), &sharedCache{}
		api.refuse = string(sample(t, "api-token-40164.json"))
		clients := processes(t, 1, api, cache)
		start := time.Now()
		for range 2 {
			sendAll(t, clients, 25)
			_, err := clients[0].SendSubscribe(t.Context(), message)
			wantClass(t, err, card.ClassOperator)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("they waited %v", took)
		}
		wantFetches(t, api, 1)
		api.refuse = ""
		pass(10 * time.Second)
		sendAll(t, clients, 0)
		wantFetches(t, api, 2)
	})
}

// Without a TokenCache a Client keeps its own.
func TestOwnCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI()
		c := []*wechat.Client{client(t, inMemory(api))}
		sendAll(t, c, 0)
		wantFetches(t, api, 1)
		pass(2*time.Hour - time.Minute) // well within the time of renewal
		sendAll(t, c, 0)
		wantFetches(t, api, 2)
		api.expire()
		sendAll(t, c, 0)
		wantFetches(t, api, 3)
		pass(3 * time.Hour)
		sendAll(t, c, 0)
		wantFetches(t, api, 4)
	})
}
