package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// A message, its card, its user and their openid lead to the same story; the permits add up.
func TestAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 2)
	f.record(f.message("m1", "bob"), f.message("m2", "bob"))
	f.deliver(nil)
	card := ""
	for _, q := range []string{"by=user&id=bob", "by=message&id=m2", "by=openid&id=openid-of-bob"} {
		a := get[explained](f, "/api/explain?"+q)
		if len(a.Recipients) != 1 {
			t.Fatalf("%s: %+v", q, a)
		}
		r := a.Recipients[0]
		if r.User != "bob" || r.OpenID != "open…-bob" || !r.Bound || r.Waiting != 0 || r.Presence != "unknown" || len(r.Steps) < 5 {
			t.Errorf("%s: %+v", q, r)
		}
		if q == "by=message&id=m2" && (r.State != "delivered" || !strings.Contains(r.Sentence.EN, "We notified you") || !strings.Contains(r.Sentence.ZH, "发送给您")) {
			t.Errorf("%s: %+v", q, r)
		}
	}
	ledger := get[struct {
		User, OpenID string
		Bound        bool
		Ledgers      []struct {
			Template                string
			Kinds                   []string
			Balance, Opening, Drift int
			Entries                 []struct {
				Kind            string
				Change, Balance int
			}
		}
		Cards []struct{ ID, State string }
	}](f, "/api/ledger?by=user&id=bob")
	if len(ledger.Ledgers) != 1 || len(ledger.Cards) != 1 || ledger.Cards[0].State != "delivered" || !ledger.Bound {
		t.Fatalf("%+v", ledger)
	}
	l := ledger.Ledgers[0]
	if last := l.Entries[len(l.Entries)-1]; l.Balance != 1 || len(l.Entries) != 3 || last.Balance != l.Balance || last.Change != -1 || l.Kinds[0] != "message" {
		t.Errorf("%+v", l)
	}
	card = ledger.Cards[0].ID
	if a := get[explained](f, "/api/explain?by=card&id="+card); a.Recipients[0].State != "delivered" {
		t.Errorf("%+v", a)
	}
	if a := get[explained](f, "/api/explain?by=message&id=nobody-knows"); len(a.Recipients) != 1 || !strings.Contains(a.Recipients[0].Sentence.EN, "no record") {
		t.Errorf("%+v", a)
	}

	o := get[struct {
		Ends, EndsToday []struct {
			State  string
			Number int
		}
		Today struct {
			In, Cards, Announced, Merged, PermitsGranted, PermitsSpent int
			PermitsPerAnnounced                                        float64
		}
		Waiting map[string]struct{ Length int }
		Alerts  []struct{ Code string }
	}](f, "/api/overview")
	if td := o.Today; td.In != 2 || td.Cards != 1 || td.Announced != 2 || td.Merged != 1 || td.PermitsGranted != 2 || td.PermitsSpent != 1 || td.PermitsPerAnnounced != 0.5 {
		t.Errorf("today: %+v", td)
	}
	if len(o.Ends) != 1 || o.Ends[0].Number != 2 || len(o.EndsToday) != 1 || len(o.Alerts) != 0 {
		t.Errorf("%+v", o)
	}
	for span, steps := range map[string]int{"hour": 60, "day": 24, "week": 28, "month": 31} {
		a := get[struct {
			Steps []struct {
				In   int
				Ends map[string]int
			}
		}](f, "/api/charts?span="+span)
		in, delivered := 0, 0
		for _, s := range a.Steps {
			in, delivered = in+s.In, delivered+s.Ends["delivered"]
		}
		if len(a.Steps) != steps || in != 2 || delivered != 2 {
			t.Errorf("%s: %d steps, %d in, %d delivered", span, len(a.Steps), in, delivered)
		}
	}
	if w := f.do("GET", "/api/settings", ""); !strings.Contains(w.Body.String(), `{"name":"rules.blind_window","value":"1m5s"}`) {
		t.Errorf("settings: %s", w.Body)
	}
	for _, path := range []string{"/api/overview", "/api/explain?by=user&id=bob", "/api/ledger?by=user&id=bob", "/api/queue"} {
		if body := f.do("GET", path, "").Body.String(); strings.Contains(body, "PRIVATE") || strings.Contains(body, "openid-of-bob") {
			t.Errorf("%s shows a text or an openid: %s", path, body)
		}
	}
}

// A user whom nobody told, for each final state: the answer is one sentence, in both languages.
func TestEachState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 0)
	seen := map[string]bool{}
	for i, s := range []fact.State{fact.StateRead, fact.StateRecalled, fact.StateAnswered, fact.StateEnded, fact.StateMuted, fact.StateCameOnline,
		fact.StateNotCounted, fact.StateUnbound, fact.StateNoPermit, fact.StateRefused, fact.StateQuota, fact.StateExpired, fact.StateFailedIM, fact.StateUnknown,
		fact.StateDead, fact.StateErased} {
		m := f.message(fact.MessageID(fmt.Sprint("m", i)), "bob")
		f.record(m) // the index knows it then
		entry := fmt.Sprintf(`{"t":%d,"m":[%q],"s":[["f",0,0,[1],%q]]}`, f.now.UnixMilli(), m.Message.Identity(), s)
		if err := f.raw.LPush(t.Context(), f.key("r:bob", "t:bob"), entry).Err(); err != nil {
			t.Fatal(err)
		}
		r := get[explained](f, fmt.Sprint("/api/explain?by=message&id=m", i)).Recipients[0]
		if r.State != string(s) || strings.Count(r.Sentence.ZH, "。") != 1 || !strings.HasSuffix(r.Sentence.EN, ".") || seen[r.Sentence.EN] {
			t.Errorf("%s: %+v", s, r)
		}
		seen[r.Sentence.EN] = true
	}
	if r := get[explained](f, "/api/explain?by=user&id=nobody").Recipients[0]; r.State != "not bound" || r.Bound || !strings.Contains(r.Sentence.ZH, "登录") {
		t.Errorf("%+v", r)
	}
}

// A dead letter is tried, and replayed once however many ask at once.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 2)
	f.record(f.message("m1", "bob"))
	f.deliver(refusal(card.ClassDefect))
	list := get[struct {
		Letters []struct{ ID, User, OpenID, Class, Cause string }
	}](f, "/api/dead").Letters
	if len(list) != 1 || list[0].Class != "defect" || list[0].OpenID != "open…-bob" || !strings.Contains(list[0].Cause, "<b>thing1</b>") {
		t.Fatalf("%+v", list)
	}
	if a := get[struct{ Alerts []struct{ Code string } }](f, "/api/overview"); len(a.Alerts) != 1 || a.Alerts[0].Code != "dead" {
		t.Errorf("%+v", a)
	}
	name := "user=bob&id=" + list[0].ID
	trial := get[struct {
		Sends bool
		Words words
	}](f, "/api/dead/trial?"+name)
	if !trial.Sends || trial.Words.EN != "A replay sends a card: 2 permits are left." || !strings.Contains(trial.Words.ZH, "剩余 2 次") {
		t.Errorf("%+v", trial)
	}
	body := fmt.Sprintf(`{"user":"bob","id":%q}`, list[0].ID)
	var done, refused atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch w := f.do("POST", "/api/dead/replay", body); w.Code {
			case http.StatusOK:
				done.Add(1)
			case http.StatusConflict:
				refused.Add(1)
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 || refused.Load() != 7 {
		t.Errorf("%d replayed, %d refused", done.Load(), refused.Load())
	}
	if w := f.do("GET", "/api/dead/trial?"+name, ""); w.Code != http.StatusConflict {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	queue := get[struct {
		Due []struct {
			User, Queue string
			At          time.Time
		}
	}](f, "/api/queue").Due
	if len(queue) != 1 || queue[0].User != "bob" || queue[0].Queue != "messages" || !queue[0].At.Equal(f.now) {
		t.Errorf("%+v", queue)
	}
	f.advance(5 * time.Minute)
	if a := get[struct {
		Alerts []struct {
			Code  string
			Words words
		}
	}](f, "/api/overview"); len(a.Alerts) != 1 || a.Alerts[0].Code != "late" || !strings.Contains(a.Alerts[0].Words.EN, "no run of deliver looks") {
		t.Errorf("%+v", a)
	}
}
