// A rule that changes in src/engine/rules.ts changes the engine of one process and the Redis engine.
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { createMemoryEngine, type Engine } from '../../../../src/engine/index.js'
import { loadSteps } from '../../../../src/engine/redis/script.js'
import { engineRules } from '../../../../src/engine/rules.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  credential,
  deliver,
  newMessage,
  nextEvents,
  request,
  rules,
  start,
  startSession,
  until,
  saveGuest,
} from '../../../../src/engine/suite/kit.js'
import { ask, pending, untilPending } from '../../../../src/engine/suite/webhook-kit.js'
import { sendRulesOf } from '../../../../src/gateway/apps/engine-rules.js'
import { parseConfig } from '../../../../src/gateway/config/parse.js'
import { saveDevice } from '../../../support/engine/calls.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { standalone } from '../../../support/redis/server.js'

type Rules = {
  -readonly [Name in keyof typeof engineRules]: (typeof engineRules)[Name] extends number ? number : string[]
}

/** How many digits of a digest the name of a library has. */
const HASH_LENGTH = 12
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * Sets the clock forward. Timers of the engine of one process do not follow the clock, but for a new app the engine sets one that fires
 * after this call, and then the engine does everything that is due.
 */
const letPass = async (engine: Engine, milliseconds: number): Promise<void> => {
  await engine.configure(randomUUID(), { retention: rules().retention, webhooks: null })
  advanceClock(milliseconds)
}

/** How many bytes the body of each message of Ada has. */
const BODY_BYTES = 20_000

/** Returns how many messages Ada may send in an app whose config has a megabyte for all messages. */
const sentByAda = async (engine: Engine): Promise<number> => {
  await engine.saveUser(ada, {})
  const bytes = 1_000_000
  const shop = {
    ...{ environment: 'test', secrets: ['a'.repeat(32)] },
    ...{ limits: { bytes, unreadPerSender: 1 }, retention: { bytes } },
  }
  const parsed = parseConfig({ apps: { shop } }, {})
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const under = sendRulesOf(parsed.config.apps.get('shop') ?? assert.fail(), parsed.config)
  for (let sent = 0; ; sent++) {
    const { outcome } = await engine.send(newMessage({ body: 'a'.repeat(BODY_BYTES) }), under)
    if (outcome === 'over-share') return sent
    assert.equal(outcome, 'stored')
  }
}

/** How long the app keeps messages in tests of the search for expired ones. */
const AGE = 10 * DAY

const untilUsed = (engine: Engine, bytes: number): Promise<void> =>
  until(`${bytes} bytes are used`, async () => (await engine.usage(app)).bytes === bytes)

/** Stores two messages, and lets a search delete the first one. The second one has expired when this resolves. Returns its bytes. */
const searchOnce = async (engine: Engine, age: number): Promise<number> => {
  const retention = { ...rules().retention, age }
  await engine.configure(app, { retention, webhooks: null })
  await deliver(engine, { from: null }, { retention })
  const { bytes } = await engine.usage(app)
  advanceClock(10 * MINUTE)
  await deliver(engine, { from: null }, { retention })
  await letPass(engine, age - 5 * MINUTE)
  await untilUsed(engine, bytes)
  await letPass(engine, 6 * MINUTE)
  return bytes
}

const addDevice = async (engine: Engine, name: string): Promise<void> => {
  await engine.saveUser(bob, {})
  assert.ok(await saveDevice(engine, bob, name))
}

const endpointsOf = async (engine: Engine): Promise<string[]> =>
  (await engine.pushDevices(bob)).map(({ endpoint }) => endpoint)

/** Resolves when the engine has forgotten that the token is revoked. */
const untilForgotten = async (engine: Engine, tokenId: string): Promise<void> => {
  const shown = { ...credential(), tokenId }
  // The engine of one process deletes what has expired once an hour.
  await letPass(engine, HOUR)
  await until('the revocation is forgotten', async () => !(await engine.isRevoked(ada, shown)))
}

const server = await standalone()
const redis = redisEngines(() => ({ type: 'single', url: server.url }))
const engines: [name: string, create: () => Engine | Promise<Engine>][] = [
  ['the engine of one process', () => createMemoryEngine()],
  ['the Redis engine', redis.create],
]

/** The names of the rules that a test changes. */
const tested = new Set<string>()

/** Writes a value as Lua. */
const luaOf = (value: number | readonly string[] | undefined): string =>
  typeof value === 'object' ? `{${value.map((each) => `"${each}"`).join(',')}}` : String(value)

/** Sets rules in the library that the engines opened from now on load into Redis. Returns what sets them back. */
const changeLibrary = (changed: Partial<Rules>): (() => void) => {
  const { library } = loadSteps().open
  const before = { ...library }
  const lines = Object.entries(changed).map(
    ([name, value]) => `____exports.engineRules.${name}=${luaOf(value)}\n`,
  )
  const [, module = assert.fail()] =
    /(\["src\.engine\.rules"\] = function[^]*?)return ____exports/.exec(library.source) ?? []
  const name = before.name.slice(0, -HASH_LENGTH) + randomBytes(HASH_LENGTH / 2).toString('hex')
  const source = before.source.replace(module, () => module + lines.join('')).replaceAll(before.name, name)
  Object.assign(library, { name, source })
  return () => void Object.assign(library, before)
}

/** Defines a test on an engine that is opened and used with other rules. */
const testWith = (
  create: () => Engine | Promise<Engine>,
  changed: Partial<Rules>,
  name: string,
  body: (engine: Engine) => Promise<void>,
): void => {
  for (const rule of Object.keys(changed)) tested.add(rule)
  void it(`${Object.keys(changed).join(', ')}: ${name}`, async () => {
    const before = { ...engineRules }
    Object.assign(engineRules, changed)
    const changeBack = changeLibrary(changed)
    const engine = await create()
    try {
      await engine.open()
      await body(engine)
    } finally {
      await engine.close()
      Object.assign(engineRules, before)
      changeBack()
    }
  })
}

for (const [engineName, create] of engines)
  void describe(engineName, () => {
    const withRules = testWith.bind(undefined, create)

    withRules(
      { guestStartTimeout: 20 },
      'a guest who starts no session is deleted sooner',
      async (engine) => {
        const guest = { appId: app, userId: 'guest:1' }
        const savedAt = performance.now()
        await saveGuest(engine, guest, {}, 1)
        await until('the guest is deleted', async () => (await engine.user(guest)) === null)
        assert.ok(performance.now() - savedAt < 30_000)
      },
    )

    withRules({ messageOverhead: 10_000 }, 'a message takes more of the quota', async (engine) => {
      await deliver(engine)
      const { bytes } = await engine.usage(app)
      assert.ok(bytes > 20_000 && bytes < 21_000, `two copies take ${bytes} bytes`)
    })

    withRules({ searchedForUnread: 1 }, 'unread messages behind own ones are not found', async (engine) => {
      await ask(engine, ['message.unread'], 500)
      const oldest = await deliver(engine)
      await deliver(engine)
      await deliver(engine, { from: bob.userId, to: ada.userId })
      const { event } = await untilPending(engine, bob, 'message.unread')
      const messages = event.data['messages'] as { offset: number }[]
      assert.deepEqual(
        messages.map(({ offset }) => offset),
        [oldest.offset],
      )
    })

    withRules({ maxFailedEvents: 1 }, 'the oldest failed event is forgotten sooner', async (engine) => {
      await ask(engine, ['session.started'])
      await start(engine, ada)
      await start(engine, ada)
      for (let failed = 0; failed < 2;)
        for (const { event } of await engine.takeDueEvents(app, 1, 60_000)) {
          await engine.endDelivery(app, event.userId, event.id, { failed: 'refused' })
          failed++
        }
      assert.equal((await pending(engine)).length, 1)
    })

    const limits = { user: { events: 100, bytes: 10_000 }, app: { events: 100, bytes: 1e9 } }
    withRules({ eventOverhead: 4_000 }, 'fewer events are pending', async (engine) => {
      await ask(engine, ['session.started'], undefined, limits)
      for (let n = 0; n < 5; n++) await start(engine, ada)
      const types = (await pending(engine)).map(({ event }) => event.type)
      assert.deepEqual(types, ['session.started', 'session.started', 'events.dropped'])
    })

    withRules({ eventsBehind: 2 }, 'events about presence cancel each other sooner', async (engine) => {
      await ask(engine, ['user.created', 'user.online', 'user.offline'])
      await engine.saveUser(ada, {})
      await engine.endSession(await start(engine, ada), 'ended')
      assert.deepEqual(
        (await pending(engine)).map(({ event }) => event.type),
        ['user.created'],
      )
    })

    withRules({ senderShare: 0.001 }, 'a sender may take less of the app', async (engine) => {
      assert.equal(await sentByAda(engine), Math.floor(engineRules.minSenderBytes / BODY_BYTES))
    })

    withRules(
      { minSenderBytes: 9.5 * BODY_BYTES },
      'a sender may take more of a small app',
      async (engine) => {
        assert.equal(await sentByAda(engine), 9)
      },
    )

    for (const changed of [{ expirySearchRatio: 1e-9 }, { maxExpirySearchInterval: 50 }])
      withRules(changed, 'expired messages are searched again sooner', async (engine) => {
        await searchOnce(engine, AGE)
        await untilUsed(engine, 0)
      })

    withRules(
      { minExpirySearchInterval: HOUR },
      'expired messages are searched again later',
      async (engine) => {
        const asked = request(bob)
        const session = await startSession(engine, asked)
        const bytes = await searchOnce(engine, 2 * HOUR)
        const ended = nextEvents(engine, 'session-ended')
        await engine.detachSession(session, asked.connectionId, 100)
        // The Redis engine searches the inboxes of a partition before it ends the sessions in it.
        await ended
        assert.equal((await engine.usage(app)).bytes, bytes)
        await letPass(engine, HOUR)
        await untilUsed(engine, 0)
      },
    )

    withRules({ pushDevices: 1 }, 'a user has fewer devices', async (engine) => {
      await addDevice(engine, '1')
      await addDevice(engine, '2')
      assert.deepEqual(await endpointsOf(engine), ['https://push.example.com/2'])
    })

    withRules({ pushLease: 50 }, 'a push that no gateway ends is due again sooner', async (engine) => {
      await ask(engine, [])
      await addDevice(engine, '1')
      const due = nextEvents(engine, 'push-due', 2)
      await deliver(engine, {}, { pushAfter: 1 })
      await due
    })

    // The engine of one process keeps a token whose expiry it does not know for `tokenMargin` at least.
    withRules({ tokenKeptFor: 50, tokenMargin: 0 }, 'a token is forgotten sooner', async (engine) => {
      await engine.revokeToken(app, 'unknown')
      await untilForgotten(engine, 'unknown')
    })

    withRules({ tokenMargin: 1_000 }, 'a token that has expired is forgotten sooner', async (engine) => {
      const shown = { ...credential(), tokenId: 'expired', expiresAt: Date.now() }
      await startSession(engine, request(ada, { credential: shown }))
      await engine.revokeToken(app, 'expired')
      await untilForgotten(engine, 'expired')
    })
  })

/** Returns for how many milliseconds Redis keeps the only key of a kind. */
const leftOf = async (prefix: string, kind: string): Promise<number> => {
  const keys = (await server.command('keys', `${prefix}*}:${kind}:*`)).trim().split('\n')
  assert.equal(keys.length, 1)
  return Number(await server.command('pttl', String(keys[0])))
}

testWith(
  () => redis.createWith('owners:'),
  { pushKeptFor: 90 * DAY },
  'Redis keeps the owner of a device for longer than the device',
  async (engine) => {
    await addDevice(engine, '1')
    const left = await leftOf('owners:', 'device')
    assert.ok(left > 90 * DAY && left <= 91 * DAY, `${left}`)
  },
)

// In one process no start is on its way to the engine.
testWith(
  () => redis.createWith('starts:'),
  { startTimeout: HOUR },
  'Redis refuses starts with a token for longer after the token was revoked',
  async (engine) => {
    await startSession(engine, request(ada, { credential: { ...credential(), tokenId: 'revoked' } }))
    await engine.revokeToken(app, 'revoked')
    const left = await leftOf('starts:', 'tombs')
    assert.ok(left > HOUR - MINUTE && left <= HOUR, `${left}`)
  },
)

/** The suite, which runs on both engines, has tests that fail on an engine with other values of these. */
const testedBySuite = ['makesRoom', 'offlineAfter', 'sharedLimits', 'reportedUnread']

void it('every rule has a test', () => {
  assert.deepEqual([...tested, ...testedBySuite].sort(), Object.keys(engineRules).sort())
})
