package inbox

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"wxnotify/shared/notify"
)

// How long a process leaves a store alone that did not answer: a receiver so briefly that what
// comes in after the outage is recorded at once, deliver longer each time.
var (
	acceptPause    = notify.Retry{First: 2 * time.Second, Factor: 1, Max: 2 * time.Second}
	redeliverPause = notify.Retry{First: time.Second, Factor: 2, Max: 15 * time.Second}
)

// errStoreAway is why a receiver does not ask the store.
var errStoreAway = errors.New("the store was away a moment ago")

// An outage is what one process knows of an outage of the store. The zero value knows of
// none. It is safe for concurrent use.
type outage struct {
	mu     sync.Mutex
	looks  int           // in a row that failed
	last   time.Time     // when the last of them did
	length time.Duration // of the pause after it
}

// note takes down how a look at the store ended. What is unreadable shows that the store is there.
func (o *outage) note(now time.Time, err error, pause notify.Retry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil || errors.Is(err, notify.ErrUnreadable) {
		o.looks, o.length = 0, 0
		return
	}
	o.looks++
	o.last, o.length = now, pause.Delay(o.looks, rand.Float64())
}

// pause returns for how long the store is to be left alone. A clock that is set back does not
// prolong it beyond its length.
func (o *outage) pause(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return min(o.length-now.Sub(o.last), o.length)
}
