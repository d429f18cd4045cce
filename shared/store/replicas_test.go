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
	url := func(addr string) store.Config {
		return store.Config{Now: time.Now, URL: secret.New("redis://" + addr), Shards: 2}
	}
	b, other := newBench(t, Harness{Store: opened(t, url(primary)), Raw: client(t, primary), Now: time.Now}), client(t, replica)
	b.bind()
	b.grant("T1", "T2", "T3")
	cardOf := func(template fact.TemplateID) permit.Reserve {
		r := reserveOf("card " + card.ID(template))
		r.Template = template
		return r
	}
	reserve := func(template fact.TemplateID) error {
		r, err := b.Store.Reserve(ctx, cardOf(template))
		if err != nil {
			return err
		}
		equal(b, string(template), r.Status, permit.ReserveOK)
		return second(b.Store.Settle(ctx, permit.Settle{Card: cardOf(template).Card, End: permit.End{State: permit.CardDelivered, Permit: permit.Spent}}))
	}

	host, port, _ := net.SplitHostPort(primary)
	b.must(other.Do(ctx, "REPLICAOF", host, port).Err())
	wait(t, b.Raw, "state=online")
	err := reserve("T1")
	for tries := 0; err != nil && strings.Contains(err.Error(), "behind") && tries < 100; tries++ { // on a busy machine
		err = reserve("T1")
	}
	b.must(err)
	equal(b, "cards of the replica", must(other.Exists(ctx, b.key(":c:"+string(aliceOpenID))).Result())(b), 1)

	stop(t, other)
	// Connections that break while the question is asked say nothing of replicas: the server may be going down.
	for breaks := range int64(4) { // four and more are a proxy's
		var asked atomic.Int64
		broken := opened(t, url(proxyThatCloses(t, primary, func(command string) bool {
			return command == "INFO" && asked.Add(1) <= breaks || command == "EXISTS" && asked.Load() == breaks
		})))
		if r, err := broken.Reserve(ctx, cardOf("T2")); err == nil {
			t.Errorf("%d questions broke off, the replica stands still, and a permit was reserved: %+v", breaks, r)
		}
	}
	if err := reserve("T2"); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("the replica stands still: %v", err)
	}
	b.must(b.Raw.Do(ctx, "CLIENT", "KILL", "TYPE", "replica").Err())
	wait(t, b.Raw, "connected_slaves:0")
	b.must(reserve("T2"))
	began := time.Now()
	b.must(reserve("T3"))
	t.Logf("without a replica a permit is reserved in %v", time.Since(began))
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
