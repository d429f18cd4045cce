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

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
)

// A hub is a store in memory for tests whose time is synctest's. It keeps queues, leases and
// the pace, as the contract of deliver.Store has them; every permit is there. What the
// embedded nil would have to do does not occur in these tests.
type hub struct {
	deliver.Store
	mu    sync.Mutex
	seats map[notify.Lane]map[notify.UserID]*seat
	queue map[notify.Lane]*seats
	serve int       // numbers leases
	paced time.Time // until then the rate is used up
	trip  time.Duration
	// spreads wait to be spread; known are the names that are kept.
	spreads []notify.Spread
	known   map[string]string

	ended   map[notify.Identity][]notify.State
	settled map[notify.CardID]time.Time
}

// A seat is what waits for a recipient.
type seat struct {
	rec   notify.Recipient
	at    time.Time // when he is due, or his lease ends
	index int       // in the queue
}

// seats is a heap: the first is due first.
type seats []*seat

func (q seats) Len() int           { return len(q) }
func (q seats) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q seats) Swap(i, j int)      { q[i], q[j] = q[j], q[i]; q[i].index, q[j].index = i, j }
func (q *seats) Push(x any)        { s := x.(*seat); s.index = len(*q); *q = append(*q, s) }
func (q *seats) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func newHub() *hub {
	return &hub{known: map[string]string{"anna": "Anna"}, trip: 2 * time.Millisecond, ended: map[notify.Identity][]notify.State{}, settled: map[notify.CardID]time.Time{},
		seats: map[notify.Lane]map[notify.UserID]*seat{notify.LaneCalls: {}, notify.LaneMessages: {}},
		queue: map[notify.Lane]*seats{notify.LaneCalls: {}, notify.LaneMessages: {}}}
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
func (h *hub) wait(lane notify.Lane, user notify.UserID, n notify.Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	n.From, n.SentAt = cmp.Or(n.From, "anna"), now.Truncate(time.Second)
	n.WindowEnd = now
	if n.Expires.IsZero() {
		n.Expires = now.Add(24 * time.Hour)
	}
	s := h.seats[lane][user]
	if s == nil {
		s = &seat{rec: notify.Recipient{User: user, Lane: lane, OpenID: openID(user)}, at: now}
		h.seats[lane][user] = s
		heap.Push(h.queue[lane], s)
	}
	s.rec.Notices = append(s.rec.Notices, n)
}

func (h *hub) left(lane notify.Lane) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.seats[lane])
}

func (h *hub) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	return h.claim(ctx, limit, notify.LaneCalls, notify.LaneMessages)
}

func (h *hub) ClaimCalls(ctx context.Context, limit int) (notify.Batch, error) {
	return h.claim(ctx, limit, notify.LaneCalls)
}

func (h *hub) claim(ctx context.Context, limit int, lanes ...notify.Lane) (notify.Batch, error) {
	if err := pause(ctx, h.trip); err != nil {
		return notify.Batch{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	b := notify.Batch{Now: time.Now(), Spreads: len(h.spreads) > 0}
	for _, lane := range lanes {
		q := h.queue[lane]
		for taken := 0; taken < limit && len(*q) > 0 && !(*q)[0].at.After(b.Now); taken++ {
			s := (*q)[0]
			h.serve++
			s.rec.Lease = fmt.Sprint("L", h.serve)
			s.at = b.Now.Add(notify.Lease)
			heap.Fix(q, 0)
			rec := s.rec
			rec.Notices = slices.Clone(rec.Notices)
			b.Recipients = append(b.Recipients, rec)
		}
	}
	return b, nil
}

// mine returns the seat that a lease is for, if it still holds.
func (h *hub) mine(lane notify.Lane, user notify.UserID, lease string) *seat {
	if s := h.seats[lane][user]; s != nil && s.rec.Lease == lease {
		return s
	}
	return nil
}

func (h *hub) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.Identity, error) {
	if err := pause(ctx, h.trip); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([][]notify.Identity, len(cards))
	for i, c := range cards {
		if h.mine(c.Lane, c.User, c.Lease) != nil {
			out[i] = c.Messages
		}
	}
	return out, nil
}

func (h *hub) Reserve(ctx context.Context, _ notify.Reserve) (notify.Reserved, error) {
	return notify.Reserved{Status: notify.ReserveOK, Left: 9}, pause(ctx, h.trip)
}

func (h *hub) Settle(ctx context.Context, s notify.Settle) (notify.CardState, error) {
	if err := pause(ctx, h.trip); err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled[s.Card] = time.Now()
	return s.State, nil
}

func (h *hub) Finish(ctx context.Context, _ notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	if err := pause(ctx, h.trip); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([][]notify.Ended, len(fs))
	for i, f := range fs {
		s := h.mine(f.Lane, f.User, f.Lease)
		if s == nil {
			continue
		}
		for _, end := range f.Final {
			for _, id := range end.Messages {
				h.ended[id] = append(h.ended[id], end.State)
			}
			s.rec.Notices = slices.DeleteFunc(s.rec.Notices, func(n notify.Notice) bool { return slices.Contains(end.Messages, n.ID) })
			out[i] = append(out[i], notify.Ended{State: end.State, Reason: end.Reason, Messages: len(end.Messages)})
		}
		s.rec.Lease = ""
		if len(s.rec.Notices) > 0 {
			s.at = f.Again
			heap.Fix(h.queue[f.Lane], s.index)
			continue
		}
		heap.Remove(h.queue[f.Lane], s.index)
		delete(h.seats[f.Lane], f.User)
	}
	return out, nil
}

func (h *hub) PaceWithin(ctx context.Context, _ string, perSecond, n int, atMost time.Duration) (time.Duration, bool, error) {
	if err := pause(ctx, h.trip); err != nil {
		return 0, false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	used := h.paced
	if used.Before(now) {
		used = now
	}
	used = used.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
	wait := max(0, used.Sub(now)-time.Second)
	if wait > min(atMost, time.Minute) {
		return wait, false, nil
	}
	h.paced = used
	return wait, true, nil
}

func (h *hub) Rest(_ context.Context, until time.Time) (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var first time.Time
	for _, q := range h.queue {
		if len(*q) > 0 && (*q)[0].at.Before(until) && (first.IsZero() || (*q)[0].at.Before(first)) {
			first = (*q)[0].at
		}
	}
	return first, nil
}

func (h *hub) CachedNames(_ context.Context, ids []string) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range ids {
		if name, ok := h.known[id]; ok {
			out[id] = name
		}
	}
	return out, nil
}

func (h *hub) KeepNames(context.Context, map[string]string, time.Duration) error { return nil }

func (h *hub) Spreads(context.Context, int) ([]notify.Spread, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.spreads
	h.spreads = nil
	return out, nil
}

func (h *hub) Advance(context.Context, notify.Spread, string, bool) error { return nil }

func (h *hub) Recalled(context.Context, []notify.GroupMessageRef) (map[notify.MessageID]bool, error) {
	return nil, nil
}

// A platform is IM and WeChat for a hub: everybody is away, and a send takes a while.
type platform struct {
	deliver.Directory
	takes func(notify.Card) time.Duration

	mu   sync.Mutex
	asks int
	sent map[notify.OpenID][]time.Time // when each send began
	ends []time.Time                   // when each was answered
}

func newPlatform(takes time.Duration) *platform {
	return &platform{takes: func(notify.Card) time.Duration { return takes }, sent: map[notify.OpenID][]time.Time{}}
}

func (p *platform) Presence(ctx context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	if err := pause(ctx, 50*time.Millisecond); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asks++
	out := map[notify.UserID]notify.Status{}
	for _, u := range users {
		out[u] = notify.StatusOffline
	}
	return out, nil
}

func (p *platform) Unread(context.Context, notify.UserID, []notify.UserID) (int, map[notify.UserID]int, error) {
	return 0, nil, errors.New("im: away")
}

func (p *platform) Send(ctx context.Context, c notify.Card) (int64, error) {
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

// over returns a deliverer of cards that wait in h.
func over(t *testing.T, h *hub, p *platform) *deliver.Deliverer {
	t.Helper()
	ts, err := notify.NewTemplates(map[notify.Kind]notify.TemplateSpec{notify.KindMessage: {ID: tmplID, Data: map[string]string{"number3": "{{.Count}}"}}})
	if err != nil {
		t.Fatal(err)
	}
	return &deliver.Deliverer{Store: h, IM: p, Directory: p, WeChat: p, Rules: notify.DefaultRules(), Templates: ts, Log: slog.New(slog.DiscardHandler)}
}
