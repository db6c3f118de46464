// What the tests of the element share: a gateway for a file, tags in the page, and waiting for things to happen.
import type {} from 'mocha'
import { SessionStateEvent, type ChatSessionElement } from '../../src/element/define.js'
import type { GatewayConfig } from '../../src/gateway/config/types.js'
import { createSignature, createToken } from '../../src/tokens/index.js'
import {
  connectionsAt,
  startGateway,
  stopGateway,
  type Connections,
  type GatewayRequest,
} from '../support/gateway-commands.js'
import { until } from '../support/until.js'

const secret = 'a secret of at least 32 bytes, for tests'
const signatureSecret = 'another of at least 32 bytes, for signatures'

/** Milliseconds that a thing has to happen in. */
const PATIENCE = 30_000

type Given = Partial<Omit<ChatSessionElement, 'style' | 'children'>>
type Events = HTMLElementEventMap

/** The next event of this type; fails when it takes too long. */
export const heard = <K extends keyof Events>(target: EventTarget, type: K): Promise<Events[K]> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Nobody heard ${type}.`)), PATIENCE)
    const listener = (event: Event): void => {
      clearTimeout(timer)
      resolve(event as Events[K])
    }
    target.addEventListener(type, listener, { once: true })
  })

/**
 * Has a change of the profile go to the gateway and come back, as one `session-user`: what was done before has been
 * dealt with by then.
 */
export const roundTrip = async (element: ChatSessionElement, hears: EventTarget = element): Promise<void> => {
  const name = crypto.randomUUID()
  const told = heard(hears, 'session-user')
  element.setAttribute('user-name', name)
  const { user } = (await told).detail
  if (user.name !== name) throw new Error(`Told of ${user.name ?? 'nobody'} instead of ${name}.`)
}

const types = [
  'session-state',
  'session-started',
  'session-failed',
  'session-ended',
  'session-error',
  'session-message',
  'session-unread',
  'session-user',
  'session-token-needed',
  'session-notification',
  'session-notification-click',
] as const

/** Names of the element's events as they come, states with what they are: `state:active`, `started`. */
export const listenTo = (target: EventTarget, signal?: AbortSignal): string[] => {
  const names: string[] = []
  for (const type of types)
    target.addEventListener(
      type,
      (event) => {
        const name = type.slice('session-'.length)
        names.push(event instanceof SessionStateEvent ? `${name}:${event.detail.state}` : name)
      },
      { ...(signal && { signal }) },
    )
  return names
}

/** A task of its own, after those that are waiting. */
export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

/** Makes an element with these properties, which is not in the page yet. */
export const make = (given: Given): ChatSessionElement =>
  Object.assign(document.createElement('chat-session'), { appId: 'app' }, given)

export interface TestGateway {
  /** Where it listens. */
  readonly url: string
  make(given: Given): ChatSessionElement
  /** Puts an element into the page. */
  mount(given: Given, parent?: ParentNode): ChatSessionElement
  /** Puts an element with a good token into the page, and waits until its session is active. */
  active(userId: string, given?: Given): Promise<ChatSessionElement>
  connections(): Promise<Connections>
  token(userId: string, expiresIn?: number): Promise<string>
  signature(userId: string): Promise<string>
}

/** Runs a gateway for the tests of a file. After each of them every element is gone, and every connection with it. */
export const useGateway = (options: Omit<GatewayRequest, 'config'> = {}): TestGateway => {
  let url = ''
  before(async () => {
    const apps: GatewayConfig['apps'] = {
      app: { environment: 'test', secrets: [secret], signatureSecrets: [signatureSecret] },
      other: { environment: 'test' },
      vouched: { environment: 'test', profiles: 'vouched' },
    }
    url = await startGateway({ apps }, options)
  })
  afterEach(async () => {
    document.body.replaceChildren()
    await until('every connection is gone', async () => (await connectionsAt(url)).open === 0)
  })
  after(() => stopGateway(url))

  const gateway: TestGateway = {
    get url() {
      return url
    },
    make: (given) => make({ endpoint: url, ...given }),
    mount(given, parent = document.body) {
      const element = gateway.make(given)
      parent.append(element)
      return element
    },
    async active(userId, given = {}) {
      const element = gateway.mount({ userId, token: await gateway.token(userId), ...given })
      await element.whenStarted()
      return element
    },
    connections: () => connectionsAt(url),
    token: (userId, expiresIn) =>
      createToken({ appId: 'app', userId, secret, ...(expiresIn !== undefined && { expiresIn }) }),
    signature: (userId) => createSignature(userId, signatureSecret),
  }
  return gateway
}
