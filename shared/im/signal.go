package im

import (
	"encoding/json"
	"strings"
	"time"

	"wxnotify/shared/notify"
)

// Actions of the signalling that travels in custom messages.
// Source: https://github.com/Tencent-RTC/docs (zh/callkit/faq/web.md, signalling field table)
const (
	actionInvite = 1 // also hang-up and switch-to-audio
	actionCancel = 2
	actionAccept = 3
	actionReject = 4
	actionExpire = 5
)

// A signal is the Data of a custom message whose businessID is the number 1.
type signal struct {
	outer object // actionType, inviteID, inviteeList, timeout, ...
	inner object // its data: businessID, call_type, call_end, line_busy, ...
	cmd   string // inner data.cmd
}

// readSignal returns nil if data is not signalling. Signalling that is not about a
// call is still signalling: it is for programs, not for people.
func readSignal(data object) *signal {
	if n, ok := data["businessID"].(json.Number); !ok || n != "1" {
		return nil
	}
	s := &signal{outer: data, inner: data.embedded("data")}
	s.cmd = s.inner.embedded("data").str("cmd")
	return s
}

// calls returns what the signal says of a call: one step, or none if it is about
// something else. to is empty in a group.
func (s *signal) calls(from, to notify.UserID, groupID string, at time.Time) []Call {
	phase := s.phase()
	id := s.outer.id("inviteID")
	if phase == "" || idProblem(id) != "" {
		return nil
	}
	c := Call{ID: id, Phase: phase, Media: s.media(), GroupID: groupID, At: at}
	if c.GroupID == "" {
		c.GroupID = s.outer.optionalID("groupID")
	}
	if to != "" {
		c.Caller, c.Users = s.between(phase, from, to)
	} else {
		c.Caller, c.Users = s.within(phase, from)
	}
	if phase == CallRinging {
		c.Ring = ringTime(s.outer)
	}
	if end, ok := s.inner.integer("call_end"); ok && phase == CallEnded {
		c.Duration = seconds(end)
	}
	return []Call{c}
}

// phase is empty for signals that neither start nor end a call.
func (s *signal) phase() CallPhase {
	if id := s.inner.str("businessID"); id != "av_call" && id != "rtc_call" {
		return ""
	}
	action, _ := s.outer.integer("actionType")
	if s.cmd == "switchToAudio" {
		return ""
	}
	switch action {
	case actionInvite:
		return s.invitePhase()
	case actionCancel:
		return CallCancelled
	case actionAccept:
		return CallAnswered
	case actionReject:
		if _, busy := s.inner["line_busy"]; busy {
			return CallBusy
		}
		return CallRejected
	case actionExpire:
		return CallTimedOut
	}
	return ""
}

func (s *signal) invitePhase() CallPhase {
	switch s.cmd {
	case "audioCall", "videoCall":
		return CallRinging
	case "hangup":
		return CallEnded
	case "":
		if end, _ := s.inner.integer("call_end"); end > 0 {
			return CallEnded
		}
		return CallRinging
	}
	return ""
}

func (s *signal) media() Media {
	callType, _ := s.inner.integer("call_type")
	switch {
	case s.cmd == "audioCall", s.cmd != "videoCall" && callType == 1:
		return MediaAudio
	case s.cmd == "videoCall", callType == 2:
		return MediaVideo
	}
	return ""
}

// ringTime reads the timeout of an invitation; 0 means the default.
func ringTime(o object) time.Duration {
	n, _ := o.integer("timeout")
	if n <= 0 {
		return defaultRing
	}
	return seconds(min(n, int64(maxRing/time.Second)))
}

// seconds refuses what no call lasts, before it can overflow.
func seconds(n int64) time.Duration {
	if n < 0 || n > maxSecond {
		return 0
	}
	return time.Duration(n) * time.Second
}

// mediaNamed reads "Audio" and "Video" in any case.
func mediaNamed(s string) Media {
	switch m := Media(strings.ToLower(s)); m {
	case MediaAudio, MediaVideo:
		return m
	}
	return ""
}
