package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
)

// restHead begins every answer of the REST API.
type restHead struct {
	Status string `json:"ActionStatus"`
	Info   string `json:"ErrorInfo"`
	Code   int    `json:"ErrorCode"`
}

var restOK = restHead{Status: "OK"}

func restFail(code int) restHead { return restHead{"FAIL", errorText(code), code} }

// fail answers with an error; the HTTP status is 200 all the same.
func (m *IM) fail(code int) answer { return m.say(restFail(code), restFail(code)) }

func (m *IM) say(head restHead, v any) answer {
	return answer{contentType: "application/json", body: encodeJSON(v), code: head.Code}
}

// A restCommand answers the JSON body of a call whose signature is good.
type restCommand func(body []byte) answer

// A service is a group of commands with codes of its own.
type service struct {
	notAdmin int // code for a caller who is not an admin
	badJSON  int
}

// Source: https://cloud.tencent.com/document/product/269/1671
var services = map[string]service{
	"openim":              {90009, 90001},
	"profile":             {40004, 40001},
	"group_open_http_svc": {10007, 10004},
	"call_config":         {60010, 100002},
}

func (m *IM) endpoints() map[string]func(*request) answer {
	commands := map[string]restCommand{
		"openim/query_online_status":                          m.queryOnlineStatus,
		"openim/get_c2c_unread_msg_num":                       m.unreadMsgNum,
		"profile/portrait_get":                                m.portraitGet,
		"group_open_http_svc/get_group_member_info":           m.groupMembers,
		"group_open_http_svc/get_specified_group_member_info": m.specifiedMembers,
		"group_open_http_svc/get_group_info":                  m.groupInfo,
		"call_config/get_callback":                            m.callCallback,
	}
	endpoints := map[string]func(*request) answer{}
	for name, do := range commands {
		serviceName, _, _ := strings.Cut(name, "/")
		endpoints["/v4/"+name] = m.guarded(services[serviceName], do)
	}
	return endpoints
}

// guarded checks what all calls have in common before do.
// Source: https://cloud.tencent.com/document/product/269/1519
func (m *IM) guarded(s service, do restCommand) func(*request) answer {
	return func(r *request) answer {
		if code := m.checkCall(r, s); code != 0 {
			return m.fail(code)
		}
		return do(r.body)
	}
}

func (m *IM) checkCall(r *request, s service) (code int) {
	if r.method != http.MethodPost {
		return 60002
	}
	q := r.query
	sdkAppID, err := strconv.ParseUint(q.Get("sdkappid"), 10, 64)
	if err != nil {
		return 60012
	}
	if sdkAppID != m.cfg.SDKAppID {
		return 60006
	}
	if random := q.Get("random"); random != "" {
		if _, err := strconv.ParseUint(random, 10, 32); err != nil {
			return 60002
		}
	}
	if f := q.Get("contenttype"); f != "" && f != "json" {
		return 60002
	}
	identifier := q.Get("identifier")
	if code := m.checkUserSig(identifier, q.Get("usersig"), sdkAppID); code != 0 {
		return code
	}
	if !m.isAdmin(identifier) {
		return s.notAdmin
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(r.body, &object) != nil {
		return s.badJSON
	}
	return 0
}

// maxUserSig bounds what is inflated.
const maxUserSig = 4 << 10

// checkUserSig returns the code that a UserSig earns, or 0.
// Source: https://github.com/tencentyun/tls-sig-api-v2-golang
func (m *IM) checkUserSig(user, userSig string, sdkAppID uint64) (code int) {
	switch {
	case userSig == "":
		return 70002
	case len(userSig) > maxUserSig:
		return 70003
	}
	err := tencentyun.VerifyUserSig(sdkAppID, m.cfg.SecretKey.Reveal(), user, userSig, m.w.now())
	switch {
	case err == nil:
		return 0
	case errors.Is(err, tencentyun.ErrExpired):
		return 70001
	case errors.Is(err, tencentyun.ErrIdentifierNotMatch):
		return 70013
	case errors.Is(err, tencentyun.ErrSdkAppIDNotMatch):
		return 70014
	case errors.Is(err, tencentyun.ErrSigNotMatch), errors.Is(err, tencentyun.ErrUserBufTypeNotMatch):
		return 70009
	}
	return 70003
}

// errorTexts are illustrations: people read them, programs go by the code.
var errorTexts = map[int]string{
	10004: "group parameter is wrong",
	10007: "operation not permitted",
	10015: "group id is wrong",
	20003: "account does not exist",
	20006: "refused by the app's server",
	20007: "blocked by the receiver",
	20016: "too late to recall",
	20022: "message not found",
	20023: "message already recalled",
	60002: "HTTP request is wrong",
	60006: "sdkappid is wrong",
	60007: "request frequency limit",
	60009: "no such path",
	60010: "admin only",
	60012: "sdkappid is missing",
	70001: "usersig expired",
	70002: "usersig is empty",
	70003: "usersig is malformed",
	70009: "usersig does not fit the key",
	70013: "identifier differs from the one in usersig",
	70014: "sdkappid differs from the one in usersig",
	70107: "account does not exist",
	90001: "Fail to Parse json data of body, Please check it",
	90003: "To_Account has an element that is not a string",
	90009: "admin only",
	90011: "too many accounts",

	100002: "parameter is wrong",
	100301: "callback config not exist",
}

func errorText(code int) string {
	if text, ok := errorTexts[code]; ok {
		return text
	}
	return "error " + strconv.Itoa(code)
}
