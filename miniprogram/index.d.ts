/** What one template of `notify.yml` needs of the user, as `permits` advises. */
export interface Template {
  /** The template id, for `wx.requestSubscribeMessage`. */
  id: string
  /** The template's name in `notify.yml`: `message`, `mention`, `call`, `missed_call`, `digest`, or one of your own. */
  kind: string
  /** Cards that the user's subscriptions still pay for, as far as the server knows. */
  balance: number
  longTerm: boolean
  /** The dialog may ask for it on the next tap. */
  ask: boolean
  /** In how many seconds it may, if only the time is missing; else 0. */
  askInSeconds: number
  /** Up to how many permits to add on taps that open no dialog. */
  stock: number
  /** Absences that passed without a card since the user's last tap, because no permit was left. */
  missed: number
  /** The reason, for developers. */
  why: string
}

/** What the Chat SDK needs to sign the user in. Keep it in memory. */
export interface Session {
  userId: string
  userSig: string
  sdkAppId: number
  /** RFC 3339, by the server's clock. */
  expiresAt?: string
  /** For how long the UserSig lives. Left out by your own login function: 24 hours. */
  expiresInSeconds?: number
  /** Left out by your own login function: the helper asks `permits` for them. */
  templates?: Template[]
}

/**
 * Why something did not work. Codes of the helper: `misconfigured`, `login_failed`, `offline`, `http`, `bad_answer`,
 * `storage`, `results`, `not_a_tap`, `failed`. All others are those of the server, see docs/api.md.
 */
export interface NotifyError extends Error {
  name: 'NotifyError'
  code: string
  /** The HTTP status, if the server answered. */
  status?: number
}

/** What became of a tap. README.md has a line for each. */
export type Outcome =
  | 'accepted' | 'refused' | 'banned' | 'filtered' | 'unknown'
  | 'enough' | 'waiting' | 'not_kept' | 'switched_off' | 'main_switch_off' | 'not_ready' | 'busy'
  | 'not_a_tap' | 'offline' | 'background' | 'misconfigured' | 'unsupported' | 'failed'

export interface TapResult {
  outcome: Outcome
  /** WeChat's word for each template that was asked for: `accept`, `reject`, `ban`, `filter`, `acceptWithAudio`, ... */
  answers: Record<string, string>
  /** The templates that got a permit. */
  accepted: string[]
  /** WeChat's own code and text, if its call failed. */
  errCode?: number
  errMsg?: string
}

export interface Preferences {
  /** Nothing at all is announced. */
  muted: boolean
  /** Such as `22:30-07:00`; empty: none. */
  quietHours: string
  /** Up to 100 ids of users and groups of which nothing is announced. */
  mutedPeers: string[]
}

export interface Settings extends Preferences {
  /** WeChat's main switch for this mini program; undefined: WeChat does not say. */
  mainSwitch?: boolean
  /** `choice` is what the user ticked "always keep" for: `accept`, `reject`, `ban`, or empty. */
  templates: Array<Template & { choice: string }>
}

export interface Conversation {
  /** As the Chat SDK names it: `C2C` or `GROUP`, and the id. */
  conversationID: string
  type: 'C2C' | 'GROUP'
  id: string
}

/** The part of the Chat SDK that `markRead` needs. */
export interface Chat {
  setMessageRead(options: { conversationID: string }): unknown
}

export interface Config {
  /** The URL of `permits`. */
  permits: string
  /** The URL of `session`. Not needed with `login`. */
  session?: string
  /** With `SESSION_MODE=trusted`: gives the code to your own backend, and returns what `session` answered it. */
  login?: (code: string) => Promise<Session> | Session
  /** Which kinds of templates a scene may ask for. A scene that is not listed asks for what the server advises. */
  scenes?: Record<string, string[]>
  /** Tells ids of groups from ids of users in a card's `peer`. Left out: groups begin with `@TGS#`. */
  isGroup?: (id: string) => boolean
  /** A later session has replaced the first, before that ended. */
  onRenew?: (session: Session) => void
  /** Gets what went wrong in the background. */
  onError?: (err: NotifyError) => void
  /** Left out: the global `wx`. */
  wx?: object
}

export interface Notify {
  /** Signs the user in, or returns the session while it lives. Rejects with a NotifyError. */
  login(): Promise<Session>
  /** Forgets the session. */
  logout(): void
  /** Asks for permits. Call it first thing in a tap handler. Never rejects. */
  ask(scene?: string): Promise<TapResult>
  /** Adds permits of what the user always keeps; opens no dialog. Call it in a tap handler. Never rejects. */
  stock(scene?: string): Promise<TapResult>
  /** Reports what your own call of `wx.requestSubscribeMessage` returned. `tappedAt` in ms; left out: now. */
  report(results: object, tappedAt?: number): Promise<'sent' | 'queued'>
  /** Sends the reports that wait. Resolves with how many are left. Never rejects. */
  flush(): Promise<number>
  /** Reads the user's settings, after changing some. Rejects with a NotifyError. */
  settings(change?: Partial<Preferences>): Promise<Settings>
  /** Opens WeChat's settings page, from a tap. */
  openSettings(): Promise<{ mainSwitch?: boolean; choices: Record<string, string> }>
  /** Reads the conversation that a card leads to out of a page's or the app's options, and hands it to `go`. */
  open(options: object | undefined, go?: (conversation: Conversation) => void): Conversation | null
  /** Tells IM that a conversation was read. Resolves with whether that worked. Never rejects. */
  markRead(chat: Chat, conversationID: string): Promise<boolean>
}

export function createNotify(config: Config): Notify
