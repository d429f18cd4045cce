// The helper against the functions themselves, with a WeChat and an IM around them:
// tap -> permit -> message -> card -> open -> read.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { createNotify } from '../index.mjs'
import { Phone } from './phone.mjs'

const noGo = spawnSync('go', ['version']).error && 'it needs go, which is not there'
const T = 'zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE' // of messages
const opened = []
let base, world

before(async () => {
  if (noGo) return
  const root = new URL('../..', import.meta.url).pathname
  const binary = root + 'build-local/miniprogram-world'
  const { status, stderr } = spawnSync('go', ['build', '-o', binary, './miniprogram/test/world'], { cwd: root, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  world = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] })
  base = await new Promise((resolve, reject) => {
    world.stdout.once('data', line => resolve(String(line).trim()))
    world.once('exit', code => reject(new Error(`the world ended with ${code}`)))
  })
})
after(() => {
  opened.forEach(notify => notify.logout()) // which ends their timers
  world?.stdin.end()
})

/** Something that people or platforms do. */
async function act(name, words = {}) {
  const res = await fetch(`${base}/world/${name}`, { method: 'POST', body: JSON.stringify(words) })
  assert.ok(res.ok, `${name}: ${res.ok || (await res.clone().text())}`)
  return res.json()
}

/** A phone whose WeChat is that of the world. */
async function newPhone() {
  const phone = new Phone({
    network: async ({ url, method, data, header }) => {
      const res = await fetch(url, { method, headers: { ...header, 'content-type': 'application/json' }, body: data && JSON.stringify(data) })
      return { statusCode: res.status, data: await res.json() }
    },
  })
  phone.openID = await act('user')
  phone.wx.login = async ({ success }) => success({ code: await act('code', { openID: phone.openID }) })
  phone.wx.requestSubscribeMessage = async ({ tmplIds, success, fail }) => {
    if (!phone.tapping) return fail({ errMsg: 'requestSubscribeMessage:fail can only be invoked by user TAP gesture.' })
    const answers = Object.fromEntries(tmplIds.map(id => [id, (phone.keep ? 'keep ' : '') + phone.answer(id)]))
    const { Results, Code, Shown } = await act('tap', { openID: phone.openID, answers })
    phone.dialogs.push(Shown || [])
    if (Code) return fail({ errMsg: 'requestSubscribeMessage:fail', errCode: Code })
    if (phone.keep) for (const id of Shown || []) phone.itemSettings[id] = Results[id]
    return success({ errMsg: 'requestSubscribeMessage:ok', ...Results })
  }
  return phone
}

/** Opens the mini program: it signs in to IM with what the login gave. */
async function open(phone) {
  phone.listeners = {}
  const notify = createNotify({ wx: phone.wx, session: base + '/session', permits: base + '/permits' })
  opened.push(notify)
  const me = await notify.login()
  await act('enter', { user: me.userId, sig: me.userSig })
  const chat = { setMessageRead: ({ conversationID }) => act('read', { user: me.userId, peer: conversationID.slice(3) }) }
  const balance = async () => (await notify.settings()).templates.find(t => t.id === T).balance
  return { notify, me, chat, balance, tap: f => phone.tap(() => notify[f]()) }
}

const cards = phone => act('cards', { openID: phone.openID }).then(all => all || [])
const onlyMessages = id => (id === T ? 'accept' : 'reject')

test('tap, permit, message, card, open, read', { skip: noGo, timeout: 120_000 }, async () => {
  const phone = await newPhone()
  phone.answer = onlyMessages
  const alice = await open(phone)
  assert.equal(await alice.balance(), 0)

  // The user taps: WeChat pushes an event, the helper reports, and the permit counts once.
  const { outcome, answers } = await alice.tap('ask')
  assert.deepEqual([outcome, answers[T]], ['accepted', 'accept'])
  assert.equal(await alice.notify.flush(), 0)
  assert.equal(await alice.balance(), 1)
  assert.equal((await alice.tap('ask')).outcome, 'waiting', 'no dialog after a dialog')

  // They leave, and bob writes: one card, which costs the permit.
  await act('leave', { user: alice.me.userId })
  await act('send', { user: 'bob', peer: alice.me.userId, text: 'Are you there?' })
  await act('run')
  const [card, ...more] = await cards(phone)
  assert.equal(more.length, 0)
  assert.equal(await act('permits', { openID: phone.openID, template: T }), 0)

  // They tap the card: the page leads to the conversation, and reading it is told.
  const again = await open(phone)
  const [page, query] = card.Page.split('?')
  assert.equal(page, 'pages/chat/index')
  const conversation = again.notify.open(Object.fromEntries(query.split('&').map(pair => pair.split('='))))
  assert.equal(conversation.conversationID, 'C2Cbob')
  assert.equal(await again.notify.markRead(again.chat, conversation.conversationID), true)
  assert.equal(await again.balance(), 0)

  // What was read is not announced again, though there is a permit.
  await act('send', { user: 'bob', peer: again.me.userId, text: 'Good.' })
  await again.notify.markRead(again.chat, 'C2Cbob')
  await act('tap', { openID: phone.openID, answers: { [T]: 'accept' } })
  await act('leave', { user: again.me.userId })
  await act('run')
  assert.equal((await cards(phone)).length, 1)
  assert.equal(await act('permits', { openID: phone.openID, template: T }), 1)
})

test('always keep: taps stock permits without a dialog, which only the report tells of', { skip: noGo, timeout: 60_000 }, async () => {
  const phone = await newPhone()
  phone.answer = onlyMessages
  phone.keep = true
  const alice = await open(phone)
  await alice.tap('ask')
  await alice.notify.flush()
  await alice.notify.settings() // learns what is kept
  for (let i = 0; i < 3; i++) {
    assert.equal((await alice.tap('stock')).outcome, 'accepted')
    await alice.notify.flush()
  }
  assert.equal(phone.dialogs.filter(shown => shown.length).length, 1)
  assert.equal(await alice.balance(), 4)
  assert.equal(await act('permits', { openID: phone.openID, template: T }), 4)
})

test('a refusal, and the settings', { skip: noGo, timeout: 60_000 }, async () => {
  const phone = await newPhone()
  phone.answer = () => 'reject'
  const alice = await open(phone)
  assert.equal((await alice.tap('ask')).outcome, 'refused')
  await alice.notify.flush()
  const { templates } = await alice.notify.settings({ quietHours: '22:30-07:00' })
  assert.ok(templates.every(t => !t.ask && t.askInSeconds > 6 * 86400), JSON.stringify(templates))
  assert.equal((await alice.notify.settings()).quietHours, '22:30-07:00')
  await assert.rejects(alice.notify.settings({ quietHours: 'at night' }), { code: 'preferences', status: 400 })
})
