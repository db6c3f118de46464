import type { RestCalls } from '../../../src/rest-client/index.js'
import { APP, type Site } from './site.js'
import type { Sending, Tab } from './tab.js'
import type { Owner } from './timers.js'
import type { World } from './world.js'

/** Milliseconds after which the backend repeats a call that has no answer: its gateway may have crashed. */
const NO_ANSWER = 10_000
const ATTEMPTS = 12
/** Milliseconds that the gateway gives a session for fresh credentials after a revocation with `mode=reauth`, and some to tell it. */
const REAUTH = 10_000 + 1_000

/** What the backend has called a user. */
interface Naming {
  /** How many calls were begun, and how many are not answered yet. */
  begun: number
  open: number
  /** The name that is stored if nothing was lost; undefined if calls may have overtaken each other. */
  sure: string | undefined
}

/** The app's backend, which calls the gateway that runs at the moment. */
export class Backend {
  readonly #world: World
  readonly #site: Site
  readonly #tabs: readonly Tab[]
  readonly #note: (text: string) => void
  readonly sent: Sending[] = []
  /** How many calls to lift a user's revocation were begun, and how many are not answered yet. */
  readonly #lifts = new Map<string, { begun: number; open: number }>()
  readonly #namings = new Map<string, Naming>()

  constructor(world: World, site: Site, tabs: readonly Tab[], note: (text: string) => void) {
    this.#world = world
    this.#site = site
    this.#tabs = tabs
    this.#note = note
  }

  /** Sends one message, in the name of `from` or in its own, and repeats the call with the same id until there is an answer. */
  send(from: string | null, to: string): void {
    const number = this.sent.length
    const body = `the backend${from === null ? '' : ` as ${from}`} to ${to} #${number}`
    const sending: Sending = {
      ...{ tab: 'backend', from, to, body, number },
      ...{ outcome: 'open', offset: 0, storedAt: 0, gateway: undefined, code: '' },
    }
    this.sent.push(sending)
    this.#call(
      body,
      (client) =>
        client.sendMessage({
          user: to,
          body: { id: `backend-${number}`, body, ...(from === null ? {} : { from }) },
        }),
      ({ offset, sentAt: storedAt }, gateway) =>
        void Object.assign(sending, { outcome: 'stored', offset, storedAt, gateway }),
      (code) => void Object.assign(sending, { outcome: code === 'no-answer' ? 'unknown' : 'refused', code }),
    )
  }

  /** Revokes all of the user's credentials. With `reauth` a page keeps its session if it sends a fresh token in time. */
  revokeUser(user: string, mode: 'end' | 'reauth'): void {
    const standing = this.#standing((tab) => tab.user === user)
    const delay = mode === 'end' ? 0 : REAUTH
    const lifts = this.#liftsOf(user)
    const { begun } = lifts
    const isSure = lifts.open === 0
    this.#call(
      `revoke ${user}, ${mode}`,
      (client) => client.endUserSessions({ user, mode: mode === 'end' ? undefined : mode }),
      ({ revokedBefore }) => {
        // A lift of the same time may have been the later one.
        if (!isSure || lifts.begun !== begun) return
        for (const tab of standing)
          if (tab.tokenIssuedAt <= revokedBefore)
            tab.userRevokedAt = Math.min(tab.userRevokedAt, Date.now() + delay)
      },
    )
  }

  /** Revokes the newest token of a page. Its session may stand on an earlier one, so no rule says when it must end. */
  revokeToken({ tokenId }: Tab): void {
    this.#call(
      `revoke the token ${tokenId}`,
      (client) => client.revokeToken({ jti: tokenId }),
      () => undefined,
    )
  }

  /** The user's tokens are good again from some moment of the call on. */
  liftRevocation(user: string): void {
    const lifts = this.#liftsOf(user)
    lifts.begun++
    lifts.open++
    const end = (): void => {
      lifts.open--
    }
    for (const tab of this.#tabs) if (tab.user === user) tab.userRevokedAt = Infinity
    this.#call(`lift the revocation of ${user}`, (client) => client.liftRevocation({ user }), end, end)
  }

  /** Gives a user another name. */
  rename(user: string): void {
    const naming = this.#namings.get(user) ?? { begun: 0, open: 0, sure: undefined }
    this.#namings.set(user, naming)
    const number = ++naming.begun
    const isAlone = naming.open++ === 0
    naming.sure = undefined
    const name = `${user} #${number}`
    this.#call(
      `name ${name}`,
      (client) => client.putUser({ user, body: { name } }),
      (_answer, _gateway, attempt) => {
        naming.open--
        // An earlier attempt may still be on its way, and overtake a later call.
        if (isAlone && attempt === 1 && naming.begun === number) naming.sure = name
      },
      () => naming.open--,
    )
  }

  /** Returns the name that a user must have; undefined if that is not sure. */
  nameOf(user: string): string | undefined {
    return this.#namings.get(user)?.sure
  }

  /** Ends one session, whose token stays good: its page does not come back by itself. */
  endSession(tab: Tab): void {
    const { sessionId } = tab.session
    if (sessionId === null) return
    this.#call(
      `end the session of ${tab.name}`,
      (client) => client.endSession({ user: tab.user, session: sessionId }),
      () => undefined,
    )
  }

  #standing(which: (tab: Tab) => boolean): Tab[] {
    return this.#tabs.filter((tab) => tab.session.state === 'active' && which(tab))
  }

  #liftsOf(user: string): { begun: number; open: number } {
    const lifts = this.#lifts.get(user) ?? { begun: 0, open: 0 }
    this.#lifts.set(user, lifts)
    return lifts
  }

  /** Makes a call until it is answered, and then calls `answered` or `failed`. */
  #call<T>(
    name: string,
    make: (client: RestCalls) => Promise<T>,
    answered: (answer: T, gateway: Owner, attempt: number) => void,
    failed: (code: string) => void = () => undefined,
    attempt = 1,
  ): void {
    const running = this.#site.any()
    let isOver = false
    const again = (): void => {
      isOver = true
      if (attempt < ATTEMPTS) this.#call(name, make, answered, failed, attempt + 1)
      else failed('no-answer')
    }
    if (attempt === 1) this.#note(`the backend calls: ${name}`)
    if (!running) {
      this.#world.after(this.#world.random.between(500, NO_ANSWER), again)
      return
    }
    const { owner, gateway } = running
    this.#world.after(NO_ANSWER, () => isOver || again())
    void this.#world.as(owner, () =>
      make(gateway.client(APP)).then(
        (answer) => {
          if (isOver) return
          isOver = true
          this.#note(`the backend is answered: ${name}`)
          answered(answer, owner, attempt)
        },
        (error: unknown) => {
          if (isOver) return
          isOver = true
          const { code = String(error), status = 503 } = error as { code?: string; status?: number }
          this.#note(`the backend is refused: ${name}: ${code}`)
          // The call is repeated unless the gateway has refused it.
          if (status >= 400 && status < 500 && status !== 429) failed(code)
          else this.#world.after(this.#world.random.between(100, 3_000), again)
        },
      ),
    )
  }
}
