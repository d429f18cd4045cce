// wxnotify-miniprogram: the mini program's side of wxnotify. README.md is its reference.
// No dependencies and no async functions: it runs as it is from base library 2.8.2 on.

const KEY = 'wxnotify' // in storage
const DAY = 24 * 3600 * 1000
const QUEUED_AT_MOST = 100 // the server counts no more by reports
const STUCK = 2 * 60 * 1000 // a dialog of which WeChat never told the end

// What the fail codes of wx.requestSubscribeMessage mean.
// Source: https://developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html
const FAILS = {
  10001: 'misconfigured', 10002: 'offline', 10003: 'offline', 10004: 'misconfigured', 10005: 'background',
  20001: 'misconfigured', 20002: 'misconfigured', 20003: 'misconfigured', 20004: 'main_switch_off', 20005: 'banned',
  20013: 'misconfigured',
}
const TOO_MANY = 20003

const isObject = v => !!v && typeof v === 'object' && !Array.isArray(v)
const isText = v => typeof v === 'string'
const listOf = v => (Array.isArray(v) ? v.filter(isObject) : [])
const within = (low, v, high) => Math.min(Math.max(v, low), high)

function fault(code, message, status) {
  return Object.assign(new Error(message), { name: 'NotifyError', code, status })
}

function said(err) {
  return String((err && (err.errMsg || err.message)) || err)
}

/** The words that WeChat answered, by template; members that are no answers are left out. */
function answersIn(results) {
  const answers = {}
  Object.keys(isObject(results) ? results : {}).slice(0, 20).forEach(id => {
    if (isText(results[id]) && id !== 'errMsg') answers[id] = results[id]
  })
  return answers
}

/** What the answers amount to: the best that is among them. */
function outcomeOf(answers) {
  const words = Object.keys(answers).map(id => answers[id])
  if (words.some(accepts)) return 'accepted'
  if (words.indexOf('reject') >= 0) return 'refused'
  if (words.indexOf('ban') >= 0) return 'banned'
  return words.indexOf('filter') >= 0 ? 'filtered' : 'unknown'
}

/** acceptWithAudio, acceptWithForcePush and what may come are acceptances too. */
function accepts(word) {
  return word.indexOf('accept') === 0
}

/** Why wx.requestSubscribeMessage failed. */
function failOf(err) {
  const errMsg = said(err)
  const errCode = Number(err && (err.errCode || err.errno)) || Number((/\b[12]00\d\d\b/.exec(errMsg) || [])[0]) || undefined
  let outcome = FAILS[errCode]
  if (!outcome && /tap gesture/i.test(errMsg)) outcome = 'not_a_tap'
  if (!outcome && /last call/i.test(errMsg)) outcome = 'busy'
  return { outcome: outcome || 'failed', errCode, errMsg }
}

/** The value of a page's parameter: WeChat hands it over as the card's page has it, escaped. */
function parameter(value) {
  if (!isText(value)) return ''
  try {
    return decodeURIComponent(value)
  } catch (e) {
    return value
  }
}

function createNotify(options) {
  const config = isObject(options) ? options : {}
  const api = config.wx || (typeof wx === 'undefined' ? {} : wx) // eslint-disable-line no-undef
  const missing = !config.permits ? 'permits' : !config.session && !config.login ? 'session' : ''

  let session = null // in memory only: the UserSig is a key to the user's account
  let loggedInAt = 0
  let loggingIn = null
  let renewal = null
  let flushing = null
  let asking = 0 // since when a dialog is open
  let choices = {} // what the user keeps: mainSwitch, itemSettings
  let out = false // the app has signed its user out
  let watching = false
  let unread = '' // the conversation that a card led to
  let read = false // the storage
  // What outlives a restart: reports on their way, the last advice and whose it is, and how many
  // templates WeChat takes at once.
  const kept = { queue: [], templates: [], at: 0, user: '', most: 5 }

  function tell(err) {
    try {
      if (config.onError) config.onError(err)
    } catch (e) {} // eslint-disable-line no-empty
  }

  function call(name, args) {
    return new Promise((resolve, reject) => api[name](Object.assign({}, args, { success: resolve, fail: reject })))
  }

  // ---- storage

  /** Reads the storage once. Until that succeeds nothing is written: there may be reports in it. */
  function restore() {
    if (read) return true
    try {
      const was = api.getStorageSync(KEY)
      read = true
      if (!isObject(was)) return true
      kept.queue = listOf(was.queue).filter(r => isText(r.id) && isObject(r.results)).concat(kept.queue)
      if (!kept.at) kept.templates = listOf(was.templates)
      kept.at = kept.at || Number(was.at) || 0
      kept.user = kept.user || (isText(was.user) ? was.user : '')
      kept.most = within(1, Number(was.most) || 5, 5)
    } catch (e) {
      tell(fault('storage', said(e)))
    }
    return read
  }

  /** Keeps what must outlive a restart. Where there is no room, the reports alone. */
  function save() {
    if (!restore()) return
    try {
      api.setStorageSync(KEY, kept)
    } catch (e) {
      try {
        api.setStorageSync(KEY, Object.assign({}, kept, { templates: [] }))
      } catch (again) {
        tell(fault('storage', said(again)))
      }
    }
  }

  // ---- requests

  function request(url, method, data, as) {
    const header = as ? { Authorization: 'Bearer ' + as.userId + ':' + as.userSig } : {}
    return call('request', { url, method, data, header, timeout: 15000 }).then(
      res => {
        if (res.statusCode >= 200 && res.statusCode < 300) {
          if (!isObject(res.data)) throw fault('bad_answer', url + ' answers no JSON object', res.statusCode)
          return res.data
        }
        const err = (isObject(res.data) && res.data.error) || {}
        throw fault(err.code || 'http', err.message || url + ' answers ' + res.statusCode, res.statusCode)
      },
      err => {
        throw fault('offline', said(err))
      }
    )
  }

  /** A request to permits in the user's name, with a new login if the server asks for one. */
  function permits(method, data) {
    const ask = as => request(config.permits, method, data && data(), as)
    return login()
      .then(as =>
        ask(as).catch(err => {
          if (err.status !== 401) throw err
          if (session === as) session = null
          return login().then(ask)
        })
      )
      .then(answer => {
        advise(answer.templates)
        return answer
      })
  }

  // ---- who the user is

  function login() {
    if (missing) return Promise.reject(fault('misconfigured', 'createNotify: ' + missing + ' is missing'))
    out = false
    watch()
    if (lives(0.9)) return Promise.resolve(session)
    if (loggingIn) return loggingIn
    const mine = logIn(true).then(
      me => {
        if (loggingIn !== mine) throw fault('login_failed', 'signed out meanwhile')
        return signedIn(me)
      },
      err => {
        if (lives(1)) return session // it is good for a while yet: the next call tries again
        throw err
      }
    )
    const done = () => {
      if (loggingIn === mine) loggingIn = null
    }
    loggingIn = mine
    mine.then(done, done)
    return mine
  }

  /** Whether the session is younger than a share of its life. A clock that was set back tells nothing. */
  function lives(share) {
    const age = Date.now() - loggedInAt
    return session && age >= 0 && age < lifetime() * share
  }

  function lifetime() {
    return Number(session.expiresInSeconds) * 1000 || DAY
  }

  function logIn(again) {
    return call('login')
      .then(res => (config.login ? config.login(res.code) : request(config.session, 'POST', { code: res.code })))
      .then(me => {
        if (!isObject(me) || !isText(me.userId) || !isText(me.userSig)) throw fault('bad_answer', 'the login returns no userId and userSig')
        return me
      })
      .catch(err => {
        if (again && err && err.code === 'login_code') return logIn(false) // used, or too old: a new one
        throw err && isText(err.code) ? err : fault('login_failed', said(err))
      })
  }

  function signedIn(me) {
    const renewed = loggedInAt > 0
    session = me
    loggedInAt = Date.now()
    restore()
    kept.user = me.userId
    advise(me.templates)
    if (!me.templates) permits('GET').catch(tell)
    clearTimeout(renewal)
    renewal = setTimeout(() => login().catch(tell), Math.min(lifetime() * 0.9, 0x7fffffff))
    look()
    flush()
    if (renewed && config.onRenew) {
      try {
        config.onRenew(me)
      } catch (e) {
        tell(e)
      }
    }
    return me
  }

  /** Forgets who is signed in, for somebody else to sign in. Reports wait until they come back. */
  function logout() {
    clearTimeout(renewal)
    session = loggingIn = null
    loggedInAt = 0
    out = true
    kept.templates = []
    save()
  }

  function watch() {
    if (watching) return
    watching = true
    const back = () => {
      if (out) return
      login().then(flush, tell)
      look()
    }
    if (api.onAppShow) api.onAppShow(back)
    if (api.onNetworkStatusChange) api.onNetworkStatusChange(res => res.isConnected && back())
    if (api.onAppHide) {
      api.onAppHide(() => {
        if (unread) console.warn('wxnotify: a card led to ' + unread + ', and markRead was not called: more cards will be spent on it')
        unread = ''
      })
    }
  }

  // ---- advice and choices

  function advise(templates) {
    if (!Array.isArray(templates)) return
    kept.templates = listOf(templates).filter(t => isText(t.id))
    kept.at = Date.now()
    save()
  }

  /** Learns what the user keeps ("always keep"), and the main switch. */
  function look() {
    return call('getSetting', { withSubscriptions: true }).then(learn, () => choices)
  }

  function learn(res) {
    if (isObject(res.subscriptionsSetting)) choices = res.subscriptionsSetting
    return choices
  }

  function keeps(t) {
    return String((isObject(choices.itemSettings) && choices.itemSettings[t.id]) || '')
  }

  /** Whether the dialog may ask for t now. */
  function due(t) {
    return t.ask || (t.askInSeconds > 0 && Date.now() - kept.at >= t.askInSeconds * 1000)
  }

  /** Whether a tap adds a permit of t without a dialog. */
  function silent(t) {
    return accepts(keeps(t)) && t.balance < (t.stock || 3)
  }

  // ---- taps

  function tap(scene, dialog) {
    const now = outcome => Promise.resolve({ outcome, answers: {}, accepted: [] })
    try {
      restore()
      if (missing) return now('misconfigured')
      if (!kept.templates.length) {
        if (!out) login().catch(tell)
        return now('not_ready')
      }
      if (choices.mainSwitch === false) {
        look() // they may have switched it on meanwhile: the next tap knows
        return now('main_switch_off')
      }
      const since = Date.now() - asking
      if (asking && since >= 0 && since < STUCK) return now('busy')
      const kinds = config.scenes && config.scenes[scene]
      const all = kept.templates.filter(t => !kinds || kinds.indexOf(t.kind) >= 0)
      const off = t => /^(reject|ban)/.test(keeps(t))
      const asked = dialog ? all.filter(t => due(t) && !off(t) && !silent(t)) : []
      const both = asked.concat(all.filter(silent))
      const ids = both
        .filter(t => !t.longTerm === !both[0].longTerm) // WeChat takes no two sorts at once
        .slice(0, kept.most)
        .map(t => t.id)
      if (ids.length) return new Promise(resolve => subscribe(ids, resolve))
      look()
      if (!dialog && all.some(t => accepts(keeps(t)))) return now('enough')
      if (all.some(t => off(t) && (due(t) || !dialog))) return now('switched_off')
      if (!dialog) return now('not_kept')
      return now(all.some(t => t.askInSeconds > 0) ? 'waiting' : 'enough')
    } catch (e) {
      tell(e)
      return now('failed')
    }
  }

  /** Calls WeChat at once: what comes after anything else is no tap any more. */
  function subscribe(ids, resolve) {
    const at = Date.now()
    const end = result => {
      asking = 0
      resolve(Object.assign({ answers: {}, accepted: [] }, result))
    }
    asking = at
    const fail = err => {
      const failed = failOf(err)
      if (failed.errCode !== TOO_MANY || ids.length === 1) return end(failed)
      kept.most = ids.length > 3 ? 3 : 1 // what older base libraries take
      save()
      return subscribe(ids.slice(0, kept.most), resolve)
    }
    const success = res => {
      const answers = {}
      ids.forEach(id => {
        if (isText(res && res[id])) answers[id] = res[id]
      })
      if (!Object.keys(answers).length) return end(failOf(res))
      queue(answers, at)
      flush()
      look()
      return end({ outcome: outcomeOf(answers), answers, accepted: ids.filter(id => accepts(answers[id] || '')) })
    }
    try {
      if (!api.requestSubscribeMessage) throw fault('unsupported')
      api.requestSubscribeMessage({ tmplIds: ids, success, fail })
    } catch (e) {
      end({ outcome: 'unsupported', errMsg: said(e) })
    }
  }

  // ---- reports

  /** Puts a report on its way, and goes by it until the server has new advice. */
  function queue(results, at) {
    restore()
    const id = at.toString(36) + '-' + Math.random().toString(36).slice(2, 12) + '-report'
    kept.queue.push({ id, at, user: session ? session.userId : kept.user, results })
    kept.queue.splice(0, kept.queue.length - QUEUED_AT_MOST)
    kept.templates.forEach(t => {
      if (!results[t.id]) return
      t.ask = false
      t.askInSeconds = 0
      if (accepts(results[t.id])) t.balance = (t.balance || 0) + 1
    })
    save()
  }

  /** Reports what an own call of wx.requestSubscribeMessage returned. */
  function report(results, tappedAt) {
    const answers = answersIn(results)
    if (!Object.keys(answers).length) return Promise.reject(fault('results', 'report: these are no results of requestSubscribeMessage'))
    queue(answers, Number(tappedAt) || Date.now())
    return flush().then(left => (left ? 'queued' : 'sent'))
  }

  /** Sends what waits, one after the other, and resolves with how many are left. */
  function flush() {
    if (flushing) return flushing
    restore()
    let end
    const all = (flushing = new Promise(resolve => (end = resolve)))
    next(() => {
      flushing = null
      end(kept.queue.length)
    })
    return all
  }

  function next(end) {
    const user = session ? session.userId : kept.user
    const first = kept.queue.filter(r => !r.user || r.user === user)[0]
    if (missing || !first) return end()
    const gone = () => {
      kept.queue = kept.queue.filter(r => r !== first)
      save()
      next(end)
    }
    const body = () => ({ reportId: first.id, ageSeconds: within(0, (Date.now() - first.at) / 1000 || 0, DAY / 1000), results: first.results })
    permits('POST', body).then(gone, err => {
      tell(err)
      if (err.status === 400 || err.status === 413) gone() // the server will never take it
      else end()
    })
  }

  // ---- the rest

  function settings(change) {
    return permits(change ? 'POST' : 'GET', change && (() => ({ preferences: change }))).then(answer =>
      look().then(() =>
        Object.assign({}, answer.preferences, {
          mainSwitch: choices.mainSwitch,
          templates: kept.templates.map(t => Object.assign({}, t, { choice: keeps(t) })),
        })
      )
    )
  }

  /** Opens WeChat's own page. WeChat wants a tap for it. */
  function openSettings() {
    return call('openSetting', { withSubscriptions: true }).then(
      res => {
        const { mainSwitch, itemSettings } = learn(res)
        return { mainSwitch, choices: Object.assign({}, itemSettings) }
      },
      err => {
        const failed = failOf(err)
        throw fault(failed.outcome, failed.errMsg)
      }
    )
  }

  /** Reads what a card's page carried. */
  function open(page, go) {
    const query = (isObject(page) && (isObject(page.query) ? page.query : page)) || {}
    const group = parameter(query.group)
    const id = group || parameter(query.peer)
    if (!id) return null
    const type = group || (config.isGroup ? config.isGroup(id) : id.indexOf('@TGS#') === 0) ? 'GROUP' : 'C2C'
    const conversation = { conversationID: type + id, type, id }
    unread = conversation.conversationID
    try {
      if (go) go(conversation)
    } catch (e) {
      tell(e)
    }
    return conversation
  }

  /** Tells IM that the user has read a conversation: of what is read no card is sent. */
  function markRead(chat, conversationID) {
    if (unread === conversationID) unread = ''
    return new Promise(resolve => resolve(chat.setMessageRead({ conversationID }))).then(
      () => true,
      err => {
        tell(err)
        return false
      }
    )
  }

  return { login, logout, ask: scene => tap(scene, true), stock: scene => tap(scene, false), report, flush, settings, openSettings, open, markRead }
}

module.exports = { createNotify }
