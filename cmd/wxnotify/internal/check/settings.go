package check

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"wxnotify/shared/config"
	"wxnotify/shared/outbound"
)

// A form is how the value of a setting looks. That it is there, and the rest of what a function wants of
// it, the functions say themselves.
type form struct {
	settings []string
	form     string // a regular expression for all of it
	what     string
	cure     string
}

var forms = []form{
	{[]string{"WECHAT_APPID"}, `wx[0-9a-f]{16}`, "is no AppID: wx and 16 of 0-9 and a-f", "copy it from mp.weixin.qq.com, 开发管理, 开发设置"},
	{[]string{"WECHAT_APPSECRET"}, `[0-9a-f]{32}`, "is no AppSecret: 32 of 0-9 and a-f", "reset it at mp.weixin.qq.com, 开发管理, 开发设置, and copy it"},
	{[]string{"WECHAT_TOKEN", "WECHAT_TOKEN_PREVIOUS"}, `[A-Za-z0-9]{3,32}`, "is no Token: 3 to 32 letters and digits", "the same as at mp.weixin.qq.com, 开发管理, 消息推送"},
	{[]string{"WECHAT_ENCODING_AES_KEY", "WECHAT_ENCODING_AES_KEY_PREVIOUS"}, `[A-Za-z0-9]{43}`, "is no EncodingAESKey: 43 letters and digits", "the same as at mp.weixin.qq.com, 开发管理, 消息推送"},
	{[]string{"IM_SDKAPPID"}, `[1-9][0-9]{9}`, "is no SDKAppID: ten digits", "copy it from the IM console, 应用管理"},
	{[]string{"IM_SECRET_KEY", "IM_SECRET_KEY_PREVIOUS"}, `[0-9a-f]{64}`, "is no secret key of IM: 64 of 0-9 and a-f", "copy it from the IM console, 应用管理, 查看密钥"},
	{[]string{"TEMPLATE_MESSAGE"}, `[A-Za-z0-9_-]{43}`, "is no template id: 43 letters, digits, - and _", "copy it from mp.weixin.qq.com, 订阅消息, 我的模板"},
	{[]string{"VPC_ID"}, `vpc-[a-z0-9]{8}`, "is no VPC: vpc- and 8 letters and digits", "copy it from the page of your Redis"},
	{[]string{"VPC_SUBNET_ID"}, `subnet-[a-z0-9]{8}`, "is no subnet: subnet- and 8 letters and digits", "copy it from the page of your Redis"},
	{[]string{"SESSION_LOGSET_ID", "SESSION_LOG_TOPIC_ID"}, `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "is no id of CLS", "copy it from the CLS console"},
	{[]string{"TENCENT_SECRET_ID"}, `AKID[A-Za-z0-9]{32}`, "is no SecretId: AKID and 32 letters and digits", "copy it from the CAM console, 访问密钥"},
}

// referable are the settings that may be references to secrets.
var referable = []string{"STORE_URL", "WECHAT_APPSECRET", "WECHAT_TOKEN", "WECHAT_TOKEN_PREVIOUS", "WECHAT_ENCODING_AES_KEY", "WECHAT_ENCODING_AES_KEY_PREVIOUS",
	"IM_SECRET_KEY", "IM_SECRET_KEY_PREVIOUS", "IM_CALLBACK_TOKEN", "IM_CALLBACK_TOKEN_PREVIOUS", "USERID_KEY", "SESSION_KEY", "ANNOUNCE_KEY", "CONSOLE_TOKEN"}

// standIn returns what a function may be built with instead of a secret that is elsewhere.
func standIn(setting string) string {
	switch {
	case setting == "STORE_URL":
		return "redis://store.invalid"
	case strings.HasPrefix(setting, "WECHAT_ENCODING_AES_KEY"):
		return strings.Repeat("A", 43)
	}
	return strings.Repeat("0", 64)
}

// Form says what is wrong with the form of a setting's value, and the cure; nothing of an empty one. The value of a
// reference is not known here.
func Form(setting, value string) (what, cure string) {
	if config.IsReference(value) && slices.Contains(referable, setting) {
		if _, err := config.ParseReference(value); err != nil {
			return err.Error(), "copy the name and the version from the SSM console"
		}
		return "", ""
	}
	for _, f := range forms {
		if slices.Contains(f.settings, setting) && value != "" && !regexp.MustCompile(`^(?:`+f.form+`)$`).MatchString(value) {
			return f.what, f.cure
		}
	}
	return "", ""
}

// secrets are settings of which each has one purpose.
var secrets = []string{"WECHAT_APPSECRET", "WECHAT_TOKEN", "WECHAT_ENCODING_AES_KEY", "IM_SECRET_KEY", "IM_CALLBACK_TOKEN", "USERID_KEY", "SESSION_KEY", "ANNOUNCE_KEY", "CONSOLE_TOKEN", "TENCENT_SECRET_KEY"}

// known are the names that a file of settings may have beside those that functions read.
var known = []string{"TENCENT_SECRET_ID", "TENCENT_SECRET_KEY", "TENCENT_TOKEN", "VPC_ID", "VPC_SUBNET_ID", "SESSION_LOGSET_ID", "SESSION_LOG_TOPIC_ID",
	"USERID_KEY", "SESSION_KEY", "CONSOLE_TOKEN", "NOTIFY_FILE", "TENCENT_API_BASE", "STORE_PREFIX", "IM_CALLBACK_URL", "WECHAT_PUSH_URL"}

// both are settings that make sense together only.
var both = [][2]string{{"VPC_ID", "VPC_SUBNET_ID"}, {"SESSION_LOGSET_ID", "SESSION_LOG_TOPIC_ID"}, {"TENCENT_SECRET_ID", "TENCENT_SECRET_KEY"}}

// filled returns a setting; "" if it is not set, or holds a placeholder, which the functions say.
func (c *checker) filled(name string) string {
	if v := c.settings[name]; !config.Placeholder(v) {
		return v
	}
	return ""
}

func (c *checker) checkSettings() {
	formed := slices.Clone(referable)
	for _, f := range forms {
		formed = append(formed, f.settings...)
	}
	slices.Sort(formed)
	for _, name := range slices.Compact(formed) {
		if what, cure := Form(name, c.filled(name)); what != "" {
			c.fault(c.at(name), what, cure)
		}
	}
	for _, pair := range both {
		if a, b := c.settings[pair[0]], c.settings[pair[1]]; (a == "") != (b == "") {
			missing := pair[0]
			if a != "" {
				missing = pair[1]
			}
			c.fault(c.at(missing), "is empty, though "+pair[0]+" and "+pair[1]+" belong together", "fill in both or none")
		}
	}
	c.checkSecrets()
	c.checkStore()
	c.checkURLs()
	if c.settings["IM_CALLBACK_INSECURE"] == "1" {
		c.warn(c.at("IM_CALLBACK_INSECURE"), "is 1: anybody who knows the URL can say what they like", "switch callback authentication on in the IM console, and set it to 0")
	}
	if c.settings["STORE_PREFIX"] != "" {
		c.warn(c.at("STORE_PREFIX"), "is not deployed: serverless.yml makes it of name and stage", "delete it; it is for wxnotify explain and dead")
	}
}

func (c *checker) checkSecrets() {
	first := map[string]string{}
	for _, name := range secrets {
		v := c.filled(name)
		if v == "" {
			continue
		}
		if other := first[v]; other != "" {
			c.fault(c.at(name), "is the same as "+other+": who learns one has both", "make another: openssl rand -hex 32")
		} else {
			first[v] = name
		}
		if c.settings[name+"_PREVIOUS"] == v {
			c.warn(c.at(name+"_PREVIOUS"), "is the same as "+name, "leave it empty, or set it to the value before")
		}
	}
}

// checkStore looks at where the store is, as functions see it.
func (c *checker) checkStore() {
	u, err := url.Parse(c.settings["STORE_URL"])
	if err != nil || u.Host == "" {
		return // the functions say so
	}
	if outbound.Loopback(u.Hostname()) {
		c.fault(c.at("STORE_URL"), "is on this machine, which the functions cannot reach", "use the address of your TencentDB for Redis")
		return
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsPrivate() && c.settings["VPC_ID"] == "" {
		c.fault(c.at("STORE_URL"), "is a private address, which functions without a VPC cannot reach", "fill in VPC_ID and VPC_SUBNET_ID of your Redis")
	}
	if _, given := u.User.Password(); !given {
		c.warn(c.at("STORE_URL"), "has no password", "anybody in the VPC can read it: give your Redis one")
	}
}

// checkNames warns of names that nothing reads: they are misspelt, most likely.
func (c *checker) checkNames(read map[string]bool) {
	names := slices.Sorted(maps.Keys(read))
	names = append(names, known...)
	for _, name := range slices.Sorted(maps.Keys(c.file.Values)) {
		if slices.Contains(names, name) || strings.HasPrefix(name, "TEMPLATE_") {
			continue
		}
		cure := "delete it, or add it to serverless.yml"
		if near := nearest(name, names); near != "" {
			cure = fmt.Sprintf("did you mean %s?", near)
		}
		c.warn(c.at(name), "is read by nothing", cure)
	}
}

// nearest returns the name that differs least from name; "" if none is near.
func nearest(name string, names []string) (near string) {
	least := len(name)/3 + 1
	for _, n := range names {
		if d := distance(name, n); d < least {
			near, least = n, d
		}
	}
	return near
}

// distance is how many letters have to be put in, taken out or changed to make b of a.
// Source: https://en.wikipedia.org/wiki/Levenshtein_distance
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
