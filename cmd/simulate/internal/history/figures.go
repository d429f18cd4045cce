package history

// The figures that a history is drawn from. docs/simulation.md prints those that were
// given and those that had to be added.
const (
	firstHour, lastHour        = 7, 23 // of sessions
	fewestSessions             = 4     // a day
	mostSessions               = 12
	shortestSession            = 60 // s
	longestSession             = 20 * 60
	medianSession              = 5 * 60
	lateShare                  = 0.30 // of leavings, half of them late, half very late
	late                Second = 30
	veryLate            Second = 60
	lostShare                  = 0.05 // of State callbacks
	burstsPerDay               = 15.0
	burstMean                  = 4.0 // messages
	shortestGap                = 2   // s, between the messages of a burst
	longestGap                 = 40
	onlineShare                = 0.30 // of bursts
	longestRead                = 300  // s, from 1 on
	callsPerDay                = 2.0
	ringTime            Second = 30
	groupSize           int32  = 50
	mentionShare               = 0.02
	recallShare                = 0.01
	repeatShare                = 0.01
	tapsMean                   = 3.0

	// An assumption of ours.
	sessionSpread        = 0.7    // sigma of the logarithm
	apart         Second = 2 * 60 // between two sessions: less is one session
	contacts      int32  = 8      // who write to a user, each burst by one of them
	longestUndo          = 2 * 60 // s until a message is recalled: what IM allows by default
	longestEcho          = 10     // s until a callback is repeated
	callsOnline          = onlineShare
	answerShare          = 0.70 // of calls that ring at somebody who is there
	rejectShare          = 0.15
	cancelShare          = 0.50 // of the others; the rest ring to the end
	postsPerDay          = 50.0 // in a group
	allShare             = 0.10 // of mentions are of everybody
	reportShare          = 0.50 // of taps that the mini program reports too
	shortestTap          = 2    // s between two taps
	longestTap           = 8
)

// MeanSessions is how many sessions a user has a day.
const MeanSessions = (fewestSessions + mostSessions) / 2.0
