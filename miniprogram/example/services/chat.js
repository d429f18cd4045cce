const TencentCloudChat = require('@tencentcloud/lite-chat')
const notify = require('./notify')

let ready = null

/** Signs the user in, once, and resolves with the SDK when its data is there. */
function start() {
  if (!ready) {
    ready = notify.login().then(connect)
    ready.catch(() => (ready = null)) // the next page tries again
  }
  return ready
}

function connect(me) {
  const chat = TencentCloudChat.create({ SDKAppID: me.sdkAppId })
  return new Promise((resolve, reject) => {
    const signIn = ({ userId, userSig }) => chat.login({ userID: userId, userSig })
    chat.on(TencentCloudChat.EVENT.SDK_READY, () => resolve(chat))
    // A UserSig lives for 24 hours. notify.login has a newer one by then.
    chat.on(TencentCloudChat.EVENT.KICKED_OUT, event => {
      if (event.data.type === TencentCloudChat.TYPES.KICKED_OUT_USERSIG_EXPIRED) notify.login().then(signIn).catch(() => {})
    })
    signIn(me).catch(reject)
  })
}

/** Calls f for each event from now on, and returns what ends that. */
function on(chat, event, f) {
  chat.on(TencentCloudChat.EVENT[event], f)
  return () => chat.off(TencentCloudChat.EVENT[event], f)
}

module.exports = { start, on, TYPES: TencentCloudChat.TYPES }
