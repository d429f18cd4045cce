package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// logs are the log sets and topics of an account. Source: https://cloud.tencent.com/document/api/614/56456
type logs struct {
	sets   []logset
	topics []*Topic
}

type logset struct{ LogsetId, LogsetName string }

// A Topic is a log topic as DescribeTopics tells it.
type Topic struct {
	TopicId, TopicName, LogsetId, Describes string
	Period                                  int // days
	Index                                   bool
	Fields                                  map[string]string // that are indexed, by their type
}

// Topic returns a log topic by its name; nil if there is none.
func (c *Cloud) Topic(name string) *Topic {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.logs.topics {
		if t.TopicName == name {
			return t
		}
	}
	return nil
}

// AddTopic makes a topic by hand, in a log set that may be there.
func (c *Cloud) AddTopic(set, name string) *Topic {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := ""
	for _, s := range c.logs.sets {
		if s.LogsetName == set {
			id = s.LogsetId
		}
	}
	if id == "" {
		id = c.logs.addSet(set)
	}
	return c.logs.addTopic(&Topic{LogsetId: id, TopicName: name, Describes: "by hand", Period: 30})
}

// Logsets returns the names of all log sets.
func (c *Cloud) Logsets() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.logs.sets {
		names = append(names, s.LogsetName)
	}
	return names
}

func (l *logs) addSet(name string) (id string) {
	id = fmt.Sprintf("set-of-%s", name)
	l.sets = append(l.sets, logset{id, name})
	return id
}

func (l *logs) addTopic(t *Topic) *Topic {
	t.TopicId = "topic-" + t.TopicName
	l.topics = append(l.topics, t)
	return t
}

func (l *logs) topic(id string) *Topic {
	if i := slices.IndexFunc(l.topics, func(t *Topic) bool { return t.TopicId == id }); i >= 0 {
		return l.topics[i]
	}
	return nil
}

func (l *logs) act(action string, in map[string]json.RawMessage) (any, *apiError) {
	set, name, topic := text(in, "LogsetId"), text(in, "TopicName"), l.topic(text(in, "TopicId"))
	inSet := func(t *Topic) bool { return t.LogsetId == set }
	switch action {
	case "DescribeLogsets":
		like := wanted(in, "logsetName") // names that hold it are found too
		sets := slices.DeleteFunc(slices.Clone(l.sets), func(s logset) bool { return !strings.Contains(s.LogsetName, like) })
		return map[string]any{"Logsets": sets, "TotalCount": len(sets)}, nil
	case "DescribeTopics":
		set = wanted(in, "logsetId")
		topics := slices.DeleteFunc(slices.Clone(l.topics), func(t *Topic) bool { return !inSet(t) })
		return map[string]any{"Topics": topics, "TotalCount": len(topics)}, nil
	case "CreateLogset":
		if name := text(in, "LogsetName"); !slices.ContainsFunc(l.sets, func(s logset) bool { return s.LogsetName == name }) {
			return map[string]string{"LogsetId": l.addSet(name)}, nil
		}
		return nil, refuse("InvalidParameter.LogsetConflict", "%s is there already", text(in, "LogsetName"))
	case "CreateTopic":
		t := &Topic{LogsetId: set, TopicName: name, Describes: text(in, "Describes")}
		_ = json.Unmarshal(in["Period"], &t.Period)
		switch {
		case !slices.ContainsFunc(l.sets, func(s logset) bool { return s.LogsetId == set }):
			return nil, refuse("ResourceNotFound.LogsetNotExist", "there is no log set %q", set)
		case slices.ContainsFunc(l.topics, func(t *Topic) bool { return inSet(t) && t.TopicName == name }):
			return nil, refuse("InvalidParameter.TopicConflict", "%s is there already", name)
		case t.Period < 1 || t.Period > 3600:
			return nil, refuse("InvalidParameter", "Period is %d", t.Period)
		}
		return map[string]string{"TopicId": l.addTopic(t).TopicId}, nil
	case "DeleteLogset":
		i := slices.IndexFunc(l.sets, func(s logset) bool { return s.LogsetId == set })
		switch {
		case i < 0:
			return nil, refuse("ResourceNotFound.LogsetNotExist", "there is no log set %q", set)
		case slices.ContainsFunc(l.topics, inSet):
			return nil, refuse("FailedOperation.LogsetNotEmpty", "topics are in it")
		}
		l.sets = slices.Delete(l.sets, i, i+1)
		return nil, nil
	}
	if topic == nil {
		return nil, refuse("ResourceNotFound.TopicNotExist", "there is no topic %q", text(in, "TopicId"))
	}
	switch action {
	case "CreateIndex":
		return nil, topic.index(in)
	case "DeleteTopic":
		l.topics = slices.DeleteFunc(l.topics, func(t *Topic) bool { return t == topic })
		return nil, nil
	}
	return nil, refuse("InvalidAction", "%s is not known here", action)
}

// wanted returns what a filter looks for; "" without that filter.
func wanted(in map[string]json.RawMessage, key string) string {
	var filters []struct {
		Key    string
		Values []string
	}
	_ = json.Unmarshal(in["Filters"], &filters)
	for _, f := range filters {
		if f.Key == key && len(f.Values) == 1 {
			return f.Values[0]
		}
	}
	return ""
}

func (t *Topic) index(in map[string]json.RawMessage) *apiError {
	var rule struct {
		FullText struct{ Tokenizer string }
		KeyValue struct {
			KeyValues []struct {
				Key   string
				Value struct{ Type, Tokenizer string }
			}
		}
	}
	if err := json.Unmarshal(in["Rule"], &rule); err != nil || rule.FullText.Tokenizer == "" {
		return refuse("InvalidParameter", "Rule: %v", err)
	}
	for _, f := range rule.KeyValue.KeyValues {
		if (f.Value.Type == "text") != (f.Value.Tokenizer != "") || !slices.Contains([]string{"text", "long", "double"}, f.Value.Type) {
			return refuse("InvalidParameter", "the index of %s", f.Key)
		}
	}
	if t.Index {
		return refuse("InvalidParameter.IndexConflict", "%s is indexed already", t.TopicName)
	}
	t.Index, t.Fields = true, map[string]string{}
	for _, f := range rule.KeyValue.KeyValues {
		t.Fields[f.Key] = f.Value.Type
	}
	return nil
}
