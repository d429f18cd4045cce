package doctor

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// tolerance is how far clocks may be apart. A Date has whole seconds, and answers take their time.
const tolerance = 10 * time.Second

// clocks are by how much others are ahead of this machine's.
type clocks struct {
	mu         sync.Mutex
	wechat, im *time.Duration // nil: not known
	store      *time.Duration
}

// platform returns by how much the platforms are ahead; false if neither answered.
func (c *clocks) platform() (ahead time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range []*time.Duration{c.wechat, c.im} {
		if of != nil {
			return *of, true
		}
	}
	return 0, false
}

// learn notes that a clock said at between two times of this machine.
func (c *clocks) learn(of **time.Duration, before, at, after time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*of = new(at.Sub(before.Add(after.Sub(before) / 2)))
}

// A dated transport reads the Date of each answer.
// Source: https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1
type dated struct {
	http.RoundTripper
	now    func() time.Time
	clocks *clocks
	of     **time.Duration
}

func (t dated) RoundTrip(r *http.Request) (*http.Response, error) {
	before := t.now()
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		t.clocks.learn(t.of, before, at.Add(time.Second/2), t.now())
	}
	return res, nil
}

func (d *doctor) compareClocks(p *part) {
	ahead, known := d.clocks.platform()
	if !known {
		p.skip("clocks", "neither WeChat nor IM told the time")
		return
	}
	if ahead.Abs() > tolerance {
		p.warn("clock of this machine", apart(-ahead), "have NTP set it: what it signs, as deploy does, is refused when it is far off")
	}
	if s := d.clocks.store; s != nil && (*s-ahead).Abs() > tolerance {
		p.fault("clock of the store", apart(*s-ahead), "have NTP set that of the Redis server: all that waits, and all that expires, goes by it")
	}
}

// apart says by how much a clock is ahead of the platforms'.
func apart(ahead time.Duration) string {
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	return fmt.Sprintf("is %v %s that of the platforms", ahead.Abs().Round(5*time.Second), way)
}

// platformNow is the time by the platforms' clock, else by this machine's.
func (d *doctor) platformNow() time.Time {
	ahead, _ := d.clocks.platform()
	return d.Seams.Now().Add(ahead)
}
