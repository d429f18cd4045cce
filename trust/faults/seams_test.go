package faults_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/im"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

// seams are the places at which a function touches the world.
type seams struct {
	dial     func(ctx context.Context, network, addr string) (net.Conn, error) // to the store; nil: the network
	upstream http.RoundTripper                                                 // to WeChat and IM
	platform http.RoundTripper                                                 // to SCF's Invoke API
	now      func() time.Time                                                  // of the function
	storeNow func() time.Time                                                  // of the scripts; nil: the store's own

	mu     sync.Mutex
	opened []*store.Store
}

func (s *seams) open(cfg store.Config) (*store.Store, error) {
	cfg.Dial, cfg.Now, cfg.ServerTime = s.dial, s.now, s.storeNow
	st, err := store.Open(cfg)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.opened = append(s.opened, st)
	}
	return st, err
}

// close lets go of the connections to the store.
func (s *seams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.opened {
		st.Close()
	}
}

func (s *seams) invoker(cfg scf.InvokerConfig) (*scf.Invoker, error) {
	cfg.Transport = s.platform
	return scf.NewInvoker(cfg)
}

func (s *seams) wechat(cfg wechat.ClientConfig) (*wechat.Client, error) {
	cfg.HTTPClient, cfg.Now = &http.Client{Transport: s.upstream}, s.now
	return wechat.NewClient(cfg)
}

func (s *seams) im(cfg im.ClientConfig) (*im.Client, error) {
	cfg.HTTPClient, cfg.Now = &http.Client{Transport: s.upstream}, s.now
	return im.NewClient(cfg)
}

// seamed is what differs between a function's main.go and its copy here.
var seamed = strings.NewReplacer(
	"e.Late(time.Now())", "e.Late(s.now())",
	"store.Open(store.Config{", "s.open(store.Config{",
	"scf.NewInvoker(scf.InvokerConfig{", "s.invoker(scf.InvokerConfig{",
	"wechat.NewClient(wechat.ClientConfig{", "s.wechat(wechat.ClientConfig{",
	"im.NewClient(im.ClientConfig{", "s.im(im.ClientConfig{",
	"Now: time.Now", "Now: s.now",
)

var blank = regexp.MustCompile(`\s+`)

// The handlers of these tests are those that are deployed.
func TestWiring(t *testing.T) {
	b, err := os.ReadFile("wiring_test.go")
	if err != nil {
		t.Fatal(err)
	}
	ours := blank.ReplaceAllString(string(b), " ")
	for _, name := range []string{"imcallback", "wechatpush", "session", "permits", "announce", "deliver"} {
		b, err := os.ReadFile("../../functions/" + name + "/main.go")
		if err != nil {
			t.Fatal(err)
		}
		_, build, found := strings.Cut(string(b), "func build(")
		if !found {
			t.Fatalf("%s has no build", name)
		}
		want := blank.ReplaceAllString("func (s *seams) "+name+"("+seamed.Replace(build), " ")
		if !strings.Contains(ours, want) {
			t.Errorf("the wiring of %s has changed: copy its build into wiring_test.go, with the seams in it:\n%s",
				name, seamed.Replace(build))
		}
	}
}
