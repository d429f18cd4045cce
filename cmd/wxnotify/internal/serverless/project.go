// Package serverless reads serverless.yml in the shape of the component multi-scf,
// as far as it says what runs: functions, their variables, HTTP and timer triggers.
//
// Source of the shape: https://cloud.tencent.com/document/product/1154/51080 and
// https://github.com/serverless-components/tencent-multi-scf
package serverless

import "time"

// A Project is what serverless.yml deploys.
type Project struct {
	App, Stage, Name string
	Region           string
	Functions        []Function // in the order of the file
	LeftOut          []string   // keys of functions that nothing is made of: the setting that wants them is empty
	Timers           []Timer    // the enabled ones
	// Unserved describes the triggers that only the cloud can serve, such as
	// "cos for function thumbnails".
	Unserved []string
}

// A Function is one deployed function.
type Function struct {
	Key       string // its key under inputs.functions
	Name      string // its name on the platform
	Namespace string
	Handler   string // file name of its binary
	Timeout   time.Duration
	MemoryMB  int
	Role      string
	// Description is for people.
	Description string
	URL         *URL // its function URL; nil: it has none
	// PublicAccess: it reaches the network outside its VPC; FixedIP: from an address of its own.
	PublicAccess, FixedIP bool
	VPC, Subnet           string // empty: none
	Logset, Topic         string // of CLS; empty: made by the deployment
	// Environment holds the function's variables with every ${...} resolved.
	Environment map[string]string
}

// A URL is how a function is reached.
type URL struct {
	Qualifier string
	Auth      string // NONE or CAM
	Public    bool
}

// A Timer invokes a function on a schedule.
type Timer struct {
	Function string // a key
	Name     string
	Cron     string // seven fields: second minute hour day month weekday year
	Argument string // becomes Message of the timer's event
}

// Function returns the function with that key, else the one with that full name, or nil.
func (p *Project) Function(name string) *Function {
	for _, is := range []func(f *Function) bool{
		func(f *Function) bool { return f.Key == name },
		func(f *Function) bool { return f.Name == name },
	} {
		for i := range p.Functions {
			if f := &p.Functions[i]; is(f) {
				return f
			}
		}
	}
	return nil
}

// Keys lists the keys of all functions in the order of the file.
func (p *Project) Keys() []string {
	keys := make([]string, len(p.Functions))
	for i, f := range p.Functions {
		keys[i] = f.Key
	}
	return keys
}
