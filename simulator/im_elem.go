package simulator

import "encoding/json"

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

// Image is a TIMImageElem.
func Image() Elem {
	size := func(kind, w, h int) map[string]any {
		return map[string]any{"Type": kind, "Size": 1853095 / kind, "Width": w, "Height": h,
			"URL": "https://image.example/D61040894AC3DE44CDFFFB3EC7EB720F/0"}
	}
	return Elem{"TIMImageElem", map[string]any{
		"UUID": "1853095_D61040894AC3DE44CDFFFB3EC7EB720F", "ImageFormat": 1,
		"ImageInfoArray": []any{size(1, 2448, 3264), size(2, 0, 0), size(3, 0, 0)},
	}}
}

// Sound is a TIMSoundElem of that many seconds.
func Sound(seconds int) Elem {
	return Elem{"TIMSoundElem", map[string]any{
		"Url": "https://sound.example/c9be9d32", "UUID": "1053D4B3D61040894AC3DE44CDF28B3EC7EB7C0F",
		"Size": 62351, "Second": seconds, "Download_Flag": 2,
	}}
}

// Video is a TIMVideoFileElem of that many seconds.
func Video(seconds int) Elem {
	return Elem{"TIMVideoFileElem", map[string]any{
		"VideoUrl": "https://video.example/49be9d32", "VideoUUID": "5da38ba89d6521011e1f6f3fd6692e35",
		"VideoSize": 1194603, "VideoSecond": seconds, "VideoFormat": "mp4", "VideoDownloadFlag": 2,
		"ThumbUrl": "https://video.example/a6c170c9", "ThumbUUID": "6edaffedef5150684510cf97957b7bc8",
		"ThumbSize": 13907, "ThumbWidth": 720, "ThumbHeight": 1280, "ThumbFormat": "JPG", "ThumbDownloadFlag": 2,
	}}
}

// File is a TIMFileElem. name may be a full path, as some clients send it.
func File(name string) Elem {
	return Elem{"TIMFileElem", map[string]any{
		"Url": "https://file.example/49be9d32", "UUID": "1053D4B3D61040894AC3DE44CDF28B3EC7EB7C0F",
		"FileSize": 1773552, "FileName": name, "Download_Flag": 2,
	}}
}

// Face is a TIMFaceElem.
func Face(index int) Elem {
	return Elem{"TIMFaceElem", map[string]any{"Index": index, "Data": "content"}}
}

// Location is a TIMLocationElem.
func Location(desc string, latitude, longitude float64) Elem {
	return Elem{"TIMLocationElem", map[string]any{"Desc": desc, "Latitude": latitude, "Longitude": longitude}}
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

// decodeBody reads a MsgBody of a REST request; ok is false if it is not one.
func decodeBody(raw json.RawMessage) (body []Elem, ok bool) {
	if decodeJSON(raw, &body) != nil || len(body) == 0 {
		return nil, false
	}
	for _, e := range body {
		if e.Type == "" || e.Content == nil {
			return nil, false
		}
	}
	return body, true
}
