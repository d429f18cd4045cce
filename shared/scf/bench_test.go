package scf_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/tencentyun/scf-go-lib/events"

	"wxnotify/shared/scf"
)

var benchEvents = []string{"url-im-callback-post.json", "url-wechat-message-post.json", "url-wechat-verify-get.json", "apigw-post.json"}

// ours turns an event into an *http.Request.
func ours(b *testing.B) func([]byte) {
	return func(event []byte) {
		if err := scf.Decode(event); err != nil {
			b.Fatal(err)
		}
	}
}

// library fills the library's own event type.
func library(b *testing.B) func([]byte) {
	return func(event []byte) {
		var e events.APIGatewayRequest
		if err := json.Unmarshal(event, &e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range benchEvents {
		event := sample(b, name)
		for side, decode := range map[string]func([]byte){"ours": ours(b), "library": library(b)} {
			b.Run(name+"/"+side, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					decode(event)
				}
			})
		}
	}
}

// BenchmarkRatio decodes with both in turns, so that a busy machine slows both, and
// reports how many of our decodings fit into one of the library's.
func BenchmarkRatio(b *testing.B) {
	for _, name := range benchEvents {
		event := sample(b, name)
		b.Run(name, func(b *testing.B) {
			const batch = 16 // a clock reading would weigh too much beside one call
			our, lib := ours(b), library(b)
			var ourTime, libTime time.Duration
			for b.Loop() {
				start := time.Now()
				for range batch {
					our(event)
				}
				middle := time.Now()
				for range batch {
					lib(event)
				}
				ourTime += middle.Sub(start)
				libTime += time.Since(middle)
			}
			b.ReportMetric(float64(libTime)/float64(ourTime), "x")
		})
	}
}

// BenchmarkCall is a whole call of a function that answers an IM callback with OK.
func BenchmarkCall(b *testing.B) {
	event := sample(b, benchEvents[0])
	ctx := inEvent(context.Background())
	for name, log := range map[string]*slog.Logger{"silent": discard, "logging": scf.NewLogger(io.Discard, "f", slog.LevelInfo)} {
		h := scf.HTTP(log, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				b.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`)
		}))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Invoke(ctx, event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
