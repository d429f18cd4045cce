package functions_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
)

const (
	runTime    = 30 * time.Second // of an invocation of deliver
	answerTime = 10 * time.Second // of one of a function that answers somebody
)

// user makes a user of both platforms who has accepted our template so many times.
func (s *stage) user(user notify.UserID, permits int) *person {
	s.t.Helper()
	p := &person{openID: notify.OpenID(s.sim.WeChat.NewUser())}
	s.people[user] = p
	s.sim.IM.Import(string(user), "")
	s.sim.IM.Import("bob", "Bob")
	s.bind(user, p.openID)
	s.permit(p.openID, template, permits)
	return p
}

// expects notes that a message is to end for a user, in one of states.
func (s *stage) expects(user notify.UserID, id notify.MessageID, states ...notify.State) {
	p := s.people[user]
	p.messages = append(p.messages, expected{id: id, states: states})
}

// writes has bob write to a user, and the store know.
func (s *stage) writes(user notify.UserID, states ...notify.State) notify.MessageID {
	s.t.Helper()
	id := s.say(user)
	s.expects(user, id, states...)
	return id
}

// aRun is one run of deliver, which nobody repeats: the timer starts the next.
func aRun() happening {
	return happening{event: func(int) string { return "{}" }, heard: func([]byte) bool { return true }, once: true, time: runTime}
}

// aRunAfter is one before which something happens in the world.
func aRunAfter(before func()) happening {
	h := aRun()
	h.before = before
	return h
}

// told lets things happen on the platforms and returns what they tell of it.
func (s *stage) told(happens func()) []happening {
	s.t.Helper()
	if err := s.sim.IM.SetCallbackURL(s.callbackURL); err != nil {
		s.t.Fatal(err)
	}
	if err := s.sim.WeChat.SetPushURL(s.pushURL); err != nil {
		s.t.Fatal(err)
	}
	s.platform.Set(s.clock.Now().Add(2 * time.Second)) // after all that was
	happens()
	s.sim.IM.SetCallbackURL("")
	s.sim.WeChat.SetPushURL("")
	s.mu.Lock()
	defer s.mu.Unlock()
	var hs []happening
	for _, r := range s.heard {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		hs = append(hs, s.requested(r.URL.Path, r.URL.Query(), body))
	}
	s.heard = nil
	if len(hs) == 0 {
		s.t.Fatal("the platforms told nothing")
	}
	return hs
}

// requested is a callback or a push. IM signs each try anew.
func (s *stage) requested(path string, query url.Values, body []byte) happening {
	h := happening{time: answerTime}
	h.event = func(int) string {
		if path == "/imcallback" {
			im.SignQuery(query, secret.New(s.settings["IM_CALLBACK_TOKEN"]), time.Now())
		}
		return httpEvent(s, http.MethodPost, query, body, nil)
	}
	h.heard = func(answer []byte) bool {
		res := response(s, answer)
		return res.StatusCode == 200 && (res.Body == "success" || strings.Contains(res.Body, `"ActionStatus":"OK"`))
	}
	return h
}

// calling is a request of a client or a backend, which is made anew for each try.
func (s *stage) calling(method string, status int, make func(try int) (body string, header map[string]string), heard func(functest.Response)) happening {
	return happening{
		event: func(try int) string {
			body, header := make(try)
			return httpEvent(s, method, nil, []byte(body), header)
		},
		heard: func(answer []byte) bool {
			res := response(s, answer)
			if res.StatusCode != status {
				return false
			}
			if heard != nil {
				heard(res)
			}
			return true
		},
		time: answerTime,
	}
}

// httpEvent is a request as a function URL makes an event of it.
func httpEvent(s *stage, method string, query url.Values, body []byte, header map[string]string) string {
	q, headers := map[string]string{}, map[string]string{"x-scf-remote-addr": "203.0.113.7"}
	for k := range query {
		q[k] = query.Get(k)
	}
	for k, v := range header {
		headers[strings.ToLower(k)] = v
	}
	var b bytes.Buffer
	err := json.NewEncoder(&b).Encode(map[string]any{"httpMethod": method, "path": "/", "queryString": q, "headers": headers, "body": string(body)})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

func response(s *stage, answer []byte) functest.Response {
	var res functest.Response
	if err := json.Unmarshal(answer, &res); err != nil {
		s.t.Errorf("an answer that is none: %v", err)
	}
	return res
}

// bearer is the header with which a user signs for himself.
func (s *stage) bearer(user notify.UserID) map[string]string {
	s.t.Helper()
	signer, err := im.NewSigner(im.SignerConfig{SDKAppID: int(s.sim.Config().IM.SDKAppID), SecretKey: secret.New(s.settings["IM_SECRET_KEY"])})
	if err != nil {
		s.t.Fatal(err)
	}
	sig, _, err := signer.SignUser(user, time.Now(), time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return map[string]string{"Authorization": "Bearer " + string(user) + ":" + sig}
}
