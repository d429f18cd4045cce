package trigger

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"wxnotify/shared/im"
)

// The callbacks of IM.
// Source: https://cloud.tencent.com/document/product/269/1523
const (
	c2cAfter  = "C2C.CallbackAfterSendMsg"
	c2cBefore = "C2C.CallbackBeforeSendMsg"
	c2cRead   = "C2C.CallbackAfterMsgReport"
	c2cRecall = "C2C.CallbackAfterMsgWithDraw"
	state     = "State.StateChange"

	groupAfter  = "Group.CallbackAfterSendMsg"
	groupRecall = "Group.CallbackAfterRecallMsg"
)

// callback makes a signed callback of IM.
func callback(a *args, s Settings, command, platform string, body object, now time.Time, note string) (Request, error) {
	body["CallbackCommand"] = command
	b, err := body.encode()
	if err != nil {
		return Request{}, err
	}
	a.uses("IM_SDKAPPID", "IM_CALLBACK_TOKEN")
	q := url.Values{
		"SdkAppid": {s.SDKAppID}, "CallbackCommand": {command}, "contenttype": {"json"},
		"ClientIP": {"127.0.0.1"}, "OptPlatform": {platform},
	}
	if !s.CallbackToken.Empty() {
		im.SignQuery(q, s.CallbackToken, now)
	}
	return Request{Function: "imcallback", Method: http.MethodPost, Query: q, Body: b, Note: command + " " + note}, nil
}

// message returns the fields that all one-to-one messages have. Its key is that of a
// message sent before, if one is given.
func message(a *args, elem, content any, now time.Time) (body object, key string) {
	seq, random := rand.Uint32(), rand.Uint32()
	key = a.text("key", fmt.Sprintf("%d_%d_%d", seq, random, now.Unix()))
	sent := now.Unix()
	// A key that is given tells sequence, random number and time.
	fmt.Sscanf(key, "%d_%d_%d", &seq, &random, &sent)
	return object{
		"From_Account": a.need("from"), "To_Account": a.need("to"), "MsgSeq": seq, "MsgRandom": random,
		"MsgTime": sent, "MsgKey": key, "OnlineOnlyFlag": 0, "EventTime": now.UnixMilli(),
		"MsgBody": []object{{"MsgType": elem, "MsgContent": content}},
	}, key
}

func imMessage(a *args, s Settings, now time.Time) (Request, error) {
	body, key := message(a, "TIMTextElem", object{"Text": a.text("text", "hi")}, now)
	command := c2cAfter
	if a.oneOf("before", "0", "1") == "1" {
		command = c2cBefore
	} else {
		body["SendMsgResult"] = a.number("failed", 0)
		body["UnreadMsgNum"] = 1
	}
	return callback(a, s, command, a.text("platform", "Web"), body, now,
		fmt.Sprintf("%s -> %s, key=%s", body["From_Account"], body["To_Account"], key))
}

func imState(a *args, s Settings, now time.Time) (Request, error) {
	reasons := map[string]string{"Login": "Register", "Logout": "Unregister", "Disconnect": "LinkClose"}
	action := a.oneOf("action", "Disconnect", "Login", "Logout")
	user := a.need("user")
	return callback(a, s, state, "Web", object{
		"EventTime": now.UnixMilli(),
		"Info":      object{"Action": action, "To_Account": user, "Reason": reasons[action]},
	}, now, fmt.Sprintf("%s %s", user, action))
}

func imRead(a *args, s Settings, now time.Time) (Request, error) {
	user, peer := a.need("user"), a.need("peer")
	return callback(a, s, c2cRead, "Web", object{
		"Report_Account": user, "Peer_Account": peer, "LastReadTime": a.number("upto", now.Unix()),
		"UnreadMsgNum": 0, "EventTime": now.UnixMilli(),
	}, now, fmt.Sprintf("%s has read %s", user, peer))
}

func imRecall(a *args, s Settings, now time.Time) (Request, error) {
	from, to, key := a.need("from"), a.need("to"), a.need("key")
	return callback(a, s, c2cRecall, "Web", object{
		"From_Account": from, "To_Account": to, "MsgKey": key, "UnreadMsgNum": 0, "EventTime": now.UnixMilli(),
	}, now, fmt.Sprintf("%s -> %s, key=%s", from, to, key))
}
