package functionurl

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzReplyOf(f *testing.F) {
	files, err := filepath.Glob("../host/testdata/response-*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"statusCode":200,"headers":{"a":[1,true,null]},"body":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := ReplyOf(payload)
		if err != nil {
			return
		}
		if r.status < 200 || r.status > 599 || r.header.Get("Content-Type") == "" {
			t.Errorf("payload %q: status %d, header %v", payload, r.status, r.header)
		}
		for _, name := range []string{"Connection", "Content-Length", "Transfer-Encoding"} {
			if r.header.Get(name) != "" {
				t.Errorf("payload %q sets %s", payload, name)
			}
		}
	})
}
