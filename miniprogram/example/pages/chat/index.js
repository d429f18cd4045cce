const notify = require('../../services/notify')
const { start, on, TYPES } = require('../../services/chat')

// What the user is told of a tap's outcome. Most outcomes are none of their business.
const hints = {
  accepted: 'If you miss the answer, WeChat will tell you.',
  switched_off: 'Notifications are switched off. Tap here to change that.',
  main_switch_off: 'Notifications are switched off. Tap here to change that.',
}

Component({
  data: { text: '', messages: [], hint: '', error: '' },
  methods: {
    // A card opens this page with the sender as peer (`page` in notify.yml), and so does the list.
    async onLoad(options) {
      this.conversation = notify.open(options)
      if (!this.conversation) return this.setData({ error: 'This page needs a peer or a group.' })
      try {
        this.chat = await start()
        this.stop = on(this.chat, 'MESSAGE_RECEIVED', event => this.received(event.data))
        const { data } = await this.chat.getMessageList({ conversationID: this.conversation.conversationID })
        this.add(data.messageList)
        // The user has it on the screen. Without this, wxnotify sends cards for what they have read.
        this.read()
      } catch (err) {
        this.setData({ error: `Cannot load: ${err.code || ''} ${err.message || ''}` })
      }
    },
    onShow() {
      this.read() // what came while the page was covered
    },
    onUnload() {
      if (this.stop) this.stop()
    },
    read() {
      if (this.chat) notify.markRead(this.chat, this.conversation.conversationID)
    },
    received(messages) {
      const ours = messages.filter(m => m.conversationID === this.conversation.conversationID)
      if (!ours.length) return
      this.add(ours)
      this.read()
    },
    add(messages) {
      const known = this.data.messages.concat(
        messages.map(m => ({ id: m.ID, from: m.from, text: (m.payload && m.payload.text) || '[...]' }))
      )
      this.setData({ messages: known })
    },
    onText(event) {
      this.setData({ text: event.detail.value })
    },
    send() {
      // First, and in the tap itself: WeChat opens the dialog for taps only, and nothing may be awaited before. Here
      // the user knows why they are asked: they have just written, and wait for an answer.
      const asked = notify.ask('send')
      const text = this.data.text
      if (text) this.deliver(text)
      return asked.then(({ outcome }) => this.setData({ hint: hints[outcome] || '' }))
    },
    async deliver(text) {
      const { type, id } = this.conversation
      this.setData({ text: '' })
      try {
        const chat = await start()
        const message = chat.createTextMessage({ to: id, conversationType: TYPES[type === 'GROUP' ? 'CONV_GROUP' : 'CONV_C2C'], payload: { text } })
        const { data } = await chat.sendMessage(message)
        this.add([data.message])
      } catch (err) {
        this.setData({ text, error: `Not sent: ${err.code || ''} ${err.message || ''}` })
      }
    },
    openSettings() {
      wx.navigateTo({ url: '/pages/settings/index' })
    },
  },
})
