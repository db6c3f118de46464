import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserRecord } from '../../../src/engine/index.js'
import { OwnProfile, senderOfSession, type Said } from '../../../src/gateway/messages/own-profile.js'
import type { Message } from '../../../src/protocol/index.js'

const [stored, claimedPhoto] = ['https://example.com/stored.png', 'https://example.com/claimed.png']

/** The user's newest token says "Newest". */
const user: UserRecord = {
  ...{ appId: 'app', userId: 'support', createdAt: 1 },
  vouched: { name: 'Newest', photoUrl: stored, email: 'newest@example.com' },
  vouchedAt: 20_000,
  claimed: { photoUrl: claimedPhoto },
}
const own = (profile: object, issuedAt: number | null = 10_000): Said => ({ vouched: { profile, issuedAt } })

const cases: [what: string, said: Said, user: Partial<UserRecord>, sender: Message['sender'] | undefined][] =
  [
    ['says nothing: the stored profile counts', {}, {}, undefined],
    ['has a name in its token', own({ name: 'Ann' }), { claimed: {} }, { name: 'Ann' }],
    [
      'has a claimed photo below its token',
      own({ name: 'Ann' }),
      {},
      { name: 'Ann', photoUrl: claimedPhoto },
    ],
    ['has a token with neither name nor photo', own({ email: 'a@example.com' }), { claimed: {} }, null],
    ['has a token without a time', own({ name: 'Ann' }, null), { claimed: {} }, { name: 'Ann' }],
    [
      'claims a name below that of the newest token',
      { claimed: { name: 'Me' } },
      {},
      { name: 'Newest', photoUrl: stored },
    ],
    [
      'claims a name that no token has',
      { claimed: { name: 'Me' } },
      { vouched: {} },
      { name: 'Me', photoUrl: claimedPhoto },
    ],
    [
      'has a token from before the backend set the profile',
      own({ name: 'Ann' }),
      { setAt: 15_000 },
      undefined,
    ],
    [
      'has a token without a time, and the backend has set the profile',
      own({ name: 'Ann' }, null),
      { setAt: 15_000 },
      undefined,
    ],
    [
      'has a token from after that',
      own({ name: 'Ann' }, 16_000),
      { setAt: 15_000, claimed: {} },
      { name: 'Ann' },
    ],
    [
      'has a token of the same second',
      own({ name: 'Ann' }, 15_000),
      { setAt: 15_900, claimed: {} },
      { name: 'Ann' },
    ],
  ]
for (const [what, said, more, sender] of cases)
  test(`the sender of a session that ${what}`, () =>
    assert.deepEqual(senderOfSession(said, { ...user, ...more }), sender))

test('a session keeps what it has said when the stored profile changes, and replaces it when it says more', () => {
  const profile = new OwnProfile()
  profile.update(own({ name: 'Ann', role: 'agent' }), { ...user, claimed: {} })
  profile.update({}, { ...user, vouched: { name: 'Bob' }, claimed: {} })
  assert.deepEqual(profile.sender, { name: 'Ann' })
  profile.update({ claimed: { photoUrl: claimedPhoto } }, { ...user, claimed: {} })
  assert.deepEqual(profile.sender, { name: 'Ann', photoUrl: claimedPhoto })
  profile.update(own({ name: 'Ann Lee' }), { ...user, claimed: {} })
  assert.deepEqual(profile.sender, { name: 'Ann Lee', photoUrl: claimedPhoto })
  profile.update({}, { ...user, setAt: 30_000 })
  assert.deepEqual(profile.sender, { name: 'Newest', photoUrl: stored })
})
