// Everything of the helper as an app in TypeScript uses it. tsc checks it; it never runs.
import TencentCloudChat from '@tencentcloud/lite-chat'
import { createNotify, type Conversation, type Notify, type NotifyError, type Outcome, type Session } from 'wxnotify-miniprogram'

const chat = TencentCloudChat.create({ SDKAppID: 1400000001 })

const notify: Notify = createNotify({
  session: 'https://example.com/session',
  permits: 'https://example.com/permits',
  scenes: { send: ['message', 'mention'] },
  onRenew: ({ userId, userSig }) => void chat.login({ userID: userId, userSig }),
  onError: (err: NotifyError) => console.warn(err.code, err.status),
  wx,
})
createNotify({ permits: 'x', login: async code => ({ userId: code, userSig: '', sdkAppId: 1 }) })
// @ts-expect-error: permits is missing
createNotify({ session: 'x' })

App({
  async onLaunch() {
    const me: Session = await notify.login()
    chat.login({ userID: me.userId, userSig: me.userSig })
  },
})

Page({
  onLoad(options) {
    const conversation: Conversation | null = notify.open(options)
    if (conversation) notify.markRead(chat, conversation.conversationID)
  },
  async onSend() {
    const { outcome, accepted, errCode } = await notify.ask('send')
    const words: Partial<Record<Outcome, string>> = { switched_off: 'settings', accepted: String(accepted.length), failed: String(errCode) }
    wx.showToast({ title: words[outcome] ?? '' })
    // @ts-expect-error: no such outcome
    if (outcome === 'granted') return
  },
  onTab: () => void notify.stock(),
  async onOwnDialog() {
    const results = await wx.requestSubscribeMessage({ tmplIds: ['t'] })
    const how: 'sent' | 'queued' = await notify.report(results, Date.now())
    return how
  },
  async onSettings() {
    const { muted, mainSwitch, templates } = await notify.settings({ quietHours: '22:30-07:00' })
    if (mainSwitch === false && !muted) await notify.openSettings()
    return templates.map(t => t.choice)
  },
})
