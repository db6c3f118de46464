import { createECDH, randomBytes, type ECDH } from 'node:crypto'
import { pino } from 'pino'
import type { Credential, Engine, PushSubscriptionData, UserRef } from '../../../src/engine/engine.js'
import type { App } from '../../../src/gateway/apps/app.js'
import type { Pushes } from '../../../src/gateway/push/pushes.js'
import type { PushRequests } from '../../../src/gateway/push/push-request.js'
import { APP, type Modules, type ProcessModules } from './site.js'
import type { World } from './world.js'

/** Milliseconds: the default of the config. */
const PING_INTERVAL = 25_000

interface Phone {
  keys: ECDH
  auth: Buffer
  subscription: PushSubscriptionData
  /** The newest offset of the inbox when the phone subscribed; undefined before that. */
  since: number | undefined
  /** The newest offset that was pushed, by sender. */
  pushed: Map<string | null, number>
}

/**
 * The users' phones, with the push service that reaches them. The gateway itself has another thread sign the pushes, which would answer at
 * a time that no seed determines, so the simulation has the gateway's parts that push, with an app that does not sign.
 */
export class Phones {
  readonly #world: World
  readonly #modules: Modules
  readonly #note: (text: string) => void
  readonly #phones = new Map<string, Phone>()
  /** Whether the push service fails at times. */
  isIll = true

  constructor(world: World, modules: Modules, users: readonly string[], note: (text: string) => void) {
    this.#world = world
    this.#modules = modules
    this.#note = note
    for (const user of users) {
      const keys = createECDH('prime256v1')
      const auth = randomBytes(16)
      const p256dh = keys.generateKeys('base64url')
      const subscription = {
        endpoint: `https://push.test/${user}`,
        expirationTime: null,
        keys: { p256dh, auth: auth.toString('base64url') },
      }
      this.#phones.set(user, { keys, auth, subscription, since: undefined, pushed: new Map() })
    }
  }

  /** The newest offset of a sender that a user's phone has shown; 0 if there is none. */
  pushedTo(user: string, from: string | null): number {
    return this.#phones.get(user)?.pushed.get(from) ?? 0
  }

  /** Messages up to this offset are not pushed to the user's phone. */
  since(user: string): number {
    return this.#phones.get(user)?.since ?? Infinity
  }

  /** Subscribes the phones. No revocation concerns their credential. */
  async subscribe(engine: Engine): Promise<void> {
    const credential: Credential = {
      ...{ authMethod: 'signature', tokenId: null, issuedAt: Number.MAX_SAFE_INTEGER, expiresAt: null },
    }
    for (const [userId, phone] of this.#phones) {
      const of: UserRef = { appId: APP, userId }
      await engine.saveUser(of, {})
      await engine.savePushDevice(of, phone.subscription, credential)
      const [device] = await engine.pushDevices(of)
      phone.since ??= device?.offset
    }
  }

  /** The gateway's parts that push, for one process. */
  pushesFor(engine: Engine, { createPushes, createMetrics, createTracing }: ProcessModules): Pushes {
    const requests: PushRequests = {
      post: async ({ pathname }, _headers, body) => ({
        status: await this.#take(pathname.slice(1), body),
        retryAfter: undefined,
      }),
      close: () => undefined,
    }
    const app = {
      push: {
        settings: {
          ...{
            subject: 'mailto:ops@example.com',
            url: 'https://www.example.com/',
            after: 5_000,
            ttl: 86_400,
          },
          ...{ title: 'New message', content: 'full', privateKey: undefined, hosts: ['push.test'] },
        },
        publicKey: '',
        authorization: () => Promise.resolve(''),
        topic: () => '',
      },
    } as unknown as App
    const log = pino({ level: 'silent' })
    return createPushes({
      ...{ engine, log, metrics: createMetrics(), settings: { pingInterval: PING_INTERVAL } },
      tracing: createTracing(Promise.resolve(undefined)),
      ...{ requests, apps: () => Promise.resolve(new Map([[APP, app]])) },
    })
  }

  /** Takes a push. Resolves with the status of the answer. */
  async #take(user: string, body: Buffer): Promise<number> {
    const { random } = this.#world
    await new Promise((resolve) => setTimeout(resolve, random.between(5, 500)))
    if (this.isIll && random.chance(0.1)) return 503
    const phone = this.#phones.get(user)
    if (!phone) return 410
    const { notification } = JSON.parse(this.#modules.decryptPush(body, phone)) as {
      notification: { data: { offset: number; from: string | null } }
    }
    const { offset, from } = notification.data
    phone.pushed.set(from, Math.max(offset, phone.pushed.get(from) ?? 0))
    this.#note(`the phone of ${user} shows ${offset} from ${from}`)
    // The answer is lost.
    if (this.isIll && random.chance(0.05)) return 500
    return 201
  }
}
