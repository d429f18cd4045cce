package doctor

import "cmp"

// byHand is what only a person sees: no API tells it. Console pages have their Chinese names.
// Sources: https://cloud.tencent.com/document/product/269/32431, https://cloud.tencent.com/document/product/647/130510,
// https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
func byHand(urls map[string]string) []string {
	return []string{
		"mp.weixin.qq.com, 开发管理, 消息推送: the URL is " + cmp.Or(urls["wechatpush"], "that of wechatpush") + ", mode 安全模式, format JSON, Token and EncodingAESKey those of the settings",
		"mp.weixin.qq.com, 开发管理, 开发设置: IP白名单 is off, or has the address of the functions",
		"IM console, 回调配置: the URL is " + cmp.Or(urls["imcallback"], "that of imcallback") + "; 鉴权 is on, its Token is IM_CALLBACK_TOKEN; callbacks that time out are sent again",
		"IM console, 回调配置, ticked: C2C.CallbackAfterSendMsg, C2C.CallbackAfterMsgReport, C2C.CallbackAfterMsgWithDraw, State.StateChange, and those of groups and calls that you use",
		"IM console, 功能配置: 用户状态查询及状态变更通知 is on; the IP list of the REST API is off, or has the address of the functions",
		"TRTC console (实时音视频), 应用管理, 回调配置, 视频通话 TUICallKit 回调 (TUICallKit 3.1 and newer, if you use it): the URL is that of imcallback too",
		"CLS console: an alarm of log lines that have a field alert; the topic of session keeps one day",
		"the mini program that is released has the pages of notify.yml, and asks for the templates on a tap",
	}
}
