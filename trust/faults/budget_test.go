package faults_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/simulator"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
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
	{"the platform does not answer", func(b *bubble) { b.platform.Set(false, true) }},
	{"the platform refuses", func(b *bubble) { b.platform.Set(true, false) }},
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
	testkit.Must(t, w.sim.Drain(t.Context()))
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
	testkit.Must(w.t, m.Recall("peer0", user, said.key))
	w.write(p, "peer0")
	m.Read(user, "peer0")
	testkit.Must(w.t, m.CreateGroup(simulator.Group{ID: "group", Type: simulator.GroupPublic, Name: "Group", Members: []string{"peer0", user, string(other.id)}}))
	sent, err := m.SendGroup(simulator.GroupMessage{Group: "group", From: "peer0", Body: []simulator.Elem{simulator.Text("all")}, AtAll: true})
	testkit.Must(w.t, err)
	testkit.Must(w.t, m.RecallGroup("group", "peer0", sent.MsgSeq))
	w.ring(p, "peer0")
	id, err := m.Ring(simulator.Call{From: "peer1", To: []string{user}, Webhooks: true})
	testkit.Must(w.t, err)
	testkit.Must(w.t, m.Answer(id, user))
	testkit.Must(w.t, m.EndCall(id, simulator.CallNormal))
	m.Kill(user)

	testkit.Must(w.t, x.VerifyURL())
	testkit.Must(w.t, x.Subscribe(p.OpenID, messageTemplate, 1))
	x.SwitchOff(p.OpenID, callTemplate)
	testkit.Must(w.t, x.PushEvent(p.OpenID, "debug_demo"))
	x.CancelAuthorization(other.OpenID)
}

// everyRequest has clients and backends ask for everything, all at once.
func (w *system) everyRequest() {
	w.t.Helper()
	var all sync.WaitGroup
	for _, r := range w.requests(w.people[0]) {
		all.Go(func() {
			res := fixture.Do(w.front, r.method, "/"+r.function, r.header, []byte(r.body))
			if res.Code >= 400 && res.Code != http.StatusGatewayTimeout {
				w.wantError(r.function, res.Code, res.Body.Bytes())
			}
		})
	}
	all.Wait()
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
	signed, body := fixture.Announcement(w.env.clock.Now(), "order-1", p.UserID, "shipped")
	return []request{
		{"POST", "session", fmt.Sprintf(`{"code":%q}`, w.sim.WeChat.Login(p.OpenID)), nil},
		{"GET", "permits", "", p.Bearer()},
		{"POST", "permits", `{"reportId":"report-1","ageSeconds":0,"results":{"T1":"accept"}}`, p.Bearer()},
		{"POST", "permits", `{"preferences":{"muted":false,"mutedPeers":["peer2"]}}`, p.Bearer()},
		{"POST", "announce", string(body), signed},
		{"DELETE", "session", "", p.Bearer()},
	}
}
