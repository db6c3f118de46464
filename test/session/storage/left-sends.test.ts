import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fateOf, type Sender } from '../../../src/session/storage/left-sends.js'

const guest = (id: string | null): Sender => ({ isGuest: true, id })
const user = (id: string | null): Sender => ({ isGuest: false, id })

const fates: [what: string, sender: Sender, verified: Sender, fate: string][] = [
  ['a user’s own messages are sent', user('ada'), user('ada'), 'send'],
  ['another user learns nothing of them', user('ada'), user('eve'), 'drop'],
  ['a guest learns nothing of them', user('ada'), guest('guest:~1'), 'drop'],
  ['a guest’s own messages are sent', guest('guest:~1'), guest('guest:~1'), 'send'],
  ['those of a guest who is no longer kept are reported', guest('guest:~1'), guest('guest:~2'), 'report'],
  ['a user learns nothing of those of a guest', guest('guest:~1'), user('ada'), 'drop'],
  ['those of a guest without a name are sent by the guest', guest(null), guest('guest:~1'), 'send'],
  ['those of a guest without a name are reported to a user', guest(null), user('ada'), 'report'],
  ['those of an unknown user are reported to a user', user(null), user('ada'), 'report'],
  ['those of an unknown user are not told to a guest', user(null), guest('guest:~1'), 'drop'],
]
for (const [what, sender, verified, fate] of fates)
  test(`of messages that a page has left: ${what}`, () => assert.equal(fateOf(sender, verified), fate))
