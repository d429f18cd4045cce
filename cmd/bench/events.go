package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wxnotify/cmd/internal/trigger"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

// writers is how many people write to all others: their names are known soon.
const writers = 200

// event returns an event such as a function gets most: the n-th of all, about p.
func (w *world) event(function string, p person, n int) ([]byte, error) {
	switch function {
	case "wechatpush":
		return w.trigger(n, "wechat.popup", "openid="+string(p.openID))
	case "session":
		body, err := json.Marshal(map[string]string{"code": w.sim.WeChat.Login(string(p.openID))})
		return envelope(n, trigger.Request{Method: http.MethodPost, Body: body}, err)
	case "permits":
		return w.permitsEvent(p, n)
	case "announce":
		return w.trigger(n, "announce.send", "to="+string(p.user), fmt.Sprint("id=order-", n), "sender=shop", "summary=shipped", "time=12:00")
	case "deliver":
		return []byte("{}"), nil
	}
	return w.message(p, n) // imcallback, and the no-op
}

// message is somebody writing to p.
func (w *world) message(p person, n int) ([]byte, error) {
	return w.trigger(n, "im.message", "from="+writer(n), "to="+string(p.user), "text=Are you there?")
}

// writer is who writes the n-th message.
func writer(n int) string { return fmt.Sprintf("writer%03d", n%writers) }

// permitsEvent is p's mini program asking for balances.
func (w *world) permitsEvent(p person, n int) ([]byte, error) {
	signer, err := im.NewSigner(im.SignerConfig{SDKAppID: int(w.sim.Config().IM.SDKAppID), SecretKey: secret.New(w.settings["IM_SECRET_KEY"]),
		Admin: fact.UserID(w.settings["IM_ADMIN"])})
	if err != nil {
		return nil, err
	}
	sig, _, err := signer.SignUser(p.user, w.now(), time.Hour)
	return envelope(n, trigger.Request{Method: http.MethodGet, Header: http.Header{"Authorization": {"Bearer " + string(p.user) + ":" + sig}}}, err)
}

// trigger returns the event of a callback, push or announcement.
func (w *world) trigger(n int, name string, args ...string) ([]byte, error) {
	r, err := trigger.New(name, args, signing(w.settings), w.now())
	return envelope(n, r, err)
}

// envelope is the event of a function URL for a request. Each comes from an address of its own.
// Source: https://cloud.tencent.com/document/product/583/96099
func envelope(n int, r trigger.Request, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	query := map[string]string{}
	for name := range r.Query {
		query[name] = r.Query.Get(name)
	}
	headers := map[string]string{
		"host": "1250000000-abcdefghij.ap-guangzhou.tencentscf.com", "content-type": "application/json",
		"x-scf-remote-addr": fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
	}
	for name := range r.Header {
		headers[strings.ToLower(name)] = r.Header.Get(name)
	}
	return json.Marshal(map[string]any{"httpMethod": r.Method, "path": "/", "queryString": query, "headers": headers, "body": string(r.Body)})
}

// accept has an instance handle an event, and is an error unless it answers well.
func (i *instance) accept(function string, event []byte) error {
	if function == "deliver" { // it reports no failure but by an error
		_, err := i.invoke(event, runTime)
		return err
	}
	answer, err := i.invoke(event, answerTime)
	if err != nil {
		return err
	}
	var res struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(answer, &res); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d: %s", function, res.StatusCode, res.Body)
	}
	return nil
}
