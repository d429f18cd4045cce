package deliver_test

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// A memory is a store in memory for tests whose time is synctest's. It keeps queues, leases and
// the pace, as the contract of deliver.Store has them; every permit is there. What the
// embedded nil would have to do does not occur in these tests.
type memory struct {
	deliver.Store
	mu      sync.Mutex
	waiting map[card.Queue]map[fact.UserID]*entry
	queue   map[card.Queue]*byDue
	leases  int       // handed out
	paced   time.Time // until then the rate is used up
	trip    time.Duration
	// spreads wait to be spread; known are the names that are kept.
	spreads []notify.FanOut
	known   map[string]string

	ended   map[fact.Identity][]fact.State
	settled map[card.ID]time.Time

	// before happens before a card is begun or reserved, and may refuse.
	before func(ctx context.Context, call string, user fact.UserID) error
}

// An entry is what waits for a recipient.
type entry struct {
	rec   notify.Recipient
	at    time.Time // when it is due, or its lease ends
	index int       // in the queue
}

// byDue is a heap: the first is due first.
type byDue []*entry

func (q byDue) Len() int           { return len(q) }
func (q byDue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q byDue) Swap(i, j int)      { q[i], q[j] = q[j], q[i]; q[i].index, q[j].index = i, j }
func (q *byDue) Push(x any)        { s := x.(*entry); s.index = len(*q); *q = append(*q, s) }
func (q *byDue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func newMemory() *memory {
	return &memory{
		before: func(context.Context, string, fact.UserID) error { return nil },
		known:  map[string]string{"anna": "Anna"}, trip: 2 * time.Millisecond, ended: map[fact.Identity][]fact.State{}, settled: map[card.ID]time.Time{},
		waiting: map[card.Queue]map[fact.UserID]*entry{card.QueueCalls: {}, card.QueueMessages: {}},
		queue:   map[card.Queue]*byDue{card.QueueCalls: {}, card.QueueMessages: {}}}
}

// pause lets d pass, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// wait makes a notice wait that is due now.
func (m *memory) wait(queue card.Queue, user fact.UserID, n card.Notice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	n.From, n.SentAt = cmp.Or(n.From, "anna"), now.Truncate(time.Second)
	n.WindowEnd = now
	if n.Expires.IsZero() {
		n.Expires = now.Add(24 * time.Hour)
	}
	s := m.waiting[queue][user]
	if s == nil {
		s = &entry{rec: notify.Recipient{User: user, Queue: queue, OpenID: openID(user)}, at: now}
		m.waiting[queue][user] = s
		heap.Push(m.queue[queue], s)
	}
	s.rec.Notices = append(s.rec.Notices, n)
}

// messages makes a message wait for each of n recipients, u0 and so on.
func (m *memory) messages(n int) {
	for i := range n {
		user := fact.UserID(fmt.Sprint("u", i))
		m.wait(card.QueueMessages, user, card.Notice{ID: fact.Identity(user), Kind: fact.KindMessage})
	}
}

// rings makes a call wait that rings for half a minute.
func (m *memory) rings(user fact.UserID) {
	m.wait(card.QueueCalls, user, card.Notice{ID: fact.Identity(user), Kind: fact.KindCall, Expires: time.Now().Add(30 * time.Second)})
}

func (m *memory) left(queue card.Queue) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting[queue])
}

func (m *memory) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	return m.claim(ctx, limit, card.QueueCalls, card.QueueMessages)
}

func (m *memory) ClaimCalls(ctx context.Context, limit int) (notify.Batch, error) {
	return m.claim(ctx, limit, card.QueueCalls)
}

func (m *memory) claim(ctx context.Context, limit int, queues ...card.Queue) (notify.Batch, error) {
	if err := pause(ctx, m.trip); err != nil {
		return notify.Batch{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := notify.Batch{Now: time.Now(), FanOuts: len(m.spreads) > 0}
	for _, queue := range queues {
		q := m.queue[queue]
		for taken := 0; taken < limit && len(*q) > 0 && !(*q)[0].at.After(b.Now); taken++ {
			s := (*q)[0]
			m.leases++
			s.rec.Lease = fmt.Sprint("L", m.leases)
			s.at = b.Now.Add(permit.Lease)
			heap.Fix(q, 0)
			rec := s.rec
			rec.Notices = slices.Clone(rec.Notices)
			b.Recipients = append(b.Recipients, rec)
		}
	}
	return b, nil
}

// mine returns the entry that a lease is for, if it still holds.
func (m *memory) mine(queue card.Queue, user fact.UserID, lease string) *entry {
	if s := m.waiting[queue][user]; s != nil && s.rec.Lease == lease {
		return s
	}
	return nil
}

func (m *memory) Begin(ctx context.Context, cards []notify.Begin) ([][]fact.Identity, error) {
	for _, c := range cards {
		if err := m.before(ctx, "begin", c.User); err != nil {
			return nil, err
		}
	}
	if err := pause(ctx, m.trip); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([][]fact.Identity, len(cards))
	for i, c := range cards {
		if m.mine(c.Queue, c.User, c.Lease) != nil {
			out[i] = c.Messages
		}
	}
	return out, nil
}

func (m *memory) Reserve(ctx context.Context, r permit.Reserve) (permit.Reserved, error) {
	if err := m.before(ctx, "reserve", r.User); err != nil {
		return permit.Reserved{}, err
	}
	return permit.Reserved{Status: permit.ReserveOK, Left: 9}, pause(ctx, m.trip)
}

// Resolve says that the card was given up.
func (m *memory) Resolve(context.Context, permit.OpenCard) (permit.Resolved, error) {
	return permit.Resolved{State: permit.CardUnknown, Handed: true}, nil
}

func (m *memory) Settle(ctx context.Context, s permit.Settle) (permit.CardState, error) {
	if err := pause(ctx, m.trip); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled[s.ID] = time.Now()
	return s.State, nil
}

func (m *memory) Finish(ctx context.Context, _ notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	if err := pause(ctx, m.trip); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([][]notify.Ended, len(fs))
	for i, f := range fs {
		s := m.mine(f.Queue, f.User, f.Lease)
		if s == nil {
			continue
		}
		for _, end := range f.Final {
			for _, id := range end.Messages {
				m.ended[id] = append(m.ended[id], end.State)
			}
			s.rec.Notices = slices.DeleteFunc(s.rec.Notices, func(n card.Notice) bool { return slices.Contains(end.Messages, n.ID) })
			out[i] = append(out[i], notify.Ended{State: end.State, Reason: end.Reason, Messages: len(end.Messages)})
		}
		s.rec.Lease = ""
		if len(s.rec.Notices) > 0 {
			s.at = f.Again
			heap.Fix(m.queue[f.Queue], s.index)
			continue
		}
		heap.Remove(m.queue[f.Queue], s.index)
		delete(m.waiting[f.Queue], f.User)
	}
	return out, nil
}

func (m *memory) PaceWithin(ctx context.Context, _ string, perSecond, n int, atMost time.Duration) (time.Duration, bool, error) {
	if err := pause(ctx, m.trip); err != nil {
		return 0, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	used := m.paced
	if used.Before(now) {
		used = now
	}
	used = used.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
	wait := max(0, used.Sub(now)-time.Second)
	if wait > min(atMost, time.Minute) {
		return wait, false, nil
	}
	m.paced = used
	return wait, true, nil
}

func (m *memory) Rest(_ context.Context, until time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first time.Time
	for _, q := range m.queue {
		if len(*q) > 0 && (*q)[0].at.Before(until) && (first.IsZero() || (*q)[0].at.Before(first)) {
			first = (*q)[0].at
		}
	}
	return first, nil
}

func (m *memory) CachedNames(_ context.Context, ids []string) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range ids {
		if name, ok := m.known[id]; ok {
			out[id] = name
		}
	}
	return out, nil
}

func (m *memory) KeepNames(context.Context, map[string]string, time.Duration) error { return nil }

func (m *memory) FanOuts(context.Context, int) ([]notify.FanOut, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.spreads
	m.spreads = nil
	return out, nil
}

func (m *memory) Advance(context.Context, notify.FanOut, string, bool) error { return nil }

func (m *memory) Recalled(context.Context, []notify.GroupMessageRef) (map[fact.MessageID]bool, error) {
	return nil, nil
}

// A platform is IM and WeChat for a memory: everybody is away, and a send takes a while.
type platform struct {
	deliver.Directory
	takes func(card.Card) time.Duration

	mu    sync.Mutex
	asks  int
	asked map[fact.OpenID]time.Time   // when IM was asked about whom
	sent  map[fact.OpenID][]time.Time // when each send began
	ends  []time.Time                 // when each was answered
}

func newPlatform(takes time.Duration) *platform {
	return &platform{takes: func(card.Card) time.Duration { return takes }, sent: map[fact.OpenID][]time.Time{}, asked: map[fact.OpenID]time.Time{}}
}

func (p *platform) Presence(ctx context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	began := time.Now()
	if err := pause(ctx, 50*time.Millisecond); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asks++
	out := map[fact.UserID]notify.Status{}
	for _, u := range users {
		out[u] = notify.StatusOffline
		p.asked[openID(u)] = began
	}
	return out, nil
}

func (p *platform) Unread(context.Context, fact.UserID, []fact.UserID) (int, map[fact.UserID]int, error) {
	return 0, nil, errors.New("im: away")
}

func (p *platform) Send(ctx context.Context, c card.Card) (int64, error) {
	p.mu.Lock()
	p.sent[c.To] = append(p.sent[c.To], time.Now())
	p.mu.Unlock()
	err := pause(ctx, p.takes(c))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends = append(p.ends, time.Now())
	return 1, err
}

// cards returns how many sends there were.
func (p *platform) cards() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, at := range p.sent {
		n += len(at)
	}
	return n
}

// over returns a deliverer of cards that wait in m.
func over(t *testing.T, m *memory, p *platform) *deliver.Deliverer {
	t.Helper()
	ts, err := card.NewTemplates(map[fact.Kind]card.TemplateSpec{fact.KindMessage: {ID: "message", Data: map[string]string{"number3": "{{.Count}}"}}})
	if err != nil {
		t.Fatal(err)
	}
	return &deliver.Deliverer{Store: m, IM: p, Directory: p, WeChat: p, Rules: notify.DefaultRules(), Templates: ts, Log: slog.New(slog.DiscardHandler)}
}
