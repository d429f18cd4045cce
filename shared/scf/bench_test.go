package scf_test

import (
	"encoding/json"
	"testing"

	"github.com/tencentyun/scf-go-lib/events"

	"wxnotify/shared/scf"
)

// BenchmarkDecode compares turning an event into an *http.Request with filling the library's own type.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"url-im-callback-post.json", "url-wechat-message-post.json", "url-wechat-verify-get.json", "apigw-post.json"} {
		event := sample(b, name)
		for side, decode := range map[string]func() error{
			"ours":    func() error { return scf.Decode(event) },
			"library": func() error { return json.Unmarshal(event, new(events.APIGatewayRequest)) },
		} {
			b.Run(name+"/"+side, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := decode(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
