// Package cloud plays the part of Tencent Cloud that a deployment talks to: the APIs of SCF, of the log service (CLS) and of the
// Secrets Manager (SSM), and function URLs that run the code which was uploaded. It refuses what the platform refuses.
//
// Sources: https://cloud.tencent.com/document/api/583/17235 (SCF), https://cloud.tencent.com/document/api/1140/40522 (SSM)
package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"wxnotify/cmd/wxnotify/internal/host"
)

// Limits of the API. Source: the fields' comments in the SDK, scf/v20180416/models.go.
const (
	maxCreateZip = 50 << 20 // Base64
	maxUpdateZip = 20 << 20
	maxVariables = 4 << 10
)

// A Fault is what becomes of one call.
type Fault int

// The faults. The connection is cut before anything happens, or when all has happened; or the API says that it is asked too
// often, or by somebody who may not.
const (
	None Fault = iota
	CutBefore
	CutAfter
	Throttle
	Deny
)

// Config says what the account has.
type Config struct {
	SecretID string
	Roles    []string
	VPCs     map[string]string // subnet by VPC
	// Host, if set, may change how the functions are run whose URLs are called.
	Host func(*host.Config)
	// Fault, if set, is asked at each call, counted from 1.
	Fault func(call int, action string) Fault
}

// A Cloud is one account in one region. It is safe for concurrent use.
type Cloud struct {
	*httptest.Server
	cfg Config

	mu        sync.Mutex
	calls     []string // actions, in order
	functions map[string]*Function
	secrets   map[string]map[string]string // by name and version
	logs      logs
	runner    *runner
	stale     bool // something was changed since it began
}

// A Function is one that was created.
type Function struct {
	Config   map[string]json.RawMessage // as it was set last
	Zip      []byte
	Triggers []Trigger
	Quota    uint64
	Events   json.RawMessage // its AsyncTriggerConfig
	// busy is how many more looks find it being changed.
	busy   int
	status string
	broken string // why it cannot be created
}

// A Trigger is as ListTriggers tells it.
type Trigger struct {
	TriggerName, Type, Qualifier, TriggerDesc, CustomArgument string
	Enable                                                    int
}

// New starts one. Close ends it.
func New(cfg Config) *Cloud {
	c := &Cloud{cfg: cfg, functions: map[string]*Function{}, secrets: map[string]map[string]string{}}
	c.Server = httptest.NewServer(c)
	return c
}

// Close ends it, and the functions that run.
func (c *Cloud) Close() {
	c.Server.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runner != nil {
		c.runner.close()
	}
}

// Calls returns the actions that were asked for, in order, and forgets them.
func (c *Cloud) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// Function returns a function; nil if there is none.
func (c *Cloud) Function(name string) *Function {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.functions[name]
}

// Break has a function fail to be created, from now on.
func (f *Function) Break(why string) { f.status, f.broken = "CreateFailed", why }

// Variables returns what a function has in its environment.
func (f *Function) Variables() map[string]string {
	var e environment
	_ = json.Unmarshal(f.Config["Environment"], &e)
	out := map[string]string{}
	for _, v := range e.Variables {
		out[v.Key] = v.Value
	}
	return out
}

type environment struct {
	Variables []struct{ Key, Value string }
}

// An apiError is what the API answers instead of a result.
type apiError struct{ Code, Message string }

func refuse(code, format string, args ...any) *apiError {
	return &apiError{code, fmt.Sprintf(format, args...)}
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, is := strings.CutPrefix(r.URL.EscapedPath(), "/url/"); is {
		name, rest, _ := strings.Cut(path, "/")
		c.serveURL(w, r, name, rest)
		return
	}
	action := r.Header.Get("X-TC-Action")
	var in map[string]json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.calls = append(c.calls, action)
	id := fmt.Sprint(len(c.calls))
	fault := None
	if c.cfg.Fault != nil {
		fault = c.cfg.Fault(len(c.calls), action)
	}
	var out any
	var refused *apiError
	switch fault {
	case CutBefore:
	case Throttle:
		refused = refuse("RequestLimitExceeded", "too many requests")
	case Deny:
		refused = refuse("UnauthorizedOperation", "CAM: no permission for %s", action)
	default:
		out, refused = c.answer(r, action, in)
	}
	c.mu.Unlock()
	if fault == CutBefore || fault == CutAfter {
		panic(http.ErrAbortHandler)
	}
	answer := map[string]any{"RequestId": id}
	if refused != nil {
		answer["Error"] = refused
	} else if out != nil {
		b, _ := json.Marshal(out)
		_ = json.Unmarshal(b, &answer)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"Response": answer})
}

// versions are those of the APIs, by their services.
var versions = map[string]string{"scf": "2018-04-16", "ssm": "2019-09-23", "cls": "2020-10-16"}

// answer looks at who asks, and what: the account may do anything, a function's role what functions do.
func (c *Cloud) answer(r *http.Request, action string, in map[string]json.RawMessage) (any, *apiError) {
	scope := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "TC3-HMAC-SHA256 Credential="), "/") // id, day, service
	role := scope[0] == host.RoleID && r.Header.Get("X-TC-Token") == host.RoleToken
	switch {
	case len(scope) < 4 || scope[0] != c.cfg.SecretID && !role:
		return nil, refuse("AuthFailure.SecretIdNotFound", "the SecretId is not found")
	case r.Header.Get("X-TC-Region") == "" || r.Header.Get("X-TC-Version") != versions[scope[2]]:
		return nil, refuse("InvalidParameter", "region or version")
	case scope[2] == "ssm" && action == "GetSecretValue":
		return c.secretValue(text(in, "SecretName"), text(in, "VersionId"))
	case scope[2] == "cls" && !role:
		return c.logs.act(action, in)
	case role:
		return nil, refuse("UnauthorizedOperation", "the role may not %s", action)
	}
	c.stale = c.stale || !strings.HasPrefix(action, "Get") && !strings.HasPrefix(action, "List")
	return c.act(action, in)
}

// SetSecret stores a version of a secret.
func (c *Cloud) SetSecret(name, version, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secrets[name] == nil {
		c.secrets[name] = map[string]string{}
	}
	c.secrets[name][version] = value
}

func (c *Cloud) secretValue(name, version string) (any, *apiError) {
	value, there := c.secrets[name][version]
	switch {
	case version == "": // it is required
		return nil, refuse("MissingParameter", "VersionId")
	case !there:
		return nil, refuse("ResourceNotFound.SecretNotExist", "there is no secret %s with version %s", name, version)
	}
	return map[string]string{"SecretName": name, "VersionId": version, "SecretString": value}, nil
}

// text returns a string of a request; "" if it is not there.
func text(in map[string]json.RawMessage, name string) (s string) {
	_ = json.Unmarshal(in[name], &s)
	return s
}

func (c *Cloud) act(action string, in map[string]json.RawMessage) (any, *apiError) {
	name := text(in, "FunctionName")
	f := c.functions[name]
	switch action {
	case "CreateFunction":
		return nil, c.create(name, in)
	case "ListFunctions":
		return c.list(in), nil
	}
	if f == nil {
		return nil, refuse("ResourceNotFound.Function", "there is no function %s", name)
	}
	changes := strings.HasPrefix(action, "Update") && action != "UpdateFunctionEventInvokeConfig" || action == "CreateTrigger"
	if changes && f.busy > 0 {
		return nil, refuse("FailedOperation.FunctionStatusError", "%s is being changed", name)
	}
	switch action {
	case "DeleteFunction":
		delete(c.functions, name)
		return nil, nil
	case "GetFunction":
		return f.describe(), nil
	case "UpdateFunctionCode":
		return nil, f.setCode(in, text(in, "ZipFile"), maxUpdateZip)
	case "UpdateFunctionConfiguration":
		return nil, c.configure(f, in)
	case "ListTriggers":
		return map[string]any{"Triggers": f.Triggers, "TotalCount": len(f.Triggers)}, nil
	case "CreateTrigger", "UpdateTrigger":
		return nil, c.setTrigger(f, action == "CreateTrigger", in)
	case "GetReservedConcurrencyConfig":
		return map[string]any{"ReservedMem": f.Quota}, nil
	case "PutReservedConcurrencyConfig":
		_ = json.Unmarshal(in["ReservedConcurrencyMem"], &f.Quota)
		return nil, nil
	case "GetFunctionEventInvokeConfig":
		return map[string]any{"AsyncTriggerConfig": f.Events}, nil
	case "UpdateFunctionEventInvokeConfig":
		f.Events = in["AsyncTriggerConfig"]
		return nil, nil
	}
	return nil, refuse("InvalidAction", "%s is not known here", action)
}

func (c *Cloud) list(in map[string]json.RawMessage) any {
	var offset, limit int
	_ = json.Unmarshal(in["Offset"], &offset)
	_ = json.Unmarshal(in["Limit"], &limit)
	var names []string
	for name := range c.functions {
		if strings.Contains(name, text(in, "SearchKey")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var found []any
	for _, name := range names[min(offset, len(names)):min(offset+limit, len(names))] {
		found = append(found, map[string]any{"FunctionName": name})
	}
	return map[string]any{"Functions": found, "TotalCount": len(names)}
}
