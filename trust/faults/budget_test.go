package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/simulator"
	"wxnotify/trust"
)

// An outage is a way in which a thing outside does not answer.
type outage struct {
	name   string
	strike func(*bubble)
}

var storeOutages = []outage{
	{"the store answers nobody who dials", func(b *bubble) { b.line.gone(false, true) }},
	{"the store takes requests and does not answer", func(b *bubble) { b.line.silence(true) }},
	{"the store takes connections and does not answer", func(b *bubble) { b.line.sever(); b.line.silence(true) }},
	{"the store answers after 650 ms", func(b *bubble) { b.line.slow(650 * time.Millisecond) }},
	{"the store answers after 2.9 s", func(b *bubble) { b.line.slow(2900 * time.Millisecond) }},
	{"the store is well", func(*bubble) {}},
}

var platformOutages = []outage{
	{"the platform does not answer", func(b *bubble) { b.platform.set(false, true) }},
	{"the platform refuses", func(b *bubble) { b.platform.set(true, false) }},
	{"the platform is well", func(*bubble) {}},
}

// Whatever hangs, IM has its answer within 2 s and WeChat within 5 s, to every kind of callback,
// and clients have one before the platform ends the function.
func TestAnswerBudget(t *testing.T) {
	for _, st := range storeOutages {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			for _, pf := range platformOutages {
				t.Run(pf.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { answerInTime(t, st, pf) }) })
			}
		})
	}
}

func answerInTime(t *testing.T, st, pf outage) {
	w := newBubble(t)
	w.populate(2)
	w.front.answers()
	st.strike(w)
	pf.strike(w)
	w.sim.Faults.Always("/*", simulator.Lose()) // WeChat and IM take requests and never answer
	w.everyCallback()
	w.everyRequest()
	w.pass(time.Minute)
	must(t, w.sim.Drain(t.Context()))
	all := w.within(budgets)
	trust.Count(t, trust.Faults, 1)
	t.Logf("%d answers, the slowest after %v", len(all), slowest(all))

	for _, a := range of(all, "imcallback") {
		if a.status != http.StatusOK {
			t.Errorf("IM's %s was answered %d", a.what, a.status)
		}
	}
	seen := map[string]bool{}
	for _, a := range all {
		seen[a.function+" "+a.what] = true
	}
	for _, kind := range callbackKinds {
		if !seen["imcallback "+kind] {
			t.Errorf("no %s was sent", kind)
		}
	}
}

// callbackKinds are IM's callbacks that concern us.
// Source: https://cloud.tencent.com/document/product/269/1523
var callbackKinds = []string{
	"State.StateChange", "C2C.CallbackBeforeSendMsg", "C2C.CallbackAfterSendMsg", "C2C.CallbackAfterMsgReport",
	"C2C.CallbackAfterMsgWithDraw", "Group.CallbackBeforeSendMsg", "Group.CallbackAfterSendMsg",
	"Group.CallbackAfterRecallMsg", "Call.CallbackAfterStartCall", "Call.CallbackAfterMemberChanged", "Call.CallbackAfterEndCall",
}

// everyCallback has IM and WeChat tell of everything that they tell of.
func (w *world) everyCallback() {
	w.t.Helper()
	x, m, p, other := w.sim.WeChat, w.sim.IM, w.people[0], w.people[1]
	m.Switch("C2C.CallbackBeforeSendMsg", true)
	m.Switch("Group.CallbackBeforeSendMsg", true)
	user := string(p.user)
	m.SignIn(user, simulator.MiniProgram)
	said := w.write(p, "peer0")
	must(w.t, m.Recall("peer0", user, said.key))
	w.write(p, "peer0")
	m.Read(user, "peer0")
	must(w.t, m.CreateGroup(simulator.Group{ID: "group", Type: simulator.GroupPublic, Name: "Group", Members: []string{"peer0", user, string(other.user)}}))
	sent, err := m.SendGroup(simulator.GroupMessage{Group: "group", From: "peer0", Body: []simulator.Elem{simulator.Text("all")}, AtAll: true})
	must(w.t, err)
	must(w.t, m.RecallGroup("group", "peer0", sent.MsgSeq))
	w.ring(p, "peer0")
	id, err := m.Ring(simulator.Call{From: "peer1", To: []string{user}, Webhooks: true})
	must(w.t, err)
	must(w.t, m.Answer(id, user))
	must(w.t, m.EndCall(id, simulator.CallNormal))
	m.Kill(user)

	must(w.t, x.VerifyURL())
	must(w.t, x.Subscribe(p.openID, messageTemplate, 1))
	x.SwitchOff(p.openID, callTemplate)
	must(w.t, x.PushEvent(p.openID, "debug_demo"))
	x.CancelAuthorization(other.openID)
}

// everyRequest has clients and backends ask for everything, all at once.
func (w *world) everyRequest() {
	w.t.Helper()
	p := w.people[0]
	var gone []func()
	for _, r := range w.requests(p) {
		gone = append(gone, func() {
			status, answer, err := w.front.call(context.WithoutCancel(w.t.Context()), r.method, r.function, r.header, []byte(r.body))
			if err == nil && status >= 400 {
				w.wantError(r.function, status, answer)
			}
		})
	}
	done := make(chan struct{})
	for _, f := range gone {
		go func() { f(); done <- struct{}{} }()
	}
	for range gone {
		<-done
	}
}

func (w *world) wantError(function string, status int, answer []byte) {
	w.t.Helper()
	var out struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(answer, &out); err != nil || out.Error.Code == "" || out.Error.Message == "" {
		w.t.Errorf("%s answered %d %q, which is no error of ours", function, status, answer)
	}
}

// A request is one to our own APIs.
type request struct {
	method, function, body string
	header                 http.Header
}

func (w *world) requests(p *person) []request {
	bearer := http.Header{"Authorization": {"Bearer " + string(p.user) + ":" + p.sig}}
	body := fmt.Sprintf(`{"id":"order-1","kind":"message","to":[%q],"fields":{"summary":"shipped"}}`, p.user)
	now := strconv.FormatInt(w.place.clock.Now().Unix(), 10)
	signed := http.Header{api.HeaderTimestamp: {now},
		api.HeaderSignature: {api.Sign(secret.New(w.settings["ANNOUNCE_KEY"]), now, "announce", []byte(body))}}
	return []request{
		{"POST", "session", fmt.Sprintf(`{"code":%q}`, w.sim.WeChat.Login(p.openID)), nil},
		{"GET", "permits", "", bearer},
		{"POST", "permits", `{"reportId":"report-1","ageSeconds":0,"results":{"T1":"accept"}}`, bearer},
		{"POST", "permits", `{"preferences":{"muted":false,"mutedPeers":["peer2"]}}`, bearer},
		{"POST", "announce", body, signed},
		{"DELETE", "session", "", bearer},
	}
}

// Whichever answer of the store or of WeChat fails to come, and from then on all, a client is
// answered before the platform ends the function, and when he asks again all is as if he had
// asked once.
func TestHalfWay(t *testing.T) {
	for i, name := range []string{"login", "permits", "report", "preferences", "announcement", "erasure"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for after := 0; ; after++ {
				complete := false
				synctest.Test(t, func(t *testing.T) { complete = halfWay(t, i, after) })
				if complete || t.Failed() {
					t.Logf("%d places", after)
					break
				}
			}
		})
	}
}

// halfWay has the store fall silent after so many requests, while WeChat is as slow as it can
// be without failing. It reports whether request number i was through by then.
func halfWay(t *testing.T, i, after int) (complete bool) {
	w := newBubble(t)
	w.populate(1)
	p := w.people[0]
	w.front.answers()
	w.sim.Faults.Always("/sns/jscode2session", simulator.Delay(4900*time.Millisecond))
	left := after
	w.line.cutting(func(_ *rand.Rand, answers bool, n int) int {
		if !answers {
			left--
			if left < 0 {
				w.line.mute = true // called with its lock held
			}
		}
		return n
	})
	r := w.requests(p)[i]
	status, answer, err := w.front.call(t.Context(), r.method, r.function, r.header, []byte(r.body))
	all := w.within(budgets)
	if err != nil {
		t.Errorf("after %d requests: %v", after, err)
		return false
	}
	if status < 300 {
		return true
	}
	if status != http.StatusServiceUnavailable {
		t.Errorf("after %d requests it answers %d %s after %v", after, status, answer, all[0].took)
	}
	w.wantError(r.function, status, answer)
	trust.Count(t, trust.Faults, 1)

	w.line.cutting(nil)
	w.line.silence(false)
	w.pass(5 * time.Second)
	r = w.requests(p)[i] // signed anew
	if status, answer, err = w.front.call(t.Context(), r.method, r.function, r.header, []byte(r.body)); err != nil || status >= 300 {
		t.Errorf("asked again after %d requests: %d %s %v", after, status, answer, err)
	}
	w.host()
	w.settle(10 * time.Minute)
	w.quit()
	w.wantOnce(p, i)
	return false
}

// wantOnce wants request number i to have had its effect once.
func (b *bubble) wantOnce(p *person, i int) {
	b.t.Helper()
	openID, err := b.look.OpenIDOf(b.t.Context(), p.user)
	balances, berr := b.look.Balances(b.t.Context(), openID, []notify.TemplateID{messageTemplate})
	must(b.t, berr)
	prefs, perr := b.look.Preferences(b.t.Context(), p.user)
	must(b.t, perr)
	cards := len(b.sim.WeChat.Cards(p.openID))
	want := struct {
		balance, cards int
		muted, gone    bool
	}{balance: permits}
	switch i {
	case 2:
		want.balance = permits + 1
	case 3:
		want.muted = true
	case 4:
		want.balance, want.cards = permits-1, 1
	case 5:
		want.balance, want.gone = 0, true
	}
	got := want
	got.balance, got.cards, got.muted, got.gone = balances[messageTemplate], cards, slices.Contains(prefs.MutedPeers, "peer2"), err != nil
	if got != want {
		b.t.Errorf("in the end there is %+v, want %+v", got, want)
	}
	if lines := b.log.with(`"level":"ERROR"`); i == 5 && len(lines) > 0 && !strings.Contains(lines[0], "request failed") {
		b.t.Errorf("the log says %s", lines[0])
	}
}
