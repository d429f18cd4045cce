package simulator_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

func TestLearnPresence(t *testing.T) {
	s := newStage(t)
	s.IM.LearnPresence("tommy", true)
	s.status("tommy", simulator.Online)
	s.IM.Background("tommy")
	s.IM.LearnPresence("tommy", false) // he was about to be gone, and is
	s.status("tommy", simulator.Offline)
	s.clock.Advance(time.Hour)

	s.IM.SignIn("jared", simulator.IPhone)
	s.callbacks()
	s.IM.LearnPresence("jared", false)
	s.status("jared", simulator.PushOnline)

	s.IM.LearnPresence("nobody", false)
	s.status("nobody", simulator.Offline)
	s.none()
}

func TestLearnMessages(t *testing.T) {
	s := newStage(t)
	var told []simulator.EventKind
	defer s.OnEvent(func(e simulator.Event) { told = append(told, e.Kind) })()
	for i, key := range []string{"1_1_1", "2_2_2", "1_1_1"} {
		if news := s.IM.LearnMessage("jared", "tommy", key, "hi", start); news != (i < 2) {
			t.Errorf("message %s: news %v", key, news)
		}
	}
	unread := func(want int) {
		t.Helper()
		if n := s.IM.Unread("tommy"); n != want {
			t.Errorf("%d unread, want %d", n, want)
		}
	}
	unread(2)
	s.IM.LearnRecall("jared", "tommy", "2_2_2")
	s.IM.LearnRecall("jared", "tommy", "2_2_2")
	s.IM.LearnRecall("jared", "tommy", "3_3_3")
	unread(1)
	s.IM.LearnRead("tommy", "jared")
	s.IM.LearnRead("tommy", "jared")
	unread(0)
	s.none()
	want := []simulator.EventKind{simulator.EventMessage, simulator.EventMessage, simulator.EventRecalled, simulator.EventRead}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told: %s", diff)
	}
	// What was learnt can be taken back by the people of the World themselves.
	s.IM.LearnMessage("jared", "tommy", "4_4_4", "hi", start)
	if err := s.IM.Recall("jared", "tommy", "4_4_4"); err != nil {
		t.Error(err)
	}
	s.callback("C2C.CallbackAfterMsgWithDraw")
}

func TestLearnChoices(t *testing.T) {
	s := newStage(t)
	permits := func(want int) {
		t.Helper()
		if n := s.WeChat.Permits(user, templateID); n != want {
			t.Errorf("%d permits, want %d", n, want)
		}
	}
	s.WeChat.LearnAccept(user, templateID)
	s.WeChat.LearnAccept(user, templateID)
	permits(2)
	s.WeChat.LearnOff(user, templateID)
	permits(0)
	s.WeChat.LearnAccept(user, templateID) // a dialog was shown, so it is on again
	permits(1)
	if code := number(t, s.send(sendBody(t, user, templateID, legal)), "errcode"); code != 0 {
		t.Errorf("a send is answered %d", code)
	}
	s.WeChat.LearnAccept(user, templateID)
	s.WeChat.LearnCancelled(user)
	permits(0)
	s.none()
}
