package cloud

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]$`)

// looksUntilActive is how many looks find a function being changed after each change.
const looksUntilActive = 2

func (c *Cloud) create(name string, in map[string]json.RawMessage) *apiError {
	var code struct{ ZipFile string }
	_ = json.Unmarshal(in["Code"], &code)
	switch {
	case c.functions[name] != nil:
		return refuse("ResourceInUse.Function", "%s is there already", name)
	case !nameForm.MatchString(name):
		return refuse("InvalidParameterValue.FunctionName", "%q", name)
	case text(in, "Runtime") != "Go1" || text(in, "Type") != "Event":
		return refuse("InvalidParameterValue.Runtime", "%s %s", text(in, "Runtime"), text(in, "Type"))
	}
	f := &Function{Config: map[string]json.RawMessage{}, status: "Creating"}
	if e := f.setCode(in, code.ZipFile, maxCreateZip); e != nil {
		return e
	}
	if e := c.configure(f, in); e != nil {
		return e
	}
	c.functions[name] = f
	return nil
}

// setCode takes a zip: the handler must be an executable file at its root.
func (f *Function) setCode(in map[string]json.RawMessage, encoded string, most int) *apiError {
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(encoded) > most {
		return refuse("InvalidParameterValue.ZipFile", "%d bytes of Base64, %v", len(encoded), err)
	}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return refuse("InvalidParameterValue.ZipFile", "%v", err)
	}
	handler := text(in, "Handler")
	i := slices.IndexFunc(z.File, func(file *zip.File) bool { return file.Name == handler })
	if i < 0 || z.File[i].Mode().Perm() != 0o755 {
		return refuse("InvalidParameterValue.Handler", "%s is no executable file of the zip", handler)
	}
	f.Zip, f.Config["Handler"] = content, in["Handler"]
	f.change()
	return nil
}

// change has the next looks find the function busy.
func (f *Function) change() {
	f.busy = looksUntilActive
	if f.status != "Creating" && f.broken == "" {
		f.status = "Updating"
	}
}

// settings are the fields that can be set.
var settings = []string{"Description", "MemorySize", "Timeout", "Role", "Environment", "VpcConfig", "PublicNetConfig", "ClsLogsetId", "ClsTopicId"}

func (c *Cloud) configure(f *Function, in map[string]json.RawMessage) *apiError {
	if e := c.check(in); e != nil {
		return e
	}
	for _, name := range settings {
		if v, given := in[name]; given {
			f.Config[name] = v
		}
	}
	f.change()
	return nil
}

// check refuses what the platform refuses.
func (c *Cloud) check(in map[string]json.RawMessage) *apiError {
	var e environment
	_ = json.Unmarshal(in["Environment"], &e)
	size := 0
	for _, v := range e.Variables {
		if v.Value == "" {
			return refuse("InvalidParameterValue.EnvironmentValue", "the value of %s is empty", v.Key)
		}
		size += len(v.Key) + len(v.Value)
	}
	var memory, timeout int
	_ = json.Unmarshal(in["MemorySize"], &memory)
	_ = json.Unmarshal(in["Timeout"], &timeout)
	var vpc struct{ VpcId, SubnetId string }
	_ = json.Unmarshal(in["VpcConfig"], &vpc)
	switch {
	case size > maxVariables:
		return refuse("InvalidParameterValue.EnvironmentExceededLimit", "%d bytes", size)
	case memory != 64 && memory%128 != 0 || memory > 3072:
		return refuse("InvalidParameterValue.Memory", "%d", memory)
	case timeout < 1 || timeout > 900:
		return refuse("InvalidParameterValue.Timeout", "%d", timeout)
	case !slices.Contains(c.cfg.Roles, text(in, "Role")):
		return refuse("InvalidParameterValue.RoleCheck", "there is no role %s", text(in, "Role"))
	case text(in, "ClsTopicId") != "" && c.logs.topic(text(in, "ClsTopicId")) == nil:
		return refuse("ResourceNotFound.Topic", "there is no log topic %s", text(in, "ClsTopicId"))
	case vpc.VpcId != "" && c.cfg.VPCs[vpc.VpcId] != vpc.SubnetId:
		return refuse("ResourceNotFound.Vpc", "there is no %s with %s in this region", vpc.VpcId, vpc.SubnetId)
	}
	return nil
}

// Egress is the address from which functions call others.
const Egress = "203.0.113.80"

func (f *Function) describe() any {
	status := f.status
	switch {
	case f.broken != "":
		return map[string]any{"Status": f.status, "StatusReasons": []any{map[string]string{"ErrorMessage": f.broken}}}
	case f.busy > 0:
		f.busy--
	default:
		f.status, status = "Active", "Active"
	}
	out := map[string]any{"Status": status}
	for name, v := range f.Config {
		out[name] = v
	}
	out["EipConfig"] = map[string]any{"EipFixed": "TRUE", "Eips": []string{Egress}}
	return out
}

func (c *Cloud) setTrigger(f *Function, create bool, in map[string]json.RawMessage) *apiError {
	t := Trigger{TriggerName: text(in, "TriggerName"), Type: text(in, "Type"), Qualifier: text(in, "Qualifier"), CustomArgument: text(in, "CustomArgument"),
		TriggerDesc: text(in, "TriggerDesc")}
	if text(in, "Enable") == "OPEN" {
		t.Enable = 1
	}
	i := slices.IndexFunc(f.Triggers, func(old Trigger) bool { return old.TriggerName == t.TriggerName && old.Type == t.Type })
	switch {
	case create && i >= 0:
		return refuse("ResourceInUse.Trigger", "%s is there already", t.TriggerName)
	case create && t.Type == "http" && slices.ContainsFunc(f.Triggers, func(old Trigger) bool { return old.Type == "http" && old.Qualifier == t.Qualifier }):
		return refuse("ResourceInUse.Trigger", "%s has a URL already", t.Qualifier)
	case !create && i < 0:
		return refuse("ResourceNotFound.Trigger", "there is no trigger %s", t.TriggerName)
	}
	if t.Type == "timer" { // set as it is, told as an object
		b, _ := json.Marshal(map[string]string{"cron": t.TriggerDesc})
		t.TriggerDesc = string(b)
	}
	if !create {
		t.TriggerDesc = withURL(t, urlOf(f.Triggers[i]))
		f.Triggers[i] = t
		return nil
	}
	t.TriggerDesc = withURL(t, fmt.Sprintf("%s/url/%s", c.URL, text(in, "FunctionName")))
	f.Triggers = append(f.Triggers, t)
	return nil
}

// withURL returns the description of a trigger with the address of its URL, if it is one.
func withURL(t Trigger, url string) string {
	var desc map[string]any
	if t.Type != "http" || json.Unmarshal([]byte(t.TriggerDesc), &desc) != nil {
		return t.TriggerDesc
	}
	if net, _ := desc["NetConfig"].(map[string]any); net != nil && net["EnableExtranet"] == true {
		net["ExtranetUrl"] = url
	}
	b, _ := json.Marshal(desc)
	return string(b)
}

func urlOf(t Trigger) string {
	var desc struct{ NetConfig struct{ ExtranetUrl string } }
	_ = json.Unmarshal([]byte(t.TriggerDesc), &desc)
	return desc.NetConfig.ExtranetUrl
}
