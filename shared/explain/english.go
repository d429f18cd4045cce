package explain

import (
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

func explainEnglish() explainWords {
	return explainWords{
		states:  englishStates(),
		reasons: englishReasons(),

		accepted:      "This message has come in; we will check whether you are online, and then decide whether to notify you.",
		sending:       "A WeChat notification is being sent to you right now.",
		awaitsReport:  "The notification was handed to WeChat, and we are waiting for WeChat to report what became of it.",
		notYet:        "You have not been notified yet: {a}; we will try again soon.",
		notYetUntil:   "You have not been notified yet: {a}; we will try again on {b}.",
		notSent:       "This notification was not sent ({a}), and its messages wait for another one.",
		carries:       "This notification was for {a} messages: {b}",
		onRecord:      "Messages on record: {a} ({b}).",
		noMessages:    "On record is no message that you would have to be notified of.",
		noSteps:       "We have no record of notifications for you: nothing came in during the last 7 days, you have never logged in to the mini program, or this is not the right environment.",
		noSuchMessage: "We have no record of this message: it is kept for 7 days at most and newer records may have taken its place, you had not logged in to the mini program then, or this is not the right environment.",
		noSuchCard:    "We have no record of this notification: it is kept for 7 days at most and newer records may have taken its place, or this is not the right environment.",
		over:          "Nothing more will be sent for this message.",

		steps: map[notify.StepKind]string{
			notify.StepAccepted: "A message came in and waits.",
			notify.StepLeft:     "IM reported that the user left.",
			notify.StepReturned: "IM reported that the user came back.",
			notify.StepBegun:    "A notification is being prepared.",
			notify.StepReserved: "A permit is reserved, and the notification goes out.",
		},
		asked: map[string]string{
			notify.StatusOnline.String():     "IM was asked: the user is online.",
			notify.StatusOffline.String():    "IM was asked: the user is offline.",
			notify.StatusPushOnline.String(): "IM was asked: the user is offline, and the phone app can be reached by push.",
			notify.StatusUnknown.String():    "IM was asked, and did not answer.",
			"":                               "IM was asked.",
		},
		sent: "WeChat accepted the notification.",
		classes: map[string]string{
			card.ClassUnknown.String():       "The notification went out, and WeChat gave no clear answer.",
			card.ClassRetry.String():         "WeChat was busy: nothing was sent.",
			card.ClassMinute.String():        "Too many went out this minute: nothing was sent.",
			card.ClassQuota.String():         "WeChat's quota for the day is used up: nothing was sent.",
			card.ClassRefused.String():       "WeChat refused: the user has no permit left.",
			card.ClassUnknownOpenID.String(): "WeChat refused: it does not know the user.",
			card.ClassTemplate.String():      "WeChat refused: the template cannot be used, an operator has to act.",
			card.ClassOperator.String():      "WeChat refused: a setting of the service is wrong, an operator has to act.",
			card.ClassWording.String():       "WeChat refused the wording.",
			card.ClassDefect.String():        "WeChat refused: the content does not fit the template.",
			card.ClassUnreached.String():     "WeChat could not be reached: nothing was sent.",
			card.ClassUnlisted.String():      "WeChat answered with an unknown error code: nothing was sent.",
			"":                               "WeChat did not take the notification.",
		},
		settled: map[string]string{
			string(permit.Spent):    "One permit is spent.",
			string(permit.Refunded): "The permit is put back.",
			string(permit.Zeroed):   "The permits are crossed out: WeChat knows of none.",
			string(permit.Held):     "The permit is held until WeChat reports.",
			"":                      "The outcome is written down.",
		},
		putOff:      "Not yet: {a}.",
		putOffUntil: "Not before {b}: {a}.",
		later:       "it is not time",
		ends:        "The end: {a}.",
		other:       "{a}.",
		messages:    "{a} messages",
		permits:     "left: {a}, kept: {b}",
		waits:       "waiting",
		count:       "{a} {b}",
		comma:       ", ",
		stop:        ".",
		bracket:     " ({a})",
		clock:       "2 January at 15:04:05",
	}
}

func englishStates() map[fact.State]stateWords {
	return map[fact.State]stateWords{
		fact.StateDelivered: {"notified", "We notified you on {a}; you will find it under \"Service Notifications\" in WeChat.", map[fact.Reason]string{
			fact.ReasonReported: "WeChat confirms that the notification reached you before {a}; you will find it under \"Service Notifications\" in WeChat.",
		}},
		fact.StateRead: {"read", "You had seen this message already, so no WeChat notification was sent.", map[fact.Reason]string{
			fact.ReasonReadReport: "You had read this message already, so no WeChat notification was sent.",
			fact.ReasonOwnReply:   "You had replied in the conversation already, so no WeChat notification was sent.",
			fact.ReasonUnreadNone: "You had no unread messages left, so no WeChat notification was sent.",
		}},
		fact.StateRecalled: {"recalled", "The sender took this message back, so no WeChat notification was sent.", nil},
		fact.StateAnswered: {"answered", "You answered this call, so no WeChat notification was sent.", nil},
		fact.StateEnded: {"call over", "This call is over, so no WeChat notification was sent.", map[fact.Reason]string{
			fact.ReasonRejected:   "You declined this call, so no WeChat notification was sent.",
			fact.ReasonCancelled:  "The caller gave up before you could be notified.",
			fact.ReasonTimedOut:   "Nobody answered this call, and it stopped ringing before you could be notified.",
			fact.ReasonLineBusy:   "You were in another call, so no WeChat notification was sent.",
			fact.ReasonHungUp:     "This call is over, so no WeChat notification was sent.",
			fact.ReasonMissedCall: "The call stopped ringing, and you will be notified of it as a missed call.",
		}},
		fact.StateMuted: {"muted", "You have switched such notifications off, so none was sent.", map[fact.Reason]string{
			fact.ReasonMutedAll:  "You have switched notifications off, so none was sent; you can switch them on again in the mini program.",
			fact.ReasonMutedPeer: "You have muted this conversation, so no WeChat notification was sent.",
		}},
		fact.StateCameOnline: {"was online", "You were online and got the message in the chat itself, so no WeChat notification was sent.", map[fact.Reason]string{
			fact.ReasonOnline:     "You were online and got the message in the chat itself, so no WeChat notification was sent.",
			fact.ReasonPushOnline: "Your phone app gets push notifications of its own, so no WeChat notification was sent.",
		}},
		fact.StateNotCounted: {"not to be notified", "Messages of this kind are not announced on WeChat.", map[fact.Reason]string{
			fact.ReasonSilent:  "There is nothing to read in this message, so no WeChat notification was sent.",
			fact.ReasonAdmin:   "This message is from the system administrator, so no WeChat notification was sent.",
			fact.ReasonSelf:    "You sent this message to yourself, so no WeChat notification was sent.",
			fact.ReasonCrowded: "Too many messages were waiting for you already, so there was no notification for this one; you will find it in the mini program.",
		}},
		fact.StateNotBound: {"not logged in", "You are not logged in to the mini program in WeChat (not yet, or not since your data was erased as you asked), so we cannot notify you there; logging in once is enough.", nil},
		fact.StateUnbound: {"login changed", "Your account was no longer linked to this WeChat when the notification was due, so none was sent.", map[fact.Reason]string{
			fact.ReasonNewerBinding: "A newer login took over the link between the account and WeChat before the notification was sent, so it was cancelled.",
		}},
		fact.StateNoPermit: {"no permit left", "You had no notifications left, so we could not notify you; tap \"Allow\" in the mini program to get them again.", map[fact.Reason]string{
			fact.ReasonReported: "WeChat reports that you had no notifications left, so this one did not reach you; tap \"Allow\" in the mini program to get them again.",
		}},
		fact.StateRefused: {"refused by WeChat", "WeChat does not let us notify you; please log in to the mini program again and check that it may send notifications.", map[fact.Reason]string{
			fact.ReasonUnknownOpenID: "WeChat no longer knows you as a user of this mini program, so the notification could not be sent; please log in to it again.",
			fact.ReasonReported:      "WeChat reports that this notification was not shown to you; please check that the mini program may send notifications.",
		}},
		fact.StateQuota: {"over WeChat's quota", "WeChat took no more notifications that day, and this message became too old to be announced.", map[fact.Reason]string{
			fact.ReasonQuotaDay: "WeChat's quota for the day was used up, and this message became too old to be announced.",
		}},
		fact.StateExpired:  {"expired", "This message became too old to be announced, so no WeChat notification was sent.", nil},
		fact.StateFailedIM: {"failed in chat", "This message could not be sent in the chat itself, so no WeChat notification was sent.", nil},
		fact.StateUnknown: {"outcome unknown", "The notification was handed to WeChat, but nobody can say whether it reached you; we do not send it twice.", map[fact.Reason]string{
			fact.ReasonStranded:     "Our service was interrupted while it sent the notification, and nobody can say whether it reached you; we do not send it twice.",
			fact.ReasonSilentWeChat: "The notification was handed to WeChat, which never told what became of it; we do not send it twice.",
		}},
		fact.StateDead: {"failed", "The notification could not be sent because of an error that does not mend itself; our engineers will look into it.", map[fact.Reason]string{
			fact.ReasonAttempts: "The notification could not be sent although we tried several times; our engineers will look into it.",
			fact.ReasonWording:  "WeChat refused the wording of the notification, so it could not be sent; our engineers will look into it.",
			fact.ReasonOperator: "A setting of our service is wrong, so the notification could not be sent; our engineers will look into it.",
			fact.ReasonReported: "WeChat reports that the notification did not reach you; our engineers will look into it.",
		}},
		fact.StateErased: {"erased", "You asked us to erase your data, and what was waiting for you was cancelled with it.", nil},
	}
}

func englishReasons() map[fact.Reason]string {
	return map[fact.Reason]string{
		fact.ReasonReadReport:    "a read report came in",
		fact.ReasonOwnReply:      "a reply was written in the conversation",
		fact.ReasonOnline:        "online at that time",
		fact.ReasonPushOnline:    "the phone app can be reached by push",
		fact.ReasonSilent:        "there is nothing to read in it",
		fact.ReasonAdmin:         "the administrator sent it",
		fact.ReasonSelf:          "it was sent to oneself",
		fact.ReasonCrowded:       "too many messages wait already",
		fact.ReasonBusy:          "another notification is on its way",
		fact.ReasonWindow:        "still shown as online, which has to be checked again",
		fact.ReasonIMSilent:      "it cannot be told who is online",
		fact.ReasonStranded:      "the service was interrupted while it was sending",
		fact.ReasonNeverSent:     "the notification in preparation was never sent",
		fact.ReasonAttempts:      "it was tried as often as the rules allow",
		fact.ReasonBackoff:       "WeChat did not take it just now",
		fact.ReasonOperator:      "a setting of the service has to be mended first",
		fact.ReasonWording:       "WeChat refused the wording",
		fact.ReasonQuotaDay:      "WeChat's quota for the day is used up",
		fact.ReasonNewerBinding:  "a newer login took over",
		fact.ReasonUnreadNone:    "nothing is unread any more",
		fact.ReasonDigest:        "one notification of this absence has gone out, and later messages are put together",
		fact.ReasonKept:          "the permits left are kept for later absences",
		fact.ReasonQuietHours:    "these are quiet hours",
		fact.ReasonRinging:       "it rings, and the user is shown as online",
		fact.ReasonMutedAll:      "notifications are switched off",
		fact.ReasonMutedPeer:     "this conversation is muted",
		fact.ReasonRejected:      "the call was declined",
		fact.ReasonCancelled:     "the caller gave up",
		fact.ReasonTimedOut:      "nobody answered the call",
		fact.ReasonLineBusy:      "another call was on",
		fact.ReasonHungUp:        "the call is over",
		fact.ReasonMissedCall:    "it is told as a missed call",
		fact.ReasonUnknownOpenID: "WeChat does not know the user until the next login to the mini program",
		fact.ReasonTooMany:       "the limit of notifications for this hour is reached",
		fact.ReasonReported:      "WeChat reported it",
		fact.ReasonSilentWeChat:  "WeChat neither answered nor reported",
		fact.ReasonReplayed:      "an operator had it announced again",
		fact.ReasonNotMember:     "the call came through a group that the user is not in",
	}
}
