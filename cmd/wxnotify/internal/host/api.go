package host

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"wxnotify/shared/outbound"
)

// The Invoke API of SCF, as the official SDK calls it.
// Sources: https://cloud.tencent.com/document/api/583/17243 (Invoke) and
// https://cloud.tencent.com/document/api/583/58400 (InvokeFunction)
const (
	apiVersion   = "2018-04-16"
	apiAlgorithm = "TC3-HMAC-SHA256 "
	maxAPIBody   = 2*MaxEvent + 1<<10 // an event in a JSON string, escaped
)

// apiRequest is the body of both actions: Invoke has ClientContext and InvocationType,
// InvokeFunction has Event.
type apiRequest struct {
	FunctionName   string
	InvocationType string
	Qualifier      string
	Namespace      string
	ClientContext  string
	Event          string
}

type apiResult struct {
	FunctionRequestId string  `json:"FunctionRequestId"`
	RetMsg            string  `json:"RetMsg"`
	ErrMsg            string  `json:"ErrMsg"`
	InvokeResult      int     `json:"InvokeResult"`
	Duration          float64 `json:"Duration"`     // milliseconds
	BillDuration      int64   `json:"BillDuration"` // milliseconds
	MemUsage          int64   `json:"MemUsage"`
	Log               string  `json:"Log"`
}

// apiError has one of the codes of the API.
type apiError struct {
	Code    string
	Message string
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

// serveAPI answers with HTTP status 200 in any case, as the API does.
func (h *Host) serveAPI(w http.ResponseWriter, r *http.Request) {
	if err := checkAPICaller(r); err == nil && h.cfg.API != nil && r.Header.Get("X-TC-Version") != apiVersion {
		h.cfg.API.ServeHTTP(w, r)
		return
	}
	response := map[string]any{"RequestId": newRequestID()}
	result, err := h.callAPI(r)
	var e *apiError
	switch {
	case errors.As(err, &e):
		response["Error"] = e
	case err != nil:
		response["Error"] = &apiError{"InternalError", err.Error()}
	default:
		response["Result"] = result
	}
	writeJSON(w, http.StatusOK, map[string]any{"Response": response})
}

func (h *Host) callAPI(r *http.Request) (*apiResult, error) {
	if err := checkAPICaller(r); err != nil {
		return nil, err
	}
	action := r.Header.Get("X-TC-Action")
	if action != "Invoke" && action != "InvokeFunction" {
		return nil, &apiError{"InvalidAction", fmt.Sprintf("action %q is not served here; Invoke and InvokeFunction are", action)}
	}
	if v := r.Header.Get("X-TC-Version"); v != apiVersion {
		return nil, &apiError{"NoSuchVersion", fmt.Sprintf("version %q is not served here; %s is", v, apiVersion)}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxAPIBody))
	if err != nil {
		return nil, &apiError{"RequestSizeLimitExceeded", "the request is too large or ended early"}
	}
	var req apiRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, &apiError{"InvalidParameter", "the request body is not the JSON of this action"}
	}
	f := h.cfg.Project.Function(req.FunctionName)
	switch {
	case f == nil || req.Namespace != "" && req.Namespace != f.Namespace:
		return nil, &apiError{"ResourceNotFound.Function", fmt.Sprintf("function %q does not exist in namespace %q", req.FunctionName, req.Namespace)}
	case req.Qualifier != "" && req.Qualifier != version && req.Qualifier != "$DEFAULT":
		return nil, &apiError{"ResourceNotFound.Qualifier", fmt.Sprintf("there is no version or alias %q; use $DEFAULT", req.Qualifier)}
	}
	event := req.ClientContext
	if action == "InvokeFunction" {
		event, req.InvocationType = req.Event, "RequestResponse"
	}
	if event == "" {
		event = "{}"
	}
	switch req.InvocationType {
	case "", "RequestResponse":
		return h.callSync(r, f.Key, event)
	case "Event":
		id, err := h.InvokeAsync(f.Key, []byte(event))
		return &apiResult{FunctionRequestId: id}, apiErrorOf(err)
	}
	return nil, &apiError{"InvalidParameterValue.InvokeType", fmt.Sprintf("InvocationType is %q; use Event or RequestResponse", req.InvocationType)}
}

// checkAPICaller lets only this machine's functions in. The signature itself is not
// checked; that it is there keeps browsers out, which cannot send it across origins.
func checkAPICaller(r *http.Request) error {
	name := r.Host
	if n, _, err := net.SplitHostPort(r.Host); err == nil {
		name = n
	}
	switch {
	case r.Method != http.MethodPost:
		return &apiError{"InvalidRequest", "the Invoke API is called with POST; functions are served at /<function>"}
	case !outbound.Loopback(strings.Trim(name, "[]")) || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "":
		return &apiError{"UnauthorizedOperation", "the Invoke API is served to this machine only, not through a proxy or tunnel"}
	case !strings.HasPrefix(r.Header.Get("Authorization"), apiAlgorithm):
		return &apiError{"AuthFailure.SignatureFailure", "the Authorization header does not begin with TC3-HMAC-SHA256"}
	}
	return nil
}

// callSync reports a failure of the function in ErrMsg, as the API does.
func (h *Host) callSync(r *http.Request, key, event string) (*apiResult, error) {
	result, err := h.Invoke(r.Context(), key, []byte(event))
	if err != nil {
		var e *InvokeError
		if errors.As(err, &e) && apiCode(err) == "" {
			return &apiResult{FunctionRequestId: e.RequestID, ErrMsg: e.Message, InvokeResult: e.Status}, nil
		}
		return nil, apiErrorOf(err)
	}
	ms := result.Duration.Milliseconds()
	return &apiResult{
		FunctionRequestId: result.RequestID,
		RetMsg:            string(result.Payload),
		Duration:          float64(result.Duration.Microseconds()) / 1000,
		BillDuration:      ms,
	}, nil
}

// apiErrorOf is nil for nil.
func apiErrorOf(err error) error {
	if err == nil {
		return nil
	}
	return &apiError{cmp.Or(apiCode(err), "InternalError"), err.Error()}
}

// apiCode returns the API's code for a condition of this package, or "".
func apiCode(err error) string {
	for cause, code := range map[error]string{
		ErrTooLarge:  "InvalidParameter.RequestTooLarge",
		ErrBadEvent:  "InvalidParameterValue.Param",
		ErrThrottled: "RequestLimitExceeded",
		ErrQueueFull: "LimitExceeded.Quota",
	} {
		if errors.Is(err, cause) {
			return code
		}
	}
	return ""
}
