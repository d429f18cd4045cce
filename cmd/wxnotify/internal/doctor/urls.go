package doctor

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"wxnotify/cmd/internal/trigger"
	"wxnotify/shared/api"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

// A call is a request to which a function does nothing but answer.
type call struct {
	trigger.Request
	settings []string // without which it cannot be made
	status   int      // of the right answer
	holds    string   // what the right answer holds
	wrong    string   // what another answer means
}

const logCure = "look at the function's log in the SCF console, for lines with alert, and deploy again"

// callsOf returns what is sent to a function, signed with the settings here.
func (d *doctor) callsOf(key string, now time.Time) []call {
	refused := func(setting string) string {
		return "it does not take what is signed with " + setting + ", or its settings cannot be used"
	}
	switch key {
	case "imcallback":
		calls := []call{{d.callback(secret.New(d.Settings["IM_CALLBACK_TOKEN"]), now), []string{"IM_SDKAPPID", "IM_CALLBACK_TOKEN"}, http.StatusOK, `"ActionStatus":"OK"`, refused("IM_CALLBACK_TOKEN")}}
		if d.Settings["IM_CALLBACK_INSECURE"] == "1" {
			return calls
		}
		return append(calls, call{d.callback(secret.New("signed by somebody else"), now), []string{"IM_SDKAPPID", "IM_CALLBACK_TOKEN"}, http.StatusForbidden, "",
			"it does not refuse what somebody else signed, as while its settings cannot be used: it records nothing then"})
	case "wechatpush":
		return d.pushes(now, refused)
	case "announce": // an announcement of nothing to nobody
		body, at := []byte("{}"), strconv.FormatInt(now.Unix(), 10)
		r := trigger.Request{Method: http.MethodPost, Body: body, Header: http.Header{api.HeaderTimestamp: {at},
			api.HeaderSignature: {api.Sign(secret.New(d.Settings["ANNOUNCE_KEY"]), at, "announce", body)}}}
		return []call{{r, []string{"ANNOUNCE_KEY"}, http.StatusBadRequest, `"error"`, refused("ANNOUNCE_KEY")}}
	case "session", "permits": // a method that they do not have
		return []call{{trigger.Request{Method: http.MethodPatch}, nil, http.StatusMethodNotAllowed, `"method_not_allowed"`, "its settings cannot be used"}}
	}
	return nil
}

// pushes returns the verification of a push URL, and the event of WeChat's own test tools, if pushes are encrypted.
func (d *doctor) pushes(now time.Time, refused func(setting string) string) []call {
	s := trigger.Settings{AppID: d.Settings["WECHAT_APPID"], PushToken: secret.New(d.Settings["WECHAT_TOKEN"]), AESKey: secret.New(d.Settings["WECHAT_ENCODING_AES_KEY"])}
	r, err := trigger.New("wechat.verify", nil, s, now)
	if err != nil {
		return nil
	}
	calls := []call{{r, []string{"WECHAT_TOKEN"}, http.StatusOK, r.Answer, refused("WECHAT_TOKEN")}}
	if s.AESKey.Empty() {
		return calls
	}
	debug, err := trigger.New("wechat.debug", nil, s, now)
	if err != nil {
		return calls // the check says what is wrong with the key
	}
	return append(calls, call{debug, []string{"WECHAT_APPID", "WECHAT_ENCODING_AES_KEY"}, http.StatusOK, "success", refused("WECHAT_ENCODING_AES_KEY")})
}

// callback returns a callback of IM that tells nothing.
func (d *doctor) callback(token secret.String, now time.Time) trigger.Request {
	const command = "Wxnotify.Doctor"
	q := url.Values{"SdkAppid": {d.Settings["IM_SDKAPPID"]}, "CallbackCommand": {command}, "contenttype": {"json"}}
	im.SignQuery(q, token, now)
	return trigger.Request{Method: http.MethodPost, Query: q, Body: []byte(`{"CallbackCommand":"` + command + `"}`)}
}

// callURLs calls the functions, side by side. Who does not answer rightly at first is not asked again.
func (d *doctor) callURLs(ctx context.Context, p *part, urls map[string]string) {
	client := &http.Client{Transport: d.Seams.Platform,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	keys := slices.Sorted(maps.Keys(urls))
	parts := make([]part, len(keys))
	var wg sync.WaitGroup
	for i, key := range keys {
		wg.Go(func() { d.callURL(ctx, client, &parts[i], key, urls[key]) })
	}
	wg.Wait()
	for _, of := range parts {
		p.found = append(p.found, of.found...)
		p.skipped = append(p.skipped, of.skipped...)
	}
}

func (d *doctor) callURL(ctx context.Context, client *http.Client, p *part, key, to string) {
	where := "URL of " + key
	if d.project != nil {
		if f := d.project.Function(key); f != nil && !d.Check.Builds(ctx, f) {
			p.skip("what the "+where+" answers", "the function cannot be made of these settings")
			return
		}
	}
	for _, c := range d.callsOf(key, d.platformNow()) {
		if lacks := d.lacks(c.settings...); lacks != "" {
			p.skip("what the "+where+" answers", lacks)
			return
		}
		status, answer, err := c.Send(ctx, client, to)
		switch {
		case err != nil:
			p.fault(where, "does not answer: "+err.Error(), "see that it is the function's URL, and reached from outside")
			return
		case status == http.StatusServiceUnavailable && d.noStore:
			p.skip("what the "+where+" answers", "it needs the store")
			return
		case status == http.StatusServiceUnavailable:
			p.fault(where, "answers 503: the function does not reach the store, or it is another one's", "check VPC_ID and VPC_SUBNET_ID, and look at its log in the SCF console")
			return
		case status != c.status || !strings.Contains(answer, c.holds):
			p.fault(where, fmt.Sprintf("answers %d: %s", status, c.wrong), logCure)
			return
		}
	}
}
