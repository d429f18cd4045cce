package fact

// A State is how a message ended for one recipient. Final means that nothing more
// will be sent for it.
type State string

// The final states. The list is closed.
const (
	StateDelivered  State = "delivered"    // a card that carries it was accepted by WeChat
	StateRead       State = "read"         // read, or answered, before a card went out
	StateRecalled   State = "recalled"     // taken back by its sender
	StateAnswered   State = "answered"     // the call was answered
	StateEnded      State = "ended"        // the call rings no longer
	StateMuted      State = "muted"        // the recipient does not want to be told
	StateCameOnline State = "came online"  // the recipient was there after all: IM itself reached them
	StateNotCounted State = "not counted"  // not of the kind that is announced
	StateNotBound   State = "not bound"    // the recipient has not logged in through the mini program, or was erased since
	StateUnbound    State = "unbound"      // the recipient's binding ended while it waited
	StateNoPermit   State = "no permit"    // the recipient has no subscription left to pay for a card
	StateRefused    State = "refused"      // WeChat does not let us write to this user
	StateQuota      State = "quota"        // WeChat's quota for the day was used up for as long as it lived
	StateExpired    State = "expired"      // older than the time to live
	StateFailedIM   State = "failed in IM" // IM did not deliver it
	StateUnknown    State = "unknown"      // a card was sent and nobody can say whether it arrived
	StateDead       State = "dead"         // given up after an error that will not mend itself
	StateErased     State = "erased"       // everything about the recipient was erased
)

// A Reason says why, in one word that stays the same over versions: it is what
// tests, logs and translations refer to.
type Reason string

// The reasons of states and steps.
const (
	ReasonNone          Reason = ""
	ReasonReadReport    Reason = "read_report"   // the client said so
	ReasonOwnReply      Reason = "own_reply"     // they answered in the conversation
	ReasonOnline        Reason = "online"        // IM says they are connected
	ReasonPushOnline    Reason = "push_online"   // their phone app rings
	ReasonSilent        Reason = "silent"        // typing, signalling, or nothing to read
	ReasonAdmin         Reason = "admin"         // sent by our own IM administrator
	ReasonSelf          Reason = "self"          // sent to oneself
	ReasonCrowded       Reason = "crowded"       // too many wait for this recipient already
	ReasonBusy          Reason = "busy"          // another card to this user is on its way
	ReasonWindow        Reason = "window"        // online, but the blind window is not over
	ReasonIMSilent      Reason = "im_silent"     // IM does not answer
	ReasonStranded      Reason = "stranded"      // the run that was sending it ended early
	ReasonNeverSent     Reason = "never_sent"    // the run that had begun it ended before sending
	ReasonAttempts      Reason = "attempts"      // tried as often as the rules allow
	ReasonBackoff       Reason = "backoff"       // WeChat did not take the card just now
	ReasonOperator      Reason = "operator"      // something has to be mended first
	ReasonWording       Reason = "wording"       // WeChat refused the text; tried without it
	ReasonQuotaDay      Reason = "quota_day"     // the day's quota of WeChat is used up
	ReasonNewerBinding  Reason = "newer_binding" // a later login took the binding over
	ReasonUnreadNone    Reason = "unread_none"   // IM counts nothing unread
	ReasonDigest        Reason = "digest"        // told in this absence already: the next card is a digest
	ReasonKept          Reason = "kept"          // the permits left are kept for coming absences
	ReasonQuietHours    Reason = "quiet_hours"   // the rules or the user want silence now
	ReasonRinging       Reason = "ringing"       // online while it rings: asked again
	ReasonMutedAll      Reason = "muted_all"     // the user has switched notices off
	ReasonMutedPeer     Reason = "muted_peer"    // the user has muted this conversation
	ReasonRejected      Reason = "rejected"      // the user declined the call
	ReasonCancelled     Reason = "cancelled"     // the caller gave up
	ReasonTimedOut      Reason = "timed_out"     // nobody answered the call
	ReasonLineBusy      Reason = "line_busy"     // the user was in another call
	ReasonHungUp        Reason = "hung_up"       // the call is over
	ReasonMissedCall    Reason = "missed_call"   // the call is told as missed
	ReasonUnknownOpenID Reason = "gone"          // WeChat does not know the openid; a new login mends it
	ReasonTooMany       Reason = "too_many"      // the user got as many cards this hour as the rules allow
	ReasonReported      Reason = "reported"      // WeChat's own report said so
	ReasonSilentWeChat  Reason = "no_report"     // WeChat neither answered nor reported
	ReasonNotMember     Reason = "not_member"    // called through a group that they are not in
	ReasonReplayed      Reason = "replayed"      // an operator had it announced again
)
