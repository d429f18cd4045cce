package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
)

// keptDays is how long the logs of a function are kept that is not named: those of session hold what it returns, the
// user's UserSig. Whoever changes it in the console is left alone.
const keptDays = 30

var keptFor = map[string]int{"session": 1}

// topicMark begins the description of a log topic that a deployment has made. A log set has no description: one is taken for
// its own by its name.
const topicMark = "made by wxnotify deploy"

// A topic is where a function's logs go. Its ids are known once it is there.
type topic struct {
	function, name string
	logset, id     string
}

// shown returns a topic for people.
func (t *topic) shown() string {
	switch {
	case t.id != "":
		return t.id
	case t.name != "":
		return t.name
	}
	return "none"
}

// A logset is the log set of a project, and the topics in it.
type logset struct {
	id, name string
	topics   []topicInfo
}

// A topicInfo is as CLS tells it.
type topicInfo struct {
	TopicId, TopicName, Describes string
	Index                         bool
}

// logset looks for the log set of the project; the id of one that is not there is empty.
// Sources: https://tencentcloud.com/document/product/614/42778 (DescribeLogsets), https://tencentcloud.com/document/product/614/42783 (DescribeTopics)
func (d *Deployer) logset(ctx context.Context) (logset, error) {
	s := logset{name: d.Project.Name + "-" + d.Project.Stage + "-functions"}
	var sets struct {
		Logsets []struct{ LogsetId, LogsetName string }
	}
	if err := d.cls(ctx, "DescribeLogsets", map[string]any{"Filters": filter("logsetName", s.name), "Limit": 100}, &sets); err != nil {
		return s, err
	}
	for _, found := range sets.Logsets {
		if found.LogsetName == s.name { // names that hold it are found too
			s.id = found.LogsetId
		}
	}
	if s.id == "" {
		return s, nil
	}
	var out struct{ Topics []topicInfo }
	err := d.cls(ctx, "DescribeTopics", map[string]any{"Filters": filter("logsetId", s.id), "Limit": 100}, &out)
	s.topics = out.Topics
	return s, err
}

func filter(key, value string) any {
	return []any{map[string]any{"Key": key, "Values": []string{value}}}
}

// planLogs plans a log set with a topic for each function that the file gives none, and an index for each topic, without
// which nothing is found. It returns the topics of these functions by their keys.
func (d *Deployer) planLogs(ctx context.Context) (steps []Step, topics map[string]*topic, err error) {
	set, err := d.logset(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("log set %s: %w", set.name, explained(err))
	}
	id := &set.id
	if set.id == "" {
		steps = append(steps, Step{"log set " + set.name, "create it", func(ctx context.Context) error {
			var out struct{ LogsetId string }
			err := d.cls(ctx, "CreateLogset", map[string]any{"LogsetName": set.name}, &out)
			if *id = out.LogsetId; conflicts(err) { // an answer was lost
				var found logset
				found, err = d.logset(ctx)
				*id = found.id
			}
			return err
		}})
	}
	topics = map[string]*topic{}
	for i := range d.Project.Functions {
		f := &d.Project.Functions[i]
		if f.Topic != "" {
			continue
		}
		t := &topic{function: f.Key, name: f.Name, logset: set.id}
		topics[f.Key] = t
		indexed := false
		if i := slices.IndexFunc(set.topics, func(info topicInfo) bool { return info.TopicName == t.name }); i >= 0 {
			t.id, indexed = set.topics[i].TopicId, set.topics[i].Index
		} else {
			steps = append(steps, Step{"log topic " + t.name, fmt.Sprintf("create it, retention in days: %d", days(f.Key)), func(ctx context.Context) error {
				t.logset = *id
				return d.createTopic(ctx, t)
			}})
		}
		if !indexed {
			steps = append(steps, Step{"log topic " + t.name, "index it", func(ctx context.Context) error { return d.index(ctx, t.id) }})
		}
	}
	return steps, topics, nil
}

func days(function string) int {
	if n := keptFor[function]; n > 0 {
		return n
	}
	return keptDays
}

// createTopic creates a topic. Source: https://cloud.tencent.com/document/api/614/56456
func (d *Deployer) createTopic(ctx context.Context, t *topic) error {
	var out struct{ TopicId string }
	err := d.cls(ctx, "CreateTopic", map[string]any{"LogsetId": t.logset, "TopicName": t.name, "Period": days(t.function), "Describes": topicMark}, &out)
	if t.id = out.TopicId; !conflicts(err) {
		return err
	}
	set, err := d.logset(ctx) // an answer was lost
	for _, info := range set.topics {
		if info.TopicName == t.name {
			t.id = info.TopicId
		}
	}
	return err
}

// Fields of the logs of functions: those of SCF, and those of our lines, which it takes apart because each is a JSON
// object. Source: https://cloud.tencent.com/document/product/583/60336
var (
	textFields = []string{"SCF_FunctionName", "SCF_Namespace", "SCF_RequestId", "SCF_Alias", "SCF_Qualifier", "SCF_Level", "SCF_Message", "SCF_Type",
		"level", "msg", "function", "request_id", "alert", "user", "card", "state", "reason", "class", "error"}
	numberFields = []string{"SCF_StartTime", "SCF_LogTime", "SCF_Duration", "SCF_StatusCode", "SCF_RetryNum", "messages"}
)

// tokenizer are the characters that part words, as the console proposes them.
const tokenizer = `@&()='",;:<>[]{}/ ` + "\n\t\r"

// index has a topic searched by all words, and by fields. Source: https://cloud.tencent.com/document/api/614/56445
func (d *Deployer) index(ctx context.Context, topic string) error {
	var fields []any
	add := func(names []string, value map[string]any) {
		for _, name := range names {
			fields = append(fields, map[string]any{"Key": name, "Value": value})
		}
	}
	add(textFields, map[string]any{"Type": "text", "Tokenizer": tokenizer, "SqlFlag": true, "ContainZH": true})
	add(numberFields, map[string]any{"Type": "long", "SqlFlag": true})
	add([]string{"SCF_MemUsage"}, map[string]any{"Type": "double", "SqlFlag": true})
	err := d.cls(ctx, "CreateIndex", map[string]any{"TopicId": topic, "Status": true, "IncludeInternalFields": true, "Rule": map[string]any{
		"FullText": map[string]any{"CaseSensitive": false, "Tokenizer": tokenizer, "ContainZH": true},
		"KeyValue": map[string]any{"CaseSensitive": false, "KeyValues": fields},
	}}, &struct{}{})
	if conflicts(err) {
		return nil
	}
	return err
}

// planLogRemoval plans to delete the topics that a deployment has made, but for those of functions that stay, and the log set,
// if nothing else is in it.
func (d *Deployer) planLogRemoval(ctx context.Context, stay []string) (steps []Step, err error) {
	set, err := d.logset(ctx)
	if err != nil || set.id == "" {
		return nil, explained(err)
	}
	left := len(set.topics)
	for _, t := range set.topics {
		if !strings.HasPrefix(t.Describes, topicMark) || slices.Contains(stay, t.TopicName) {
			continue
		}
		left--
		steps = append(steps, Step{"log topic " + t.TopicName, "delete it, with its logs", func(ctx context.Context) error {
			return d.gone(ctx, "DeleteTopic", map[string]any{"TopicId": t.TopicId})
		}})
	}
	if left == 0 {
		steps = append(steps, Step{"log set " + set.name, "delete it", func(ctx context.Context) error {
			return d.gone(ctx, "DeleteLogset", map[string]any{"LogsetId": set.id})
		}})
	}
	return steps, nil
}

// gone deletes what may be deleted already.
func (d *Deployer) gone(ctx context.Context, action string, in map[string]any) error {
	err := d.cls(ctx, action, in, &struct{}{})
	if code := codeOf(err); code == "ResourceNotFound.TopicNotExist" || code == "ResourceNotFound.LogsetNotExist" {
		return nil
	}
	return err
}

// conflicts reports whether something of that name is there already.
func conflicts(err error) bool { return strings.HasSuffix(codeOf(err), "Conflict") }

// cls calls the API of CLS, whose answer is put into out.
func (d *Deployer) cls(ctx context.Context, action string, in map[string]any, out any) error {
	r := tchttp.NewCommonRequest("cls", "2020-10-16", action)
	r.SetContext(ctx)
	if err := r.SetActionParameters(in); err != nil {
		return err
	}
	answer := &struct {
		*tchttp.BaseResponse `json:"-"`
		Response             any
	}{&tchttp.BaseResponse{}, out}
	return d.call(ctx, func() error { return d.Client.Send(r, answer) })
}
