import { createNotify } from 'wxnotify-miniprogram'
const notify = createNotify({ session: 'https://f/session', permits: 'https://f/permits' })
export default function Index() { return <view onTap={() => notify.ask('send')}>hi</view> }
