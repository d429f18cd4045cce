const { start } = require('./services/chat')

App({
  onLaunch() {
    // As early as it can be: the advice of what to ask for comes with the login, and a tap before it asks for what
    // the last run was advised. Pages that need the SDK wait for the same promise, and say what went wrong.
    start().catch(() => {})
  },
})
