package check_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxnotify/cmd/wxnotify/internal/check"
)

// settings are those of a deployment with which nothing is wrong.
const settings = `TENCENT_SECRET_ID=AKIDabcdefghijklmnopqrstuvwxyz012345
TENCENT_SECRET_KEY=a-secret-key
VPC_ID=vpc-1a2b3c4d
VPC_SUBNET_ID=subnet-1a2b3c4d
WECHAT_APPID=wx0123456789abcdef
WECHAT_APPSECRET=0123456789abcdef0123456789abcde0
WECHAT_TOKEN=Token1
IM_SDKAPPID=1400000001
IM_SECRET_KEY=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
IM_CALLBACK_TOKEN=callback-token
STORE_URL=redis://:crs-x%3Apassword@10.0.0.5:6379/0
SESSION_MODE=default
USERID_KEY=0123456789abcdef0123456789abcdef-user
ANNOUNCE_KEY=0123456789abcdef0123456789abcdef-announce
TEMPLATE_MESSAGE=abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE
`

var functions = []string{"imcallback", "wechatpush", "session", "permits", "announce", "deliver"}

// A deployment is a folder with all that is looked at.
type deployment struct {
	*testing.T
	dir         string
	environment map[string]string
}

func newDeployment(t *testing.T) *deployment {
	d := &deployment{t, t.TempDir(), map[string]string{}}
	d.write(".env", settings, 0o600)
	for _, file := range []string{"serverless.yml", "notify.yml"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		d.write(file, string(b), 0o644)
	}
	d.write("build/notify.yml", d.read("notify.yml"), 0o644)
	for _, f := range functions {
		d.write("build/"+f, program(elf.EM_X86_64), 0o755)
	}
	return d
}

// program returns the head of a program, which is all that is looked at.
func program(machine elf.Machine) string {
	var b bytes.Buffer
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	_ = binary.Write(&b, binary.LittleEndian, h)
	return b.String()
}

func (d *deployment) write(file, text string, mode os.FileMode) {
	d.Helper()
	path := filepath.Join(d.dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		d.Fatal(err)
	}
}

func (d *deployment) read(file string) string {
	d.Helper()
	b, err := os.ReadFile(filepath.Join(d.dir, file))
	if err != nil {
		d.Fatal(err)
	}
	return string(b)
}

// edit replaces text in a file, where it stands first.
func (d *deployment) edit(file, old, new string) {
	d.Helper()
	text := d.read(file)
	if !strings.Contains(text, old) {
		d.Fatalf("%s does not hold %q", file, old)
	}
	d.write(file, strings.Replace(text, old, new, 1), 0o644)
}

func (d *deployment) found() []check.Finding {
	path := func(file string) string { return filepath.Join(d.dir, file) }
	found, _ := check.Run(d.Context(), check.Input{Env: path(".env"), Environment: d.environment, Config: path("serverless.yml"), Notify: path("notify.yml"), Build: path("build")})
	return found
}

// set gives a setting another value; it is in no other place than the file.
func set(name, value string) func(*deployment) {
	return func(d *deployment) {
		var lines []string
		for line := range strings.Lines(settings) {
			if !strings.HasPrefix(line, name+"=") {
				lines = append(lines, line)
			}
		}
		d.write(".env", strings.Join(lines, "")+name+"="+value+"\n", 0o600)
	}
}

func edit(file, old, new string) func(*deployment) {
	return func(d *deployment) { d.edit(file, old, new) }
}

func remove(file string) func(*deployment) {
	return func(d *deployment) {
		if err := os.RemoveAll(filepath.Join(d.dir, file)); err != nil {
			d.Fatal(err)
		}
	}
}

// Each thing that can be wrong is found, alone, and says where, what, and the cure.
func TestWhatIsWrong(t *testing.T) {
	if found := newDeployment(t).found(); len(found) > 0 {
		t.Fatalf("nothing is wrong, and it finds %v", found)
	}
	d := newDeployment(t)
	secrets := strings.Fields("STORE_URL WECHAT_APPSECRET WECHAT_TOKEN WECHAT_ENCODING_AES_KEY IM_SECRET_KEY IM_CALLBACK_TOKEN USERID_KEY SESSION_KEY ANNOUNCE_KEY")
	for _, name := range secrets {
		d.environment[name] = "ssm:of-" + name
	}
	d.environment["IM_CALLBACK_URL"], d.environment["WECHAT_PUSH_URL"] = "https://callback.our-shop.com:8443/im/1", "https://callback.our-shop.com/push_1/"
	if found := d.found(); len(found) > 0 {
		t.Errorf("all secrets are references, URLs are of our own, and it finds %v", found)
	}
	const settingsOfImcallback = "        - { key: IM_CALLBACK_TOKEN, value: \"${env:IM_CALLBACK_TOKEN}\" }\n"
	all := func(file, old, new string) func(*deployment) {
		return func(d *deployment) { d.write(file, strings.ReplaceAll(d.read(file), old, new), 0o644) }
	}
	rows := []struct {
		wrong   string
		do      func(*deployment)
		want    string
		warning bool
	}{
		{"a required setting is missing", set("WECHAT_APPSECRET", ""), ".env line 15, WECHAT_APPSECRET: is empty: set it", false},
		{"a placeholder of the deploy tool", set("IM_SECRET_KEY", "undefined"), "IM_SECRET_KEY: holds a placeholder", false},
		{"a placeholder of the example", set("STORE_URL", "redis://user:password@host:6379/0"), "STORE_URL: holds a placeholder", false},
		{"a placeholder in brackets", set("IM_CALLBACK_TOKEN", "<token>"), "IM_CALLBACK_TOKEN: holds a placeholder", false},
		{"the AppID of something else", set("WECHAT_APPID", "1400000001"), "WECHAT_APPID: is no AppID: wx and 16 of 0-9 and a-f: copy it from mp.weixin.qq.com", false},
		{"a cut AppSecret", set("WECHAT_APPSECRET", "0123456789abcdef"), "WECHAT_APPSECRET: is no AppSecret", false},
		{"a Token with a dash", set("WECHAT_TOKEN", "to-ken"), "WECHAT_TOKEN: is no Token: 3 to 32 letters and digits", false},
		{"a reference with a blank", set("WECHAT_APPSECRET", "ssm:app secret"), "WECHAT_APPSECRET: is no reference to a secret: ssm:NAME or ssm:NAME:VERSION", false},
		{"a reference for what is no secret", set("SESSION_MODE", "ssm:mode"), "SESSION_MODE: is a reference to a secret, and is none: write the value itself", false},
		{"an AppID for an SDKAppID", set("IM_SDKAPPID", "140000"), "IM_SDKAPPID: is no SDKAppID: ten digits: copy it from the IM console", false},
		{"half a secret key", set("IM_SECRET_KEY", "0123456789abcdef0123456789abcdef"), "IM_SECRET_KEY: is no secret key of IM", false},
		{"a template by its number", set("TEMPLATE_MESSAGE", "1234"), "TEMPLATE_MESSAGE: is no template id: 43 letters", false},
		{"a short key of our own", set("USERID_KEY", "short"), "USERID_KEY: has 5 bytes, use at least 32", false},
		{"one key for two purposes", set("ANNOUNCE_KEY", "0123456789abcdef0123456789abcdef-user"), "ANNOUNCE_KEY: is the same as USERID_KEY: who learns one has both", false},
		{"no key for the backend", set("ANNOUNCE_KEY", ""), "ANNOUNCE_KEY: is empty: announce refuses everything", true},
		{"a rotation that is none", set("WECHAT_TOKEN_PREVIOUS", "Token1"), "WECHAT_TOKEN_PREVIOUS: is the same as WECHAT_TOKEN: leave it empty", true},
		{"a mode that is none", set("SESSION_MODE", "trust"), `SESSION_MODE: "trust" is none of [default trusted]`, false},
		{"callbacks of anybody", set("IM_CALLBACK_INSECURE", "1"), "IM_CALLBACK_INSECURE: is 1: anybody who knows the URL", true},
		{"an API without TLS", set("IM_API_BASE", "http://console.tim.qq.com"), "IM_API_BASE: must begin with https://", false},
		{"a store on this machine", set("STORE_URL", "redis://:pw@127.0.0.1:6379/0"), "STORE_URL: is on this machine, which the functions cannot reach", false},
		{"a store without a password", set("STORE_URL", "redis://10.0.0.5:6379/0"), "STORE_URL: has no password", true},
		{"a private store and no VPC", func(d *deployment) {
			d.edit(".env", "VPC_ID=vpc-1a2b3c4d\nVPC_SUBNET_ID=subnet-1a2b3c4d\n", "")
		}, "STORE_URL: is a private address, which functions without a VPC cannot reach: fill in VPC_ID", false},
		{"a VPC without a subnet", set("VPC_SUBNET_ID", ""), "VPC_SUBNET_ID: is empty, though VPC_ID and VPC_SUBNET_ID belong together", false},
		{"a subnet for a VPC", set("VPC_ID", "subnet-1a2b3c4d"), "VPC_ID: is no VPC", false},
		{"a log topic without its log set", set("SESSION_LOG_TOPIC_ID", "01234567-89ab-cdef-0123-456789abcdee"), "SESSION_LOGSET_ID: is empty, though SESSION_LOGSET_ID and SESSION_LOG_TOPIC_ID belong together", false},
		{"an API key without its secret", set("TENCENT_SECRET_KEY", ""), "TENCENT_SECRET_KEY: is empty, though", false},
		{"a callback URL that is none", set("IM_CALLBACK_URL", "callback.our-shop.com"), "IM_CALLBACK_URL: is no URL: https://", false},
		{"a callback URL without TLS", set("IM_CALLBACK_URL", "http://callback.our-shop.com/im"), "IM_CALLBACK_URL: must begin with https://", false},
		{"a token in a callback URL", set("IM_CALLBACK_URL", "https://callback.our-shop.com/im?token=x"), "IM_CALLBACK_URL: has more than a domain and a path", false},
		{"an address for a domain", set("WECHAT_PUSH_URL", "https://203.0.113.7/push"), "WECHAT_PUSH_URL: is an address: WeChat wants a domain", false},
		{"a domain at home", set("WECHAT_PUSH_URL", "https://nas.local/push"), "WECHAT_PUSH_URL: has a domain that is not public", false},
		{"a domain of one word", set("IM_CALLBACK_URL", "https://callback/im"), "IM_CALLBACK_URL: has a domain that is not public", false},
		{"a port that WeChat does not call", set("WECHAT_PUSH_URL", "https://callback.our-shop.com:8443/push"), "WECHAT_PUSH_URL: has port 8443: WeChat takes https on 443 only", false},
		{"a domain that is too long for IM", set("IM_CALLBACK_URL", "https://"+strings.Repeat("a", 51)+".our-shop.com/im"), "IM_CALLBACK_URL: has a domain of more than 63 characters", false},
		{"a path that IM does not take", set("IM_CALLBACK_URL", "https://callback.our-shop.com/im_callback"), "IM_CALLBACK_URL: holds what IM's console does not take: in im_callback", false},
		{"two hyphens in a row", set("IM_CALLBACK_URL", "https://call--back.our-shop.com/im"), "IM_CALLBACK_URL: holds what IM's console does not take: in call--back", false},
		{"a misspelt setting", set("WECHAT_ENCODING_AESKEY", "x"), "WECHAT_ENCODING_AESKEY: is read by nothing: did you mean WECHAT_ENCODING_AES_KEY?", true},
		{"a setting twice", func(d *deployment) { d.write(".env", settings+"WECHAT_TOKEN=Token2\n", 0o600) }, ".env line 16, WECHAT_TOKEN: is set more than once: line 16 holds", true},
		{"settings of the shell", func(d *deployment) { d.environment["WECHAT_TOKEN"] = "to-ken" }, "WECHAT_TOKEN of the environment: is no Token", false},
		{"settings in UTF-16", func(d *deployment) { d.write(".env", "\xff\xfeW\x00", 0o600) }, ".env: .env: line 1: the file is UTF-16: save it as UTF-8", false},

		{"a function that is no YAML", edit("serverless.yml", "inputs:", "inputs: ["), "serverless.yml: yaml: line", false},
		{"a secret in the repository", all("serverless.yml", "${env:WECHAT_TOKEN}", "Token1"), "serverless.yml: holds the value of WECHAT_TOKEN: write ${env:WECHAT_TOKEN}", false},
		{"a function that is not given what it reads", edit("serverless.yml", settingsOfImcallback, ""), "IM_CALLBACK_TOKEN: is not set: switch callback authentication on", false},
		{"a name that is too long", edit("serverless.yml", "name: ${name}-${stage}-permits", "name: "+strings.Repeat("x", 61)), "function permits: cannot be named", false},
		{"two functions of one name", edit("serverless.yml", "name: ${name}-${stage}-permits", "name: ${name}-${stage}-session"), "function permits: has the name of session", false},
		{"memory that cannot be had", edit("serverless.yml", "memorySize: 256", "memorySize: 200"), "function deliver: memorySize is 200: 64, or 128 to 3072 in steps of 128", false},
		{"a timeout beyond IM's patience", edit("serverless.yml", "timeout: 5", "timeout: 30"), "function imcallback: timeout is 30s, and nobody waits", true},
		{"variables of more than 4 KB", edit("serverless.yml", "LOG_LEVEL, value: \"${env:LOG_LEVEL}\"", "OTHER, value: "+strings.Repeat("x", 4096)), "function imcallback: its variables have", false},
		{"no way out", edit("serverless.yml", "publicAccess: true", "publicAccess: false"), "publicAccess is off: it reaches neither WeChat nor IM", false},
		{"no role", edit("serverless.yml", "  role: SCF_ExecuteRole\n", ""), "has no role: it cannot wake deliver", false},
		{"no address of its own", edit("serverless.yml", "eip: true", "eip: false"), "eip is off: requests come from changing addresses", true},
		{"a URL that leads nowhere", edit("serverless.yml", "enableExtranet: true", "enableExtranet: false"), "its URL leads nowhere: set netConfig", false},
		{"a URL that wants a signature", edit("serverless.yml", "authType: NONE", "authType: CAM"), "its URL wants callers to sign", false},
		{"a URL without a qualifier", edit("serverless.yml", "        qualifier: $DEFAULT\n        authType", "        authType"), "its URL has no qualifier: the second deployment fails", false},
		{"a function without a URL", edit("serverless.yml", "    - { type: http, function: session, parameters: *url }\n", ""), "function session: has no function URL", false},
		{"a URL of deliver", edit("serverless.yml", "function: session, parameters", "function: deliver, parameters"), "function deliver: has a function URL: anybody could have it run", false},
		{"a timer that is off", edit("serverless.yml", "enable: true", "enable: false"), "no timer invokes deliver", false},

		{"a rule that is misspelt", edit("notify.yml", "  lead:", "  leed:"), "notify.yml: line", false},
		{"a keyword that is none", edit("notify.yml", "thing2:", "thing2x:"), "notify.yml: templates.message", false},
		{"no notify.yml", remove("notify.yml"), "notify.yml: cannot be read", false},
		{"another notify.yml than was built", edit("build/notify.yml", "rules:", "rules: "), "build/notify.yml: is not the notify.yml that you see: make build", false},
		{"nothing was built", remove("build"), "build: is not there: make build", false},
		{"a function that was not built", remove("build/session"), "build/session: is not there: make build", false},
		{"a mode that was lost", func(d *deployment) {
			d.write("build/x", "", 0o644)
			remove("build/x")(d)
			os.Chmod(filepath.Join(d.dir, "build/permits"), 0o644)
		}, "build/permits: cannot be executed", false},
		{"a program for this Mac", func(d *deployment) { d.write("build/deliver", program(elf.EM_AARCH64), 0o755) }, "build/deliver: is a program for EM_AARCH64, and SCF runs x86-64", false},
		{"no program at all", func(d *deployment) { d.write("build/deliver", "#!/bin/sh", 0o755) }, "build/deliver: is no program for Linux", false},
		{"settings among what is uploaded", func(d *deployment) { d.write("build/.env", settings, 0o600) }, "build/.env: is uploaded with the functions", false},
	}
	for _, r := range rows {
		t.Run(r.wrong, func(t *testing.T) {
			d := newDeployment(t)
			r.do(d)
			found := d.found()
			i := slices.IndexFunc(found, func(f check.Finding) bool { return strings.Contains(f.String(), r.want) })
			if i < 0 || found[i].Warning != r.warning {
				t.Fatalf("found %q, want %q, a warning: %t", found, r.want, r.warning)
			}
			for _, f := range found {
				if f.What != found[i].What && !strings.Contains(r.wrong, "UTF-16") && !strings.Contains(r.wrong, "URL of deliver") {
					t.Errorf("and finds %v", f)
				}
			}
			t.Logf("%-45s %s", r.wrong, found[i])
		})
	}
	if len(rows) < 25 {
		t.Errorf("%d rows", len(rows))
	}
}
