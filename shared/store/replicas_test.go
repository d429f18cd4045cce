package store_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// A permit is not held for a send while the replica that could take over does not know of it,
// and nobody waits for a replica that is not there.
func TestReserveReachesTheReplica(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	primary, replica := redistest.Start(t, "--repl-diskless-sync-delay", "0"), redistest.Start(t)
	raw, other := clientAt(t, primary), clientAt(t, replica)
	s := opened(t, store.Config{Now: time.Now, URL: secret.New("redis://" + primary), Shards: 2})
	if err := s.Bind(ctx, "alice", "o-alice"); err != nil {
		t.Fatal(err)
	}
	grant := fact.Grant{ID: "g", OpenID: "o-alice", Source: fact.GrantPopup, At: time.Now(), Templates: []fact.TemplateID{"T1", "T2", "T3"}}
	if _, err := s.Record(ctx, notify.DefaultRules(), []fact.Fact{{Grant: &grant}}); err != nil {
		t.Fatal(err)
	}
	reserve := func(template fact.TemplateID) error {
		id := card.ID("card " + template)
		r, err := s.Reserve(ctx, permit.Reserve{Card: permit.Card{ID: id, OpenID: "o-alice", User: "alice", Template: template, Messages: []fact.Identity{"m"}},
			PerHour: 100})
		if err == nil && r.Status != permit.ReserveOK {
			t.Errorf("%s: %+v", template, r)
		}
		if err == nil {
			_, err = s.Settle(ctx, permit.Settle{Card: permit.Card{ID: id, OpenID: "o-alice", Template: template},
				End: permit.End{State: permit.CardDelivered, Permit: permit.Spent}})
		}
		return err
	}

	host, port, _ := net.SplitHostPort(primary)
	if err := other.Do(ctx, "REPLICAOF", host, port).Err(); err != nil {
		t.Fatal(err)
	}
	wait(t, raw, "state=online")
	err := reserve("T1")
	for tries := 0; err != nil && strings.Contains(err.Error(), "behind") && tries < 100; tries++ { // on a busy machine
		err = reserve("T1")
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := other.Exists(ctx, keyOf(t, raw, ":c:o-alice")).Result(); err != nil || n != 1 {
		t.Errorf("the replica has %d cards, %v", n, err)
	}

	stop(t, other)
	// Connections that break while the question is asked say nothing of replicas: the server may be going down.
	for breaks := range int64(4) { // four and more are a proxy's
		var asked atomic.Int64
		broken := opened(t, store.Config{Now: time.Now, Shards: 2, URL: secret.New("redis://" + proxyThatCloses(t, primary, func(command string) bool {
			return command == "INFO" && asked.Add(1) <= breaks || command == "EXISTS" && asked.Load() == breaks
		}))})
		if r, err := broken.Reserve(ctx, permit.Reserve{Card: permit.Card{ID: "card T2", OpenID: "o-alice", User: "alice", Template: "T2", Messages: []fact.Identity{"m"}},
			PerHour: 100}); err == nil {
			t.Errorf("%d questions broke off, the replica stands still, and a permit was reserved: %+v", breaks, r)
		}
	}
	if err := reserve("T2"); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("the replica stands still: %v", err)
	}
	if err := raw.Do(ctx, "CLIENT", "KILL", "TYPE", "replica").Err(); err != nil {
		t.Fatal(err)
	}
	wait(t, raw, "connected_slaves:0")
	if err := reserve("T2"); err != nil {
		t.Errorf("no replica: %v", err)
	}
	began := time.Now()
	if err := reserve("T3"); err != nil {
		t.Error(err)
	}
	t.Logf("without a replica a permit is reserved in %v", time.Since(began))
}

func clientAt(t *testing.T, addr string) *redis.Client {
	t.Helper()
	db := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { db.Close() })
	return db
}

func keyOf(t *testing.T, db *redis.Client, suffix string) string {
	t.Helper()
	keys, err := db.Keys(t.Context(), "*"+suffix).Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	return keys[0]
}

// wait polls a server until it says a text of its replicas.
func wait(t *testing.T, db *redis.Client, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := db.Info(ctx, "replication").Result()
		if strings.Contains(info, text) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no %q: %v\n%s", text, err, info)
		}
	}
}
