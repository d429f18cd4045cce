package host

import (
	"encoding/json"
	"maps"
	"os"
	"slices"

	"wxnotify/cmd/wxnotify/internal/serverless"
)

// Temporary credentials of an execution role, as the platform hands them to each
// event. They are invented; the Invoke API of this host does not check them.
// Source: https://cloud.tencent.com/document/product/583/30228
var credentials = map[string]string{
	"TENCENTCLOUD_SECRETID":     RoleID,
	"TENCENTCLOUD_SECRETKEY":    "key-of-wxnotify-local",
	"TENCENTCLOUD_SESSIONTOKEN": RoleToken,
}

// What the execution role of each function signs and sends calls of the API with.
const (
	RoleID    = "id-of-wxnotify-local"
	RoleToken = "token-of-wxnotify-local"
)

// environment is what one function gets to see.
type environment struct {
	process []string // of its process
	event   string   // of each event: JSON, with the credentials
}

// newEnvironment puts override in place of the function's own variables.
func newEnvironment(f *serverless.Function, region, build string, override map[string]string) environment {
	vars := maps.Clone(f.Environment)
	if vars == nil {
		vars = make(map[string]string)
	}
	maps.Copy(vars, override)

	inEvent := maps.Clone(vars)
	maps.Copy(inEvent, credentials)
	js, err := json.Marshal(inEvent)
	if err != nil {
		panic(err) // a map of strings
	}

	maps.Copy(vars, platformVariables(f, region, build))
	return environment{process: assignments(vars), event: string(js)}
}

// platformVariables are those that the platform sets.
// Source: https://cloud.tencent.com/document/product/583/30228
func platformVariables(f *serverless.Function, region, build string) map[string]string {
	return map[string]string{
		"TENCENTCLOUD_RUNENV": "SCF",
		"TENCENTCLOUD_REGION": region,
		"TENCENTCLOUD_APPID":  appID,
		"TENCENTCLOUD_UIN":    uin,
		"TENCENTCLOUD_TZ":     "UTC",
		"TZ":                  "UTC",
		"SCF_RUNTIME":         "Go1",
		"SCF_NAMESPACE":       f.Namespace,
		"SCF_FUNCTIONNAME":    f.Name,
		"SCF_FUNCTIONVERSION": version,
		"USER_CODE_ROOT":      build + string(os.PathSeparator),
		"PWD":                 build,
		"HOME":                os.TempDir(),
		"LANG":                "en_US.UTF8",
		"PATH":                "/usr/local/bin:/usr/bin:/bin",
	}
}

func assignments(vars map[string]string) []string {
	list := make([]string, 0, len(vars))
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, k+"="+vars[k])
	}
	return list
}
