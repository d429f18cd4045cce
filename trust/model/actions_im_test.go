package model_test

import (
	"slices"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

func (w *system) message() {
	m := w.newMessage(w.someone())
	switch w.n("what", 12) {
	case 9:
		m.Silent = true
	case 10:
		m.ByREST = true
	case 11:
		failed := m
		failed.FailedCode = 20007
		w.tell(fact.Fact{Message: &failed})
	}
	w.tell(fact.Fact{Message: &m})
}

func (w *system) newMessage(to fact.UserID) fact.Message {
	return fact.Message{ID: fact.MessageID(w.fresh("m")), Kind: fact.KindMessage, From: w.somebodyElse(to), To: to, SentAt: w.now().Truncate(time.Second), Seq: uint32(w.serial)}
}

// reply has somebody write back to whoever wrote to them.
func (w *system) reply() {
	to := w.someone()
	m := w.newMessage(to)
	w.tell(fact.Fact{Message: &m})
	back := w.newMessage(m.From)
	back.From = to
	w.tell(fact.Fact{Message: &back})
}

const team fact.GroupID = "team"

func (w *system) groupMessage() {
	g := fact.GroupMessage{Group: team, Type: fact.GroupPrivate, From: w.somebodyElse(""), SentAt: w.now().Truncate(time.Second),
		Seq: uint32(1 + len(w.model.groups)), AtAll: w.oneIn(3, "all")}
	if !g.AtAll {
		g.At = []fact.UserID{w.someone(), "stranger"}
	}
	w.serial++
	g.Seq = uint32(w.serial)
	w.tell(fact.Fact{GroupMessage: &g})
	if w.oneIn(6, "taken back") {
		w.tell(recallOf(fact.Fact{GroupMessage: &g}))
	}
}

func (w *system) announcement() {
	m := fact.Message{ID: fact.MessageID(w.fresh("a")), Kind: "order", To: w.someone(), SentAt: w.now().Truncate(time.Second), ByREST: true,
		Lasts: 30 * time.Minute, Announcement: &fact.Announcement{Fields: map[string]string{"sender": "shop"}, Anyway: w.oneIn(3, "anyway")}}
	for range 1 + w.n("again", 2) {
		_, _, err := w.storage.stores[0].Announce(w.ctx, w.rules, []fact.Message{m})
		w.must(err)
		w.model.record(fact.Fact{Message: &m}, w.now())
		w.look()
	}
}

// ringsFor is how long a call rings.
const ringsFor = 30 * time.Second

// call has somebody call a user. Either source tells of it, or both.
func (w *system) call() {
	w.sleep(max(0, 21*time.Second-w.now().Sub(w.called))) // calls are told apart by their time
	w.called = w.now()
	user, name := w.someone(), w.fresh("call")
	ring := fact.Ring{Caller: w.somebodyElse(user), Users: []fact.UserID{user}, At: w.now(), For: ringsFor}
	if w.oneIn(4, "in a group") {
		ring.Group = pick(w, "group", []fact.GroupID{team, "strangers"})
	}
	w.calls = append(w.calls, ring)
	sources := [][]fact.CallSource{{fact.CallSignal}, {fact.CallWebhook}, {fact.CallSignal, fact.CallWebhook}}
	for _, s := range pick(w, "sources", sources) {
		ring.Source, ring.Call = s, callName(name, s)
		w.calls[len(w.calls)-1] = ring
		r := ring
		if w.oneIn(5, "end first") {
			w.tell(w.endOf(r))
		}
		w.tell(fact.Fact{Ring: &r})
	}
}

// callName is a call's name among those of a source, and callOf the call of a name.
func callName(call string, s fact.CallSource) fact.MessageID {
	return fact.MessageID(call + "-" + string(s))
}

func callOf(name fact.MessageID) string {
	call, _, _ := strings.Cut(string(name), "-")
	return call
}

func twins(a, b fact.MessageID) bool { return callOf(a) == callOf(b) }

func (w *system) endOf(r fact.Ring) fact.Fact {
	how := []fact.CallEnd{fact.CallTimedOut, fact.CallAnswered, fact.CallRejected, fact.CallCancelled, fact.CallBusy, fact.CallHungUp}
	return fact.Fact{RingEnd: &fact.RingEnd{Call: r.Call, Source: r.Source, Caller: r.Caller, Users: r.Users, How: pick(w, "how", how), At: w.now()}}
}

func (w *system) callEnds() {
	if len(w.calls) == 0 {
		return
	}
	r := w.calls[len(w.calls)-1-w.n("call", min(2, len(w.calls)))]
	if w.oneIn(3, "other name") {
		r.Source = map[fact.CallSource]fact.CallSource{fact.CallSignal: fact.CallWebhook, fact.CallWebhook: fact.CallSignal}[r.Source]
		r.Call = callName(callOf(r.Call), r.Source)
	}
	w.tell(w.endOf(r))
}

func (w *system) presence() {
	user := w.someone()
	w.status[user] = pick(w, "status", []notify.Status{notify.StatusOffline, notify.StatusOnline, notify.StatusPushOnline})
	if w.oneIn(4, "unheard") {
		return
	}
	w.tell(fact.Fact{Presence: &fact.Presence{User: user, Online: w.status[user] == notify.StatusOnline, At: w.now()}})
}

// leavesUnheard: a user's network is gone, and IM does not tell.
func (w *system) leavesUnheard() {
	user := w.someone()
	w.status[user] = notify.StatusOffline
}

func (w *system) read() {
	reader := w.someone()
	upTo := w.now().Truncate(time.Second)
	if w.oneIn(3, "older") {
		upTo = upTo.Add(-time.Minute)
	}
	w.tell(fact.Fact{Read: &fact.Read{Reader: reader, Peer: w.somebodyElse(reader), UpTo: upTo}})
}

// recall takes back one of the last messages, or one that is still to come.
func (w *system) recall() {
	if w.oneIn(4, "first") {
		m := w.newMessage(w.someone())
		w.tell(recallOf(fact.Fact{Message: &m}), fact.Fact{Message: &m})
		return
	}
	for _, f := range slices.Backward(w.told) {
		if (f.Message != nil || f.GroupMessage != nil) && !w.oneIn(2, "another") {
			w.tell(recallOf(f.Fact))
			return
		}
	}
}

func recallOf(f fact.Fact) fact.Fact {
	if g := f.GroupMessage; g != nil {
		return fact.Fact{GroupRecall: &fact.GroupRecall{Group: g.Group, Seqs: []uint32{g.Seq}}}
	}
	return fact.Fact{Recall: &fact.Recall{ID: f.Message.ID, From: f.Message.From, To: f.Message.To}}
}

// imChanges: it answers no more, or again; somebody reads on a device that tells nothing.
func (w *system) imChanges() {
	if w.oneIn(3, "unread") {
		user := w.someone()
		w.readElsewhere[user] = !w.readElsewhere[user]
		return
	}
	w.imSilent = !w.imSilent
}
