package im_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
)

func TestCallCallback(t *testing.T) {
	set := im.CallCallback{URL: "https://a.example.com/imcallback", Commands: []string{"Call.CallbackAfterStartCall", "Call.CallbackAfterEndCall"}}
	for reply, want := range map[string]im.CallCallback{
		`{"ErrorCode":0,"ActionStatus":"OK","Response":{"Url":"https://a.example.com/imcallback","CallbackCommandList":["Call.CallbackAfterStartCall",7,"Call.CallbackAfterEndCall"]}}`: set,
		`{"ErrorCode":100301,"ActionStatus":"FAIL"}`: {},
	} {
		f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, reply }}
		got, err := served(t, f).CallCallback(t.Context())
		if d := cmp.Diff(want, got); err != nil || d != "" || f.paths[0] != "/v4/call_config/get_callback" || string(f.requests[0]) != "{}" {
			t.Errorf("%s: %v (-want +got):\n%s", reply, err, d)
		}
	}
	f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, `{"ErrorCode":100002}` }}
	if _, err := served(t, f).CallCallback(t.Context()); err == nil {
		t.Error("a refusal is no callback")
	} else if e, ok := errors.AsType[*im.APIError](err); !ok || e.Code != 100002 {
		t.Error(err)
	}
}
