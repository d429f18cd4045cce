package main

// The tests that must notice. Those of the store are told apart by group.
const (
	store    = "./shared/store -run TestRedis"
	repeats  = "./shared/store -run TestRepeats"
	mailbox  = "./shared/notify -skip TestAnythingHappensOnce|TestFactsTogether"
	rules    = "./shared/deliver ./shared/notify -run TestTable|TestTimeline|TestDecide"
	permits  = "./shared/permit -run TestPermits|TestWhatADigest|TestAbsences|TestWhoMaySend|TestHowCards|TestWhatARun|TestReportsOf|TestBindings|TestErasing|TestLogins"
	table    = "./shared/deliver -run TestTable"
	inbox    = "./shared/inbox -run TestInbox|TestRetake|TestReceiver"
	im       = "./shared/im"
	wechat   = "./shared/wechat"
	api      = "./shared/api"
	security = "./trust/security"
	values   = "./shared/card -run TestAnnouncedValues|TestNothingLeft|TestPageWithout|TestOneBadTemplate"
)

const (
	facts   = "shared/fact/"
	cards   = "shared/card/"
	ledger  = "shared/permit/"
	domain  = "shared/notify/"
	engine  = "shared/deliver/"
	nothing = ""
)

func one(name, file, old, new, tests string) mutation {
	return mutation{name, []edit{{file, old, new}}, tests}
}

// mutations are what must not go unnoticed.
var mutations = []mutation{
	one("drop the dedupe", domain+"arrive.go", "isNew := known == MarkNone || known == MarkRecalled", "isNew := true", mailbox),
	one("skip the lease", "shared/store/take.lua", "redis.call('ZADD', KEYS[i + 1], hidden, member)", "redis.call('ZADD', KEYS[i + 1], ms(now), member)", store),
	{"send before reserve", []edit{
		{engine + "send.go", "\treserved, err := c.reserveInTurn(ctx, c.Reserve(notices))\n", "\tf := c.send(ctx, rendered, notices)\n\treserved, err := c.reserveInTurn(ctx, c.Reserve(notices))\n"},
		{engine + "send.go", "\treturn c.send(ctx, rendered, notices)\n", "\treturn f\n"},
	}, rules},
	one("send a card found in sending", ledger+"reservation.go", "return Resolved{State: CardSending, Until: c.Lease}, nil", "return Resolved{State: CardVoid}, nil", permits),
	one("refund on timeout", domain+"outcome.go", "{End: permit.Unanswered, wait: waitReport}", "{End: notSent, wait: waitReport}", table),
	one("zero newer grants", ledger+"ledger.go", "if granted.After(t) {", "if granted.IsZero() {", permits),
	one("drop a sent event that no card knows yet", ledger+"report.go", "return !p.Received.After(now.Add(-reportKept))", "return true", permits),
	one("ignore EventTime", domain+"arrive.go", " || !b.KnownAt.IsZero() && !at.After(b.KnownAt)", nothing, mailbox),
	one("skip the last presence query", engine+"deliver.go", "Status: status[rec.User], ", "Status: max(rec.Known, min(status[rec.User], 0)), ", rules),
	one("announce what was recalled before begin", domain+"arrive.go", "if b.endWaiting(&b.Messages, step, this) || b.endLetters(step, this) {", "if b.endLetters(step, this) {", mailbox),
	one("announce what was recalled in a group before begin", domain+"attempt.go", "case n.OfGroup() && recalled[fact.GroupMessageID(n.Group, n.Seq)]:", "case false:", table),
	one("leave a notice out of finish", domain+"attempt.go", "return a.end(r.At, notices, r.Final, r.why()), r.Final", "return a.end(r.At, notices[:1], r.Final, r.why()), r.Final", rules),
	one("pair two taps with one popup", ledger+"ledger.go", " && !e.Paired", nothing, permits),
	{"use the caller's clock for a lease", []edit{
		{"shared/store/change.go", "\tif s.server == nil {\n\t\treturn \"\"\n", "\tif s.server == nil {\n\t\treturn strconv.FormatInt(time.Now().UnixMilli(), 10)\n"},
	}, "./shared/store -run TestLeasesGoByTheStoresClock"},
	one("compare the appid of a ciphertext not at all", "shared/wechat/verify.go", "case err == nil && appID == r.appID:", `case err == nil && appID != "":`, wechat),
	one("accept a plain push with a key configured", "shared/wechat/verify.go", "} else if len(r.keys) > 0 {\n\t\treturn Push{}, ErrDowngrade", "} else if false {\n\t\treturn Push{}, ErrDowngrade", wechat),
	one("accept an old RequestTime", "shared/im/verify.go", "age > r.window || ", nothing, im),
	{"check the UserSig's size after decoding", []edit{
		{"shared/im/usersig_verify.go", "len(usersig) > maxUserSig || ", nothing},
		{"shared/im/usersig_verify.go", "\tplain, err := inflate(packed)\n", "\tif len(usersig) > maxUserSig {\n\t\treturn claims{}, ErrUserSigMalformed\n\t}\n\tplain, err := inflate(packed)\n"},
	}, im},
	one("log a query string", "shared/wechat/handler.go", `"push refused", "reason", Reason(err), "err", err)`, `"push refused", "reason", Reason(err), "err", err, "query", r.URL.RawQuery)`, security),
	one("count a card's notices from the queue instead of the card", engine+"send.go", "c.Card, c.Recipient.OpenID, notices, c.names", "c.Card, c.Recipient.OpenID, c.Recipient.Notices, c.names", table),
	one("forget the tombstone of an erased user", ledger+"subscriber.go", "Subscriber{Cards: cards, Erased: now.Add(erasedFor)}", "Subscriber{Cards: cards}", permits),

	one("settle a card twice", ledger+"reservation.go", "if c.State == CardSending {\n\t\ts.Gone", "if true {\n\t\ts.Gone", permits),
	one("drop whatever token there is", "shared/store/token.go", "if texts(replies[0])[0] != token {", `if texts(replies[0])[0] == "" {`, store),
	one("spend kept permits on digests", ledger+"reservation.go", "\tcase left <= kept:\n\t\tout.Status = ReserveKept\n", nothing, permits),
	one("count held permits as free", ledger+"ledger.go", "\treturn l.Balance - l.Held\n", "\treturn l.Balance\n", permits),
	one("send two cards of a template at once", ledger+"reservation.go", "\tcase c.sending(now):\n\t\treturn c.Lease, nil\n", "\tcase c.sending(now):\n\t\treturn time.Time{}, nil\n", permits),
	one("reserve for the user that was bound before", ledger+"reservation.go", "\tcase s.User != r.User:\n\t\treturn Reserved{Status: ReserveUnbound}, nil\n", nothing, permits),
	one("tell of who is muted", domain+"arrive.go", "\tcase muted != \"\":\n\t\treturn fact.StateMuted, muted\n", "\tcase muted == \"never\":\n\t\treturn fact.StateMuted, muted\n", mailbox),
	one("send for who came back after the look", domain+"arrive.go", "\tw.release()\n\tw.Due = fact.Later(came", "\tw.Due = fact.Later(came", mailbox),
	one("keep permits that WeChat says are gone", domain+"outcome.go", "Permit: permit.Zeroed, Final: fact.StateNoPermit", "Permit: permit.Refunded, Final: fact.StateNoPermit", rules),
	one("go on sending when the quota is used up", domain+"outcome.go", "wait: waitCircuit, opens: opensQuota", "wait: waitCircuit", table),
	one("announce what has expired", domain+"decide.go", "\tvar expired []card.Notice\n\tfor _, n := range notices {\n\t\tif look.Now.Before(n.Expires) {", "\tvar expired []card.Notice\n\tfor _, n := range notices {\n\t\tif true {", rules),
	one("trust that nothing was read elsewhere before a digest", engine+"recheck.go", "(total == 0 || told && left == 0)", "total < 0 && told && left == 0", table),
	one("tell senders of their own messages to a group", engine+"fanout.go", "!member.Muted && member.User != m.From && ", "!member.Muted && ", table),
	one("leave an erased user's name at an openid that was theirs", ledger+"subscriber.go", `s.Moved || s.User != "" && s.Cards.Len() > 0`, "false", permits),
	one("have a message for a digest wait on when its reader was seen", domain+"arrive.go", "\tw.schedule(b.Now, w.windowWithin(b.Now, after))\n", nothing, mailbox),
	one("wake nobody", "shared/store/watch.lua", "watch()\nreturn 1", "return 0", store),
	one("lose what neither store nor platform took", "shared/inbox/inbox.go", "if err != nil || !wake {\n\t\treturn err\n\t}\n\twakeCtx", "if err != nil || !wake {\n\t\treturn nil\n\t}\n\twakeCtx", inbox),
	one("keep texts that nobody asked for", domain+"filter.go", "if f.Rules.Preview != card.PreviewText {", "if f.Rules.Preview == \"never\" && f.Rules.Preview != card.PreviewText {", "./shared/inbox ./shared/notify -run TestInbox|TestPreview"),
	one("let a call ring on that was answered", domain+"ringing.go", "if !how.Unanswered || !rules.MissedCalls {\n\t\tb.endWaiting(&b.Calls, step, this)\n", "if !how.Unanswered || !rules.MissedCalls {\n", mailbox),
	one("accept a signed request of yesterday", "shared/api/auth.go", "now.Sub(time.Unix(seconds, 0)).Abs() > maxSkew", "now.Sub(time.Unix(seconds, 0)).Abs() > 300*maxSkew", api),
	one("accept the same signed announcement twice", "shared/api/announce.go", "\tif !fresh {", "\tif !fresh && a == nil {", api),
	one("let a user name another in their UserSig", "shared/im/usersig_verify.go", "c.Identifier != string(user)", "false", im),
	one("accept the beginning of a Sign", "shared/im/verify.go", "subtle.ConstantTimeCompare([]byte(sign), []byte(Sign(token, requestTime)))", "subtle.ConstantTimeCompare([]byte(sign), []byte(Sign(token, requestTime))[:min(len(sign), 64)])", im),

	one("take the platform's clock for the time that an event has left", "shared/scf/function.go", "if !ok || fc.TimeLimitInMs <= 0 {", "if ok || fc.TimeLimitInMs <= 0 {", "./shared/scf -run TestTimeOfAnEvent"),
	one("keep idle connections over a freeze", "shared/outbound/outbound.go", "IdleConnTimeout:     Idle,", "IdleConnTimeout:     18 * Idle,", "./shared/outbound"),
	// The connection to the store, whose store it is, and one card after the other.
	one("fail at a proxy that closes at INFO", "shared/store/replicas.go", "\t\treturn \"\", nil\n", "\t\treturn \"\", err\n", "./shared/store -run TestProxyThatClosesConnections"),
	one("take a server that goes down for a proxy", "shared/store/replicas.go", "info, err = s.infoAgain(ctx, err)", `info, err = "", nil`, "./shared/store -run TestReserveReachesTheReplica"),
	one("open as many connections as cards", "shared/store/store.go", "make(chan struct{}, connections)", "make(chan struct{}, 1000)", "./shared/store -run TestConnectionsAreBounded"),
	one("try a circuit once a minute whatever retry.max is", engine+"admission.go", "min(halfOpenFor, c.pass.Rules.Retry.Max)", "halfOpenFor", table),
	one("refuse a message for a control character in its text", "shared/im/json.go", "o, err := parseClean(escapeStrings(b))", "o, err := parseClean(b)", im),
	one("take a control character in an id for a blank", "shared/im/json.go", "case inString && c < ' ':", `case inString && c == '"':`, im),
	one("take two ids that cannot be read for one", "shared/im/fields.go", " || c == utf8.RuneError", " || c == utf8.MaxRune", im),
	one("forbid what a Before asks, for the sake of its body", "shared/im/handler.go", "status != http.StatusForbidden && beforehand(command)", "false", im),
	one("take an unsigned message for a probe", "shared/im/handler.go", "bare(query) && carriesNothing(r.Body)", "bare(query)", im),
	one("lose all batches to one bad item", "shared/im/batch.go", "\tif missing < len(batch) {\n\t\treturn itemError{err}\n\t}\n", nothing, im),
	one("have a hang-up of 0 seconds ring", "shared/im/signal.go", `end == 0 && inner.has("room_id") && !zeroEnds`, "end == 0", im),
	one("have a switch to audio ring", "shared/im/signal.go", ` || inner.str("switch_to_audio_call") != "" || inner.flag("switch_to_audio_call")`, nothing, im),
	one("refuse milliseconds", "shared/im/json.go", "n > maxSecond*1000:", "n > maxSecond:", im),
	one("tell everything to who wants to be told of mentions", engine+"fanout.go", " && (!member.MentionsOnly || m.Mentions(member.User))", nothing, table),
	one("let a ringing call wait for all that IM may take", engine+"ask.go", "context.WithTimeout(ctx, callBudget)", "context.WithTimeout(ctx, 10*callBudget)", "./shared/deliver -run TestSilentIM"),
	one("refuse for a reason that no page names", "shared/im/verify.go", `&refusal{"repeated_parameter",`, `&refusal{"twice",`, "./events -run TestRefusals"),
	one("know the words for accept of one day", "shared/wechat/answer.go", `strings.HasPrefix(answer, "accept")`, `strings.HasPrefix(answer, "accept") && len(answer) < len("acceptWithForcePush")`, wechat),
	one("end a CDATA section at the first ]]>", "shared/wechat/tidy.go", `if name == "" || bytes.HasPrefix`, "if true || bytes.HasPrefix", wechat),
	one("leave a control character where an id may be", "shared/wechat/tidy.go", "\t\tcase c < ' ':\n\t\t\tkeep = false\n", "\t\tcase c < ' ':\n\t\t\tout.WriteByte(' ')\n\t\t\tb = b[1:]\n\t\t\tcontinue\n", wechat),
	one("have WeChat repeat what cannot be read", "shared/wechat/verify.go", "return Push{Signed: q.encrypted, Event: Unreadable{err}}, nil", "return Push{}, err", wechat),
	one("take an old event for new when its timestamp is", "shared/wechat/verify.go", "now.Sub(at) <= MaxMessageAge", "now.Sub(at) <= 1000*MaxMessageAge", wechat),
	one("erase a user who has another openid now", "shared/store/erase.go", "err != nil || !gone {", "err != nil || !gone && false {", store),
	one("try a connection that the server has closed twice", "shared/store/client.go", "c.connection(ctx, try > 0)", "c.connection(ctx, false)", "./shared/store -run TestClosedConnections"),
	one("take a passing refusal for an answer", "shared/store/client.go", " && !passing(replies)", nothing, "./shared/store -run TestPassingRefusals"),
	one("have a run stay for what it has in its hands", "shared/store/take.lua", "local mine = most > 0 and (due or", "local mine = most > 0 and (", store),
	one("tell nobody of what is due when its lease would have ended", "shared/store/effects.go", ` && (before.Lease == "" || now.Lease == before.Lease)`, nothing, store),
	one("forget the cards of others at an openid too early", "shared/store/cards.go", "if sub.KeepsOthers() {", "if false {", "./shared/store -run TestMiniredis"),
	one("send one by one what belongs together", "shared/store/connect.go", "redis.NewConn(&gathering{Conn: raw}, replyTimeout, replyTimeout)", "redis.NewConn(raw, replyTimeout, replyTimeout)", "./shared/store -run TestTripsAreSentAtOnce"),
	one("erase who was bound after the erasure", "shared/store/erase.go", "e.At.Unix() < sub.Since.Unix()", "e.At.Unix() < 0", store),
	one("make a binding younger with each login", ledger+"subscriber.go", "\t\ts.leave()\n\t\ts.Since = now\n\t}\n", "\t\ts.leave()\n\t}\n\ts.Since = now\n", permits),
	one("count a repeated attempt twice", "shared/store/allow.lua", "if redis.call('SISMEMBER', KEYS[1], ARGV[2]) == 1 then return 1 end\n", nothing, "./shared/store -run TestRepeatedAttemptCountsOnce"),
	one("count an expired UserSig as a guess", "shared/api/auth.go", "ok && g.Genuine()", "ok && !g.Genuine()", api),
	one("count the guesses of all APIs as one", "shared/api/limit.go", `return "guess:" + api + ":" + source`, `return "guess:" + source`, api),
	one("let who has a /64 guess from each of its addresses", "shared/api/limit.go", "bits := 64", "bits := 128", api),
	one("never give the place of a login back", "shared/api/limit.go", `_ = l.Forgive(ctx, "ask:"+name, place)`, "_ = place", api),
	one("take every login for a guess until WeChat has answered", "shared/api/limit.go", `"ask:"+name, asksAtOnce, askWindow)`, `"ask:"+name, guessesPerSource, askWindow)`, api),
	one("ask about a login code from an address that is closed", "shared/api/limit.go", "} else if ok {\n\t\tchecked = check()", "} else {\n\t\tchecked = check()", api),
	one("never count a wrong login code", "shared/api/limit.go", "if isGuess(checked) {\n", "if isGuess(checked) && errTooMany == nil {\n", api),
	{"make the end tag anew for each end of CDATA", []edit{
		{"shared/wechat/tidy.go", "\tendTag := []byte(\"</\" + name + \">\")\n", nothing},
		{"shared/wechat/tidy.go", "\t\tbehind := bytes.TrimLeft", "\t\tendTag := []byte(\"</\" + name + \">\")\n\t\tbehind := bytes.TrimLeft"},
	}, "./shared/wechat -run TestHostile"},
	one("decode what an old query comes with", "shared/wechat/verify.go", "if err := q.fresh(now); err != nil {\n\t\treturn Push{}, err", "if err := q.fresh(now); err != nil && !q.encrypted {\n\t\treturn Push{}, err", wechat),
	one("refuse an old event that has no effect", "shared/wechat/verify.go", "(len(p.Facts()) > 0 || p.penalty()) && ", nothing, wechat),
	one("raise an alert for an old penalty", "shared/wechat/verify.go", " || p.penalty()", nothing, wechat),
	one("take a NUL behind a push for a part of it", "shared/wechat/decode.go", "r < ' ' || unicode.IsSpace(r)", "unicode.IsSpace(r)", wechat),
	one("begin a window anew with each attempt", "shared/store/allow.lua", "if n == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end", "redis.call('PEXPIRE', KEYS[1], ARGV[4])", "./shared/store -run TestRedis/limits"),
	one("take UTF-8 for GBK", "shared/im/json.go", " && !utf8.Valid(b)", nothing, im),
	one("take a UserSig for another app for ours", "shared/im/usersig_verify.go", "case ErrUserSigFuture,", "case ErrUserSigApp, ErrUserSigFuture,", im),
	one("look whether guessing is allowed before the count", "shared/api/limit.go", "ok, err = l.Allow(r.Context(), name, guessesPerSource, guessWindow)", "if ok, err = l.Allowed(r.Context(), name, guessesPerSource); ok {\n\t\t\t_, _ = l.Allow(r.Context(), name, guessesPerSource, guessWindow)\n\t\t}", api),
	one("refuse a scheme in small letters", "shared/api/auth.go", `!strings.EqualFold(scheme, "Bearer")`, `scheme != "Bearer"`, api),
	one("refuse a report whose clock stepped back", "shared/api/report.go", "rep.AgeSeconds >= -clockStep.Seconds()", "rep.AgeSeconds >= 0", api),
	one("log what a panic held", "shared/guard/guard.go", `what := fmt.Sprintf("%T", v)`, "what := fmt.Sprint(v)", "./shared/deliver -run TestPanicStays"),
	one("lose what was finished beside a panic", engine+"deliver.go", "\tfor _, f := range fs {\n\t\tp.finish(ctx, []notify.Finish{f})\n\t}\n", nothing, "./shared/deliver -run TestPanicStays"),
	one("take the word undefined for a secret", "shared/config/env.go", `strings.EqualFold(v, "undefined") ||`, `strings.EqualFold(v, "null") ||`, "./shared/wire -run TestSettingsAreNamed"),
	one("let stages share their keys", "shared/store/keys.go", `keys{s.prefix + "{" +`, `keys{DefaultPrefix + "{" +`, "./shared/store -run TestDeploymentsShareAServer|TestStoreOfOthersIsRefused"),
	one("use a store that was filled with other shards", "shared/store/identity.go", "ok && was != m.value {", `ok && was != m.value && m.field != "shards" {`, "./shared/store -run TestStoreOfOthersIsRefused|TestOneSettingBeginsAStore"),
	one("let who is second begin a store too", "shared/store/identity.go", `do("HSETNX", id.key, m.field, m.value)`, `do("HSET", id.key, m.field, m.value)`, "./shared/store -run TestOneSettingBeginsAStore -count=5"),
	one("say nothing of a server that evicts", "shared/store/eviction.go", `policy == "noeviction" {`, `policy != "allkeys-lfu" {`, "./shared/store -run TestEvictionIsComplainedOf"),
	// Values, templates and notify.yml.
	one("make another value of an announced one", cards+"template.go", `if !announced || len(k.fields) == 0 || k.kind.words() && (neutral || text == "") {`, `if text != "never" {`, values),
	one("cut through a number", cards+"keyword.go", "if run[0] < end && (end < run[1] || end == run[1] && unicode.IsLetter(next)) {", "if run[0] < end && end == run[1] && unicode.IsSpace(next) {", values),
	one("read a date with a day too many as a range", cards+"keyword.go", `if r == '-' && t.Name == "date" && strings`, `if r == '-' && t.Name == "" && strings`, values),
	one("call somebody by invisible characters", "shared/keyword/emoji.go", "case r == 0x2800, r == 0x1D159, r == utf8.RuneError:", "case r == utf8.RuneError:", values),
	one("open a page with an empty peer", cards+"template.go", "card.Page = withoutEmpty(page)", "card.Page = page", values),
	one("show an announcement with a template of another kind", cards+"templates.go", "d != nil && !fallsBack(kind)", "d != nil && fallsBack(kind)", values),
	one("let one bad template stop all", cards+"templates.go", "ts.disabled[kind] = &DisabledError{kind, err}\n\t\t\tcontinue", "return Templates{}, err", values),
	one("accept an announcement that no card can show", "shared/api/announce.go", "if err := a.fits(messages[0]); err != nil {", "if err := a.fits(messages[0]); err != nil && a == nil {", api),
	one("lose permits while notify.yml has a fault", domain+"filter.go", "f.Templates == nil || ", nothing, "./shared/wire -run TestBrokenNotifyFile"),
	one("record by rules that could not be read", "shared/config/notify.go", "} else if readable {", "} else if readable || err == nil {", "./shared/config -run TestNotifyOrDefaults"),
	one("send by rules that could not be read", "shared/wire/functions.go", "if settings.Fault != nil {", "if settings.Fault != nil && overflowReserve < 0 {", "./shared/wire -run TestBrokenNotifyFile"),
	one("keep NOTIFY_FILE from the functions", "cmd/wxnotify/settings.go", "vars[notifyFileEnv] = path", "vars[notifyFile] = path", "./cmd/wxnotify -run TestInvokeNotifyFile"),
	one("send empty variables", "tools/deploy.sh", "sed \"$script\"", "sed \"${script%%;*}\"", "./cmd/wxnotify/internal/serverless -run TestDeploy"),
	one("send two cards to a user at once", ledger+"reservation.go", "c.State == CardSending && other != t", `other == ""`, "./shared/deliver -run TestCallWhileACardIsOnItsWay"),
	one("have a call come back when a card was in its way", engine+"send.go", "reserved.Status == permit.ReserveBusy && r.Queue == card.QueueCalls", "reserved.Status == permit.ReserveBusy && err != nil", "./shared/deliver -run TestCallWhileACardIsOnItsWay"),
	one("hold calls back for the lease of a run that died", ledger+"reservation.go", "fact.Later(until, c.At.Add(InFlight))", "fact.Later(until, c.Lease)", permits),
	one("let no kind fall back to the template of messages", engine+"send.go", "reserved.Status == permit.ReserveNoPermit && c.CanFallBack(notices)", "false", rules),
	one("have a digest that falls back keep nothing", domain+"attempt.go", "Digest: a.Plan.Digest && a.Template().ID() ==", "Digest: a.Plan.Digest && !a.Instead && a.Template().ID() ==", rules),
	one("have announcements fall back", domain+"attempt.go", "a.Rules.FallbackToMessage && ofAbsence(notices) &&", "a.Rules.FallbackToMessage &&", rules),
	one("fall back to a template that WeChat refuses", engine+"send.go", "[]string{string(c.Template().ID())}); !until.IsZero() {", "nil); !until.IsZero() {", rules),
	one("end what could fall back when WeChat has no permit", domain+"attempt.go", "r.Class == card.ClassRefused && a.CanFallBack(notices)", "false", rules),
	one("tell a missing setting twice", "shared/config/env.go", "if !slices.ContainsFunc(names(line), func(name string) bool { return e.faulty[name] }) {", `if line != "" {`, "./shared/wire -run TestSettingsAreNamed"),
	one("wait for a store that is away at each event", "shared/inbox/inbox.go", "in.outage.pause(since) > 0", "in.outage.pause(since) > time.Hour", inbox),
	one("look at a store that is away each second", "shared/inbox/outage.go", "Factor: 2, Max: 15 * time.Second", "Factor: 1, Max: 15 * time.Second", inbox),
	one("carry what is unreadable on for six hours", "shared/inbox/overflow.go", "if errors.Is(err, notify.ErrUnreadable) && try >= unreadableTries {", "if try < 0 {", inbox),
	one("give up what an outage keeps from being recorded", "shared/inbox/overflow.go", "left, err = append(left, f), failed", "_ = failed", inbox),
	one("take something unreadable for an outage", "shared/store/visit.go", `fmt.Errorf("store: %w: %s: %w", notify.ErrUnreadable, strings`, `fmt.Errorf("store: %v: %s: %w", notify.ErrUnreadable, strings`, store),
	one("hold the instance of a spill for a run", "shared/wire/functions.go", "\t\t\treturn deliver.Counts{}, in.Redeliver(ctx, e.Overflow.Facts, e.Overflow.Since, overflowReserve)\n", "\t\t\tif err := in.Redeliver(ctx, e.Overflow.Facts, e.Overflow.Since, overflowReserve); err != nil {\n\t\t\t\treturn deliver.Counts{}, err\n\t\t\t}\n", "./shared/wire -run TestFromLoginToErasure"),
	one("take an optional secret as it was deployed", "shared/config/env.go", "return secret.New(e.get(name)) }", "return secret.New(e.getenv(name)) }", "./shared/wire -run TestAnswersOf"),
	one("tell messages apart by the id alone", facts+"identity.go", "len(scope), scope, id))", `0, "", ""))`, mailbox),
	one("take what is said of a call elsewhere for its own", facts+"identity.go", "return identify(sortSignal, string(c), call)", `return identify(sortSignal, "", call)`, im),
	one("take a group's message for one of its sender's", facts+"identity.go", `case m.Group != "":`, "case false:", store),
	one("mark messages by the id alone", "shared/store/record.go", "digest(string(id))[:8]", "digest(string(id.ID()))[:8]", store),
	one("let what waits for a digest wait on after a login at the mini program", domain+"bindings.go", "\tb.seen()\n", "\tb.Absence = Absence{}\n", mailbox),
	one("have who ends quiet hours early wait for the old end", domain+"preferences.go", "\t\t\tw.schedule(b.Now, b.Now)\n", nothing, mailbox),
	one("hide what was claimed from a run that did not hear of it", "shared/store/take.lua", "    redis.call('SET', KEYS[1], hidden, 'PX', ARGV[2])\n", nothing, repeats),
	one("wake nobody whose answer was lost", "shared/store/watch.lua", "return who == word and 1 or 0", "return 0", repeats),
	one("have nobody renew the token when an answer was lost", "shared/store/commit.lua", "if version == ARGV[3] then return 1 end\n", nothing, repeats),
	one("pay twice for a forgotten card when an answer was lost", ledger+"reservation.go", " && l.countsFirst(t.ID)", nothing, permits),
	one("announce a call that was answered while its card waited", engine+"send.go", "if c.waited {", "if false {", "./shared/deliver -run TestCallEndsWhileItsCardWaits"),
	one("name what has ended as still in a card", domain+"holding.go", "n.Card == q.Card && n.Ends == nil {", "n.Card == q.Card {", mailbox),
	one("close the circuit of a template that a card fell back from", engine+"send.go", "\tc.halfOpen = slices.DeleteFunc(c.halfOpen, func(name string) bool { return name == own }) // it is not sent with it\n", "\t_ = own\n", table),
	one("send a card with a template that did not pay for it", ledger+"reservation.go", " && known.Template == r.Template:", ":", permits),
	one("let a send outlive its turn when the store is slow", engine+"send.go", "permit.SendBudget-c.asked.Elapsed()", "permit.SendBudget", "./shared/deliver -run TestNoSendOutlivesItsTurn"),
	one("take a bug of a script for something unreadable", "shared/store/unreadable.go", "r.err == nil || !strings.Contains(r.err.Error(), wrongType)", "r.err == nil", "./shared/store -run TestErrorsOfScripts"),
	one("calculate with what is of another shape", "shared/store/mailbox.go", "if len(doc.Notices) == 0 || slices", "if slices", store),
	one("mark a message before all that may stop", "shared/store/effects.go", "return append(out, v.marksChange(b)...)", "return append(v.marksChange(b), out...)", store),
	one("mark a message of a group before all that may stop", "shared/store/fanout.go", "return []command{enqueue(k.fanOutQueue(), now, string(m.ID())),\n\t\t\tdo(\"HSET\", c.record, \"v\", next, fanOutMessage", "return []command{do(\"SETBIT\", marks, bit, 1), enqueue(k.fanOutQueue(), now, string(m.ID())),\n\t\t\tdo(\"HSET\", c.record, \"v\", next, fanOutMessage", store),
	one("let a count that is no number stop a message", "shared/store/commit.lua", " and not string.find(reply.err, 'not an integer', 1, true)", nothing, store),
	one("take an erasure of an unreadable subscriber for an outage", "shared/store/subscriber.go", "err != nil || d == nil {\n\t\treturn permit.Subscriber{}, unreadableAt(errShape, key)", "err != nil || d == nil {\n\t\treturn permit.Subscriber{}, errShape", store),
	one("refuse an announcement to all for one", "shared/store/record.go", "err != nil && !errors.Is(err, notify.ErrUnreadable) {", "err != nil || errors.Is(err, notify.ErrUnreadable) {", store),
	one("bind half before what cannot be read", "shared/store/visit.go", "err != nil && !v.anyway {", "err != nil && v.anyway {", store),
	// Values that say something else, and names that are there twice.
	one("cut a text with a number where nothing shows it", cards+"keyword.go", "if strings.ContainsFunc(s, isNumeral) {", "if strings.ContainsFunc(s, unicode.IsControl) {", values),
	one("join what an emoji parted", cards+"keyword.go", "case unicode.IsSpace(rs[0]), keyword.IsEmoji(rs[0]): // and all that belongs to it\n\t\t\tblank = b.Len() > 0", "case unicode.IsSpace(rs[0]), keyword.IsEmoji(rs[0]): // and all that belongs to it\n\t\t\tblank = b.Len() > 0 && unicode.IsSpace(rs[0])", values),
	one("make one number of two", cards+"keyword.go", "if r == '，' {", "if r == '；' {", values),
	one("make one phone number of two", cards+"keyword.go", "len(a) == len(b) && bareNumber()", "len(a) == len(b)+99 && bareNumber()", values),
	one("take padding for an empty value", cards+"template.go", `assigned && value == ""`, `assigned && strings.HasSuffix(value, "=") || assigned && value == ""`, values),
	one("refuse a neutral word of ours", cards+"template.go", `(neutral || text == "")`, `text == ""`, "./shared/card -run TestNeutralWordsFit"),
	one("let a template that is there twice stop all", "shared/config/notify.go", "value.Content = kept", "_ = kept", "./shared/config -run TestNotify"),

	// The permit of a card whose user was erased while it was on its way.
	one("free the permit of a card on its way when its user is erased", ledger+"subscriber.go", "\tc.User, c.Messages = \"\", nil\n", "\tc.User, c.Messages = \"\", nil\n\ts.ledger(c.Template).release()\n", permits),
	one("hold the permit of an erased user's card for ever", ledger+"subscriber.go", "\ts.Cards.look(twin, c.Lease)\n", nothing, permits),
	one("keep an erased user's name on a card that is on its way", ledger+"subscriber.go", "twin := id.Nameless()", "twin := id", permits),
	one("count a session of taps by each tap", ledger+"ledger.go", "at.After(l.Session.Add(sessionGap))", "at.After(l.Session)", permits),
	one("believe a grant from the far future", ledger+"subscriber.go", "grant(g.Source, fact.Earlier(g.At, now.Add(clockAhead)))", "grant(g.Source, g.At)", permits),
	one("record what comes while its openid is erased", "shared/store/commit.lua", "for k = 5, i - 1 do", "for k = 5, 5 do", "./shared/store -run TestGrantWhileItsOpenIDIsErased"),
	one("open a circuit that was closed while it was tried", "shared/store/circuit.go", `do("HSET", c.record, "v", next), do("HDEL"`, `do("HDEL"`, "./shared/store -run TestCircuitIsClosedWhileItIsProbed"),
	one("keep the name of who was erased since", "shared/store/names.go", "if !forgotten(id) {", `if !forgotten("") {`, store),
	one("send on a permit that a replica may not know, asked again", "shared/store/card.go", "return []command{}, nil", "return nil, nil", "./shared/store -run TestReserveReachesTheReplica"),
	one("find a card that can fall back without knowing the templates", domain+"attempt.go", "Templates: templates, Recipient: rec, Plan: Plan{Carried", "Recipient: rec, Plan: Plan{Carried", table),
	one("send empty variables", "cmd/wxnotify/internal/deploy/function.go", "if v != \"\" {\n\t\t\tout[key] = v", "if true {\n\t\t\tout[key] = v", "./cmd/wxnotify/internal/deploy"),
	one("upload with the modes of this machine", "cmd/wxnotify/internal/deploy/function.go", "h.SetMode(file.mode)", "h.SetMode(0o600)", "./cmd/wxnotify/internal/deploy"),
	one("write the digest of code before the code", "cmd/wxnotify/internal/deploy/function.go", "had.Description != want.Description {\n\t\t\tadd(", "had.Description == \"\" {\n\t\t\tadd(", "./cmd/wxnotify/internal/deploy"),
	one("make a timer anew that is as it should be", "cmd/wxnotify/internal/deploy/around.go", "return listed.Cron\n", "return desc\n", "./cmd/wxnotify/internal/deploy"),
	one("deploy a store on this machine", "cmd/wxnotify/internal/check/settings.go", "if outbound.Loopback(u.Hostname()) {", "if outbound.Loopback(u.Hostname()) && false {", "./cmd/wxnotify/internal/check"),
	one("let the first of two settings hold", "cmd/wxnotify/internal/dotenv/dotenv.go", "f.Values[key], f.Lines[key] = value, n", "if f.Values[key] == \"\" {\n\t\t\tf.Values[key], f.Lines[key] = value, n\n\t\t}", "./cmd/wxnotify/internal/dotenv"),
}
