package host_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/host"
)

// client is Tencent's own client of the API.
func client(t *testing.T, url string) *scf.Client {
	t.Helper()
	p := profile.NewClientProfile()
	p.HttpProfile.Scheme, p.HttpProfile.Endpoint, _ = strings.Cut(url, "://")
	c, err := scf.NewClient(common.NewTokenCredential("id", "key", "token"), "ap-guangzhou", p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func invokeRequest(function, kind string, event []byte) *scf.InvokeRequest {
	r := scf.NewInvokeRequest()
	r.FunctionName, r.InvocationType, r.ClientContext = &function, &kind, common.StringPtr(string(event))
	return r
}

func TestAPIInvokeSync(t *testing.T) {
	f := start(t, host.Config{})
	c := client(t, f.URL())
	for _, name := range []string{"f", "demo-dev-app-f"} {
		for _, kind := range []string{"", "RequestResponse"} {
			req := invokeRequest(name, kind, []byte(`{"Op":"value","Value":{"茶":"<&>"}}`))
			req.Qualifier, req.Namespace = common.StringPtr("$DEFAULT"), common.StringPtr("default")
			resp, err := c.Invoke(req)
			if err != nil {
				t.Fatal(err)
			}
			r := resp.Response.Result
			if *r.RetMsg != `{"茶":"<&>"}` || *r.ErrMsg != "" || *r.InvokeResult != 0 || len(*r.FunctionRequestId) != 36 || *r.Duration <= 0 {
				t.Errorf("%s, %q: got %s", name, kind, resp.ToJsonString())
			}
		}
	}
	fnReq := scf.NewInvokeFunctionRequest()
	fnReq.FunctionName, fnReq.Event = common.StringPtr("f"), common.StringPtr(`{"Op":"value","Value":7}`)
	resp, err := c.InvokeFunction(fnReq)
	if err != nil || *resp.Response.Result.RetMsg != "7" {
		t.Errorf("InvokeFunction: %v, %v", resp, err)
	}
	none := scf.NewInvokeRequest()
	none.FunctionName = common.StringPtr("f")
	if resp, err := c.Invoke(none); err != nil || *resp.Response.Result.RetMsg != "{}" {
		t.Errorf("without an event: %v, %v; want the empty object as event", resp, err)
	}
	failed, err := c.Invoke(invokeRequest("f", "", op{Op: "error", Text: "no luck"}.event()))
	if err != nil || *failed.Response.Result.ErrMsg != "no luck" || *failed.Response.Result.RetMsg != "" ||
		*failed.Response.Result.InvokeResult != host.StatusUserCode {
		t.Errorf("a failure: %v, %v; want it in ErrMsg", failed, err)
	}
}

// A function wakes another with nothing but what the host gave it, and goes on meanwhile.
func TestFunctionInvokesFunction(t *testing.T) {
	f := start(t, host.Config{Project: project(fn("first"), fn("second")), MaxInstances: 1})
	woken := op{Op: "ask", URL: f.url, Text: "woken"}
	event := op{Op: "invoke", Function: "demo-dev-app-second", Text: "Event", Value: woken}.event()
	first := f.ended(f.begin(t.Context(), "first", event))
	q := f.next()
	if q.text != "woken" || !strings.Contains(string(first.Payload), q.requestID) {
		t.Errorf("%q runs as %s; the first function was told %s", q.text, q.requestID, first.Payload)
	}
	q.answer <- "ok"
	event = op{Op: "invoke", Function: "second", Value: op{Op: "value", Value: "back"}}.event()
	if o := f.ended(f.begin(t.Context(), "first", event)); !strings.Contains(string(o.Payload), `back`) {
		t.Errorf("synchronously: %s", o.Payload)
	}
}

func TestAPIErrors(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 1, MaxWaiting: -1, MaxQueued: 1})
	c := client(t, f.URL())
	large := []byte(`"` + strings.Repeat("x", host.MaxAsyncEvent-1) + `"`)
	namespace, version := invokeRequest("f", "", []byte("{}")), invokeRequest("f", "", []byte("{}"))
	namespace.Namespace, version.Qualifier = common.StringPtr("x"), common.StringPtr("3")
	q, busy := f.busy("f")
	f.queue("f", []byte("{}")) // fills the queue
	for _, tc := range []struct {
		name string
		req  *scf.InvokeRequest
		code string
	}{
		{"unknown function", invokeRequest("g", "Event", []byte("{}")), "ResourceNotFound.Function"},
		{"another namespace", namespace, "ResourceNotFound.Function"},
		{"another version", version, "ResourceNotFound.Qualifier"},
		{"unknown type", invokeRequest("f", "DryRun", []byte("{}")), "InvalidParameterValue.InvokeType"},
		{"large asynchronous event", invokeRequest("f", "Event", large), "InvalidParameter.RequestTooLarge"},
		{"not JSON", invokeRequest("f", "Event", []byte("x")), "InvalidParameterValue.Param"},
		{"throttled", invokeRequest("f", "", []byte("{}")), "RequestLimitExceeded"},
		{"full queue", invokeRequest("f", "Event", []byte("{}")), "LimitExceeded.Quota"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.Invoke(tc.req)
			var e *sdkerrors.TencentCloudSDKError
			if !errors.As(err, &e) || e.Code != tc.code || len(e.RequestId) != 36 {
				t.Errorf("got %v, want code %s and a request id", err, tc.code)
			}
		})
	}
	// The same refusals in HTTP and Go.
	resp, body := do(t, request(t, "GET", f.URL()+"/f", nil))
	if resp.StatusCode != http.StatusTooManyRequests || decode[failure](t, body).StatusCode != host.StatusThrottled {
		t.Errorf("throttled: got %d: %s", resp.StatusCode, body)
	}
	if _, err := f.InvokeAsync("f", bytes.Repeat([]byte("1"), host.MaxAsyncEvent)); !errors.Is(err, host.ErrQueueFull) {
		t.Errorf("the largest event: got %v, want ErrQueueFull", err)
	}
	if _, err := f.InvokeAsync("g", []byte("{}")); !errors.Is(err, host.ErrUnknownFunction) {
		t.Errorf("unknown function: got %v", err)
	}
	q.answer <- "ok"
	f.ended(busy)
}

func TestAPIKeepsStrangersOut(t *testing.T) {
	f := start(t, host.Config{})
	good := http.Header{
		"Authorization": {"TC3-HMAC-SHA256 Credential=x"}, "Content-Type": {"application/json"},
		"X-Tc-Action": {"Invoke"}, "X-Tc-Version": {"2018-04-16"},
	}
	for _, c := range []struct {
		name, method, body, key, value, code string
	}{
		{"as it should be", "POST", `{"FunctionName":"f"}`, "", "", ""},
		{"GET", "GET", "", "", "", "InvalidRequest"},
		{"no signature", "POST", `{"FunctionName":"f"}`, "Authorization", "", "AuthFailure.SignatureFailure"},
		{"another signature", "POST", `{"FunctionName":"f"}`, "Authorization", "Bearer x", "AuthFailure.SignatureFailure"},
		{"a tunnel's host", "POST", `{"FunctionName":"f"}`, "Host", "abc.ngrok.example", "UnauthorizedOperation"},
		{"a tunnel's header", "POST", `{"FunctionName":"f"}`, "X-Forwarded-For", "203.0.113.7", "UnauthorizedOperation"},
		{"another action", "POST", `{"FunctionName":"f"}`, "X-Tc-Action", "DeleteFunction", "InvalidAction"},
		{"another version", "POST", `{"FunctionName":"f"}`, "X-Tc-Version", "2017-01-01", "NoSuchVersion"},
		{"not JSON", "POST", `x`, "", "", "InvalidParameter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request(t, c.method, f.URL()+"/", []byte(c.body))
			req.Header = good.Clone()
			switch {
			case c.key == "Host":
				req.Host = c.value
			case c.key != "":
				req.Header.Set(c.key, c.value)
			}
			resp, body := do(t, req)
			got := decode[struct {
				Response struct{ Error struct{ Code string } }
			}](t, body)
			if resp.StatusCode != http.StatusOK || got.Response.Error.Code != c.code {
				t.Errorf("got %d: %s\nwant code %q", resp.StatusCode, body, c.code)
			}
		})
	}
}
