package sim

import (
	"slices"
	"sync"
	"time"

	"wxnotify/shared/fact"
)

// maxChat is how many messages the chats keep together.
const maxChat = 200

// Kinds of chat messages.
const (
	kindText  = "text"
	kindImage = "image"
	kindCall  = "call"
)

// A Message is one bubble in a chat: in a group, or between two people.
type Message struct {
	ID    string    `json:"id"`
	From  string    `json:"from"`
	To    string    `json:"to,omitempty"`
	Group string    `json:"group,omitempty"`
	Kind  string    `json:"kind"`
	Text  string    `json:"text,omitempty"`
	At    time.Time `json:"at"`
	// Read: To has read it. In a group IM tells nobody.
	Read     bool `json:"read,omitempty"`
	Recalled bool `json:"recalled,omitempty"`
	// Call is how a call goes: ringing, or one of fact.CallEnd.
	Call string `json:"call,omitempty"`
}

const ringing = "ringing"

// conversation is where user finds m: the group, or the other person; empty if m is none of theirs.
func (m *Message) conversation(user string) string {
	switch {
	case m.Group != "":
		return m.Group
	case m.From == user:
		return m.To
	case m.To == user:
		return m.From
	}
	return ""
}

// chats is what the mini programs of all people show. It is safe for concurrent use.
type chats struct {
	mu       sync.Mutex
	messages []Message
	seen     map[[2]string]time.Time // up to when a user has read a conversation
}

// add adds m, unless it is known. The oldest go when there are too many.
func (c *chats) add(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find(m.ID) != nil {
		return
	}
	c.messages = append(c.messages, m)
	c.messages = slices.Delete(c.messages, 0, max(0, len(c.messages)-maxChat))
	c.see(m.From, m.conversation(m.From), m.At)
}

// find returns the message of that id, or nil. The caller holds c.mu.
func (c *chats) find(id string) *Message {
	i := slices.IndexFunc(c.messages, func(m Message) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return &c.messages[i]
}

// message returns a copy.
func (c *chats) message(id string) (m Message, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.find(id); found != nil {
		return *found, true
	}
	return m, false
}

// change changes a message, if it is there.
func (c *chats) change(id string, change func(*Message)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.find(id); m != nil {
		change(m)
	}
}

// read is user reading a conversation.
func (c *chats) read(user, conversation string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.see(user, conversation, at)
}

func (c *chats) see(user, conversation string, at time.Time) {
	if c.seen == nil {
		c.seen = map[[2]string]time.Time{}
	}
	c.seen[[2]string{user, conversation}] = at
	for i := range c.messages {
		if m := &c.messages[i]; m.To == user && m.From == conversation {
			m.Read = true
		}
	}
}

// all returns every message, and how many each user has not read, by conversation.
func (c *chats) all(users []string) (messages []Message, unread map[string]map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unread = map[string]map[string]int{}
	for _, user := range users {
		unread[user] = map[string]int{}
		for _, m := range c.messages {
			with := m.conversation(user)
			if with != "" && m.From != user && !m.Recalled && m.Call == "" && m.At.After(c.seen[[2]string{user, with}]) {
				unread[user][with]++
			}
		}
	}
	return slices.Clone(c.messages), unread
}

// hear adds what a fact tells of the chats. ours: it is of somebody of this simulation, who has added
// their own message already.
func (c *chats) hear(f fact.Fact, ours bool, now time.Time) {
	switch {
	case f.Message != nil && !ours && !f.Message.Silent && f.Message.FailedCode == 0:
		m := f.Message
		c.add(Message{ID: string(m.ID), From: string(m.From), To: string(m.To), Kind: kindText, Text: m.Summary, At: now})
	case f.GroupMessage != nil && !ours && !f.GroupMessage.Silent && f.GroupMessage.FailedCode == 0:
		m := f.GroupMessage
		c.add(Message{ID: string(m.ID()), From: string(m.From), Group: string(m.Group), Kind: kindText, Text: m.Summary, At: now})
	case f.Recall != nil:
		c.change(string(f.Recall.ID), func(m *Message) { m.Recalled = true })
	case f.GroupRecall != nil:
		for _, seq := range f.GroupRecall.Seqs {
			c.change(string(fact.GroupMessageID(f.GroupRecall.Group, seq)), func(m *Message) { m.Recalled = true })
		}
	case f.Read != nil && !ours:
		c.read(string(f.Read.Reader), string(f.Read.Peer), now)
	case f.Ring != nil && len(f.Ring.Users) > 0:
		c.add(Message{ID: string(f.Ring.Call), From: string(f.Ring.Caller), To: string(f.Ring.Users[0]), Kind: kindCall, Call: ringing, At: now})
	case f.RingEnd != nil:
		c.change(string(f.RingEnd.Call), func(m *Message) { m.Call = string(f.RingEnd.How) })
	}
}
