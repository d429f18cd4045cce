// The pages of the example, in the component runtime of mini programs (miniprogram-simulate, under jsdom), with a
// phone and a server around them. The Chat SDK is played: what the pages call of it, in its own types.
import assert from 'node:assert/strict'
import Module, { createRequire } from 'node:module'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { JSDOM } from 'jsdom'
import { readFileSync } from 'node:fs'
import { Phone, Server, settle } from './phone.mjs'

const require = createRequire(import.meta.url)
const example = new URL('../example/', import.meta.url).pathname

const dom = new JSDOM('<!doctype html><body></body>', { url: 'https://example.com/' })
for (const name of Object.getOwnPropertyNames(dom.window)) {
  if (!(name in globalThis)) globalThis[name] = dom.window[name]
}
globalThis.window = dom.window
globalThis.document = dom.window.document
globalThis.Event = dom.window.Event
globalThis.CustomEvent = dom.window.CustomEvent

// npm install puts this package where the example finds it.
const helper = require.resolve('wxnotify-miniprogram')
const resolve = Module._resolveFilename
Module._resolveFilename = function (name, ...rest) {
  return name === 'wxnotify-miniprogram' ? helper : resolve.call(this, name, ...rest)
}

const simulate = require('miniprogram-simulate')
mock.timers.enable({ apis: ['setTimeout', 'setInterval'] }) // the SDK starts some, which would keep the test running
const sdk = require('@tencentcloud/lite-chat')
mock.timers.reset()

let app // what a test looks at

class FakeChat {
  constructor() {
    this.handlers = {}
    this.read = []
    this.sent = []
    this.logins = []
    this.messages = []
    this.conversations = []
  }
  on(event, f) { (this.handlers[event] = this.handlers[event] || []).push(f) }
  off(event, f) { this.handlers[event] = this.handlers[event].filter(g => g !== f) }
  emit(event, data) { (this.handlers[event] || []).forEach(f => f({ name: event, data })) }
  async login(options) {
    this.logins.push(options)
    setImmediate(() => this.emit(sdk.EVENT.SDK_READY))
  }
  async getConversationList() { return { data: { conversationList: this.conversations } } }
  async getMessageList({ conversationID }) { return { data: { messageList: this.messages.filter(m => m.conversationID === conversationID) } } }
  createTextMessage({ to, conversationType, payload }) { return { ID: `own-${this.sent.length}`, from: 'alice', conversationID: conversationType + to, payload } }
  async sendMessage(message) {
    if (this.broken) throw Object.assign(new Error('no permission'), { code: 20012 })
    this.sent.push(message)
    return { data: { message } }
  }
  async setMessageRead({ conversationID }) { this.read.push(conversationID) }
}

/** Starts the mini program anew, on a phone with a server. */
function start(server = new Server()) {
  const phone = new Phone({ network: server.answer }), chat = new FakeChat(), went = []
  globalThis.wx = Object.assign(phone.wx, { navigateTo: ({ url }) => went.push(url) })
  const file = require.resolve('@tencentcloud/lite-chat')
  require.cache[file] = Object.assign(new Module(file), { loaded: true, exports: {
    create: options => Object.assign(chat, { options }),
    EVENT: sdk.EVENT,
    TYPES: sdk.TYPES,
  } })
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(example)) delete require.cache[file] // but for the SDK
  }
  return { phone, chat, went, server, notify: require(example + 'services/notify.js') }
}

/** Opens a page, as WeChat does. */
async function open(name, options = {}) {
  const page = simulate.render(simulate.load(`${example}pages/${name}/index`, name, { compiler: 'simulate', rootPath: example }))
  page.attach(document.createElement('parent-wrapper'))
  const { onLoad, onShow } = page.instance
  if (onLoad) onLoad.call(page.instance, options)
  if (onShow) onShow.call(page.instance)
  await settle()
  await settle()
  return page
}

/** The user taps what selector finds, or does something else with it. The runtime tells the page in a microtask. */
async function touch(page, selector, event = 'tap', detail = {}) {
  const node = page.querySelector(selector)
  assert.ok(node, `there is no ${selector} in ${page.dom.innerHTML}`)
  app.phone.tapping = event === 'tap'
  node.dispatchEvent(event, { detail })
  await Promise.resolve()
  await Promise.resolve()
  app.phone.tapping = false
  await settle()
  await settle()
}

const text = page => page.dom.textContent
const message = (from, words) => ({ ID: words, from, conversationID: 'C2C' + from, payload: { text: words } })

beforeEach(() => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2031, 4, 5) })
  app = start()
})
afterEach(() => mock.timers.reset())

test('chat: opened by a card, it shows the conversation and reports it as read', async () => {
  app.chat.messages = [message('b/b', 'Are you there?'), message('carol', 'not here')]
  const page = await open('chat', { peer: 'b%2Fb' })
  assert.match(text(page), /Are you there\?/)
  assert.doesNotMatch(text(page), /not here/)
  assert.deepEqual(app.chat.read, ['C2Cb/b'])
  assert.deepEqual(app.chat.logins, [{ userID: 'alice', userSig: 'sig-1' }])
  assert.equal(app.chat.options.SDKAppID, 1400000001)
})

test('chat: what comes in while it is open is shown and read', async () => {
  const page = await open('chat', { peer: 'bob' })
  app.chat.emit(sdk.EVENT.MESSAGE_RECEIVED, [message('bob', 'hello'), message('carol', 'elsewhere')])
  app.chat.emit(sdk.EVENT.MESSAGE_RECEIVED, [message('carol', 'elsewhere')])
  await settle()
  assert.match(text(page), /hello/)
  assert.doesNotMatch(text(page), /elsewhere/)
  assert.deepEqual(app.chat.read, ['C2Cbob', 'C2Cbob'])
  page.instance.onUnload()
  app.chat.emit(sdk.EVENT.MESSAGE_RECEIVED, [message('bob', 'gone')])
  assert.doesNotMatch(text(page), /gone/)
})

test('chat: a tap on "send" asks, sends, and reports the answer', async () => {
  const page = await open('chat', { peer: 'bob' })
  await touch(page, '.text', 'input', { value: 'hi' })
  await touch(page, '.send')
  assert.deepEqual(app.phone.dialogs, [['t0']])
  assert.match(text(page), /If you miss the answer/)
  assert.deepEqual(app.chat.sent.map(m => [m.conversationID, m.payload.text]), [['C2Cbob', 'hi']])
  assert.equal(page.data.text, '')
  assert.equal(app.server.reports.size, 1)
})

test('chat: whoever has switched notifications off is shown the way', async () => {
  app.phone.itemSettings = { t0: 'reject' }
  const page = await open('chat', { group: 'team' })
  await touch(page, '.send')
  assert.match(text(page), /switched off/)
  assert.deepEqual([app.phone.dialogs, app.chat.sent], [[], []])
  await touch(page, '.permits')
  assert.deepEqual(app.went, ['/pages/settings/index'])
})

test('chat: a refusal and a failed send lose nothing that was written', async () => {
  app.phone.answer = () => 'reject'
  app.chat.broken = true
  const page = await open('chat', { peer: 'bob' })
  await touch(page, '.text', 'input', { value: 'hi' })
  await touch(page, '.send')
  assert.match(text(page), /Not sent: 20012/)
  assert.deepEqual([page.data.text, page.data.hint], ['hi', ''])
})

test('chat: without a conversation, and offline', async () => {
  assert.match(text(await open('chat')), /needs a peer/)
  app = start()
  app.server.down = new Error('no network')
  assert.match(text(await open('chat', { peer: 'bob' })), /Cannot load: offline/)
})

test('list: shows the conversations, and opens them with a tap that stocks', async () => {
  app.phone.itemSettings = { t0: 'accept' }
  app.chat.conversations = [
    { conversationID: 'C2Cbob', unreadCount: 2, lastMessage: { messageForShow: 'hi' }, userProfile: { nick: 'Bob' } },
    { conversationID: 'GROUP@TGS#1', unreadCount: 0 },
  ]
  const page = await open('list')
  assert.match(text(page), /alice.*Bob.*hi.*2.*@TGS#1/s)
  await touch(page, '.conversation')
  assert.deepEqual([app.phone.permits, app.phone.dialogs, app.server.reports.size], [{ t0: 1 }, [], 1])
  app.chat.emit(sdk.EVENT.CONVERSATION_LIST_UPDATED, app.chat.conversations.slice(1))
  await settle()
  await touch(page, '.conversation')
  await touch(page, '.new') // nobody is named
  await touch(page, '.peer', 'input', { value: 'b/b' })
  await touch(page, '.new')
  await touch(page, '.me')
  assert.deepEqual(app.went, ['/pages/chat/index?peer=bob', '/pages/chat/index?group=%40TGS%231', '/pages/chat/index?peer=b%2Fb', '/pages/settings/index'])
})

test('list: says what went wrong, and tries again', async () => {
  app.server.down = { statusCode: 503, data: { error: { code: 'unavailable', message: 'try again in a moment' } } }
  const page = await open('list')
  assert.match(text(page), /unavailable try again in a moment/)
  app.server.down = null
  await touch(page, '.error')
  assert.match(text(page), /alice/)
  assert.doesNotMatch(text(page), /unavailable/)
})

test('settings: changed here and in WeChat', async () => {
  app.phone.itemSettings = { t0: 'reject' }
  const page = await open('settings')
  await touch(page, '.mute', 'change', { value: true })
  assert.equal(app.server.preferences.muted, true)
  await touch(page, '.mute', 'change', { value: false })
  await touch(page, '.quiet', 'change', { value: true })
  assert.deepEqual([app.server.preferences.quietHours, app.server.preferences.muted], ['22:30-07:00', false])
  assert.match(text(page), /22:30-07:00.*Switched off in WeChat.*message/s)
  app.phone.inSettings = () => (app.phone.itemSettings = { t0: 'accept' })
  await touch(page, '.off')
  assert.doesNotMatch(text(page), /Switched off/)
  assert.match(text(page), /always kept/)
  await touch(page, '.quiet', 'change', { value: false })
  assert.equal(app.server.preferences.quietHours, '')
  app.server.down = new Error('no network')
  await touch(page, '.quiet', 'change', { value: true })
  assert.match(text(page), /offline/)
  assert.equal(page.data.quietHours, '')
})

test('a newer UserSig signs the SDK in again', async () => {
  await open('list')
  mock.timers.tick(22 * 3600_000)
  app.chat.emit(sdk.EVENT.KICKED_OUT, { type: sdk.TYPES.KICKED_OUT_MULT_DEVICE })
  app.chat.emit(sdk.EVENT.KICKED_OUT, { type: sdk.TYPES.KICKED_OUT_USERSIG_EXPIRED })
  await settle()
  await settle()
  assert.deepEqual(app.chat.logins.map(l => l.userSig), ['sig-1', 'sig-2'])
})

test('what the Chat SDK is played by is there in the SDK', () => {
  const types = readFileSync(require.resolve('@tencentcloud/lite-chat').replace('standard.js', 'index.d.ts'), 'utf8')
  const methods = Object.getOwnPropertyNames(FakeChat.prototype).filter(name => !['constructor', 'emit'].includes(name))
  for (const name of methods) assert.match(types, new RegExp(`^    ${name}\\(`, 'm'))
})

test('every page of app.json is there, and its page is the one of notify.yml', () => {
  const { pages } = require(example + 'app.json')
  for (const page of pages) require.resolve(example + page + '.js')
  assert.ok(readFileSync(example + '../../notify.yml', 'utf8').includes(`page: "${pages[1]}?peer={{.Peer}}"`))
})
