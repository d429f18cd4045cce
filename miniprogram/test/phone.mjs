// A phone with WeChat on it, by what WeChat documents and what is known of it:
// https://developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html
//
// Strict where phones differ: a call that comes after anything was waited for is no tap any more.

const fail = (name, errCode, text) => ({ errMsg: `${name}:fail ${text}`, errCode })

const FAILS = {
  10001: 'TmplIds can\'t be empty', 10002: 'Request list fail', 10003: 'Request subscribe fail', 10004: 'Invalid template id',
  10005: 'Fail to display in the background', 20001: 'No template data return, verify the template id exist',
  20002: 'Templates type must be same', 20003: 'Templates count out of max bounds', 20004: 'The main switch is switched off',
  20005: 'This mini program was banned from subscribing messages', 20013: 'Reject DeviceMsg Template',
}

export class Phone {
  constructor({ network, most = 5, storage = new Map() } = {}) {
    this.network = network // (request) => {statusCode, data}, or throws: offline
    this.most = most // templates in one dialog
    this.storage = storage // outlives the app
    this.full = false // the storage; or how many bytes it has
    this.broken = false // it cannot be read
    this.mainSwitch = true
    this.itemSettings = {} // what the user keeps
    this.answer = () => 'accept' // what they tap, by template id
    this.keep = false // and whether they tick "always keep"
    this.permits = {} // as WeChat counts them
    this.asked = [] // what requestSubscribeMessage was called with
    this.dialogs = [] // what was shown
    this.calls = []
    this.codes = 0
    this.tapping = false
    this.open = null
    this.foreground = true
    this.failNext = null
    this.extra = {} // members of results that are no answers
    this.listeners = {}
    this.wx = this.api()
  }

  /** The user taps, and handler runs. */
  tap(handler) {
    this.tapping = true
    try {
      return handler()
    } finally {
      this.tapping = false
    }
  }

  emit(event, value) {
    ;(this.listeners[event] || []).forEach(f => f(value))
  }

  api() {
    const on = event => f => (this.listeners[event] = this.listeners[event] || []).push(f)
    // Answers come later, like the phone's.
    const later = f => queueMicrotask(f)
    return {
      getStorageSync: key => {
        if (this.broken) throw new Error('getStorageSync:fail')
        return this.storage.has(key) ? JSON.parse(this.storage.get(key)) : ''
      },
      setStorageSync: (key, value) => {
        if (this.full && (this.full === true || JSON.stringify(value).length > this.full)) throw new Error('setStorageSync:fail the storage limit is exceeded')
        this.storage.set(key, JSON.stringify(value))
      },
      login: ({ success, fail: failed }) =>
        later(() => (this.noLogin ? failed({ errMsg: 'login:fail' }) : success({ code: `code-${++this.codes}`, errMsg: 'login:ok' }))),
      request: req => {
        this.calls.push(req)
        Promise.resolve(req)
          .then(this.network)
          .then(
            res => req.success({ header: {}, errMsg: 'request:ok', ...res, data: res.data && JSON.parse(JSON.stringify(res.data)) }),
            err => req.fail({ errMsg: 'request:fail ' + err.message })
          )
      },
      getSetting: ({ success, withSubscriptions }) =>
        later(() => success({ authSetting: {}, ...(withSubscriptions && { subscriptionsSetting: this.settings() }) })),
      openSetting: ({ success, fail: failed }) => {
        if (!this.tapping) return failed({ errMsg: 'openSetting:fail can only be invoked by user TAP gesture.' })
        if (this.inSettings) this.inSettings()
        later(() => success({ authSetting: {}, subscriptionsSetting: this.settings() }))
      },
      requestSubscribeMessage: req => this.subscribe(req),
      onAppShow: on('show'),
      onAppHide: on('hide'),
      onNetworkStatusChange: on('network'),
    }
  }

  settings() {
    return { mainSwitch: this.mainSwitch, itemSettings: { ...this.itemSettings } }
  }

  subscribe({ tmplIds, success, fail: failed }) {
    this.asked.push(tmplIds)
    const name = 'requestSubscribeMessage'
    const no = code => queueMicrotask(() => failed(fail(name, code, FAILS[code])))
    if (!this.tapping) return queueMicrotask(() => failed({ errMsg: `${name}:fail can only be invoked by user TAP gesture.` }))
    if (this.open) return queueMicrotask(() => failed({ errMsg: `${name}:fail last call has not ended` }))
    if (this.failNext) {
      const [code] = this.failNext.splice(0, 1)
      if (!this.failNext.length) this.failNext = null
      return no(code)
    }
    if (!tmplIds.length) return no(10001)
    if (!this.foreground) return no(10005)
    if (tmplIds.length > this.most) {
      // The fail callback of a call that was a tap is still one: WeChat has shown nothing yet.
      this.tapping = true
      failed(fail(name, 20003, FAILS[20003]))
      this.tapping = false
      return
    }
    if (new Set(tmplIds.map(id => id.startsWith('long'))).size > 1) return no(20002)
    if (!this.mainSwitch) return no(20004)
    const shown = tmplIds.filter(id => !this.itemSettings[id])
    if (shown.length) this.dialogs.push(shown)
    this.open = () => {
      this.open = null
      const results = { errMsg: `${name}:ok`, ...this.extra }
      for (const id of tmplIds) {
        const word = this.itemSettings[id] || this.answer(id)
        results[id] = word
        if (this.keep) this.itemSettings[id] = word.startsWith('accept') ? 'accept' : word
        if (word.startsWith('accept')) this.permits[id] = (this.permits[id] || 0) + 1
      }
      success(results)
    }
    if (!this.hold) queueMicrotask(this.open)
  }
}

/** What session and permits answer, with one template or those given. */
export class Server {
  constructor(...templates) {
    this.templates = (templates.length ? templates : [{}]).map((t, i) => ({
      id: `t${i}`, kind: ['message', 'mention', 'call', 'missed_call', 'digest'][i] || `kind${i}`, balance: 0, longTerm: false,
      ask: true, askInSeconds: 0, stock: 3, missed: 0, why: '', ...t,
    }))
    this.preferences = { muted: false, quietHours: '', mutedPeers: [] }
    this.sessions = 0
    this.valid = () => true // UserSigs
    this.reports = new Map() // by id: what counts
    this.received = [] // all that came
    this.down = null // an answer for everything, or an Error
    this.lose = 0 // so many answers are lost on the way
    this.answer = this.answer.bind(this)
  }

  answer(req) {
    const refuse = (statusCode, code) => ({ statusCode, data: { error: { code, message: code + ' it is' } } })
    if (this.down instanceof Error) throw this.down
    if (this.down) return this.down
    if (req.url.endsWith('/session')) {
      if (this.refuseCodes && this.refuseCodes-- > 0) return refuse(400, 'login_code')
      const userSig = `sig-${++this.sessions}`
      return { statusCode: 200, data: { userId: 'alice', userSig, sdkAppId: 1400000001, expiresInSeconds: 86400, templates: this.templates } }
    }
    const [, user, sig] = /^Bearer (.*):(.*)$/.exec(req.header.Authorization)
    if (!this.valid(user, sig)) return refuse(401, 'unauthorized')
    if (req.method === 'POST') {
      const { reportId, ageSeconds, results, preferences } = req.data
      if (preferences) Object.assign(this.preferences, preferences)
      if (results) {
        this.received.push({ user, ...req.data })
        if (!(ageSeconds >= -300 && ageSeconds <= 86400)) return refuse(400, 'ageSeconds')
        if (reportId.length < 8 || reportId.length > 64) return refuse(400, 'reportId')
        if (!this.reports.has(reportId)) {
          this.reports.set(reportId, results)
          for (const t of this.templates) if (/^accept/.test(results[t.id])) t.balance++
        }
      }
    }
    if (this.lose-- > 0) throw new Error('timeout')
    return { statusCode: 200, data: { templates: this.templates, preferences: this.preferences } }
  }
}

/** Runs what is under way to its end. */
export const settle = () => new Promise(resolve => setImmediate(resolve)).then(() => new Promise(resolve => setImmediate(resolve)))
