const { createNotify } = require('wxnotify-miniprogram')
const config = require('../config')

// One instance for the whole mini program: it keeps reports in the storage, under one key.
const notify = createNotify({
  session: config.session,
  permits: config.permits,
  onError: err => console.warn('wxnotify:', err.code, err.message),
})

module.exports = notify
