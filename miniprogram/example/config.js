// Where the functions are: `wxnotify local` on this machine. On a phone, and for a release, write the URLs of the
// deployed functions, whose host has to be among the request domains of the mini program.
const functions = 'http://127.0.0.1:9000'

module.exports = { session: functions + '/session', permits: functions + '/permits' }
