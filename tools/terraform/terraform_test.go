// Package terraform_test holds deploy/terraform to what can be known without Terraform and without an account.
package terraform_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"gopkg.in/yaml.v3"
)

const folder = "../../deploy/terraform"

// documented are the arguments that the documentation of the providers has, of those that are used, and behind a colon what it
// exports.
// Source: https://registry.terraform.io/providers/tencentcloudstack/tencentcloud/latest/docs and hashicorp/archive
var documented = map[string]string{
	"archive_file":            "type source_dir excludes output_file_mode output_path",
	"tencentcloud_cam_policy": "name description document : id", "tencentcloud_cam_role": "name description document : id name",
	"tencentcloud_cam_role_policy_attachment": "role_id policy_id",
	"tencentcloud_cls_index":                  "topic_id status rule", "tencentcloud_cls_logset": "logset_name : id", "tencentcloud_cls_topic": "topic_name logset_id period : id",
	"tencentcloud_redis_instance": "name type_id availability_zone mem_size redis_replicas_num password port vpc_id subnet_id security_groups : id ip",
	"tencentcloud_redis_param":    "instance_id instance_params",
	"tencentcloud_scf_function": "name handler runtime func_type zip_file mem_size timeout role vpc_id subnet_id enable_public_net enable_eip_config cls_logset_id cls_topic_id " +
		"environment",
	"tencentcloud_scf_function_event_invoke_config": "function_name async_trigger_config", "tencentcloud_scf_reserved_concurrency_config": "function_name reserved_concurrency_mem",
	"tencentcloud_scf_trigger":    "function_name trigger_name type qualifier enable trigger_desc",
	"tencentcloud_scf_triggers":   "function_name",
	"tencentcloud_security_group": "name description : id", "tencentcloud_security_group_rule_set": "security_group_id ingress",
	"tencentcloud_subnet": "name vpc_id availability_zone cidr_block is_multicast : id cidr_block", "tencentcloud_vpc": "name cidr_block is_multicast : id",
	"ingress": "action cidr_block protocol port description", "async_trigger_config": "msg_ttl retry_config", "retry_config": "retry_num",
	"rule": "full_text dynamic_index", "full_text": "case_sensitive contain_z_h tokenizer", "dynamic_index": "status",
}

// A configuration is all files of the folder.
type configuration struct {
	locals map[string]hclsyntax.Expression
	known  map[string]bool // what may be referred to: var.x, local.x, type.name, data.type.name
	uses   map[string]string
}

func load(t *testing.T) *configuration {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	c := &configuration{locals: map[string]hclsyntax.Expression{}, known: map[string]bool{}, uses: map[string]string{}}
	parser := hclparse.NewParser()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, faults := parser.ParseHCL(text, file)
		if faults.HasErrors() {
			t.Fatal(faults)
		}
		if !bytes.Equal(hclwrite.Format(text), text) {
			t.Errorf("%s is not as terraform fmt writes it", file)
		}
		for _, b := range parsed.Body.(*hclsyntax.Body).Blocks {
			c.add(t, b)
		}
	}
	return c
}

func (c *configuration) add(t *testing.T, b *hclsyntax.Block) {
	t.Helper()
	hclsyntax.VisitAll(b.Body, func(n hclsyntax.Node) hcl.Diagnostics {
		if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			if name := reference(e.Traversal); name != "" {
				c.uses[name] = e.SrcRange.String()
			}
		}
		return nil
	})
	switch b.Type {
	case "variable":
		c.known["var."+b.Labels[0]] = true
	case "locals":
		for name, a := range b.Body.Attributes {
			c.locals[name], c.known["local."+name] = a.Expr, true
		}
	case "resource", "data":
		name := strings.Join(b.Labels, ".")
		if b.Type == "data" {
			name = "data." + name
		}
		c.known[name] = true
		check(t, b.Labels[0], b.Body, "for_each")
	case "terraform", "provider", "output":
	default:
		t.Errorf("%s: a block %s", b.TypeRange, b.Type)
	}
}

// check wants each argument of a block to be one that is documented.
func check(t *testing.T, of string, body *hclsyntax.Body, more ...string) {
	t.Helper()
	arguments, _, _ := strings.Cut(documented[of], ":")
	may := append(strings.Fields(arguments), more...)
	for name, a := range body.Attributes {
		if !slices.Contains(may, name) {
			t.Errorf("%s: %s has no argument %s", a.SrcRange, of, name)
		}
	}
	for _, b := range body.Blocks {
		if !slices.Contains(may, b.Type) {
			t.Errorf("%s: %s has no block %s", b.TypeRange, of, b.Type)
		}
		check(t, b.Type, b.Body)
	}
}

// reference names what a traversal leads to: the first two or three parts of it. What is bound by a for or a for_each is no reference.
func reference(v hcl.Traversal) string {
	parts := []string{v.RootName()}
	for _, step := range v[1:] {
		if a, ok := step.(hcl.TraverseAttr); ok {
			parts = append(parts, a.Name)
		}
	}
	n := 2
	switch root := parts[0]; {
	case root == "data":
		n = 3
	case root != "var" && root != "local" && documented[root] == "":
		return ""
	}
	return strings.Join(parts[:min(n, len(parts))], ".")
}

// It is formatted, and what it refers to is there.
func TestReferences(t *testing.T) {
	c := load(t)
	for name, at := range c.uses {
		if !c.known[name] {
			t.Errorf("%s: there is no %s", at, name)
		}
	}
	for name := range c.known {
		if strings.HasPrefix(name, "var.") || strings.HasPrefix(name, "local.") {
			if c.uses[name] == "" {
				t.Errorf("nothing uses %s", name)
			}
		}
	}
	if len(c.uses) < 20 {
		t.Errorf("only %d references were looked at", len(c.uses))
	}
}

// What is read of a resource is an argument of it, or documented to be exported.
func TestExports(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(folder, "*.tf"))
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\b(tencentcloud_\w+)\.\w+(?:\[[^\]]*\])?\.(\w+)`).FindAllSubmatch(text, -1) {
			n++
			of, what := string(m[1]), string(m[2])
			if of != "tencentcloud_scf_triggers" && !slices.Contains(strings.Fields(documented[of]), what) {
				t.Errorf("%s: %s exports no %s", file, of, what)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d were looked at", n)
	}
}

// A project is serverless.yml, as far as it is compared.
type project struct {
	Inputs struct {
		Runtime    string
		MemorySize int `yaml:"memorySize"`
		Timeout    int
		Functions  map[string]struct {
			Handler      string
			MemorySize   int `yaml:"memorySize"`
			Timeout      int
			Environments []struct{ Key string }
		}
		Triggers []struct {
			Type, Function string
			Parameters     struct {
				Name           string
				CronExpression string `yaml:"cronExpression"`
			}
		}
	}
}

// The functions are those of serverless.yml: the same memory, time and variables, the same URLs, timer and quotas.
func TestFunctionsAreThoseOfServerlessYML(t *testing.T) {
	var p project
	text, err := os.ReadFile("../../serverless.yml")
	if err == nil {
		err = yaml.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	quotas, err := os.ReadFile("../../cmd/wxnotify/internal/deploy/around.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for key, f := range p.Inputs.Functions {
		if key == "console" { // deployed only for those who want it, by make deploy
			continue
		}
		memory, timeout, quota := p.Inputs.MemorySize, p.Inputs.Timeout, "0"
		if f.MemorySize > 0 {
			memory = f.MemorySize
		}
		if f.Timeout > 0 {
			timeout = f.Timeout
		}
		if m := regexp.MustCompile(`"` + key + `": (\d+)`).FindSubmatch(quotas); m != nil {
			quota = string(m[1])
		}
		var names []string
		for _, e := range f.Environments {
			names = append(names, e.Key)
		}
		want[key] = fmt.Sprint(memory, timeout, quota, names)
	}
	got := map[string]string{}
	functions, faults := load(t).locals["functions"].Value(nil)
	if faults.HasErrors() {
		t.Fatal(faults)
	}
	for key, f := range functions.AsValueMap() {
		v := f.AsValueMap()
		var names []string
		for _, e := range v["environment"].AsValueSlice() {
			names = append(names, e.AsString())
		}
		number := func(name string) string { return v[name].AsBigFloat().Text('f', 0) }
		got[key] = fmt.Sprint(number("memory"), " ", number("timeout"), " ", number("quota"), names)
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if strings.ReplaceAll(want[key], " ", "") != strings.ReplaceAll(got[key], " ", "") {
			t.Errorf("%s:\n serverless.yml %s\n functions.tf   %s", key, want[key], got[key])
		}
	}
	if len(got) != len(want) || len(want) < 6 {
		t.Errorf("%d functions, and in serverless.yml %d", len(got), len(want))
	}
	tf, err := os.ReadFile(filepath.Join(folder, "functions.tf"))
	if err != nil {
		t.Fatal(err)
	}
	urls := 0
	for _, trigger := range p.Inputs.Triggers {
		if trigger.Function == "console" {
			continue
		}
		if trigger.Type == "http" {
			urls++
			if trigger.Function == "deliver" {
				t.Error("deliver has a URL in serverless.yml, and none in functions.tf")
			}
		} else if !strings.Contains(string(tf), fmt.Sprintf("{ cron = %q }", trigger.Parameters.CronExpression)) || !strings.Contains(string(tf), fmt.Sprintf("%q", trigger.Parameters.Name)) {
			t.Errorf("the timer %s is another in functions.tf", trigger.Parameters.Name)
		}
	}
	if urls != len(want)-1 || !strings.Contains(string(tf), fmt.Sprintf("%q", p.Inputs.Runtime)) {
		t.Errorf("%d URLs of functions on %s", urls, p.Inputs.Runtime)
	}
}

// Settings are read from a file as wxnotify reads them: comments and what is empty are left out, and the last of a name holds.
func TestSettingsAreRead(t *testing.T) {
	const file = "# A comment=1\r\n\nWECHAT_APPID=wx1\r\nEMPTY=\nWECHAT_TOKEN= \"a=b\" \nWECHAT_APPID=wx2\nSTORE_URL=redis://elsewhere\nlower=1\n"
	same := function.New(&function.Spec{Params: []function.Parameter{{Name: "text", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return args[0], nil }})
	ctx := &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"var":                         cty.ObjectVal(map[string]cty.Value{"env_file": cty.StringVal(file), "redis_password": cty.StringVal("pass"), "name": cty.StringVal("wxnotify"), "stage": cty.StringVal("dev")}),
			"tencentcloud_redis_instance": cty.ObjectVal(map[string]cty.Value{"store": cty.ObjectVal(map[string]cty.Value{"id": cty.StringVal("crs-1"), "ip": cty.StringVal("10.0.1.2")})}),
		},
		Functions: map[string]function.Function{"file": same, "sensitive": same, "urlencode": same, "replace": stdlib.ReplaceFunc, "regexall": stdlib.RegexAllFunc,
			"trim": stdlib.TrimFunc, "trimspace": stdlib.TrimSpaceFunc, "merge": stdlib.MergeFunc, "length": stdlib.LengthFunc},
	}
	c, locals := load(t), map[string]cty.Value{}
	for _, name := range []string{"prefix", "lines", "given", "settings"} {
		v, faults := c.locals[name].Value(ctx)
		if faults.HasErrors() {
			t.Fatalf("%s: %v", name, faults)
		}
		locals[name] = v
		ctx.Variables["local"] = cty.ObjectVal(locals)
	}
	got := map[string]string{}
	for name, v := range locals["settings"].AsValueMap() {
		got[name] = v.AsString()
	}
	want := map[string]string{"WECHAT_APPID": "wx2", "WECHAT_TOKEN": "a=b", "STORE_URL": "redis://:crs-1:pass@10.0.1.2:6379/0", "STORE_PREFIX": "wxnotify-dev", "DELIVER_FUNCTION": "wxnotify-dev-deliver"}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
