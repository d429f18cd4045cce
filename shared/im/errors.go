package im

import (
	"fmt"

	"wxnotify/shared/notify"
)

// An APIError is a non-zero ErrorCode in a reply of the REST API that arrived intact.
type APIError struct {
	Op   string // the last part of the API's path, such as "query_online_status"
	Code int
	Info string // IM's ErrorInfo: for people, never matched on
}

func (e *APIError) Error() string {
	text := fmt.Sprintf("im: %s: code %d", e.Op, e.Code)
	if e.Info != "" {
		text += ": " + e.Info
	}
	if cure := e.Cure(); cure != "" {
		text += "; " + cure
	}
	return text
}

// Retry reports whether the same request may work soon.
func (e *APIError) Retry() bool { return codes[e.Code].class == classRetry }

// NewUserSig reports whether IM refused the UserSig. The Client has then already tried
// a new one.
func (e *APIError) NewUserSig() bool { return codes[e.Code].class == classUserSig }

// Locked reports whether IM refuses us for a minute because of too many bad
// signatures. The Client stays away for that long.
func (e *APIError) Locked() bool { return codes[e.Code].class == classLocked }

// UnknownAccount reports whether IM has never heard of the user.
func (e *APIError) UnknownAccount() bool { return codes[e.Code].class == classNoAccount }

// NoGroup reports whether the group is dissolved or was never there.
func (e *APIError) NoGroup() bool { return codes[e.Code].class == classNoGroup }

// Is makes an APIError with NoGroup a notify.ErrNoGroup.
func (e *APIError) Is(target error) bool { return target == notify.ErrNoGroup && e.NoGroup() }

// TooLarge reports whether the reply would be above IM's limit of 1 MB: less at a time
// may do.
func (e *APIError) TooLarge() bool { return codes[e.Code].class == classTooLarge }

// Bug reports whether the request itself is wrong, which is ours to mend.
func (e *APIError) Bug() bool { return codes[e.Code].class == classBug }

// Cure says what the operator has to set right, or "" if it is not a matter of
// configuration.
func (e *APIError) Cure() string { return codes[e.Code].cure }

type codeClass int

const (
	classUnlisted  codeClass = iota // also every code that is not in the table: no retry
	classRetry                      // busy or broken inside IM
	classUserSig                    // make a new UserSig, try once more
	classLocked                     // stay away for a minute
	classConfig                     // has a cure
	classNoAccount                  // that user only
	classNoGroup                    // that group only
	classTooLarge                   // ask for less
	classBug                        // our request
)

type code struct {
	class codeClass
	cure  string
}

const (
	cureApp     = "check IM_SDKAPPID, the app's state in the IM console, and that IM_API_BASE is the host of its region"
	cureKey     = "check that IM_SECRET_KEY is the key of IM_SDKAPPID"
	cureAdmin   = "IM_ADMIN must name an administrator of the app (IM console, account management)"
	cureSource  = "allow this function's outgoing address in the IM console, or switch the IP allow-list off"
	curePackage = "renew the IM package; calls work again some 5 minutes later"
	cureFree    = "the free edition ends at 100 accounts: upgrade, or delete accounts"
	cureFeature = "switch the feature on in the IM console (user status query)"
)

// codes are the error codes that the calls of this package can meet, and what each
// asks for.
// Source: https://cloud.tencent.com/document/product/269/1671
var codes = map[int]code{
	60007: {class: classRetry},                                                         // rate of this API
	60008: {class: classRetry},                                                         // timeout inside
	60011: {class: classRetry},                                                         // rate of the app
	60013: {class: classRetry},                                                         // reply not parsable inside
	60014: {class: classRetry},                                                         // account exchange timed out
	60018: {class: classRetry},                                                         // too frequent
	60019: {class: classRetry},                                                         // too frequent
	70169: {class: classRetry}, 70202: {class: classRetry}, 70500: {class: classRetry}, // internal
	90992: {class: classRetry}, 90994: {class: classRetry}, 90995: {class: classRetry}, 91000: {class: classRetry},
	20004: {class: classRetry}, 20005: {class: classRetry}, 30006: {class: classRetry}, 30007: {class: classRetry},
	40006: {class: classRetry}, 50004: {class: classRetry}, 50005: {class: classRetry}, 10002: {class: classRetry},

	60004: {class: classUserSig},                // account wrong in the URL
	60005: {class: classUserSig},                // signature wrong in the URL
	70001: {class: classUserSig},                // expired
	70003: {class: classUserSig, cure: cureKey}, // malformed
	70005: {class: classUserSig, cure: cureKey}, // malformed
	70052: {class: classUserSig},                // no longer valid

	70050: {class: classLocked, cure: cureKey}, // too many failed verifications

	60006: {class: classConfig, cure: cureApp}, // SDKAppID invalid
	60012: {class: classConfig, cure: cureApp}, // SDKAppID missing
	60016: {class: classConfig, cure: cureApp}, // SDKAppID disabled
	60017: {class: classConfig, cure: cureApp}, // requests disabled
	60010: {class: classConfig, cure: cureAdmin}, 90009: {class: classConfig, cure: cureAdmin},
	70403: {class: classConfig, cure: cureAdmin}, 40004: {class: classConfig, cure: cureAdmin},
	10007: {class: classConfig, cure: cureAdmin},
	60020: {class: classConfig, cure: curePackage},
	60021: {class: classConfig, cure: cureSource},
	70009: {class: classConfig, cure: cureKey},                                             // HMAC of another key
	70013: {class: classConfig, cure: cureAdmin},                                           // identifier is not the one signed
	70014: {class: classConfig, cure: cureApp},                                             // sdkappid is not the one signed
	70016: {class: classConfig, cure: cureKey}, 70020: {class: classConfig, cure: cureKey}, // no such key or app
	70398: {class: classConfig, cure: cureFree},
	72001: {class: classConfig, cure: cureFeature},

	70107: {class: classNoAccount}, 90048: {class: classNoAccount}, 90012: {class: classNoAccount},
	40003: {class: classNoAccount}, 20003: {class: classNoAccount}, 10019: {class: classNoAccount},

	10010: {class: classNoGroup},  // dissolved
	10015: {class: classNoGroup},  // no group's id
	10018: {class: classTooLarge}, // reply above 1 MB

	60002: {class: classBug}, 60003: {class: classBug}, // bad HTTP, bad JSON
	10004: {class: classBug}, 10005: {class: classBug}, // group parameter, too many members in one call
	60009: {class: classBug},                           // path
	60015: {class: classBug},                           // account is not a string
	70002: {class: classBug},                           // UserSig empty
	70206: {class: classBug}, 70402: {class: classBug}, // batch size, parameter
	90001: {class: classBug}, 90002: {class: classBug}, 90003: {class: classBug}, 90004: {class: classBug},
	90005: {class: classBug}, 90006: {class: classBug}, 90007: {class: classBug}, 90008: {class: classBug},
	90010: {class: classBug},                           // JSON or field errors
	90011: {class: classBug}, 90018: {class: classBug}, // too many accounts in one call
}
