package trigger

import (
	"encoding/json"
	"fmt"
	"time"
)

// The webhooks of the Call product.
// Source: https://trtc.io/document/68941, https://trtc.io/document/69215,
// https://www.tencentcloud.com/document/product/647/68940
const (
	callStart  = "Call.CallbackAfterStartCall"
	callMember = "Call.CallbackAfterMemberChanged"
	callEnd    = "Call.CallbackAfterEndCall"
)

// A call is one step of a call.
type call struct {
	id, from, to string // the caller and the callee, whoever takes the step
	how          string
	media        string
}

// imCall makes one step of a call, as one of the two generations tells of it.
func imCall(a *args, s Settings, now time.Time) (Request, error) {
	c := call{from: a.need("from"), to: a.need("to"), how: a.oneOf("how", "ring", "answer", "reject", "cancel", "timeout"),
		media: a.oneOf("media", "audio", "video")}
	if c.how == "ring" {
		c.id = a.text("id", nonce()+nonce())
	} else {
		c.id = a.need("id")
	}
	note := fmt.Sprintf("%s -> %s, call %s, id=%s", c.from, c.to, c.how, c.id)
	if a.oneOf("generation", "signal", "webhook") == "webhook" {
		command, body := c.webhook(now)
		return callback(a, s, command, "Web", body, now, note)
	}
	body, err := c.signal(a, now)
	if err != nil {
		return Request{}, err
	}
	return callback(a, s, c2cAfter, "Web", body, now, note)
}

// signal makes a message with a signal in it: JSON in a string in JSON in a string in a
// custom element.
// Source: https://github.com/Tencent-RTC/docs (zh/callkit/faq/web.md)
func (c call) signal(a *args, now time.Time) (object, error) {
	actions := map[string]int{"ring": 1, "cancel": 2, "answer": 3, "reject": 4, "timeout": 5}
	kinds := map[string]int{"audio": 1, "video": 2}
	inner := object{"businessID": "av_call", "version": 4, "call_type": kinds[c.media], "call_end": 0, "room_id": 1}
	if c.how == "ring" {
		inner["data"] = object{"cmd": c.media + "Call", "inviter": c.from, "room_id": 1, "userIDs": []string{c.to}}
	}
	innerText, err := json.Marshal(inner)
	if err != nil {
		return nil, err
	}
	signal, err := object{
		"actionType": actions[c.how], "businessID": 1, "inviteID": c.id, "inviter": c.from, "inviteeList": []string{c.to},
		"groupID": "", "onlineUserOnly": false, "timeout": a.number("ring", 30), "data": string(innerText),
	}.encode()
	if err != nil {
		return nil, err
	}
	body, _ := message(a, "TIMCustomElem", object{"Data": string(signal), "Desc": "", "Ext": "", "Sound": ""}, now)
	if c.how == "answer" || c.how == "reject" { // the callee sends these
		body["From_Account"], body["To_Account"] = c.to, c.from
	}
	body["SendMsgResult"], body["UnreadMsgNum"] = 0, 0
	return body, nil
}

// webhook makes a callback of the Call product.
func (c call) webhook(now time.Time) (command string, body object) {
	media := map[string]string{"audio": "Audio", "video": "Video"}[c.media]
	switch c.how {
	case "ring":
		return callStart, object{
			"CallInfo":  object{"CallId": c.id, "CallMediaType": media, "ChatGroupId": "", "RoomId": "", "RoomIdType": 1},
			"UserList":  []object{{"User_Account": c.from, "Status": "Calling"}, {"User_Account": c.to, "Status": "Waiting"}},
			"EventTime": now.UnixMilli(),
		}
	case "answer":
		return callMember, object{
			"CallId":          c.id,
			"UserList":        []object{{"User_Account": c.from, "Status": "Calling"}, {"User_Account": c.to, "Status": "Calling"}},
			"ChangedUserList": []object{{"User_Account": c.to, "ActionType": "Answer"}},
			"EventTime":       now.UnixMilli(),
		}
	}
	result := map[string]string{"reject": "Reject", "cancel": "Cancel", "timeout": "NotAnswer"}[c.how]
	return callEnd, object{
		"CallRecord": object{
			"CallId": c.id, "Caller_Account": c.from, "MediaType": media, "CallType": "SingleCall",
			"StartTime": now.Unix() - 1, "EndTime": now.Unix(), "AcceptTime": 0, "CallResult": result,
			"CalleeList_Account": []string{c.to}, "RoomId": "", "RoomIdType": 1,
		},
		"EventTime": now.UnixMilli(),
	}
}
