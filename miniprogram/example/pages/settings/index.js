const notify = require('../../services/notify')

const NIGHT = '22:30-07:00'

Component({
  data: { muted: false, quietHours: '', off: false, templates: [], error: '' },
  methods: {
    onShow() {
      return this.update() // also on the way back from WeChat's own page
    },
    onMute(event) {
      return this.update({ muted: event.detail.value })
    },
    onQuiet(event) {
      return this.update({ quietHours: event.detail.value ? NIGHT : '' })
    },
    async update(change) {
      try {
        const s = await notify.settings(change)
        const off = s.mainSwitch === false || s.templates.some(t => t.choice === 'reject')
        this.setData({ muted: s.muted, quietHours: s.quietHours, off, templates: s.templates, error: '' })
      } catch (err) {
        this.setData({ error: `${err.code}: ${err.message}` })
      }
    },
    // The only place where users can undo a refusal that they keep. WeChat opens it in a tap only.
    openWeChat() {
      return notify.openSettings().then(
        () => this.update(),
        err => this.setData({ error: `${err.code}: ${err.message}` })
      )
    },
  },
})
