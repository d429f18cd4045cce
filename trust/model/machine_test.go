package model_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// An action is one thing that can happen.
type action struct {
	name   string
	weight int
	do     func(*world)
}

// goesWrong is what happens in most histories, and goesWell what does where delays count.
var (
	goesWell = []action{
		{"message", 6, (*world).message}, {"reply", 2, (*world).reply}, {"group message", 2, (*world).groupMessage},
		{"announcement", 1, (*world).announcement}, {"call", 2, (*world).call}, {"end of a call", 2, (*world).callEnds},
		{"presence", 4, (*world).presence}, {"leaves unheard", 1, (*world).leavesUnheard},
		{"read", 2, (*world).read}, {"recall", 2, (*world).recall}, {"again", 2, (*world).again},
		{"tap", 4, (*world).tap}, {"revoke", 2, (*world).revoke}, {"session", 1, (*world).session},
		{"time", 8, (*world).time},
	}
	goesWrong = append(slices.Clone(goesWell), []action{
		{"late", 2, (*world).comesLate}, {"retake", 1, (*world).retake}, {"erase", 1, (*world).erase},
		{"preferences", 1, (*world).preferences}, {"replay", 2, (*world).replay}, {"report", 3, (*world).report},
		{"IM", 1, (*world).imChanges}, {"pass", 6, (*world).onePass}, {"start", 4, (*world).begin},
		{"steps", 8, (*world).steps}, {"lose", 4, (*world).lose}, {"kill", 2, (*world).crash},
	}...)
)

// deck returns names of actions, each as often as it weighs.
func deck(actions []action) (names []string, by map[string]func(*world)) {
	by = map[string]func(*world){}
	for _, a := range actions {
		by[a.name] = a.do
		for range a.weight {
			names = append(names, a.name)
		}
	}
	return names, by
}

func (w *world) n(what string, most int) int { return rapid.IntRange(0, most-1).Draw(w.T, what) }

// oneIn is true once in n times; shrunk, it is not.
func (w *world) oneIn(n int, what string) bool { return w.n(what, n) == n-1 }

func pick[V any](w *world, what string, of []V) V { return rapid.SampledFrom(of).Draw(w.T, what) }

func (w *world) someone() notify.UserID { return pick(w, "user", w.users) }

// somebodyElse may be a user or not.
func (w *world) somebodyElse(user notify.UserID) notify.UserID {
	others := []notify.UserID{"peer"}
	for _, u := range w.users {
		if u != user {
			others = append(others, u)
		}
	}
	return pick(w, "from", others)
}

func (w *world) fresh(prefix string) string {
	w.serial++
	return fmt.Sprint(prefix, w.serial)
}

// tell has a callback come: once, twice, or later.
func (w *world) tell(facts ...notify.Fact) {
	for _, f := range facts {
		how := w.n("comes", 10)
		if how == 9 && !w.prompt {
			w.late = append(w.late, f)
			continue
		}
		w.accept(f)
		if how == 8 {
			w.accept(f)
		}
	}
}

// accept is what a receiver does with facts.
func (w *world) accept(facts ...notify.Fact) {
	for _, f := range facts {
		w.told = append(w.told, toldFact{f, w.now()})
	}
	w.recording = w.receiverLuck()
	w.must(w.inbox.Accept(w.ctx, facts))
	w.look()
}

func (w *world) receiverLuck() verdict {
	if w.prompt {
		return passes
	}
	switch w.n("store", 20) {
	case 18:
		return isLost
	case 19:
		return losesReply
	}
	return passes
}

func (w *world) message() {
	m := w.newMessage(w.someone())
	switch w.n("what", 12) {
	case 9:
		m.Silent = true
	case 10:
		m.ByREST = true
	case 11:
		failed := m
		failed.FailedCode = 20007
		w.tell(notify.Fact{Message: &failed})
	}
	w.tell(notify.Fact{Message: &m})
}

func (w *world) newMessage(to notify.UserID) notify.Message {
	return notify.Message{ID: notify.MessageID(w.fresh("m")), Kind: notify.KindMessage, From: w.somebodyElse(to), To: to, SentAt: w.now().Truncate(time.Second), Seq: uint32(w.serial)}
}

// reply has somebody write back to who wrote to him.
func (w *world) reply() {
	to := w.someone()
	m := w.newMessage(to)
	w.tell(notify.Fact{Message: &m})
	back := w.newMessage(m.From)
	back.From = to
	w.tell(notify.Fact{Message: &back})
}

const team notify.GroupID = "team"

func (w *world) groupMessage() {
	g := notify.GroupMessage{Group: team, Type: notify.GroupPrivate, From: w.somebodyElse(""), SentAt: w.now().Truncate(time.Second),
		Seq: uint32(1 + len(w.model.groups)), AtAll: w.oneIn(3, "all")}
	if !g.AtAll {
		g.At = []notify.UserID{w.someone(), "stranger"}
	}
	w.serial++
	g.Seq = uint32(w.serial)
	w.tell(notify.Fact{GroupMessage: &g})
	if w.oneIn(6, "taken back") {
		w.tell(recallOf(notify.Fact{GroupMessage: &g}))
	}
}

func (w *world) announcement() {
	m := notify.Message{ID: notify.MessageID(w.fresh("a")), Kind: "order", To: w.someone(), SentAt: w.now().Truncate(time.Second), ByREST: true,
		Lasts: 30 * time.Minute, Announcement: &notify.Announcement{Fields: map[string]string{"sender": "shop"}, Anyway: w.oneIn(3, "anyway")}}
	for range 1 + w.n("again", 2) {
		_, _, err := w.lab.stores[0].Announce(w.ctx, w.rules, []notify.Message{m})
		w.must(err)
		w.model.record(notify.Fact{Message: &m}, w.now())
		w.look()
	}
}

// ringsFor is how long a call rings.
const ringsFor = 30 * time.Second

// call has somebody call a user. Either source tells of it, or both.
func (w *world) call() {
	w.sleep(max(0, 21*time.Second-w.now().Sub(w.called))) // calls are told apart by their time
	w.called = w.now()
	user, name := w.someone(), w.fresh("call")
	ring := notify.Ring{Caller: w.somebodyElse(user), Users: []notify.UserID{user}, At: w.now(), For: ringsFor}
	if w.oneIn(4, "in a group") {
		ring.Group = pick(w, "group", []notify.GroupID{team, "strangers"})
	}
	w.calls = append(w.calls, ring)
	sources := [][]notify.CallSource{{notify.CallSignal}, {notify.CallWebhook}, {notify.CallSignal, notify.CallWebhook}}
	for _, s := range pick(w, "sources", sources) {
		ring.Source, ring.Call = s, callName(name, s)
		w.calls[len(w.calls)-1] = ring
		r := ring
		if w.oneIn(5, "end first") {
			w.tell(w.endOf(r))
		}
		w.tell(notify.Fact{Ring: &r})
	}
}

// callName is a call's name among those of a source, and callOf the call of a name.
func callName(call string, s notify.CallSource) notify.MessageID {
	return notify.MessageID(call + "-" + string(s))
}

func callOf(name notify.MessageID) string {
	call, _, _ := strings.Cut(string(name), "-")
	return call
}

func twins(a, b notify.MessageID) bool { return callOf(a) == callOf(b) }

func (w *world) endOf(r notify.Ring) notify.Fact {
	how := []notify.CallEnd{notify.CallTimedOut, notify.CallAnswered, notify.CallRejected, notify.CallCancelled, notify.CallBusy, notify.CallHungUp}
	return notify.Fact{RingEnd: &notify.RingEnd{Call: r.Call, Source: r.Source, Caller: r.Caller, Users: r.Users, How: pick(w, "how", how), At: w.now()}}
}

func (w *world) callEnds() {
	if len(w.calls) == 0 {
		return
	}
	r := w.calls[len(w.calls)-1-w.n("call", min(2, len(w.calls)))]
	if w.oneIn(3, "other name") {
		r.Source = map[notify.CallSource]notify.CallSource{notify.CallSignal: notify.CallWebhook, notify.CallWebhook: notify.CallSignal}[r.Source]
		r.Call = callName(callOf(r.Call), r.Source)
	}
	w.tell(w.endOf(r))
}

// again repeats a callback of the last hours, in which it is known to have been told.
func (w *world) again() {
	if len(w.told) == 0 {
		return
	}
	f := w.told[len(w.told)-1-w.n("which", min(8, len(w.told)))]
	if w.now().Sub(f.first) > 22*time.Hour {
		return
	}
	w.recording = w.receiverLuck()
	w.must(w.inbox.Accept(w.ctx, []notify.Fact{f.Fact}))
	w.look()
}

// meanwhile is what can happen between two requests of a run that comes in time.
func (w *world) meanwhile() {
	pick(w, "meanwhile", []func(*world){(*world).message, (*world).presence, (*world).leavesUnheard, (*world).read, (*world).reply, (*world).recall})(w)
}

// comesLate has a callback come that was held up.
func (w *world) comesLate() {
	if len(w.late) == 0 {
		return
	}
	i := w.n("which", len(w.late))
	f := w.late[i]
	w.late = slices.Delete(w.late, i, i+1)
	w.accept(f)
}

// retake has deliver take in what was spilled.
func (w *world) retake() {
	if len(w.spilled) == 0 {
		return
	}
	s := w.spilled[0]
	w.spilled = w.spilled[1:]
	w.recording = w.receiverLuck()
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	if err := w.inbox.Retake(ctx, s.facts, s.since, 5*time.Second); err != nil { // the platform repeats the event
		w.spilled = append(w.spilled, s)
	}
	w.look()
}

func (w *world) presence() {
	user := w.someone()
	w.status[user] = pick(w, "status", []notify.Status{notify.StatusOffline, notify.StatusOnline, notify.StatusPushOnline})
	if w.prompt && w.status[user] == notify.StatusPushOnline {
		w.status[user] = notify.StatusOffline
	}
	if !w.prompt && w.oneIn(4, "unheard") {
		return
	}
	w.tell(notify.Fact{Presence: &notify.Presence{User: user, Online: w.status[user] == notify.StatusOnline, At: w.now()}})
}

// leavesUnheard: his network is gone, and IM does not tell.
func (w *world) leavesUnheard() {
	user := w.someone()
	w.status[user] = notify.StatusOffline
}

func (w *world) read() {
	reader := w.someone()
	upTo := w.now().Truncate(time.Second)
	if w.oneIn(3, "older") {
		upTo = upTo.Add(-time.Minute)
	}
	w.tell(notify.Fact{Read: &notify.Read{Reader: reader, Peer: w.somebodyElse(reader), UpTo: upTo}})
}

// recall takes back one of the last messages, or one that is still to come.
func (w *world) recall() {
	if w.oneIn(4, "first") {
		m := w.newMessage(w.someone())
		w.tell(recallOf(notify.Fact{Message: &m}), notify.Fact{Message: &m})
		return
	}
	for _, f := range slices.Backward(w.told) {
		if (f.Message != nil || f.GroupMessage != nil) && !w.oneIn(2, "another") {
			w.tell(recallOf(f.Fact))
			return
		}
	}
}

func recallOf(f notify.Fact) notify.Fact {
	if g := f.GroupMessage; g != nil {
		return notify.Fact{GroupRecall: &notify.GroupRecall{Group: g.Group, Seqs: []uint32{g.Seq}}}
	}
	return notify.Fact{Recall: &notify.Recall{ID: f.Message.ID, From: f.Message.From, To: f.Message.To}}
}

// tap grants a permit of each template. WeChat tells of it, the mini program, or both.
func (w *world) tap() {
	o := pick(w, "openid", w.openIDs)
	if w.taps[o] == mostTaps {
		return
	}
	w.taps[o]++
	w.sleep(max(0, 5*time.Minute-w.now().Sub(w.tapped[o]))) // taps are told apart by their time
	w.tapped[o] = w.now()
	id := w.fresh("tap")
	if w.oneIn(4, "always keep") {
		w.tapTwice(o, id)
		return
	}
	for _, s := range pick(w, "sources", [][]notify.GrantSource{{notify.GrantPopup}, {notify.GrantReport}, {notify.GrantPopup, notify.GrantReport}}) {
		w.tell(notify.Fact{Grant: &notify.Grant{ID: id, OpenID: o, Source: s, At: w.tapped[o], Templates: w.templates.IDs()}})
	}
}

// tapTwice is a tap of which both tell, and soon one of which WeChat does not, because he keeps
// his choice always. Told in order they are two permits, and not one with two reports.
func (w *world) tapTwice(o notify.OpenID, id string) {
	g := notify.Grant{ID: id, OpenID: o, At: w.now(), Templates: w.templates.IDs()}
	for _, s := range []notify.GrantSource{notify.GrantPopup, notify.GrantReport, notify.GrantReport} {
		if g.Source == s {
			w.sleep(30 * time.Second)
			w.tapped[o] = w.now()
			g.ID, g.At = w.fresh("tap"), w.now()
		}
		g.Source = s
		tap := g
		w.recording = passes
		w.must(w.inbox.Accept(w.ctx, []notify.Fact{{Grant: &tap}}))
		w.told = append(w.told, toldFact{notify.Fact{Grant: &tap}, w.now()})
		w.look()
	}
}

// mostTaps keeps an account within the 20 entries that explain it.
const mostTaps = 8

func (w *world) revoke() {
	o := pick(w, "openid", w.openIDs)
	r := notify.Revoke{ID: w.fresh("revoke"), OpenID: o, At: w.now(), Templates: []notify.TemplateID{pick(w, "template", w.templates.IDs())}}
	if w.oneIn(2, "heard late") { // he has tapped again since
		r.At = w.tapped[o].Add(-2 * time.Minute)
	}
	w.tell(notify.Fact{Revoke: &r})
}

// session binds a user to an openid. A login that stops half way is made again.
func (w *world) session() {
	w.bind(w.someone(), pick(w, "openid", w.openIDs))
}

func (w *world) bind(user notify.UserID, o notify.OpenID) {
	w.halfway(func() error { return w.lab.stores[0].Bind(w.ctx, user, o) })
	w.must(w.lab.stores[0].Bind(w.ctx, user, o))
	w.model.bind(user, o)
	w.look()
}

// halfway does something of several steps, and cuts it off after some of them; or not at all.
func (w *world) halfway(do func() error) {
	if w.prompt || !w.oneIn(4, "stops half way") {
		return
	}
	w.lab.cutAfter(w.n("after", 5))
	do()
	w.lab.cutAfter(-1)
}

func (w *world) erase() {
	if !w.oneIn(2, "really") {
		return
	}
	user, o := w.someone(), pick(w, "openid", w.openIDs)
	who := pick(w, "by", []string{"user", "openid", "WeChat"})
	if who == "user" {
		o = w.model.person(user).openID
	} else {
		user = w.model.subscriber(o).user
	}
	if w.sharedWith(o, user) {
		return
	}
	w.anyErased = true
	s := w.lab.stores[0]
	switch who {
	case "user":
		w.halfway(func() error { return s.EraseUser(w.ctx, user) })
		w.must(ignore(s.EraseUser(w.ctx, user), store.ErrNotBound))
		w.model.eraseUser(user, w.now())
		w.look()
	case "openid":
		w.halfway(func() error { return s.EraseOpenID(w.ctx, o) })
		w.must(s.EraseOpenID(w.ctx, o))
		w.model.eraseOpenID(o, w.now())
		w.look()
	default:
		w.tell(notify.Fact{Erase: &notify.Erase{OpenID: o}})
	}
}

// sharedWith reports whether an openid has cards of somebody else, whose openid it was: they go
// with it, and with them what is known of their ends. Or a card whose end was told in a step of
// which the next, that notes it, has not been done: it would be counted twice.
func (w *world) sharedWith(o notify.OpenID, user notify.UserID) bool {
	for id, c := range w.last.cards[o] {
		if c.User != user || w.last.told[id] {
			return true
		}
	}
	return false
}

func (w *world) preferences() {
	user := w.someone()
	p := notify.Preferences{Muted: w.oneIn(4, "muted"), MutedPeers: []string{string(pick(w, "peer", []notify.UserID{"peer", w.users[0]}))}}
	if w.oneIn(6, "quiet") {
		p.QuietHours = "22:30-07:00"
	}
	err := w.lab.stores[0].SetPreferences(w.ctx, user, p)
	w.must(ignore(err, store.ErrNotBound))
	w.model.prefer(user, p)
	w.look()
}

// replay has an operator announce again what was given up.
func (w *world) replay() {
	letters, err := w.lab.stores[0].DeadLetters(w.ctx, 10)
	w.must(err)
	if len(letters) == 0 {
		return
	}
	slices.SortFunc(letters, func(a, b notify.DeadLetter) int { return strings.Compare(a.ID, b.ID) })
	l := letters[w.n("letter", len(letters))]
	for range 1 + w.n("again", 2) {
		_, err = w.lab.stores[0].Replay(w.ctx, l.User, l.ID)
		w.must(ignore(err, store.ErrNotBound))
		w.look()
	}
}

// report has WeChat tell of a card, or of one that is none of ours.
func (w *world) report() {
	if w.oneIn(8, "another's") {
		w.serial++
		w.foreign = true
		w.accept(notify.Fact{Sent: &notify.Sent{OpenID: pick(w, "openid", w.openIDs), MsgID: int64(w.serial), Template: w.templates.IDs()[0], At: w.now().Truncate(time.Second)}})
		return
	}
	if n := len(w.reports); n > 0 {
		r := w.reports[n-1-w.n("which", min(n, 3))]
		w.accept(notify.Fact{Sent: &r.Sent})
	}
}

// imChanges: it answers no more, or again; somebody reads on a device that tells nothing.
func (w *world) imChanges() {
	if w.oneIn(3, "unread") {
		user := w.someone()
		w.readElsewhere[user] = !w.readElsewhere[user]
		return
	}
	w.imSilent = !w.imSilent
}

// time passes. Where delays count, runs come in time.
func (w *world) time() {
	d := pick(w, "for", []time.Duration{500 * time.Millisecond, 3 * time.Second, 5 * time.Second, 13 * time.Second, 30 * time.Second,
		61 * time.Second, 3 * time.Minute, 20 * time.Minute, 2 * time.Hour, 7 * time.Hour}) + time.Duration(w.n("ms", 1000))*time.Millisecond
	if w.prompt {
		w.runUntil(w.now().Add(d))
		return
	}
	w.sleep(d)
}

// sleep lets time pass; the store's TTLs too, if it has a hand on them.
func (w *world) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	if w.prompt {
		w.runUntil(w.now().Add(d))
		return
	}
	w.elapse(d)
}

func (w *world) elapse(d time.Duration) {
	time.Sleep(d)
	if w.lab.mini != nil {
		w.lab.mini.FastForward(d)
	}
}

// idle returns a run that is not at work, or nil.
func (w *world) idle() *run {
	for _, r := range w.runs {
		if !r.busy {
			return r
		}
	}
	return nil
}

func (w *world) onePass() {
	if r := w.idle(); r != nil {
		w.pass(r)
	}
}

func (w *world) begin() {
	if r := w.idle(); r != nil {
		w.start(r)
		synctest.Wait()
	}
	w.steps()
}

// steps lets some of what is on its way through, in any order.
func (w *world) steps() {
	for range 1 + w.n("steps", 6) {
		q := w.requests()
		if len(q) == 0 {
			return
		}
		w.let(q[w.n("request", len(q))], passes)
	}
}

// lose has a request lost, or its answer, or made twice.
func (w *world) lose() {
	q := w.requests()
	if len(q) == 0 {
		return
	}
	one := q[w.n("request", len(q))]
	can := []verdict{isLost, losesReply, comesTwice}
	if one.name == "Send" || one.name == "Answer" {
		can = can[:2] // never repeated
	}
	w.let(one, pick(w, "verdict", can))
}

// crash ends a run. What it had asked for arrives, or does not, or does so later.
func (w *world) crash() {
	var busy []*run
	for _, r := range w.runs {
		if r.busy {
			busy = append(busy, r)
		}
	}
	if len(busy) == 0 {
		return
	}
	r := busy[w.n("run", len(busy))]
	w.end(r)
	for _, q := range w.requests() {
		if q.of == r {
			switch w.n("arrives", 3) {
			case 0:
				w.let(q, isLost)
			case 1:
				w.let(q, losesReply)
			}
		}
	}
}

// drawCut is after how many round trips a request is cut off that takes several; negative:
// never.
func (w *world) drawCut(q *request) int {
	if q.name != "Reconcile" || w.prompt || w.healed || !w.oneIn(3, "stops half way") {
		return -1
	}
	return w.n("after", 4)
}

// drawLuck is what WeChat makes of the next card.
func (w *world) drawLuck() luck {
	if w.prompt || w.healed {
		return luck{shown: true}
	}
	l := luck{shown: true, noID: w.oneIn(4, "no id"), blocked: w.oneIn(5, "blocked")}
	switch n := w.n("luck", 30); {
	case n < 16:
	case n < 18:
		l.class, l.refused = notify.ClassUnknown, true
	case n < 20:
		l.class, l.refused, l.shown = notify.ClassUnknown, true, false
	default:
		l.class, l.refused, l.shown = classes[n-20], true, false
	}
	return l
}

// classes are what WeChat answers without showing the card.
var classes = []notify.Class{notify.ClassRetry, notify.ClassRefused, notify.ClassDefect, notify.ClassMinute, notify.ClassWording,
	notify.ClassUnreached, notify.ClassUnlisted, notify.ClassGone, notify.ClassTemplate, notify.ClassQuota}
