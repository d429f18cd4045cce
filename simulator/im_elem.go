package simulator

// An Elem is one element of a message body.
// Source: https://cloud.tencent.com/document/product/269/2720
type Elem struct {
	Type    string         `json:"MsgType"`
	Content map[string]any `json:"MsgContent"`
}

// Text is a TIMTextElem.
func Text(s string) Elem { return Elem{"TIMTextElem", map[string]any{"Text": s}} }

// Custom is a TIMCustomElem. data is what the app put there, often JSON; desc is what
// an offline push would show, often empty.
func Custom(data, desc string) Elem {
	return Elem{"TIMCustomElem", map[string]any{"Data": data, "Desc": desc, "Ext": "", "Sound": ""}}
}

// Typing is what TUIKit sends while somebody types. Send it with OnlineOnly.
// Source: https://github.com/Tencent-RTC/Chat_UIKit
func Typing() Elem {
	return Custom(`{"businessID":"user_typing_status","typingStatus":1,"userAction":14,"version":1}`, "")
}

// brief is what a person sees of a body in one line.
func brief(body []Elem) string {
	var s string
	for _, e := range body {
		switch text, _ := e.Content["Text"].(string); {
		case e.Type == "TIMTextElem":
			s += text
		default:
			s += "[" + e.Type + "]"
		}
	}
	return s
}
