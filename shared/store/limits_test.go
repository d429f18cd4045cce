package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// A cost is what one input makes the store do.
type cost struct {
	commands int // of Redis, those of scripts included
	script   int // commands in the one script that has most of them
	given    int // bytes given to the script that is given most
	wire     int // bytes over the wire, both ways
	kept     int // bytes of memory more than before
}

// A limit is a row of the table in docs/limits.md: what an input costs at most, whatever came before.
type limit struct {
	name string
	most cost
	// prepare, if it is there, makes room for the input; what it does is not counted.
	prepare func(*limited)
	do      func(*limited)
}

const kB = 1000

var limits = []limit{
	{"message to a user who is away", cost{20, 10, 230 * kB, 500 * kB, 2 * kB}, (*limited).room, (*limited).says},
	{"the same, and no room", cost{20, 10, 1 * kB, 300 * kB, 1 * kB}, (*limited).crowd, (*limited).says},
	{"presence: they come", cost{13, 5, 260 * kB, 520 * kB, 1 * kB}, nil, (*limited).comes},
	{"message to a user who is there", cost{20, 10, 230 * kB, 500 * kB, 2 * kB}, (*limited).room, (*limited).says},
	{"presence: they go", cost{11, 4, 260 * kB, 520 * kB, 1 * kB}, nil, (*limited).goes},
	{"read report", cost{18, 12, 260 * kB, 520 * kB, 1 * kB}, nil, (*limited).reads},
	{"own reply", cost{40, 20, 260 * kB, 700 * kB, 1 * kB}, nil, (*limited).replies},
	{"recall", cost{20, 8, 1 * kB, 450 * kB, 1 * kB}, nil, (*limited).recalls},
	{"ring", cost{34, 20, 40 * kB, 500 * kB, 2 * kB}, nil, (*limited).rings},
	{"end of a ring", cost{21, 8, 40 * kB, 500 * kB, 1 * kB}, nil, (*limited).ringEnds},
	{"group message", cost{22, 9, 3 * kB, 6 * kB, 4 * kB}, nil, (*limited).groupMessages},
	{"recall of 100 group messages", cost{800, 700, 40 * kB, 80 * kB, 60 * kB}, nil, (*limited).groupRecalls},
	{"grant (popup, or report of the mini program)", cost{17, 9, 3 * kB, 500 * kB, 1 * kB}, nil, (*limited).grants},
	{"revoke", cost{16, 8, 3 * kB, 500 * kB, 1 * kB}, nil, (*limited).revokes},
	{"WeChat's report of a card", cost{12, 5, 3 * kB, 500 * kB, 1 * kB}, nil, (*limited).reports},
	{"login", cost{16, 4, 260 * kB, 800 * kB, 2 * kB}, nil, (*limited).login},
	{"limit of an address or a user", cost{6, 4, 1 * kB, 1 * kB, 1 * kB}, (*limited).allows, (*limited).allows},
	{"run: look, nothing is due", cost{23, 8, 1 * kB, 2 * kB, 1 * kB}, (*limited).claims, (*limited).claims},
	{"run: look, one is due", cost{350, 60, 260 * kB, 1000 * kB, 2 * kB}, (*limited).due, (*limited).claims},
	{"begin", cost{6, 4, 230 * kB, 240 * kB, 30 * kB}, nil, (*limited).begins},
	{"reserve", cost{100, 90, 30 * kB, 500 * kB, 8 * kB}, (*limited).grants, (*limited).reserves},
	{"settle", cost{10, 7, 10 * kB, 12 * kB, 2 * kB}, nil, (*limited).settles},
	{"finish", cost{15, 11, 230 * kB, 240 * kB, 20 * kB}, nil, (*limited).finishes},
	{"wake, rest", cost{5, 2, 1 * kB, 1 * kB, 1 * kB}, nil, (*limited).rests},
	{"spill of 400 messages", cost{700, 180, 260 * kB, 800 * kB, 120 * kB}, nil, (*limited).spill},
	{"ring at 100 users", cost{1950, 25, 2 * kB, 300 * kB, 200 * kB}, (*limited).bindPeers, (*limited).ringsAtAll},
	{"announcement to 500 users", cost{7200, 22, 6 * kB, 3000 * kB, 3000 * kB}, nil, (*limited).announces},
}

// grows is by how much the cost may grow from a history of 1,000 to one of 100,000.
const grows = 1.25

// What an input costs is what docs/limits.md says, whatever came before.
func TestLimits(t *testing.T) {
	t.Parallel()
	histories := []int{10, 1000, 100_000}
	got := make([][]cost, len(histories))
	t.Run("histories", func(t *testing.T) {
		for i, n := range histories {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				w := newLimited(t)
				w.live(n)
				for _, l := range limits {
					got[i] = append(got[i], w.measure(l))
				}
			})
		}
	})
	for i, l := range limits {
		for j, n := range histories {
			if c := got[j][i]; !c.within(l.most, 1) {
				t.Errorf("%s, after %d: %+v, want at most %+v", l.name, n, c, l.most)
			}
		}
		most := got[1][i].plus(cost{5, 5, kB, kB, 0})
		most.kept = l.most.kept // Redis takes memory in steps: a table doubles when it is full
		if c := got[2][i]; !c.within(most, grows) {
			t.Errorf("%s grows with its history: %+v after 1,000, %+v after 100,000", l.name, got[1][i], c)
		}
	}
	table := "| input | commands | in one script | bytes given to one script | bytes over the wire | memory kept |\n|---|---|---|---|---|---|\n"
	for _, l := range limits {
		table += fmt.Sprintf("| %s | %d | %d | %d KB | %d KB | %d KB |\n", l.name, l.most.commands, l.most.script, l.most.given/kB, l.most.wire/kB, l.most.kept/kB)
	}
	if !strings.Contains(string(must(os.ReadFile("../../docs/limits.md"))(t)), table) {
		t.Errorf("docs/limits.md does not have this table:\n%s", table)
	}
}

func (c cost) within(most cost, factor float64) bool {
	below := func(a, b int) bool { return float64(a) <= factor*float64(b) }
	return below(c.commands, most.commands) && below(c.script, most.script) && below(c.given, most.given) && below(c.wire, most.wire) && below(c.kept, most.kept)
}

func (c cost) plus(o cost) cost {
	return cost{c.commands + o.commands, c.script + o.script, c.given + o.given, c.wire + o.wire, c.kept + o.kept}
}

// A limited is a store that a user, alice, has a history in.
type limited struct {
	*bench
	addr  string
	wire  wire
	queue notify.Recipient
	card  card.ID
}

// The ids are as long as their platforms allow.
var (
	limitedUser   = fact.UserID(wide("alice", 32))
	limitedOpenID = fact.OpenID(wide("o", 28))
	limitedTeam   = fact.GroupID(wide("@TGS#", 48))
	limitedTmpl   = fact.TemplateID(wide("T", 43))
)

func wide(s string, n int) string { return s + strings.Repeat("x", n-len(s)) }

func peer(i int) fact.UserID { return fact.UserID(wide(fmt.Sprint("peer", i, "-"), 32)) }

func newLimited(t *testing.T) *limited {
	w := &limited{addr: redistest.Start(t)}
	clock := NewClock()
	s := opened(t, store.Config{URL: secret.New("redis://" + w.addr), Now: clock.Now, ServerTime: clock.Now, Dial: w.wire.dial})
	w.bench = newBench(t, Harness{Store: s, Raw: client(t, w.addr), Now: clock.Now, Advance: clock.Advance})
	w.rules.MissedCalls, w.rules.UserSendsPerHour = true, 1000
	return w
}

// measure returns what an input costs.
func (w *limited) measure(l limit) cost {
	w.Helper()
	if l.prepare != nil {
		l.prepare(w)
	}
	memory := w.memory()
	m := startMonitor(w.T, w.addr)
	w.wire.bytes.Store(0)
	l.do(w)
	c := cost{wire: int(w.wire.bytes.Load())}
	in := 0
	for _, cmd := range m.commands(w.T) {
		c.commands++
		if in++; !cmd.byScript {
			in = 0
			c.given = max(c.given, len(strings.Join(cmd.args, "")))
		}
		c.script = max(c.script, in)
	}
	c.kept = max(w.memory()-memory, 0)
	return c
}

// memory is what the keys take, but for the queues and the index, in which an input has a member of some 100
// bytes: they grow in steps of their own.
func (w *limited) memory() (sum int) {
	w.Helper()
	pipe := w.Raw.Pipeline()
	var sizes []*redis.IntCmd
	for _, k := range w.keys() {
		if _, name, _ := strings.Cut(k, "}:"); len(name) > 2 && !strings.HasPrefix(name, "i:") {
			sizes = append(sizes, pipe.MemoryUsage(w.Context(), k, 0))
		}
	}
	pipe.Exec(w.Context()) // a key may have ended meanwhile
	for _, s := range sizes {
		sum += int(s.Val())
	}
	return sum
}

// next returns a fresh number.
func (w *limited) next() int { w.serial++; return w.serial }

func (w *limited) messageOf(from, to fact.UserID) fact.Message {
	n := w.next()
	return fact.Message{ID: fact.MessageID(wide(fmt.Sprint(n, "_"), 40)), From: from, To: to, SentAt: w.Now(), Seq: uint32(n), Summary: strings.Repeat("好", 40)}
}

func (w *limited) ringOf(users ...fact.UserID) fact.Ring {
	n := w.next()
	return fact.Ring{Call: fact.MessageID(wide(fmt.Sprint("call", n, "_"), 40)), Source: fact.CallSignal, Caller: peer(n),
		Users: users, At: w.Now(), For: time.Minute}
}
