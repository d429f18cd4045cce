package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"wxnotify/shared/config"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

// prefix returns what begins the keys of the deployment.
func (d *doctor) prefix() string {
	if d.project != nil {
		if f := d.project.Function("deliver"); f != nil && f.Environment["STORE_PREFIX"] != "" {
			return f.Environment["STORE_PREFIX"]
		}
	}
	return d.Settings["STORE_PREFIX"]
}

func (d *doctor) lookAtStore(ctx context.Context, p *part) {
	const where = "the store"
	if lacks := d.lacks("STORE_URL"); lacks != "" {
		p.skip(where, lacks)
		return
	}
	env := config.From(d.getenv)
	cfg := store.Config{Now: d.Seams.Now, ServerTime: d.Seams.StoreNow, Dial: d.Seams.Dial, URL: secret.New(d.Settings["STORE_URL"]),
		Prefix: d.prefix(), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096), SDKAppID: env.Number("IM_SDKAPPID")}
	if d.lacks("WECHAT_APPID") == "" {
		cfg.AppID = d.Settings["WECHAT_APPID"]
	}
	if _, err := store.Open(cfg); err != nil || env.Err() != nil {
		p.skip(where, "its settings cannot be used")
		return
	}
	before := d.Seams.Now()
	in, err := store.Inspect(ctx, cfg)
	if errors.Is(err, store.ErrUnreached) && d.privateStore() {
		p.skip(where, "its address is a private one, which does not answer here: run this inside of its VPC, or through a tunnel")
		return
	}
	d.noStore = err != nil || in.Refused != nil
	switch {
	case errors.Is(err, store.ErrUnreached):
		p.fault(where, "does not answer", "see that Redis runs at the address of STORE_URL, and lets this machine and the functions in")
		return
	case err != nil:
		p.fault(where, strings.Trim(strings.TrimPrefix(err.Error(), "store: "), "."), "TencentDB's password is instance-id:password, percent-encoded")
		return
	}
	d.clocks.learn(&d.clocks.store, before, in.Time, d.Seams.Now())
	switch {
	case in.Refused != nil:
		for line := range strings.Lines(in.Refused.Error()) {
			p.fault(where, "is not one for these settings", strings.TrimSpace(line))
		}
	case !in.Kept:
		p.warn(where, "holds nothing under "+cmp.Or(cfg.Prefix, store.DefaultPrefix)+": no function has used it yet", "after a deployment deliver does within a minute: look at its log")
	}
	d.judgeServer(in, p, where)
}

// oldestVersion is the first that says READONLY as such.
const oldestVersion = 7

// judgeServer looks at what the server tells of itself.
func (d *doctor) judgeServer(in store.Inspection, p *part, where string) {
	if in.Policy != "" && in.Policy != "noeviction" {
		p.fault(where, "maxmemory-policy is "+in.Policy+", by which Redis throws permits and bindings away", "set it to noeviction")
	}
	if major, err := strconv.Atoi(strings.Split(in.Version, ".")[0]); err == nil && major < oldestVersion {
		p.warn(where, "is Redis "+in.Version, "use 7.0 or newer: an older one hides that it is a replica now in the text of another error, and functions stay with it after a failover")
	}
	if in.Max > 0 && in.Used > in.Max/10*9 {
		p.warn(where, fmt.Sprintf("%d %% of its memory are used", in.Used*100/in.Max), "give it more memory: a full store takes nothing more")
	}
	if in.AppendOnly == "no" && in.Snapshots == "no" && in.Replicas == 0 {
		p.warn(where, "writes nothing to disk and has no replica: a restart loses everything", "set appendonly yes, or give it a replica")
	}
	words := []string{"Redis " + cmp.Or(in.Version, "of a version that it does not tell")}
	if in.Replicas >= 0 {
		words = append(words, fmt.Sprintf("%d replicas", in.Replicas))
	}
	if in.AppendOnly != "" {
		words = append(words, "appendonly "+in.AppendOnly)
	}
	if in.Snapshots != "" {
		words = append(words, "snapshots "+in.Snapshots)
	}
	p.see("the store: %s", strings.Join(words, ", "))
}

// privateStore reports whether the store is at an address that only its own network reaches.
func (d *doctor) privateStore() bool {
	u, err := url.Parse(d.Settings["STORE_URL"])
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsPrivate()
}
