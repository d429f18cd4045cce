package scf

import (
	"errors"
	"fmt"
	"strings"

	"wxnotify/shared/secret"
)

// ErrNoCredentials says that the environment holds no credentials for Tencent Cloud's
// APIs. The error that wraps it names the missing variables.
var ErrNoCredentials = errors.New("no Tencent Cloud credentials: give the function an execution role")

// A Credential signs calls to Tencent Cloud's APIs.
type Credential struct {
	ID     string
	Key    secret.String
	Token  secret.String // empty with permanent keys
	Region string        // such as ap-guangzhou
}

// Credentials reads the credentials of the function's execution role. They change with
// each invocation and live for hours at most: call it for each use, keep nothing.
//
// The platform's names have no underscore before ID and KEY, so the SDK's own
// providers do not find them.
// Source: https://cloud.tencent.com/document/product/583/14570
func Credentials(getenv func(string) string) (Credential, error) {
	var missing []string
	need := func(name string) string {
		v := getenv(name)
		if v == "" {
			missing = append(missing, name)
		}
		return v
	}
	c := Credential{
		ID:     need("TENCENTCLOUD_SECRETID"),
		Key:    secret.New(need("TENCENTCLOUD_SECRETKEY")),
		Token:  secret.New(getenv("TENCENTCLOUD_SESSIONTOKEN")),
		Region: need("TENCENTCLOUD_REGION"),
	}
	if len(missing) > 0 {
		return Credential{}, fmt.Errorf("scf: %w (not set: %s)", ErrNoCredentials, strings.Join(missing, ", "))
	}
	return c, nil
}
