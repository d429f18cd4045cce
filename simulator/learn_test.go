package simulator_test

import (
	"testing"

	"wxnotify/simulator"
)

// What somebody else has told the app's server becomes true here, and nothing is sent of it.
func TestLearn(t *testing.T) {
	s := newFixture(t)
	s.IM.LearnPresence("tommy", true)
	s.status("tommy", simulator.Online)
	s.IM.Background("tommy")
	s.IM.LearnPresence("tommy", false) // they were about to be gone, and are
	s.status("tommy", simulator.Offline)
	s.IM.SignIn("jared", simulator.IPhone)
	s.callbacks()
	s.IM.LearnPresence("jared", false)
	s.status("jared", simulator.PushOnline)

	for i, key := range []string{"1_1_1", "2_2_2", "1_1_1"} {
		if news := s.IM.LearnMessage("jared", "tommy", key, "hi", start); news != (i < 2) {
			t.Errorf("message %s: news %v", key, news)
		}
	}
	is := func(unread, permits int) {
		t.Helper()
		if n, m := s.IM.Unread("tommy"), s.WeChat.Permits(user, templateID); n != unread || m != permits {
			t.Errorf("%d unread and %d permits, want %d and %d", n, m, unread, permits)
		}
	}
	s.WeChat.LearnAccept(user, templateID)
	s.WeChat.LearnAccept(user, templateID)
	is(2, 2)
	s.IM.LearnRecall("jared", "tommy", "2_2_2")
	s.IM.LearnRecall("jared", "tommy", "2_2_2")
	s.IM.LearnRecall("jared", "tommy", "3_3_3")
	s.WeChat.LearnOff(user, templateID)
	is(1, 0)
	s.IM.LearnRead("tommy", "jared")
	s.WeChat.LearnAccept(user, templateID) // a dialog was shown, so it is on again
	is(0, 1)
	s.WeChat.LearnCancelled(user)
	is(0, 0)
	s.none()
}
