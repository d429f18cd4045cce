package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	server "wxnotify/cmd/internal/redis"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/simulator"
)

// A world is an empty Redis, a simulated WeChat and IM, and a platform, around instances of
// the built functions.
type world struct {
	build    string
	dir      string // of files of its own
	redis    *server.Server
	db       *redis.Client // to look with
	sim      *simulator.World
	api      *httptest.Server
	platform *platform
	store    *store.Store // to fill it with people
	settings map[string]string
	rules    notify.Rules // of the notify.yml that was built
	people   []person
}

// A person is a user who is away, has a permit, and was written to by nobody yet.
type person struct {
	user   fact.UserID
	openID fact.OpenID
}

// newWorld returns a world for the functions in a folder. Close ends it.
func newWorld(ctx context.Context, build string) (*world, error) {
	w := &world{build: build, platform: newPlatform()}
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) open(ctx context.Context) (err error) {
	if w.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	if w.redis, err = server.StartTCP(ctx); err != nil {
		return err
	}
	if w.db, err = client(w.redis); err != nil {
		return err
	}
	if w.sim, err = simulator.New(platforms(newSettings("", "", ""))); err != nil {
		return err
	}
	w.api = httptest.NewServer(w.sim)
	w.settings = newSettings(w.redis.URL, w.api.URL, w.platform.URL)
	if w.rules, err = rules(w.build, w.settings); err != nil {
		return err
	}
	if err := w.sim.WeChat.AddTemplate(approved(w.settings)); err != nil {
		return err
	}
	return w.openStore()
}

// client returns what looks into a server.
func client(s *server.Server) (*redis.Client, error) {
	opt, err := redis.ParseURL(s.URL)
	if err != nil {
		return nil, err
	}
	opt.Protocol, opt.DisableIdentity = 2, true
	return redis.NewClient(opt), nil
}

func (w *world) openStore() (err error) {
	w.store, err = store.Open(store.Config{Now: w.now, URL: secret.New(w.redis.URL), Prefix: w.settings["STORE_PREFIX"],
		AppID: w.settings["WECHAT_APPID"], SDKAppID: int(w.sim.Config().IM.SDKAppID)})
	return err
}

func (w *world) close() error {
	var errs []error
	if _, err := w.platform.stop(); err != nil {
		errs = append(errs, fmt.Errorf("deliver: %w", err))
	}
	w.platform.Close()
	if w.store != nil {
		w.store.Close()
	}
	if w.sim != nil {
		w.sim.Close()
	}
	if w.api != nil {
		w.api.Close()
	}
	if w.db != nil {
		w.db.Close()
	}
	if w.redis != nil {
		errs = append(errs, w.redis.Close())
	}
	if w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}

// unpaced has the functions that are started from now on send as many cards a second as the
// rules allow.
func (w *world) unpaced() error {
	file, err := unpaced(w.build, w.dir)
	w.settings = with(w.settings, "NOTIFY_FILE", file)
	return err
}

// instance starts an instance of a function.
func (w *world) instance(ctx context.Context, function string) (*instance, error) {
	return start(ctx, w.build, function, w.settings)
}

// movers is how many people move in at a time.
const movers = 8

// now is the time of all that happens: the machine's, because processes go by it.
func (w *world) now() time.Time { return w.sim.Clock().Now() }

// populate has people move in until there are n.
func (w *world) populate(ctx context.Context, n int) error {
	first := len(w.people)
	for i := first; i < n; i++ {
		p := person{user: fact.UserID(fmt.Sprintf("user%06d", i)), openID: fact.OpenID(w.sim.WeChat.NewUser())}
		w.sim.IM.Import(string(p.user), "")
		w.people = append(w.people, p)
	}
	var wg sync.WaitGroup
	errs := make([]error, movers)
	for m := range movers {
		wg.Go(func() {
			for i := first + m; i < n && errs[m] == nil; i += movers {
				errs[m] = w.moveIn(ctx, w.people[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// moveIn binds somebody, has them accept one card, and leave.
func (w *world) moveIn(ctx context.Context, p person) error {
	if err := w.store.Bind(ctx, p.user, p.openID); err != nil {
		return err
	}
	template := w.settings["TEMPLATE_MESSAGE"]
	if err := w.sim.WeChat.Subscribe(string(p.openID), template, 1); err != nil {
		return err
	}
	_, err := w.store.Record(ctx, w.rules, []fact.Fact{
		{Grant: &fact.Grant{ID: "tap" + string(p.openID), OpenID: p.openID, Source: fact.GrantPopup, At: w.now(), Templates: []fact.TemplateID{fact.TemplateID(template)}}},
		{Presence: &fact.Presence{User: p.user, At: w.now().Add(-time.Minute)}},
	})
	return err
}

// cards returns when each card was shown, of those people who got one.
func (w *world) cards(people []person) map[fact.OpenID]time.Time {
	out := map[fact.OpenID]time.Time{}
	for _, p := range people {
		if cards := w.sim.WeChat.Cards(string(p.openID)); len(cards) > 0 {
			out[p.openID] = cards[0].At
		}
	}
	return out
}

// size returns how large the file of a function is.
func (w *world) size(function string) (int64, error) {
	info, err := os.Stat(filepath.Join(w.build, function))
	if err != nil {
		return 0, fmt.Errorf("%w: run `make bench`, which builds it", err)
	}
	return info.Size(), nil
}
