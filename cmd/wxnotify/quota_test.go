package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestQuota(t *testing.T) {
	var asked []string
	answer := `{"Response":{"RequestId":"1"}}`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			FunctionName           string
			ReservedConcurrencyMem int
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		asked = append(asked, fmt.Sprint(r.Header.Get("X-TC-Action"), " ", r.Header.Get("X-TC-Region"), " ", in.FunctionName, " ", in.ReservedConcurrencyMem))
		fmt.Fprint(w, answer)
	}))
	defer api.Close()
	env := map[string]string{"TENCENT_SECRET_ID": "id", "TENCENT_SECRET_KEY": "a key", "TENCENT_API_BASE": api.URL}
	quota := func(env map[string]string, args ...string) (int, string) {
		var out, failed bytes.Buffer
		code := run(t.Context(), append([]string{"quota", "--config=../../serverless.yml"}, args...), console{out: &out, err: &failed, env: env})
		return code, out.String() + failed.String()
	}
	if code, says := quota(env, "--stage=prod"); code != 0 || !strings.Contains(says, "wxnotify-prod-deliver has a quota of 2560 MB") {
		t.Errorf("status %d: %s", code, says)
	}
	if code, says := quota(env, "w-imcallback=51200"); code != 0 {
		t.Errorf("of one: status %d: %s", code, says)
	}
	if got, want := strings.Join(asked, "\n"), `PutReservedConcurrencyConfig ap-guangzhou wxnotify-prod-deliver 2560
PutReservedConcurrencyConfig ap-guangzhou wxnotify-prod-imcallback 38400
PutReservedConcurrencyConfig ap-guangzhou wxnotify-prod-wechatpush 6400
PutReservedConcurrencyConfig ap-guangzhou w-imcallback 51200`; got != want {
		t.Errorf("asked for\n%s\nwant\n%s", got, want)
	}
	answer = `{"Response":{"RequestId":"1","Error":{"Code":"LimitExceeded.ReservedMemory","Message":"too much"}}}`
	if code, says := quota(env); code != exitFailure || !strings.Contains(says, "LimitExceeded") || !strings.Contains(says, "Reserved quota: wxnotify-dev-deliver 2560 MB, wxnotify-dev-imcallback 38400 MB") || strings.Contains(says, "a key") {
		t.Errorf("refused: status %d: %s", code, says)
	}
	if code, says := quota(nil); code != exitFailure || !strings.Contains(says, "TENCENT_SECRET_ID") {
		t.Errorf("without credentials: status %d: %s", code, says)
	}
}
