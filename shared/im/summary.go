package im

import (
	"fmt"
	"strings"
	"unicode"
)

// maxSummary bounds a summary in runes; a card shows 20 at most.
const maxSummary = 200

// content is what a person would see of a message.
type content struct {
	summary string
	silent  bool
	signal  *signal
}

// readContent reads MsgBody. A message is silent if it has no element that a person
// reads.
// Source: https://cloud.tencent.com/document/product/269/2720
func readContent(o object) content {
	var text strings.Builder
	c := content{silent: true}
	pushed := o.object("OfflinePushInfo").str("Desc") != ""
	for _, element := range o.objects("MsgBody") {
		summary, silent := "", false
		body := element.object("MsgContent")
		if kind := element.str("MsgType"); kind == "TIMCustomElem" {
			data := body.embedded("Data")
			if s := readSignal(data, o.has("GroupId")); s != nil {
				c.signal, silent = s, true
			} else {
				summary, silent = describeCustom(body, data, pushed)
			}
		} else {
			summary, silent = describe(kind, body)
		}
		text.WriteString(summary)
		c.silent = c.silent && silent
	}
	c.summary = oneLine(text.String(), maxSummary)
	return c
}

func describe(kind string, body object) (summary string, silent bool) {
	switch kind {
	case "TIMTextElem":
		return body.str("Text"), false
	case "TIMImageElem":
		return "[图片]", false
	case "TIMSoundElem":
		if n, ok := body.integer("Second"); ok && n > 0 {
			return fmt.Sprintf(`[语音] %d"`, n), false
		}
		return "[语音]", false
	case "TIMVideoFileElem":
		return "[视频]", false
	case "TIMFileElem":
		// FileName may be a path on the sender's disk.
		name := body.str("FileName")
		name = name[strings.LastIndexAny(name, `/\`)+1:]
		return strings.TrimSuffix("[文件] "+name, " "), false
	case "TIMFaceElem":
		return "[表情]", false
	case "TIMLocationElem":
		return "[位置]", false
	case "TIMRelayElem":
		return "[聊天记录]", false
	case "TIMGroupTipElem", "TIMGroupSystemNoticeElem":
		return "", true
	}
	return "[消息]", false // a type that came after this was written
}

// describeCustom tells what people read from what programs tell one another: typing
// indicators and custom elements that Tencent's own offline push would not push,
// because neither Desc nor a push text is there.
//
// The businessIDs are those of Tencent's UI kit.
// Source: https://github.com/Tencent-RTC/Chat_UIKit
func describeCustom(body, data object, pushed bool) (summary string, silent bool) {
	if isTyping(data) {
		return "", true
	}
	if desc := body.str("Desc"); desc != "" {
		return desc, false
	}
	switch data.str("businessID") {
	case "text_link":
		summary = data.str("text")
	case "order":
		summary = data.str("title")
	case "evaluation":
		summary = "[评价]" + data.str("comment")
	case "group_poll":
		summary = "[群投票]"
	case "group_note":
		summary = "[群接龙]"
	case "group_room_message":
		summary = "[快速会议]"
	}
	if summary != "" {
		return summary, false
	}
	return "[自定义消息]", !pushed
}

func isTyping(data object) bool {
	if data.str("businessID") == "user_typing_status" {
		return true
	}
	_, service := data["customerServicePlugin"]
	return service && data.id("src") == "12"
}

// oneLine turns line breaks and control characters into single spaces, drops
// characters that reorder text and what stands for unreadable ones, and cuts s to limit runes, the last of which is then an
// ellipsis.
func oneLine(s string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, c := range s {
		switch {
		case unicode.IsSpace(c) || unicode.IsControl(c) || c == '\u2028' || c == '\u2029':
			space = n > 0
			continue
		case unicode.Is(unicode.Bidi_Control, c) || c == unicode.ReplacementChar:
			continue
		}
		need := 1
		if space {
			need = 2
		}
		if n+need > limit {
			return ellipsis(b.String(), n, limit)
		}
		if space {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
		n, space = n+need, false
	}
	return b.String()
}

func ellipsis(s string, n, limit int) string {
	if n == limit {
		r := []rune(s)
		s = string(r[:limit-1])
	}
	return s + "…"
}
