import { createNotify } from 'wxnotify-miniprogram'
createNotify({ session: 'https://f/session', permits: 'https://f/permits' }).login()
export default function App({ children }) { return children }
