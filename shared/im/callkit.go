package im

import (
	"strings"

	"wxnotify/shared/fact"
)

// The webhooks of the Call product have a URL setting of their own and tell of calls
// made with calls().
// Source: https://trtc.io/document/68941, https://trtc.io/document/69215,
// https://www.tencentcloud.com/document/product/647/68940

func decodeCallStart(cb *Callback, f *fields, _ bool) {
	cb.Kind = KindCall
	info := f.object.object("CallInfo")
	c := Call{
		ID: f.requireIDIn(info, "CallId", "CallInfo.CallId"), Phase: CallRinging, Ring: defaultRing,
		GroupID: info.optionalID("ChatGroupId"), At: cb.EventTime,
	}
	for _, u := range f.objects("UserList") {
		user := u.id("User_Account")
		if idProblem(user) != "" {
			continue
		}
		switch asciiLower(u.str("Status")) {
		case "calling":
			c.Caller = fact.UserID(user)
		case "waiting":
			c.Users = append(c.Users, fact.UserID(user))
		}
	}
	cb.Calls = []Call{c}
}

func decodeCallMembers(cb *Callback, f *fields, _ bool) {
	cb.Kind = KindCall
	id := f.requireID("CallId")
	waiting := map[string]bool{}
	for _, u := range f.objects("UserList") {
		waiting[u.id("User_Account")] = asciiLower(u.str("Status")) == "waiting"
	}
	for _, u := range f.objects("ChangedUserList") {
		user, action := u.id("User_Account"), squash(u.str("ActionType"))
		phase := memberPhase(action)
		if idProblem(user) != "" || phase == "" {
			continue
		}
		if action == "offline" && waiting[user] {
			continue // their heartbeat is gone, and it still rings at them
		}
		c := Call{ID: id, Phase: phase, Users: []fact.UserID{fact.UserID(user)}, At: cb.EventTime}
		if phase == CallRinging {
			c.Ring = defaultRing
		}
		cb.Calls = append(cb.Calls, c)
	}
}

func decodeCallEnd(cb *Callback, f *fields, _ bool) {
	cb.Kind = KindCall
	record := f.object.object("CallRecord")
	cb.Calls = []Call{{
		ID: f.requireIDIn(record, "CallId", "CallRecord.CallId"), Phase: resultPhase(record.str("CallResult")),
		Caller: fact.UserID(record.optionalID("Caller_Account")),
		Users:  record.users("CalleeList_Account"), At: cb.EventTime,
	}}
}

// squash makes the documented spellings of one word equal: "Hang Up", "Hangup",
// "Cancel_Invite".
func squash(s string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(s))
}

// memberPhase reads ActionType, for which the example and the table of one page
// differ; "Canncel_Invite" is theirs. Empty: a word we do not know.
// Source: https://trtc.io/document/69215
func memberPhase(squashed string) CallPhase {
	switch squashed {
	case "invite", "invited":
		return CallRinging
	case "answer", "accept", "join":
		return CallAnswered
	case "reject":
		return CallRejected
	case "callbusy", "linebusy", "busy":
		return CallBusy
	case "notanswer":
		return CallTimedOut
	case "cancelinvite", "canncelinvite", "cancel":
		return CallCancelled
	case "hangup", "offline":
		return CallEnded
	}
	return ""
}

// resultPhase reads CallResult. Whatever it says, the call is over.
func resultPhase(result string) CallPhase {
	switch squash(result) {
	case "notanswer":
		return CallTimedOut
	case "reject":
		return CallRejected
	case "cancel":
		return CallCancelled
	case "callbusy":
		return CallBusy
	}
	return CallEnded // NormalEnd, Interrupt, Offline
}
