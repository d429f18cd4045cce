package config

import (
	"errors"
	"regexp"
	"strings"
	"sync"
)

// A Reference says where a secret is kept, if a setting does not hold it itself: in Tencent Cloud's Secrets
// Manager (SSM, 凭据管理系统). It is written ssm:NAME or ssm:NAME:VERSION.
type Reference struct{ Name, Version string }

// currentVersion is the version that a secret has if none was given when it was created. The API has no default.
// Source: https://cloud.tencent.com/document/api/1140/40522
const currentVersion = "SSM_Current"

const referencePrefix = "ssm:"

// Source: type CreateSecretRequest in https://github.com/TencentCloud/tencentcloud-sdk-go/blob/master/tencentcloud/ssm/v20190923/models.go
var referenceForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^ssm:([A-Za-z0-9][A-Za-z0-9_-]{0,127})(?::([A-Za-z0-9][A-Za-z0-9_.-]{0,63}))?$`)
})

// IsReference reports whether a setting's value is meant as a Reference, be it well formed or not.
func IsReference(value string) bool { return strings.HasPrefix(value, referencePrefix) }

// ParseReference reads a reference. Its error does not quote value: a secret may begin alike.
func ParseReference(value string) (Reference, error) {
	m := referenceForm().FindStringSubmatch(value)
	if m == nil {
		return Reference{}, errors.New("is no reference to a secret: ssm:NAME or ssm:NAME:VERSION, of letters, digits, - and _, in a version . too")
	}
	if m[2] == "" {
		m[2] = currentVersion
	}
	return Reference{m[1], m[2]}, nil
}

// String returns it as it is written.
func (r Reference) String() string {
	if r.Version == currentVersion {
		return referencePrefix + r.Name
	}
	return referencePrefix + r.Name + ":" + r.Version
}
