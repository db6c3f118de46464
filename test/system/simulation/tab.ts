import { createHmac } from 'node:crypto'
import type { ChatSession } from '../../../src/session/index.js'
import { goodLine, type Line, type Network } from './network.js'
import { APP, SECRET, type Modules } from './site.js'
import type { Owner } from './timers.js'
import type { World } from './world.js'

/** A message that a tab or the backend has sent. */
export interface Sending {
  tab: string
  /** Null for the app's backend in its own name. */
  from: string | null
  to: string
  /** Unique in the simulation: the number of the tab's message is its end. */
  body: string
  number: number
  /** `open` until the promise settles; `gone` if the page crashed before that. */
  outcome: 'open' | 'stored' | 'refused' | 'unknown' | 'gone'
  /** Where it was stored: in the inbox of the page's user, or of the recipient if the backend sent it. */
  offset: number
  /** When it was stored, by the engine. */
  storedAt: number
  /** The process that has acknowledged it. */
  gateway: Owner | undefined
  code: string
}

/** A read mark. */
export interface Mark {
  offset: number
  setAt: number
  /** When the page was told that the mark is stored. */
  takenAt: number
  /** Whether the gateway refused it because the inbox had begun another epoch. */
  isOfEarlierEpoch: boolean
}

interface Received {
  /** Whether the page was told that it missed messages before this one. */
  isAfterLoss: boolean
  offset: number
  body: string
  from: string | null
  sentAt: number
  /** Whether it was sent after the page's credentials were revoked, and it had no others yet. */
  isForbidden: boolean
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs without a promise: a real thread would answer at a time that no seed determines. */
export const tokenOf = (userId: string, tokenId: string, expiresIn: number): string => {
  const iat = Date.now() / 1_000
  const claims = { tokenType: 'user', iss: APP, sub: userId, jti: tokenId, iat, exp: iat + expiresIn }
  const signed = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(claims)}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

/** A page with a `ChatSession`. */
export class Tab {
  readonly owner: Owner
  readonly user: string
  readonly line: Line
  readonly session: ChatSession
  readonly sent: Sending[] = []
  readonly received: Received[] = []
  readonly reads: Mark[] = []
  readonly peerReads: (Mark & { peer: string | null })[] = []
  /** How often it was told of a loss. */
  losses = 0
  /** When its session has started (Unix, milliseconds). It shows how many earlier messages are unread, and is not sent them. */
  startedAt = Infinity
  /** When the user's credentials were revoked, if this page had no later ones then. */
  userRevokedAt = Infinity
  /** When the newest token was issued. */
  tokenIssuedAt = 0
  /** The `jti` of the newest token. */
  tokenId = ''
  hasEnded = false
  readonly #world: World
  readonly #network: Network
  readonly #note: (text: string) => void

  constructor(
    name: string,
    user: string,
    tokenLife: number,
    world: World,
    network: Network,
    modules: Modules,
    note: (text: string) => void,
  ) {
    this.owner = { name, alive: true }
    this.user = user
    this.#world = world
    this.#network = network
    this.#note = note
    this.line = goodLine()
    const newToken = (): string => {
      this.tokenIssuedAt = Date.now()
      this.userRevokedAt = Infinity
      this.tokenId = `${name}-${this.tokenIssuedAt}`
      return tokenOf(user, this.tokenId, tokenLife)
    }
    let isAfterLoss = false
    const made = world.as(this.owner, () => {
      const session = new modules.ChatSession({
        endpoint: 'https://chat.test',
        appId: APP,
        user: { id: user },
        token: newToken(),
        tokenFetcher: async () => {
          await new Promise((resolve) => setTimeout(resolve, world.random.between(5, 300)))
          if (world.random.chance(0.2)) throw new Error('The backend is away.')
          return newToken()
        },
        WebSocket: network.webSocketOf(this.owner, this.line),
        // The simulated network has no requests of `fetch`.
        transports: ['websocket'],
      })
      session.addEventListener('message', ({ detail }) => {
        const { offset, body, from, sentAt } = detail.message
        const isForbidden = sentAt > this.userRevokedAt
        this.received.push({ isAfterLoss, offset, body: body ?? '', from, sentAt, isForbidden })
        isAfterLoss = false
      })
      session.addEventListener('error', ({ detail: { error } }) => {
        note(`${name} reports ${error.code}`)
        if (error.code !== 'messages-lost') return
        isAfterLoss = true
        this.losses++
      })
      session.addEventListener('state', ({ detail: { state, error } }) => {
        note(`${name} is ${state}${error ? `: ${error.code}` : ''}`)
        if (state === 'active') this.startedAt = Math.min(this.startedAt, Date.now())
      })
      void session.start()
      return session
    })
    if (!made) throw new Error('A new page has not crashed.')
    this.session = made
  }

  get name(): string {
    return this.owner.name
  }

  send(to: string): void {
    const number = this.sent.length
    const sending: Sending = {
      ...{ tab: this.name, from: this.user, to, body: `${this.name} to ${to} #${number}`, number },
      ...{ outcome: 'open', offset: 0, storedAt: 0, gateway: undefined, code: '' },
    }
    this.sent.push(sending)
    const refused = (error: unknown): void => {
      const { code } = error as { code: string }
      // What became of its messages is open if the session ends.
      const isKnown = ['refused', 'conflict', 'bad-request', 'too-large', 'outbox-full'].includes(code)
      Object.assign(sending, { outcome: isKnown ? 'refused' : 'unknown', code })
    }
    this.#world.as(this.owner, () => {
      void this.session.send({ to, body: sending.body }).then(({ offset, sentAt: storedAt }) => {
        const gateway = this.#network.lastGateway.get(this.owner)
        Object.assign(sending, { outcome: 'stored', offset, storedAt, gateway })
      }, refused)
    })
  }

  /** Marks all messages as read up to one of the latest, or with `ofPeer` those of its sender. */
  markRead(ofPeer: boolean): void {
    if (ofPeer) return this.#markPeerRead()
    const newest = this.received.at(-1)?.offset
    if (newest === undefined) return
    const offset = this.#world.random.between(Math.max(1, newest - 3), newest)
    const mark: Mark = { offset, setAt: Date.now(), takenAt: Infinity, isOfEarlierEpoch: false }
    this.reads.push(mark)
    this.#mark(mark)
  }

  #markPeerRead(): void {
    const message = this.received.slice(-5).find(({ from }) => from !== this.user)
    if (!message) return
    const { from, offset } = message
    const mark: Mark = { offset, setAt: Date.now(), takenAt: Infinity, isOfEarlierEpoch: false }
    this.peerReads.push(Object.assign(mark, { peer: from }))
    this.#mark(mark, { with: from })
  }

  #mark(mark: Mark, options?: { with: string | null }): void {
    this.#world.as(this.owner, () => {
      // Whether the gateway took the mark is seen in its inbox: the session ends or the page crashes while marks wait.
      this.session.markRead(mark.offset, options).then(
        () => {
          mark.takenAt = Date.now()
          this.#note(`${this.name} has marked ${mark.offset} as read`)
        },
        (error: unknown) => {
          mark.isOfEarlierEpoch = (error as { code: string }).code === 'conflict'
        },
      )
    })
  }

  end(): void {
    this.hasEnded = true
    this.#world.as(this.owner, () => {
      void this.session.end()
    })
  }

  /** The page is gone without an event. */
  crash(): void {
    this.owner.alive = false
    for (const sending of this.sent) if (sending.outcome === 'open') sending.outcome = 'gone'
    for (const socket of [...this.#network.open]) if (socket.owner === this.owner) socket.crash()
  }
}
