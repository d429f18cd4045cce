package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/api"
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
	{"the store answers nobody who dials", func(b *bubble) { b.proxy.Gone(false, true) }},
	{"the store takes requests and does not answer", func(b *bubble) { b.proxy.Silence(true) }},
	{"the store takes connections and does not answer", func(b *bubble) { b.proxy.Sever(); b.proxy.Silence(true) }},
	{"the store answers after 650 ms", func(b *bubble) { b.proxy.Slow(650 * time.Millisecond) }},
	{"the store answers after 2.9 s", func(b *bubble) { b.proxy.Slow(2900 * time.Millisecond) }},
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
func (w *system) everyCallback() {
	w.t.Helper()
	x, m, p, other := w.sim.WeChat, w.sim.IM, w.people[0], w.people[1]
	m.Switch("C2C.CallbackBeforeSendMsg", true)
	m.Switch("Group.CallbackBeforeSendMsg", true)
	user := string(p.id)
	m.SignIn(user, simulator.MiniProgram)
	said := w.write(p, "peer0")
	must(w.t, m.Recall("peer0", user, said.key))
	w.write(p, "peer0")
	m.Read(user, "peer0")
	must(w.t, m.CreateGroup(simulator.Group{ID: "group", Type: simulator.GroupPublic, Name: "Group", Members: []string{"peer0", user, string(other.id)}}))
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
func (w *system) everyRequest() {
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

func (w *system) wantError(function string, status int, answer []byte) {
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

func (w *system) requests(p *user) []request {
	bearer := http.Header{"Authorization": {"Bearer " + string(p.id) + ":" + p.sig}}
	body := fmt.Sprintf(`{"id":"order-1","kind":"message","to":[%q],"fields":{"summary":"shipped"}}`, p.id)
	now := strconv.FormatInt(w.env.clock.Now().Unix(), 10)
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
