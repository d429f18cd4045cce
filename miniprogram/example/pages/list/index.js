const notify = require('../../services/notify')
const { start, on } = require('../../services/chat')

Component({
  data: { me: '', error: '', peer: '', conversations: [] },
  methods: {
    onLoad() {
      return this.load()
    },
    async load() {
      this.setData({ error: '' })
      try {
        const chat = await start()
        const { userId } = await notify.login() // the session of start: no second request
        this.setData({ me: userId })
        this.stop = on(chat, 'CONVERSATION_LIST_UPDATED', event => this.show(event.data))
        const { data } = await chat.getConversationList()
        this.show(data.conversationList)
      } catch (err) {
        this.setData({ error: `Cannot sign in: ${err.code || ''} ${err.message || ''}` })
      }
    },
    onUnload() {
      if (this.stop) this.stop()
    },
    show(list) {
      this.setData({
        conversations: list.map(c => ({
          id: c.conversationID,
          name: (c.userProfile && c.userProfile.nick) || c.conversationID.replace(/^(C2C|GROUP)/, ''),
          last: (c.lastMessage && c.lastMessage.messageForShow) || '',
          unread: c.unreadCount,
        })),
      })
    },
    onPeer(event) {
      this.setData({ peer: event.detail.value })
    },
    newChat() {
      if (this.data.peer) wx.navigateTo({ url: '/pages/chat/index?peer=' + encodeURIComponent(this.data.peer) })
    },
    openChat(event) {
      // Users open chats all day. For those who ticked "always keep", each such tap adds a permit, without a dialog:
      // so their absences are covered although nobody asks them. For all others this does nothing.
      notify.stock()
      const id = event.currentTarget.dataset.id
      const name = id.indexOf('GROUP') === 0 ? 'group' : 'peer'
      wx.navigateTo({ url: `/pages/chat/index?${name}=${encodeURIComponent(id.replace(/^(C2C|GROUP)/, ''))}` })
    },
    openSettings() {
      wx.navigateTo({ url: '/pages/settings/index' })
    },
  },
})
