package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/simulator"
)

// clientTimeout is how long the mini program waits for a function.
const clientTimeout = 10 * time.Second

// A person has a phone with WeChat, and the mini program on it.
type person struct {
	user   fact.UserID
	openID fact.OpenID
	taps   int  // on "Allow"
	stays  bool // online

	// What was told of already; for look only.
	seen  seen
	cards int

	// The rest is guarded by Sim.mu.
	nick    string
	usersig string // of the last login
	where   Where
	since   time.Time // when that began
	taken   int       // reports of taps that were made
}

// Where says where somebody really is.
type Where string

// Where somebody can be.
const (
	InChat     Where = "open"       // in the mini program
	Closed     Where = "closed"     // it is closed
	Background Where = "background" // WeChat is
	NoNetwork  Where = "lost"       // the phone has no network
)

// cast makes the three people.
func (s *Sim) cast() []*person {
	people := []*person{
		{user: "user1", taps: 5, stays: true},
		{user: "user2", taps: 5},
		{user: "user3"},
	}
	for _, p := range people {
		p.openID, p.nick, p.where = fact.OpenID(s.world.WeChat.NewUser()), string(p.user), Closed
	}
	return people
}

// team is the group that all people are in.
const team = "team"

// makeGroup makes a group of all people and others. Their ids are their nicknames.
func (s *Sim) makeGroup(id, kind string, others ...fact.UserID) error {
	g := simulator.Group{ID: id, Type: kind, Name: id}
	for _, p := range s.people {
		s.world.IM.Import(string(p.user), string(p.user))
		g.Members = append(g.Members, string(p.user))
	}
	for _, user := range others {
		g.Members = append(g.Members, string(user))
	}
	return s.world.IM.CreateGroup(g)
}

// name returns how the person with that openid is called.
func (s *Sim) name(openID fact.OpenID) string {
	for _, p := range s.people {
		if p.openID == openID {
			return string(p.user)
		}
	}
	return string(openID)
}

// enter is p opening the mini program: it logs in through session, as an app of
// SESSION_MODE=trusted does, signs in to IM with what it gets, and asks for permits.
func (s *Sim) enter(ctx context.Context, base string, p *person) error {
	began := s.now()
	usersig, err := s.login(ctx, base, p)
	if err != nil {
		return err
	}
	if err := s.world.IM.SignInWithSig(string(p.user), usersig, simulator.MiniProgram); err != nil {
		return err
	}
	if err := s.world.Drain(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	p.usersig = usersig
	s.mu.Unlock()
	s.act(began, p, say("opens the mini program and logs in", "打开小程序并登录"), "session, imcallback")

	began = s.now()
	if p.taps == 0 {
		s.world.WeChat.TapDialog(string(p.openID), map[string]simulator.Answer{s.settings["TEMPLATE_MESSAGE"]: simulator.Reject})
		s.act(began, p, say(`is asked "May we send you a message?" and taps "Refuse"`, "被询问是否接收提醒，点了“取消”"), "wechatpush")
		return nil
	}
	permits, err := s.subscribe(ctx, base, p, usersig)
	if err != nil {
		return err
	}
	s.act(began, p, say(`is asked %d times and taps "Allow": %s`, "被询问 %d 次，都点了“允许”：%s", p.taps, permitsLeft(permits)), "wechatpush, permits")
	if permits != p.taps {
		return fmt.Errorf("%s tapped %d times and has %d permits", p.user, p.taps, permits)
	}
	return nil
}

// act tells what a person does.
func (s *Sim) act(at time.Time, p *person, text Words, functions string) {
	s.story.tell(at, line{actor: string(p.user), text: text, note: functions})
}

// login exchanges a code of wx.login for a UserSig.
func (s *Sim) login(ctx context.Context, base string, p *person) (usersig string, err error) {
	body, err := json.Marshal(map[string]any{"code": s.world.WeChat.Login(string(p.openID)), "userId": p.user})
	if err != nil {
		return "", err
	}
	timestamp := strconv.FormatInt(s.now().Unix(), 10)
	key := secret.New(s.settings["SESSION_KEY"])
	var answer struct {
		UserSig string `json:"userSig"`
	}
	err = s.post(ctx, base+"/session", body, &answer, map[string]string{
		api.HeaderTimestamp: timestamp, api.HeaderSignature: api.Sign(key, timestamp, "session", body)})
	return answer.UserSig, err
}

// subscribe is p tapping "Allow" p.taps times: WeChat pushes an event for each tap, and the mini
// program reports it. It returns how many permits that makes.
func (s *Sim) subscribe(ctx context.Context, base string, p *person, usersig string) (permits int, err error) {
	template := s.settings["TEMPLATE_MESSAGE"]
	if err := s.world.WeChat.Subscribe(string(p.openID), template, p.taps); err != nil {
		return 0, err
	}
	if err := s.world.Drain(ctx); err != nil {
		return 0, err
	}
	for tap := range p.taps {
		// The taps were a second apart, the last one just now.
		age := p.taps - 1 - tap
		if permits, err = s.report(ctx, base, p, usersig, age, map[string]string{template: "accept"}); err != nil {
			return 0, err
		}
	}
	return permits, nil
}

// report is the mini program telling what the subscribe dialog said, age seconds ago. It returns how
// many permits p has then.
func (s *Sim) report(ctx context.Context, base string, p *person, usersig string, age int, results map[string]string) (permits int, err error) {
	s.mu.Lock()
	id := fmt.Sprintf("%s-tap-%d", p.user, p.taken)
	p.taken++
	s.mu.Unlock()
	body, err := json.Marshal(map[string]any{"reportId": id, "ageSeconds": age, "results": results})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Templates []permit.Advice `json:"templates"`
	}
	err = s.post(ctx, base+"/permits", body, &answer, map[string]string{"Authorization": "Bearer " + string(p.user) + ":" + usersig})
	for _, t := range answer.Templates {
		permits = t.Balance
	}
	return permits, err
}

// post sends JSON to a function and decodes its answer.
func (s *Sim) post(ctx context.Context, to string, body []byte, answer any, header map[string]string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is answered %s: %s", to, res.Status, b)
	}
	return json.Unmarshal(b, answer)
}
