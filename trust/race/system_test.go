package race_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

const tmpl = fixture.Message

// A system is where n instances meet. Time stands still in it unless the test moves it, so what
// comes of a race depends on the order alone.
type system struct {
	testkit.T
	instances []*store.Store
	raw       *redis.Client
	rules     notify.Rules
	connected bool

	mu     sync.Mutex
	now    time.Time
	serial int
}

// A race is run with each number of instances.
type race struct {
	name string
	run  func(s *system)
}

// counts is how many instances meet before miniredis, and before a redis-server, in a quick, a
// short and a full run.
var counts = [][2][]int{
	{{2}, {8}},
	{{2, 8}, {8, 200}},
	{{2, 8}, {2, 8, 32, 200}},
}

func TestRaces(t *testing.T) {
	before := counts[trust.Size(0, 1, 2)]
	server, mini := redistest.Start(t), miniredis.RunT(t).Addr()
	for _, r := range slices.Concat(permitRaces, cardRaces, recordRaces, loginRaces, tokenRaces, groupRaces) {
		t.Run(r.name, func(t *testing.T) {
			for _, n := range before[0] {
				t.Run(fmt.Sprintf("%d before miniredis", n), func(t *testing.T) { r.run(newSystem(t, mini, n)) })
			}
			for _, n := range before[1] {
				t.Run(fmt.Sprintf("%d before redis-server", n), func(t *testing.T) { r.run(newSystem(t, server, n)) })
			}
		})
	}
}

// rounds is how often the instances meet: the fewer they are, the more often.
func (s *system) rounds() int {
	return max(1, trust.Size(8, 10, 100)/len(s.instances))
}

func newSystem(t *testing.T, addr string, n int) *system {
	s := &system{T: testkit.T{T: t}, rules: notify.DefaultRules(), now: time.UnixMilli(1795305599500).UTC()}
	s.rules.KeepLearning = false
	s.raw = fixture.Redis(t, addr)
	s.Must(s.raw.FlushAll(t.Context()).Err())
	for range n {
		s.instances = append(s.instances, fixture.Store(t, addr, 4, s.clock))
	}
	return s
}

func (s *system) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *system) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *system) fresh(prefix string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	return fmt.Sprintf("%s%d", prefix, s.serial)
}

// meet has do called by everybody at once, each with an instance of their own.
func (s *system) meet(do func(i int, st *store.Store) error) {
	s.Helper()
	s.meetings(len(s.instances), do)
}

// meetings is meet for the first n instances.
func (s *system) meetings(n int, do func(i int, st *store.Store) error) {
	s.Helper()
	s.connect()
	trust.Count(s.T, trust.Races, 1)
	start := make(chan struct{})
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	for i, st := range s.instances[:n] {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			errs[i] = do(i, st)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	s.Must(errors.Join(errs...))
}

// connect has every instance be connected before the first race: two hundred connections made at
// once would be a race of their own.
func (s *system) connect() {
	s.Helper()
	if s.connected {
		return
	}
	s.connected = true
	for _, st := range s.instances {
		_, err := st.Balances(s.Context(), "nobody", []fact.TemplateID{tmpl})
		s.Must(err)
	}
}

// one is the instance with which a test prepares and looks around.
func (s *system) one() *store.Store { return s.instances[0] }

// subscriber binds a new user with so many permits, granted minutes apart.
func (s *system) subscriber(permits int) (fact.UserID, fact.OpenID) {
	s.Helper()
	user := fact.UserID(s.fresh("user"))
	openID := fact.OpenID("o-" + user)
	s.Must(s.one().Bind(s.Context(), user, openID))
	var facts []fact.Fact
	for i := range permits {
		facts = append(facts, s.tap(openID, fact.GrantPopup, s.fresh("tap"), s.clock().Add(-time.Duration(i)*5*time.Minute)))
	}
	s.record(s.one(), facts...)
	return user, openID
}

func (s *system) tap(openID fact.OpenID, source fact.GrantSource, id string, at time.Time) fact.Fact {
	return fact.Fact{Grant: &fact.Grant{ID: id, OpenID: openID, Source: source, At: at, Templates: []fact.TemplateID{tmpl}}}
}

func (s *system) message(to fact.UserID) fact.Fact {
	return fact.Fact{Message: &fact.Message{ID: fact.MessageID(s.fresh("m")), From: "peer", To: to, SentAt: s.clock().Truncate(time.Second), ByREST: true}}
}

func (s *system) record(st *store.Store, facts ...fact.Fact) (wake bool) {
	s.Helper()
	recorded, err := st.Record(s.Context(), s.rules, facts)
	s.Must(err)
	return recorded.Wake
}

// account wants an account to add up, and returns it.
func (s *system) account(openID fact.OpenID) permit.Account {
	s.Helper()
	all, err := store.Accounts(s.Context(), s.one(), openID)
	s.Must(err)
	a := all[tmpl]
	if !fixture.AddsUp(a) || a.Balance < 0 || a.Held < 0 {
		trust.Broken(s, trust.Violated, "the account of %s does not add up: %+v", openID, a)
	}
	return a
}

// owns wants openID to have so many permits, of which so many are held.
func (s *system) owns(openID fact.OpenID, balance, held int) {
	s.Helper()
	if a := s.account(openID); a.Balance != balance || a.Held != held {
		trust.Broken(s, trust.Violated, "%s has %d permits, %d of them held, want %d and %d: %+v", openID, a.Balance, a.Held, balance, held, a)
	}
}

// ends returns the states in which messages of user ended.
func (s *system) ends(user fact.UserID) map[fact.MessageID][]fact.State {
	s.Helper()
	steps, err := s.one().Timeline(s.Context(), user)
	s.Must(err)
	return fixture.Ends(steps)
}
