package explain

import (
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

func explainChinese() explainWords {
	return explainWords{
		states:  chineseStates(),
		reasons: chineseReasons(),

		accepted:      "这条消息已收到，稍后会确认您是否在线，再决定是否提醒您。",
		sending:       "正在给您发送微信提醒，请稍等。",
		awaitsReport:  "提醒已发给微信，暂时还没有收到结果，正在等待微信的回报。",
		notYet:        "还没有提醒您：{a}，稍后会再试。",
		notYetUntil:   "还没有提醒您：{a}，将于 {b} 再试。",
		notSent:       "这次提醒没有发出（{a}），其中的消息会重新等待提醒。",
		carries:       "这次提醒共包含 {a} 条消息：{b}",
		onRecord:      "记录中有 {a} 条消息：{b}。",
		noMessages:    "记录中没有需要提醒您的消息。",
		noSteps:       "没有找到您的提醒记录：可能最近 7 天没有需要提醒您的消息，您还没有登录过小程序，或者查的不是这个环境。",
		noSuchMessage: "没有找到这条消息的提醒记录：可能已过保存期（最长 7 天）或被更新的记录替换，当时您还没有登录过小程序，或者查的不是这个环境。",
		noSuchCard:    "没有找到这次提醒的记录：可能已过保存期（最长 7 天）或被更新的记录替换，或者查的不是这个环境。",
		over:          "这条消息的提醒已经结束。",

		steps: map[notify.StepKind]string{
			notify.StepAccepted: "收到消息，等待处理。",
			notify.StepLeft:     "IM 报告：用户已离线。",
			notify.StepReturned: "IM 报告：用户已上线。",
			notify.StepBegun:    "开始准备提醒。",
			notify.StepReserved: "预留一次授权次数，准备发送。",
		},
		asked: map[string]string{
			notify.StatusOnline.String():     "查询 IM：用户在线。",
			notify.StatusOffline.String():    "查询 IM：用户不在线。",
			notify.StatusPushOnline.String(): "查询 IM：用户不在线，但手机 App 可收到推送。",
			notify.StatusUnknown.String():    "查询 IM：没有得到答复。",
			"":                               "查询 IM。",
		},
		sent: "微信已接收提醒。",
		classes: map[string]string{
			card.ClassUnknown.String():       "提醒已发出，但没有收到微信的明确答复。",
			card.ClassRetry.String():         "微信繁忙，提醒没有发出。",
			card.ClassMinute.String():        "这一分钟发送过多，提醒没有发出。",
			card.ClassQuota.String():         "微信当天的发送额度已用完，提醒没有发出。",
			card.ClassRefused.String():       "微信拒绝：用户没有可用的授权次数。",
			card.ClassUnknownOpenID.String(): "微信拒绝：查不到这个用户。",
			card.ClassTemplate.String():      "微信拒绝：消息模板不可用，需要运维人员处理。",
			card.ClassOperator.String():      "微信拒绝：服务设置有误，需要运维人员处理。",
			card.ClassWording.String():       "微信没有通过提醒的文字。",
			card.ClassDefect.String():        "微信拒绝：提醒内容不符合模板的要求。",
			card.ClassUnreached.String():     "连不上微信，提醒没有发出。",
			card.ClassUnlisted.String():      "微信返回了未知的错误码，提醒没有发出。",
			"":                               "微信没有接收提醒。",
		},
		settled: map[string]string{
			string(permit.Spent):    "扣除一次授权次数。",
			string(permit.Refunded): "退回预留的授权次数。",
			string(permit.Zeroed):   "授权次数清零：以微信的记录为准。",
			string(permit.Held):     "保留预留的授权次数，等待微信的回报。",
			"":                      "结果已登记。",
		},
		putOff:      "暂不提醒：{a}。",
		putOffUntil: "暂不提醒，{b} 再看：{a}。",
		later:       "时机未到",
		ends:        "结束：{a}。",
		other:       "{a}。",
		messages:    "{a} 条消息",
		permits:     "剩余 {a} 次，保留 {b} 次",
		waits:       "等待中",
		count:       "{a} 条{b}",
		comma:       "，",
		stop:        "。",
		bracket:     "（{a}）",
		clock:       "1月2日 15:04:05",
	}
}

func chineseStates() map[fact.State]stateWords {
	return map[fact.State]stateWords{
		fact.StateDelivered: {"已提醒", "提醒已于 {a} 发送给您，可以在微信的“服务通知”里查看。", map[fact.Reason]string{
			fact.ReasonReported: "微信确认提醒已于 {a} 前送达，可以在微信的“服务通知”里查看。",
		}},
		fact.StateRead: {"已读", "您已经看过这条消息，所以没有发微信提醒。", map[fact.Reason]string{
			fact.ReasonReadReport: "您已经读过这条消息，所以没有再发微信提醒。",
			fact.ReasonOwnReply:   "您已经在会话里回复过，所以没有再发微信提醒。",
			fact.ReasonUnreadNone: "您的消息都已读完，所以没有再发微信提醒。",
		}},
		fact.StateRecalled: {"已撤回", "对方撤回了这条消息，所以没有发微信提醒。", nil},
		fact.StateAnswered: {"已接听", "您已经接听了这通来电，所以没有发微信提醒。", nil},
		fact.StateEnded: {"来电已结束", "这通来电已经结束，所以没有发来电提醒。", map[fact.Reason]string{
			fact.ReasonRejected:   "您拒接了这通来电，所以没有发来电提醒。",
			fact.ReasonCancelled:  "对方取消了呼叫，所以没有发来电提醒。",
			fact.ReasonTimedOut:   "这通来电无人接听，响铃已经结束，所以没有发来电提醒。",
			fact.ReasonLineBusy:   "来电时您正在通话中，所以没有发来电提醒。",
			fact.ReasonHungUp:     "这通电话已经挂断，所以没有发来电提醒。",
			fact.ReasonMissedCall: "响铃已经结束，这通来电会作为未接来电提醒您。",
		}},
		fact.StateMuted: {"免打扰", "您关闭了这类提醒，所以没有发微信提醒。", map[fact.Reason]string{
			fact.ReasonMutedAll:  "您关闭了消息提醒，所以没有发微信提醒；在小程序里重新打开即可恢复。",
			fact.ReasonMutedPeer: "您把这个会话设为了免打扰，所以没有发微信提醒。",
		}},
		fact.StateCameOnline: {"当时在线", "您当时在线，消息已经直接显示在聊天里，所以没有发微信提醒。", map[fact.Reason]string{
			fact.ReasonOnline:     "您当时在线，消息已经直接显示在聊天里，所以没有发微信提醒。",
			fact.ReasonPushOnline: "您的手机 App 可以直接收到推送，所以没有再发微信提醒。",
		}},
		fact.StateNotCounted: {"无需提醒", "这类消息不发微信提醒。", map[fact.Reason]string{
			fact.ReasonSilent:  "这条消息没有可阅读的内容，所以没有发微信提醒。",
			fact.ReasonAdmin:   "这条消息由系统管理员账号发出，所以没有发微信提醒。",
			fact.ReasonSelf:    "这条消息是您发给自己的，所以没有发微信提醒。",
			fact.ReasonCrowded: "等待提醒您的消息太多，这条没有单独提醒，打开小程序就能看到。",
		}},
		fact.StateNotBound: {"未登录小程序", "您目前没有在微信里登录小程序（还没有登录过，或者数据已按您的要求清除），所以无法通过微信提醒您；登录一次即可。", nil},
		fact.StateUnbound: {"已换绑", "您的账号与微信的绑定在提醒发出前已解除，所以没有发微信提醒。", map[fact.Reason]string{
			fact.ReasonNewerBinding: "提醒发出前，账号与微信的绑定已被新的登录取代，所以没有发微信提醒。",
		}},
		fact.StateNoPermit: {"无授权次数", "您的授权次数已用完，所以没能提醒您；下次打开小程序时点一下“允许”，就能继续收到提醒。", map[fact.Reason]string{
			fact.ReasonReported: "微信回报您已没有可用的授权次数，提醒没有送达；下次打开小程序时点一下“允许”，就能继续收到提醒。",
		}},
		fact.StateRefused: {"微信拒收", "微信不允许给您发送这条提醒；请重新登录一次小程序，并检查是否允许它发送通知。", map[fact.Reason]string{
			fact.ReasonUnknownOpenID: "微信查不到您在这个小程序里的身份，提醒没能发出；请重新登录一次小程序。",
			fact.ReasonReported:      "微信回报这条提醒没有展示给您；请检查是否允许小程序发送通知。",
		}},
		fact.StateQuota: {"微信额度用完", "微信当天的发送额度一直不足，直到这条消息过期也没能提醒您。", map[fact.Reason]string{
			fact.ReasonQuotaDay: "微信当天的发送额度已用完，直到这条消息过期也没能提醒您。",
		}},
		fact.StateExpired:  {"已过期", "这条消息已超过提醒时限，所以没有再发微信提醒。", nil},
		fact.StateFailedIM: {"聊天发送失败", "这条消息在聊天里就没有发送成功，所以没有发微信提醒。", nil},
		fact.StateUnknown: {"结果不明", "提醒已发给微信，但无法确认您是否收到；为避免重复打扰，不会再发。", map[fact.Reason]string{
			fact.ReasonStranded:     "提醒发送途中服务中断，无法确认您是否收到；为避免重复打扰，不会再发。",
			fact.ReasonSilentWeChat: "提醒已发给微信，但微信一直没有回音，无法确认您是否收到；为避免重复打扰，不会再发。",
		}},
		fact.StateDead: {"发送失败", "提醒遇到无法自动恢复的错误，没能发出，我们的技术人员会处理。", map[fact.Reason]string{
			fact.ReasonAttempts: "提醒尝试多次都没能发出，我们的技术人员会处理。",
			fact.ReasonWording:  "微信没有通过提醒的文字，提醒没能发出，我们的技术人员会处理。",
			fact.ReasonOperator: "我们的服务设置有误，提醒没能发出，技术人员会处理。",
			fact.ReasonReported: "微信回报提醒没有送达，我们的技术人员会处理。",
		}},
		fact.StateErased: {"数据已清除", "您要求清除全部数据，等待中的提醒也一并取消了。", nil},
	}
}

func chineseReasons() map[fact.Reason]string {
	return map[fact.Reason]string{
		fact.ReasonReadReport:    "收到已读回执",
		fact.ReasonOwnReply:      "已在会话里回复",
		fact.ReasonOnline:        "当时在线",
		fact.ReasonPushOnline:    "手机 App 可收到推送",
		fact.ReasonSilent:        "没有可阅读的内容",
		fact.ReasonAdmin:         "由管理员账号发出",
		fact.ReasonSelf:          "发给自己的消息",
		fact.ReasonCrowded:       "等待提醒的消息太多",
		fact.ReasonBusy:          "另一条提醒正在发送",
		fact.ReasonWindow:        "仍显示在线，需要再确认一次",
		fact.ReasonIMSilent:      "暂时查不到是否在线",
		fact.ReasonStranded:      "发送途中服务中断",
		fact.ReasonNeverSent:     "上一次准备的提醒没有发出",
		fact.ReasonAttempts:      "已达到最多尝试次数",
		fact.ReasonBackoff:       "微信暂时没有接收",
		fact.ReasonOperator:      "服务设置需要先修正",
		fact.ReasonWording:       "微信没有通过提醒的文字",
		fact.ReasonQuotaDay:      "微信当天的发送额度已用完",
		fact.ReasonNewerBinding:  "绑定已被新的登录取代",
		fact.ReasonUnreadNone:    "已经没有未读消息",
		fact.ReasonDigest:        "离开后已提醒过一次，后面的消息合并提醒",
		fact.ReasonKept:          "剩余的授权次数留给以后离开时使用",
		fact.ReasonQuietHours:    "现在是免打扰时段",
		fact.ReasonRinging:       "来电正在响铃，且显示在线",
		fact.ReasonMutedAll:      "已关闭消息提醒",
		fact.ReasonMutedPeer:     "这个会话已设为免打扰",
		fact.ReasonRejected:      "来电被拒接",
		fact.ReasonCancelled:     "对方取消了呼叫",
		fact.ReasonTimedOut:      "来电无人接听",
		fact.ReasonLineBusy:      "正在另一通电话中",
		fact.ReasonHungUp:        "电话已挂断",
		fact.ReasonMissedCall:    "改为按未接来电提醒",
		fact.ReasonUnknownOpenID: "微信查不到这个用户，需要重新登录小程序",
		fact.ReasonTooMany:       "这一小时的提醒已达上限",
		fact.ReasonReported:      "以微信的回报为准",
		fact.ReasonSilentWeChat:  "微信没有答复，也没有回报",
		fact.ReasonReplayed:      "由运维人员重新发起",
		fact.ReasonNotMember:     "呼叫来自用户未加入的群",
	}
}
