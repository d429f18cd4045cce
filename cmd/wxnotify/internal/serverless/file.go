package serverless

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// file is the part of serverless.yml that matters to running the functions.
// Other keys are the deploy tool's business and are not looked at.
type file struct {
	App       string `yaml:"app"`
	Stage     string `yaml:"stage"`
	Component string `yaml:"component"`
	Name      string `yaml:"name"`
	Inputs    struct {
		settings  `yaml:",inline"`
		Region    string       `yaml:"region"`
		Functions functionList `yaml:"functions"`
		Triggers  []trigger    `yaml:"triggers"`
	} `yaml:"inputs"`
}

// settings are fields that a function has, or that inputs gives to all functions.
// nil: not written.
type settings struct {
	Handler      *string `yaml:"handler"`
	FullName     *string `yaml:"name"`
	Type         *string `yaml:"type"`
	Runtime      *string `yaml:"runtime"`
	Namespace    *string `yaml:"namespace"`
	Timeout      *int    `yaml:"timeout"`    // seconds
	MemorySize   *int    `yaml:"memorySize"` // MB
	Role         *string `yaml:"role"`
	Description  *string `yaml:"description"`
	PublicAccess *bool   `yaml:"publicAccess"`
	EIP          *bool   `yaml:"eip"`
	VPC          *struct {
		VPC    string `yaml:"vpcId"`
		Subnet string `yaml:"subnetId"`
	} `yaml:"vpc"`
	CLS *struct {
		Logset string `yaml:"logsetId"`
		Topic  string `yaml:"topicId"`
	} `yaml:"cls"`
	Environments []variable `yaml:"environments"`
	Environment  *struct {
		Variables map[string]string `yaml:"variables"`
	} `yaml:"environment"`
}

type variable struct {
	Key   string `yaml:"key"`
	Value string `yaml:"value"`
}

// variables returns what is written in either of the two forms, and whether any is.
func (s *settings) variables() ([]variable, bool) {
	vars := slices.Clone(s.Environments)
	if s.Environment != nil {
		for k, v := range s.Environment.Variables {
			vars = append(vars, variable{k, v})
		}
	}
	return vars, s.Environments != nil || s.Environment != nil
}

// functionList keeps the order of the file, which a map would lose.
type functionList []functionEntry

type functionEntry struct {
	key string
	settings
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *functionList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: inputs.functions must be a map from a key to a function", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		e := functionEntry{key: n.Content[i].Value}
		if err := n.Content[i+1].Decode(&e.settings); err != nil {
			return fmt.Errorf("function %s: %w", e.key, err)
		}
		if slices.ContainsFunc(*l, func(o functionEntry) bool { return o.key == e.key }) {
			return fmt.Errorf("line %d: function %s is there twice", n.Content[i].Line, e.key)
		}
		*l = append(*l, e)
	}
	return nil
}

type trigger struct {
	Type       string `yaml:"type"`
	Function   string `yaml:"function"`
	Parameters struct {
		Name           string `yaml:"name"`
		CronExpression string `yaml:"cronExpression"`
		Argument       string `yaml:"argument"`
		Enable         *bool  `yaml:"enable"`
		Qualifier      string `yaml:"qualifier"`
		AuthType       string `yaml:"authType"`
		NetConfig      struct {
			Extranet bool `yaml:"enableExtranet"`
		} `yaml:"netConfig"`
	} `yaml:"parameters"`
}
