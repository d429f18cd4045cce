package sim

import (
	"time"

	"wxnotify/simulator"
)

// Faults are what goes wrong at the moment.
type Faults struct {
	Slow    bool `json:"slow"`    // WeChat takes slowBy for each card
	Refused bool `json:"refused"` // WeChat answers each card 43101
	Store   bool `json:"store"`   // the store is away
}

const (
	slowBy   = 3 * time.Second
	sendPath = "/cgi-bin/message/subscribe/send"
)

// actsOnPlatforms are the acts of nobody in particular.
func (s *Sim) actsOnPlatforms() map[string]func(Act) error {
	return map[string]func(Act) error{
		"fault": func(a Act) error { return s.fault(a.Fault, a.On) },
		"token": func(Act) error {
			s.world.WeChat.InvalidateToken()
			s.story.tell(s.now(), line{actor: "WeChat", text: say("no longer knows the access token that it gave", "不再认它发出的 access_token")})
			return nil
		},
		"rules": func(a Act) error { return s.setRules(a.Rules) },
	}
}

// fault begins or ends one.
func (s *Sim) fault(name string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.faults
	actor, begins, ends := "WeChat", Words{}, Words{}
	switch name {
	case "slow":
		f.Slow = on
		begins, ends = say("takes %s to answer from now on", "从现在起要 %s 才答复", seconds(slowBy)), say("answers at once again", "恢复及时答复")
	case "refused":
		f.Refused = on
		begins, ends = say("refuses every card with 43101 from now on", "从现在起对每条提醒都返回 43101"), say("takes cards again", "恢复接收提醒")
	case "store":
		if s.storeAway == nil {
			return refused("the store is not in this process", "存储不在这个进程里")
		}
		f.Store, actor = on, "Redis"
		begins, ends = say("is away: receivers hand what comes in to deliver", "中断：接收函数把收到的内容转交给 deliver"), say("is back", "恢复")
	default:
		return refused("there is no fault %q", "没有这种故障：%q", name)
	}
	if f == s.faults {
		return nil
	}
	s.faults = f
	s.world.Faults.Clear()
	var faults []simulator.Fault
	if f.Slow {
		faults = append(faults, simulator.Delay(slowBy))
	}
	if f.Refused {
		faults = append(faults, simulator.Code(43101))
	}
	if len(faults) > 0 {
		s.world.Faults.Always(sendPath, faults...)
	}
	if name == "store" {
		s.storeAway(on)
	}
	text := ends
	if on {
		text = begins
	}
	s.story.tell(s.now(), line{actor: actor, text: text})
	return nil
}
