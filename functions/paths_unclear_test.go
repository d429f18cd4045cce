package functions_test

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/simulator"
)

// unclearPaths are those on which WeChat's report, or its silence, or an erasure decides
// about a card.
var unclearPaths = []path{
	{name: "deliver unknown, then reported", function: "deliver", unclear: true, prepare: unknownReported},
	{name: "deliver unknown, never reported", function: "deliver", unclear: true, prepare: unknownUnreported},
	{name: "deliver delivered, then corrected", function: "deliver", unclear: true, prepare: corrected},
	{name: "deliver to somebody who is erased meanwhile", function: "deliver", unclear: true, prepare: erasedMeanwhile},
}

// reports has WeChat tell of the cards that a user was shown.
func (s *system) reports(p *person, failed string) {
	for _, c := range s.cards(p.openID) {
		s.record(notify.Fact{Sent: &notify.Sent{OpenID: p.openID, MsgID: c.MsgID, Template: template,
			At: s.now().Truncate(time.Second), Failed: failed}})
	}
}

// unknownReported loses the answer to a send. WeChat reports of it, and deliver passes the
// end on.
func unknownReported(s *system) []happening {
	p := s.user("user2", 3)
	s.writes("user2", notify.StateDelivered, notify.StateUnknown)
	s.sim.Faults.Next(apiSend, 1, simulator.DropAfterSuccess())
	return []happening{aRun(), aRunAfter(func() { s.reports(p, "") })}
}

func unknownUnreported(s *system) []happening {
	s.user("user2", 3)
	s.writes("user2", notify.StateUnknown)
	s.sim.Faults.Next(apiSend, 1, simulator.HTTPStatus(http.StatusBadGateway))
	return []happening{aRun(), aRunAfter(func() { s.pass(3 * time.Minute) })}
}

// corrected is a card that WeChat took, and reports that it did not hand over.
func corrected(s *system) []happening {
	p := s.user("user2", 3)
	s.writes("user2", notify.StateRefused, notify.StateDelivered)
	return []happening{aRun(), aRunAfter(func() { s.reports(p, "1 failed") })}
}

// erasedMeanwhile is a user who wants to be forgotten while a card is on its way to them, and
// says so again when it was.
func erasedMeanwhile(s *system) []happening {
	p := s.user("user2", 3)
	s.writes("user2", notify.StateDelivered)
	p.erased = true
	erase := func() {
		if err := s.store.EraseUser(s.t.Context(), "user2"); err != nil && !errors.Is(err, store.ErrNotBound) {
			s.t.Error(err)
		}
	}
	var once sync.Once
	api := s.api
	s.api = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == apiSend {
			once.Do(erase)
		}
		api.ServeHTTP(rw, r)
	})
	return []happening{aRun(), aRunAfter(erase)}
}
