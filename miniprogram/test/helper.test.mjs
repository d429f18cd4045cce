import assert from 'node:assert/strict'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { createNotify } from '../index.mjs'
import { Phone, Server, settle } from './phone.mjs'

const MINUTE = 60_000, DAY = 86_400_000

// Time stands still, years away, until a test moves it.
beforeEach(() => mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2031, 4, 5) }))
afterEach(() => settle().then(() => mock.timers.reset())) // what is under way starts no timer of the machine

const setClock = ms => mock.timers.setTime(Date.now() + ms)

/** Starts the mini program, on a phone that may have had it before. */
function start(server, { phone = new Phone(), ...config } = {}) {
  phone.network = server.answer
  phone.listeners = {} // the app's, which are gone with it
  const errors = []
  const notify = createNotify({ wx: phone.wx, session: 'https://f/session', permits: 'https://f/permits', onError: e => errors.push(e.code), ...config })
  return { phone, notify, errors, tap: scene => phone.tap(() => notify.ask(scene)), stock: scene => phone.tap(() => notify.stock(scene)) }
}

async function signedIn(server, options) {
  const app = start(server, options)
  await app.notify.login()
  await settle()
  return app
}

test('login: one at a time, kept while it lives, renewed before it ends', async () => {
  const server = new Server(), renewed = []
  const { notify, phone } = start(server, { onRenew: s => renewed.push(s.userSig) })
  const [a, b] = await Promise.all([notify.login(), notify.login()])
  assert.equal(a, b)
  assert.deepEqual([a.userId, a.userSig, a.sdkAppId, server.sessions], ['alice', 'sig-1', 1400000001, 1])
  assert.equal((await notify.login()).userSig, 'sig-1')
  mock.timers.tick(0.9 * DAY)
  await settle()
  assert.deepEqual(renewed, ['sig-2'])
  mock.timers.tick(0.9 * DAY)
  await settle()
  assert.deepEqual(renewed, ['sig-2', 'sig-3'])
  assert.equal(phone.codes, 3)
  assert.ok(!JSON.stringify([...phone.storage]).includes('sig-'), 'a UserSig is in the storage')
})

test('login: while the server is down the session is used up to its end', async () => {
  const server = new Server(), { notify, errors } = await signedIn(server)
  server.down = { statusCode: 503, data: { error: { code: 'unavailable', message: '' } } }
  mock.timers.tick(0.95 * DAY)
  await settle()
  assert.equal((await notify.login()).userSig, 'sig-1')
  setClock(0.1 * DAY)
  await assert.rejects(notify.login(), { name: 'NotifyError', code: 'unavailable', status: 503 })
  assert.deepEqual(errors, [])
  server.down = null
  assert.equal((await notify.login()).userSig, 'sig-2')
})

test('login: a clock that was set back renews', async () => {
  const server = new Server(), { notify } = await signedIn(server)
  setClock(-400 * DAY)
  assert.equal((await notify.login()).userSig, 'sig-2')
})

test('login: rejects with a documented code', async () => {
  const server = new Server()
  for (const [name, config, prepare, code] of [
    ['offline', {}, () => (server.down = new Error('ERR_INTERNET_DISCONNECTED')), 'offline'],
    ['down', {}, () => (server.down = { statusCode: 502, data: '<html>' }), 'http'],
    ['not ours', {}, () => (server.down = { statusCode: 200, data: 'hello' }), 'bad_answer'],
    ['no user', { login: () => ({ userId: 'bob' }) }, () => {}, 'bad_answer'],
    ['own login throws', { login: () => { throw new TypeError('x') } }, () => {}, 'login_failed'],
    ['no wx.login', {}, app => (app.phone.noLogin = true), 'login_failed'],
    ['codes used twice', {}, () => (server.refuseCodes = 2), 'login_code'],
    ['no permits URL', { permits: '' }, () => {}, 'misconfigured'],
    ['no session URL', { session: undefined }, () => {}, 'misconfigured'],
    ['not WeChat', { wx: {} }, () => {}, 'login_failed'],
  ]) {
    const app = start(server, config)
    prepare(app)
    await assert.rejects(app.notify.login(), { name: 'NotifyError', code }, name)
    server.down = null
  }
})

test('login: whoever signs out meanwhile stays out, and somebody else can sign in', async () => {
  const login = code => ({ userId: { 'code-1': 'bob', 'code-2': 'carol' }[code], userSig: 's', sdkAppId: 1, templates: [] })
  const { notify } = start(new Server(), { login })
  const bob = notify.login()
  notify.logout()
  const carol = notify.login()
  await assert.rejects(bob, { code: 'login_failed' })
  assert.equal((await carol).userId, 'carol')
  assert.equal((await notify.login()).userId, 'carol')
})

test('login: a code that was used is replaced once', async () => {
  const server = new Server(), { notify, phone } = start(server)
  server.refuseCodes = 1
  assert.equal((await notify.login()).userSig, 'sig-1')
  assert.equal(phone.codes, 2)
})

test('login: trusted mode takes the own login, and asks for advice itself', async () => {
  const server = new Server(), codes = []
  const login = async code => (codes.push(code), { userId: 'bob', userSig: 'theirs', sdkAppId: 1 })
  const { tap } = await signedIn(server, { session: undefined, login })
  assert.deepEqual([codes, server.sessions], [['code-1'], 0])
  assert.equal((await tap()).outcome, 'accepted')
  await settle()
  assert.equal(server.received[0].user, 'bob')
})

test('ask: the dialog, the permit, the report', async () => {
  const server = new Server(), { phone, tap } = await signedIn(server)
  const result = await tap()
  assert.deepEqual(result, { outcome: 'accepted', answers: { t0: 'accept' }, accepted: ['t0'] })
  setClock(1000)
  await settle()
  assert.deepEqual([phone.dialogs, phone.permits, server.templates[0].balance], [[['t0']], { t0: 1 }, 1])
  assert.equal(server.received[0].ageSeconds, 0)
})

test('ask: every word of WeChat', async () => {
  for (const [word, outcome, accepted] of [
    ['accept', 'accepted', 1], ['acceptWithAudio', 'accepted', 1], ['acceptWithForcePush', 'accepted', 1], ['acceptWithAlert', 'accepted', 1],
    ['reject', 'refused', 0], ['ban', 'banned', 0], ['filter', 'filtered', 0], ['rethink', 'unknown', 0],
  ]) {
    const server = new Server(), { phone, tap } = await signedIn(server)
    phone.answer = () => word
    phone.extra = { errno: 0, list: [1], errCode: 0 } // newer base libraries
    const got = await tap()
    assert.deepEqual([got.outcome, got.accepted.length], [outcome, accepted], word)
    await settle()
    assert.deepEqual(server.received[0].results, { t0: word })
  }
})

test('ask: every fail of WeChat', async () => {
  for (const [code, outcome] of Object.entries({
    10001: 'misconfigured', 10002: 'offline', 10003: 'offline', 10004: 'misconfigured', 10005: 'background', 20001: 'misconfigured',
    20002: 'misconfigured', 20003: 'misconfigured', 20004: 'main_switch_off', 20005: 'banned', 20013: 'misconfigured', 31337: 'failed',
  })) {
    const server = new Server(), { phone, tap } = await signedIn(server)
    phone.failNext = [Number(code)]
    const got = await tap()
    assert.deepEqual([got.outcome, got.errCode], [outcome, Number(code)])
    assert.ok(got.errMsg)
    assert.equal((await tap()).outcome, 'accepted', 'the next tap')
  }
})

test('ask: fails that tell their code otherwise, and those that throw', async () => {
  const server = new Server(), { phone, tap } = await signedIn(server)
  for (const [err, outcome] of [
    [{ errMsg: 'requestSubscribeMessage:fail 20004 The main switch is switched off' }, 'main_switch_off'],
    [{ errMsg: 'x', errno: 20005 }, 'banned'],
    [{ errMsg: 'requestSubscribeMessage:fail last call has not ended' }, 'busy'],
    [undefined, 'failed'],
    ['words', 'failed'],
  ]) {
    phone.wx.requestSubscribeMessage = ({ fail }) => fail(err)
    assert.equal((await tap()).outcome, outcome)
  }
  for (const res of [undefined, {}, { errno: 0 }, { t0: 1 }]) {
    phone.wx.requestSubscribeMessage = ({ success }) => success(res)
    assert.equal((await tap()).outcome, 'failed')
  }
  phone.wx.requestSubscribeMessage = () => { throw new Error('no') }
  assert.equal((await tap()).outcome, 'unsupported')
  delete phone.wx.requestSubscribeMessage
  assert.equal((await tap()).outcome, 'unsupported')
})

test('ask: outside a tap', async () => {
  const { notify, phone } = await signedIn(new Server())
  assert.equal((await notify.ask()).outcome, 'not_a_tap')
  assert.equal((await phone.tap(() => new Promise(r => setImmediate(() => r(notify.ask()))))).outcome, 'not_a_tap')
  assert.equal((await phone.tap(() => phone.wx.login({ success() {} }) || notify.login().then(() => notify.ask()))).outcome, 'not_a_tap')
  assert.deepEqual(phone.dialogs, [])
})

test('ask: twice at once, and a dialog that never ends', async () => {
  const { phone, tap } = await signedIn(new Server())
  phone.hold = true
  const first = tap()
  assert.equal((await tap()).outcome, 'busy')
  phone.open()
  assert.equal((await first).outcome, 'accepted')
  await settle()
  tap() // nobody hears of this one again
  phone.open = null
  setClock(3 * MINUTE)
  phone.hold = false
  assert.equal((await tap()).outcome, 'accepted')
  await settle()
  phone.hold = true
  tap()
  phone.open = null
  setClock(-DAY)
  phone.hold = false
  assert.equal((await tap()).outcome, 'accepted', 'a clock that was set back')
})

test('ask: by the advice', async () => {
  for (const [name, templates, want] of [
    ['what is advised', [{}, { ask: false, balance: 9 }, {}], ['t0', 't2']],
    ['five at most', Array(7).fill({}), ['t0', 't1', 't2', 't3', 't4']],
    ['one sort at a time', [{ id: 'long1', longTerm: true }, {}], ['long1']],
    ['none', [{ ask: false, balance: 3 }], undefined],
  ]) {
    const { phone, tap } = await signedIn(new Server(...templates))
    await tap()
    assert.deepEqual(phone.dialogs[0], want, name)
  }
  const { phone, tap } = await signedIn(new Server({}, {}, {}), { scenes: { call: ['call', 'missed_call'] } })
  await tap('call')
  await settle()
  await tap('anything else')
  assert.deepEqual(phone.dialogs, [['t2'], ['t0', 't1', 't2']])
})

test('ask: not again before the server says so', async () => {
  const server = new Server(), { phone, tap } = await signedIn(server)
  server.templates[0] = { ...server.templates[0], ask: false, askInSeconds: 600 }
  phone.answer = () => 'reject'
  assert.equal((await tap()).outcome, 'refused')
  await settle()
  assert.equal((await tap()).outcome, 'waiting')
  setClock(-DAY)
  assert.equal((await tap()).outcome, 'waiting')
  setClock(DAY + 601_000)
  assert.equal((await tap()).outcome, 'refused')
  server.down = new Error('offline')
  await settle()
  setClock(601_000)
  assert.equal((await tap()).outcome, 'enough', 'the server has not heard of the refusal')
})

test('ask: fewer templates where WeChat takes no more', async () => {
  const server = new Server({}, {}, {}, {}, {}), { phone, tap } = await signedIn(server)
  phone.most = 3
  assert.equal((await tap()).outcome, 'accepted')
  const again = await signedIn(server, { phone })
  await again.tap()
  assert.deepEqual(phone.asked.map(ids => ids.length), [5, 3, 3], 'it remembers')
  const old = await signedIn(new Server({}, {}), { phone: new Phone({ most: 1 }) })
  assert.equal((await old.tap()).outcome, 'accepted')
})

test('ask: what the user has switched off', async () => {
  const { phone, tap, notify } = await signedIn(new Server({}, {}))
  phone.itemSettings = { t0: 'reject', t1: 'ban' }
  await notify.settings()
  assert.equal((await tap()).outcome, 'switched_off')
  phone.mainSwitch = false
  await notify.settings()
  assert.equal((await tap()).outcome, 'main_switch_off')
  await settle()
  phone.mainSwitch = true
  phone.itemSettings = {}
  phone.inSettings = () => {}
  assert.deepEqual(await phone.tap(notify.openSettings), { mainSwitch: true, choices: {} })
  assert.equal((await tap()).outcome, 'accepted')
  await assert.rejects(notify.openSettings(), { code: 'not_a_tap' })
})

test('stock: adds what is always kept, without a dialog, up to the ceiling', async () => {
  const server = new Server({ stock: 4 }, {}), app = await signedIn(server), { phone, tap, stock } = app
  assert.equal((await stock()).outcome, 'not_kept')
  phone.keep = true
  phone.answer = id => (id === 't0' ? 'accept' : 'reject')
  await tap()
  await settle()
  for (let i = 0; i < 3; i++) {
    assert.deepEqual((await stock()).accepted, ['t0'])
    await settle()
  }
  assert.deepEqual([phone.permits, phone.dialogs.length, server.templates[0].balance], [{ t0: 4 }, 1, 4])
  assert.equal((await stock()).outcome, 'enough')
  server.templates[0].balance = 2 // cards went out
  await app.notify.settings()
  assert.deepEqual((await stock()).accepted, ['t0'])
  phone.itemSettings = { t0: 'reject' } // they changed their mind, on WeChat's page
  phone.emit('show')
  await settle()
  assert.equal((await stock()).outcome, 'switched_off')
})

test('stock: a tap of ask takes along what is kept', async () => {
  const phone = new Phone()
  phone.itemSettings = { t1: 'accept' }
  const { tap } = await signedIn(new Server({}, { ask: false, balance: 1 }), { phone })
  assert.deepEqual((await tap()).accepted, ['t0', 't1'])
  assert.deepEqual(phone.dialogs, [['t0']])
})

test('ask: before the login has ended, and signed out', async () => {
  const server = new Server(), { phone } = await signedIn(server)
  const again = start(server, { phone })
  const login = again.notify.login()
  assert.equal((await again.tap()).outcome, 'accepted', 'by the last advice')
  await login
  await settle()
  assert.equal(server.reports.size, 1)
  const fresh = start(server)
  assert.equal((await fresh.tap()).outcome, 'not_ready')
  await settle()
  assert.equal((await fresh.tap()).outcome, 'accepted', 'it has logged in')
  fresh.notify.logout()
  const { sessions } = server
  assert.equal((await fresh.tap()).outcome, 'not_ready')
  fresh.phone.emit('show')
  await settle()
  assert.equal(server.sessions, sessions, 'it logs in by itself')
})

test('report: survives an outage and a restart, and counts once', async () => {
  const server = new Server(), { phone, tap, errors } = await signedIn(server)
  server.down = new Error('offline')
  await tap()
  await settle()
  assert.deepEqual([errors, server.received.length], [['offline'], 0])
  assert.equal((await tap()).outcome, 'enough', 'they have just been asked')
  setClock(90 * MINUTE)
  server.down = null
  server.lose = 2 // it counts, but the answers are lost
  const again = await signedIn(server, { phone })
  assert.equal(await again.notify.flush(), 1)
  assert.equal(await again.notify.flush(), 0)
  assert.equal(await again.notify.flush(), 0)
  assert.deepEqual(server.received.map(r => r.ageSeconds), [5400, 5400, 5400])
  assert.deepEqual([server.reports.size, server.templates[0].balance], [1, 1])
})

test('report: goes out when the network comes back, or the app', async () => {
  for (const event of ['show', 'network']) {
    const server = new Server(), { phone, tap } = await signedIn(server)
    server.down = { statusCode: 503, data: { error: { code: 'unavailable', message: '' } } }
    await tap()
    await settle()
    server.down = null
    phone.emit('network', { isConnected: false })
    await settle()
    assert.equal(server.reports.size, 0)
    phone.emit(event, { isConnected: true })
    await settle()
    assert.equal(server.reports.size, 1, event)
  }
})

test('report: a clock that was set, and one that is a day late', async () => {
  for (const [moved, age] of [[-400 * DAY, 0], [-1000, 0], [2 * DAY, 86400]]) {
    const server = new Server(), { phone, tap } = await signedIn(server)
    server.down = new Error('offline')
    await tap()
    await settle()
    setClock(moved)
    server.down = null
    await signedIn(server, { phone })
    await settle()
    assert.deepEqual(server.received.map(r => r.ageSeconds), [age])
    assert.equal(server.reports.size, 1)
  }
})

test('report: a UserSig that the server refuses is replaced, once', async () => {
  const server = new Server(), { tap, notify, phone } = await signedIn(server)
  server.valid = (_, sig) => sig === 'sig-2'
  await tap()
  await settle()
  assert.equal(server.reports.size, 1)
  server.valid = () => false
  await assert.rejects(notify.settings(), { code: 'unauthorized', status: 401 })
  assert.equal(phone.codes, 3)
})

test('settings: a late 401 for the former UserSig ends no newer session', async () => {
  const server = new Server(), { notify, phone } = await signedIn(server)
  const answer = phone.network
  let late
  phone.network = req => {
    const res = answer(req)
    return res.statusCode === 401 && late === undefined ? new Promise(resolve => (late = () => resolve(res))) : res
  }
  server.valid = (_, sig) => sig === 'sig-2'
  const both = [notify.settings(), notify.settings()]
  await settle()
  late()
  await Promise.all(both)
  assert.equal(server.sessions, 2)
})

test('report: while one is on its way another comes', async () => {
  const server = new Server({}, {}), { notify, tap, phone } = await signedIn(server, { scenes: { a: ['message'], b: ['mention'] } })
  await Promise.all([tap('a'), settle().then(() => tap('b'))])
  notify.report({ errMsg: 'ok', t0: 'accept' })
  await settle()
  await settle()
  assert.deepEqual(server.received.map(r => r.results), [{ t0: 'accept' }, { t1: 'accept' }, { t0: 'accept' }])
  assert.equal(JSON.parse(phone.storage.get('wxnotify')).queue.length, 0)
})

test('report: of an own call', async () => {
  const server = new Server(), { notify } = await signedIn(server)
  assert.equal(await notify.report({ errMsg: 'ok', errno: 0, t0: 'accept' }, Date.now() - 5000), 'sent')
  assert.equal(server.received[0].ageSeconds, 5)
  server.down = new Error('offline')
  assert.equal(await notify.report({ t0: 'reject' }), 'queued')
  for (const nothing of [undefined, null, {}, { errMsg: 'ok' }, 'accept', [], { errno: 1 }]) {
    await assert.rejects(notify.report(nothing), { code: 'results' })
  }
})

test('report: what the server never takes does not stand in the way', async () => {
  const server = new Server(), { phone, tap, errors } = await signedIn(server)
  server.down = { statusCode: 400, data: { error: { code: 'results', message: '' } } }
  await tap()
  await settle()
  assert.deepEqual(errors, ['results'])
  assert.equal(JSON.parse(phone.storage.get('wxnotify')).queue.length, 0)
})

test('report: belongs to the user who tapped', async () => {
  const server = new Server()
  let who = 'bob'
  const login = () => ({ userId: who, userSig: 's', sdkAppId: 1, templates: server.templates })
  const renewed = []
  const { phone, tap, notify } = await signedIn(server, { login, onRenew: me => renewed.push(me.userId) })
  server.down = new Error('offline')
  await tap()
  await settle()
  server.down = null
  notify.logout()
  who = 'carol'
  await notify.login()
  await settle()
  assert.deepEqual([server.received, renewed], [[], []])
  who = 'bob'
  await signedIn(server, { phone, login })
  assert.deepEqual(server.received.map(r => r.user), ['bob'])
})

test('report: a storage that is full, broken or full of nonsense', async () => {
  let server = new Server(), { phone, tap, errors } = await signedIn(server)
  phone.full = true
  assert.equal((await tap()).outcome, 'accepted')
  await settle()
  assert.equal(server.reports.size, 1, 'it is sent out of memory')
  assert.ok(errors.includes('storage'))

  // Where there is little room, what was answered has it.
  server = new Server({ why: 'x'.repeat(1000) })
  server.down = new Error('offline')
  const little = start(server)
  little.phone.full = 500
  little.phone.storage.set('wxnotify', JSON.stringify({ templates: server.templates }))
  await little.tap()
  await settle()
  assert.deepEqual(JSON.parse(little.phone.storage.get('wxnotify')).queue[0].results, { t0: 'accept' })

  for (const nonsense of ['"x"', '[1]', 'null', '{"queue":5,"templates":{},"most":"x"}', '{"queue":[null,1,{"id":3}],"templates":[null,7]}']) {
    server = new Server()
    const app = await signedIn(server, { phone: new Phone({ storage: new Map([['wxnotify', nonsense]]) }) })
    assert.equal((await app.tap()).outcome, 'accepted', nonsense)
  }

  // What cannot be read now is not written over.
  server = new Server()
  server.down = new Error('offline')
  const one = start(server)
  await one.notify.report({ t0: 'accept' })
  one.phone.broken = true
  const two = start(server, { phone: one.phone })
  await two.notify.report({ t0: 'accept' })
  one.phone.broken = false
  server.down = null
  await two.notify.report({ t0: 'accept' })
  assert.equal(server.reports.size, 3)

  // Nor does it replace what is known since.
  const three = start(server, { phone: new Phone({ storage: new Map([['wxnotify', JSON.stringify({ user: 'bob', at: 1, templates: [{ id: 'old', ask: true }] })]]) }) })
  three.phone.broken = true
  await three.notify.login()
  await settle()
  three.phone.broken = false
  server.down = new Error('offline')
  server.templates[0].ask = true
  await three.notify.report({ t0: 'reject' })
  const { user, templates } = JSON.parse(three.phone.storage.get('wxnotify'))
  assert.deepEqual([user, templates.map(t => t.id)], ['alice', ['t0']])
})

test('report: the queue is bounded', async () => {
  const server = new Server(), { notify, phone } = await signedIn(server)
  server.down = new Error('offline')
  for (let i = 0; i < 130; i++) await notify.report({ t0: 'accept' })
  assert.equal(JSON.parse(phone.storage.get('wxnotify')).queue.length, 100)
  server.down = null
  assert.equal(await notify.flush(), 0)
  assert.equal(server.reports.size, 100)
})

test('settings: read and changed, with what WeChat says', async () => {
  const server = new Server(), { notify, phone } = await signedIn(server)
  phone.itemSettings = { t0: 'accept' }
  phone.mainSwitch = false
  const got = await notify.settings()
  assert.deepEqual([got.muted, got.quietHours, got.mutedPeers, got.mainSwitch, got.templates[0].choice], [false, '', [], false, 'accept'])
  assert.equal((await notify.settings({ quietHours: '22:30-07:00' })).quietHours, '22:30-07:00')
  assert.deepEqual(server.preferences, { muted: false, quietHours: '22:30-07:00', mutedPeers: [] })
  server.down = { statusCode: 400, data: { error: { code: 'preferences', message: '' } } }
  await assert.rejects(notify.settings({ quietHours: 'never' }), { code: 'preferences', status: 400 })
})

test('open: the conversation of a card', () => {
  const { notify } = start(new Server()), gone = []
  for (const [page, want] of [
    [{ peer: 'bob' }, 'C2Cbob'],
    [{ query: { peer: 'b%2Fo%25b' }, scene: 1014 }, 'C2Cb/o%b'],
    [{ peer: '100%' }, 'C2C100%'],
    [{ peer: '@TGS%232J4' }, 'GROUP@TGS#2J4'],
    [{ group: 'team', peer: '' }, 'GROUPteam'],
    [{}, undefined], [undefined, undefined], [{ query: {} }, undefined], [{ peer: 5 }, undefined], ['x', undefined],
  ]) {
    assert.equal(notify.open(page, c => gone.push(c.conversationID))?.conversationID, want)
  }
  assert.deepEqual(gone, ['C2Cbob', 'C2Cb/o%b', 'C2C100%', 'GROUP@TGS#2J4', 'GROUPteam'])
  assert.equal(notify.open({ peer: 'bob' }, () => { throw new Error('no such page') }).id, 'bob')
  assert.equal(start(new Server(), { isGroup: id => id === 'team' }).notify.open({ peer: 'team' }).type, 'GROUP')
})

test('markRead: reports, and reminds whoever forgets', async () => {
  const { notify, phone, errors } = await signedIn(new Server())
  const warned = mock.method(console, 'warn', () => {})
  const chat = { read: [], setMessageRead(o) { this.read.push(o.conversationID); return Promise.resolve() } }
  notify.open({ peer: 'bob' })
  assert.equal(await notify.markRead(chat, 'C2Cbob'), true)
  phone.emit('hide')
  assert.deepEqual([chat.read, warned.mock.callCount()], [['C2Cbob'], 0])
  notify.open({ peer: 'carol' })
  phone.emit('hide')
  phone.emit('hide')
  assert.deepEqual(warned.mock.calls.map(c => /C2Ccarol/.test(c.arguments[0])), [true])
  for (const broken of [null, {}, { setMessageRead: () => Promise.reject(new Error('2051')) }]) {
    assert.equal(await notify.markRead(broken, 'C2Cbob'), false)
  }
  assert.equal(errors.length, 3)
  warned.mock.restore()
})

test('nothing that the app hands over breaks the helper', async () => {
  for (const config of [undefined, null, 5, {}, { permits: 'x' }]) {
    const notify = createNotify(config)
    await assert.rejects(notify.login(), { code: 'misconfigured' })
    assert.equal((await notify.ask()).outcome, 'misconfigured')
    assert.equal(await notify.flush(), 0)
  }
  const boom = () => { throw new Error('theirs') }
  const server = new Server(), { tap, notify } = await signedIn(server, { onError: boom, onRenew: boom })
  server.down = new Error('offline')
  assert.equal((await tap()).outcome, 'accepted')
  server.down = null
  mock.timers.tick(0.9 * DAY)
  await settle()
  assert.equal((await notify.login()).userSig, 'sig-2')
})
