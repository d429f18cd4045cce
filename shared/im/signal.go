package im

import (
	"encoding/json"
	"time"

	"wxnotify/shared/fact"
)

// A signal is what a custom message tells the programs at both ends of a call. Its
// sender may write what they like into it.
type signal struct {
	id      string
	phase   CallPhase     // empty: neither starts nor ends a call
	inviter fact.UserID   // empty: the signal does not say
	invited []fact.UserID // who is called; may be empty in a one-to-one message
	others  []fact.UserID // who else was in a call that has ended
	groupID string
	ring    time.Duration
}

// readSignal returns nil if data is not signalling. Signalling that is not about a
// call is still signalling: it is for programs, not for people.
//
// Old clients stay in use, so these generations are all in the field. Data is the
// custom message's, inner the data in it, an object or JSON in a string.
//
//	generation                 Data                        inner                        it rings            it has ended
//	TUICallKit, TUICalling     businessID 1, actionType    businessID av_call or        data.cmd audioCall  data.cmd hangup
//	(2021 on)                                              rtc_call, data.cmd           or videoCall
//	native TRTCCalling (2020)  the same                    businessID av_call           no call_end         call_end
//	TRTCCalling of mini        the same                    no businessID, but           room_id, and no     call_end
//	programs and Web (2020)                                call_type                    call_end
//	UIKit (2020)               version, call_id, room_id,  -                            action 1            action 5
//	                           call_type, action
//	UIKit (2019)               the same, version 3,        -                            action 0            action 5
//	                           no call_type
//
// call_end is how many seconds the call took, and 0 in groups. Some later clients write
// a call_end of 0 into one-to-one invitations too, and only those name a room and a time
// to ring.
//
// In the first three, actionType 1 is an invitation and all else that is new, and 2 to 5
// end one, for which the third sends no data at all. A switch to audio (data.cmd
// switchToAudio, switch_to_audio_call) is neither.
//
// Source: https://github.com/Tencent-RTC/docs (zh/callkit/faq/web.md, signalling field table),
// https://github.com/tencentyun/TRTCSDK (TRTCCalling, CallModel)
func readSignal(data object, inGroup bool) *signal {
	if n, ok := data["businessID"].(json.Number); ok && n == "1" {
		return readSignalling(data, inGroup)
	}
	return readBareCall(data)
}

// Values of actionType.
const (
	actionInvite = 1 // also hang-up and switch-to-audio
	actionCancel = 2
	actionAccept = 3
	actionReject = 4
	actionExpire = 5
)

func readSignalling(data object, inGroup bool) *signal {
	inner := data.embedded("data")
	details := inner.embedded("data")
	s := &signal{
		id: data.id("inviteID"), groupID: data.optionalID("groupID"), inviter: fact.UserID(data.optionalID("inviter")),
		invited: data.users("inviteeList"), others: details.users("userIDs"), ring: ringTime(data),
	}
	cmd := details.str("cmd")
	action, _ := data.integer("actionType")
	if !ofCall(inner, action) || cmd == "switchToAudio" || inner.str("switch_to_audio_call") != "" || inner.flag("switch_to_audio_call") {
		return s
	}
	switch action {
	case actionInvite:
		timeout, _ := data.integer("timeout")
		s.phase = invitePhase(cmd, inner, inGroup || timeout == 0)
	case actionCancel:
		s.phase = CallCancelled
	case actionAccept:
		s.phase = CallAnswered
	case actionReject:
		s.phase = CallRejected
		if inner.has("line_busy") {
			s.phase = CallBusy
		}
	case actionExpire:
		s.phase = CallTimedOut
	}
	return s
}

// ofCall reports whether signalling with inner is about a call.
func ofCall(inner object, action int64) bool {
	switch id := inner.str("businessID"); {
	case id == "av_call" || id == "rtc_call":
		return true
	case inner.has("businessID"):
		return false
	case action == actionInvite:
		return inner.has("call_type") && (inner.has("room_id") || inner.has("call_end"))
	}
	return true // the end of an invitation that says no more than its id
}

// invitePhase reads an invitation, which may be something else. zeroEnds: a call_end of
// 0 can only be an end.
func invitePhase(cmd string, inner object, zeroEnds bool) CallPhase {
	switch cmd {
	case "audioCall", "videoCall":
		return CallRinging
	case "hangup":
		return CallEnded
	case "":
		end, isNumber := inner.integer("call_end")
		invites := isNumber && end == 0 && inner.has("room_id") && !zeroEnds
		if inner.has("call_end") && !invites {
			return CallEnded
		}
		return CallRinging
	}
	return ""
}

// bareActions are the meanings of action in bare calls, of 2020 and of 2019.
var bareActions = [2][8]CallPhase{
	{1: CallRinging, 2: CallCancelled, 3: CallRejected, 4: CallTimedOut, 5: CallEnded, 6: CallBusy, 7: CallAnswered},
	{0: CallRinging, 1: CallCancelled, 2: CallRejected, 3: CallTimedOut, 4: CallAnswered, 5: CallEnded, 6: CallBusy},
}

// readBareCall reads the generations without signalling around them.
func readBareCall(data object) *signal {
	action, ok := data.integer("action")
	if !ok || data.id("call_id") == "" || !data.has("room_id") || data.has("businessID") {
		return nil
	}
	actions := bareActions[0]
	if !data.has("call_type") {
		if data.id("version") != "3" {
			return nil
		}
		actions = bareActions[1]
	}
	s := &signal{id: data.id("call_id"), groupID: data.optionalID("group_id"),
		invited: data.users("invited_list"), ring: ringTime(data)}
	if action >= 0 && action < int64(len(actions)) {
		s.phase = actions[action]
	}
	return s
}

// calls returns what the signal says of a call: one step, or none if it is about
// something else. to is empty in a group.
func (s *signal) calls(from, to fact.UserID, groupID string, at time.Time) []Call {
	if s.phase == "" || idProblem(s.id) != "" {
		return nil
	}
	c := Call{ID: s.id, Phase: s.phase, GroupID: groupID, At: at}
	if c.GroupID == "" {
		c.GroupID = s.groupID
	}
	if to != "" {
		c.Caller, c.Users = s.between(from, to)
	} else {
		c.Caller, c.Users = s.within(from)
	}
	if s.phase == CallRinging {
		c.Ring = s.ring
	}
	return []Call{c}
}

// ringTime reads the timeout of an invitation; 0 means the default.
func ringTime(o object) time.Duration {
	n, _ := o.integer("timeout")
	if n <= 0 {
		return defaultRing
	}
	return time.Duration(min(n, int64(maxRing/time.Second))) * time.Second
}
