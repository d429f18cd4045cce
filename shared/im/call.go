package im

import (
	"time"

	"wxnotify/shared/fact"
)

// A CallPhase is what became of a call, for the Users of that Call.
type CallPhase string

// The phases of a call.
const (
	CallRinging   CallPhase = "ringing"
	CallAnswered  CallPhase = "answered"
	CallCancelled CallPhase = "cancelled" // the caller gave up
	CallRejected  CallPhase = "rejected"
	CallBusy      CallPhase = "busy" // rejected by the device: another call is on
	CallTimedOut  CallPhase = "timed_out"
	CallEnded     CallPhase = "ended" // hung up, or broken off
)

// defaultRing is how long a phone rings when nobody said otherwise.
// Source: https://github.com/Tencent-RTC/docs (zh/callkit/faq/web.md)
const defaultRing = 30 * time.Second

// A Call is one step of one call. Two sources tell of calls, signalling inside
// messages and the Call webhooks; their IDs have nothing to do with one another.
type Call struct {
	ID      string // inviteID of a signalled call, CallId of the Call webhooks
	Phase   CallPhase
	Caller  fact.UserID   // empty if this step does not tell
	Users   []fact.UserID // whom the step is about: who is rung, who answered, who was missed
	GroupID string        // of a group call, else empty
	// Ring is how long it rings from At on; zero unless Phase is CallRinging.
	Ring time.Duration
	At   time.Time // zero if IM did not say
}
