import { assert } from '@open-wc/testing'
import type { AppConfig } from '../../src/gateway/config/types.js'
import { ChatSession, type SessionOptions } from '../../src/session/index.js'
import { LEFT_SENDS } from '../../src/session/storage/left-sends.js'
import {
  recordedAt,
  startGateway,
  startScripted,
  stopGateway,
  stopScripted,
  type Recorded,
} from '../support/gateway/gateway-commands.js'
import { until } from '../support/until.js'

/*
 * The headless shell has no back/forward cache, and a test can't leave its own page: the page's events are dispatched by hand, and the next
 * page of the tab is a second session of this page.
 */
export const hide = (): boolean =>
  window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
export const show = (): boolean =>
  window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
export const freeze = (): boolean => document.dispatchEvent(new Event('freeze'))
export const resume = (): boolean => document.dispatchEvent(new Event('resume'))

/** The ids of the messages that a connection has brought. */
export const sendsOf = (connection?: Recorded): string[] =>
  connection?.frames.flatMap((frame) => (frame.type === 'send' ? [frame.id] : [])) ?? []

/** Sends a message that nobody waits for: the scripted gateway answers none. */
export const send = (session: ChatSession, id: string, to = 'bob'): void => {
  session.send({ to, id, body: id }).catch(() => undefined)
}

/** A message that a page has left, `age` milliseconds ago. */
export const leftSend = (id: string, age = 0): object => ({
  ...{ type: 'send', id, to: 'bob' },
  writtenAt: Date.now() - age,
})

/** A tab for each test: a scripted gateway, and a storage that is empty. Its sessions end and its gateways stop after the test. */
export const useTab = () => {
  const tab = { endpoint: '', sessions: [] as ChatSession[], gateways: [] as string[] }

  beforeEach(async () => {
    tab.endpoint = await startScripted()
    sessionStorage.clear()
  })
  afterEach(async () => {
    await Promise.all(tab.sessions.splice(0).map((session) => session.end()))
    await Promise.all([stopScripted(tab.endpoint), ...tab.gateways.splice(0).map(stopGateway)])
  })

  const leftKey = (page: string | number = 1): string =>
    `${LEFT_SENDS}${JSON.stringify(['chat-session', tab.endpoint, 'app'])}${page}`

  const make = (given: Partial<SessionOptions> = { token: 'a.b.c', user: { id: 'ann' } }): ChatSession => {
    const session = new ChatSession({ endpoint: tab.endpoint, appId: 'app', ...given })
    tab.sessions.push(session)
    return session
  }

  return Object.assign(tab, {
    leftKey,
    make,
    /** Makes a session, and waits for the result of its start. */
    async started(given?: Partial<SessionOptions>): Promise<ChatSession> {
      const session = make(given)
      await session.start()
      return session
    },
    /** Starts a gateway with the app `app`, where guests are allowed. */
    async gatewayWith(app: AppConfig): Promise<string> {
      const url = await startGateway({ apps: { app: { guests: true, ...app } } })
      tab.gateways.push(url)
      return url
    },
    /** Stores what an earlier page has left. The browser may have the pages in any order. */
    leave(
      sends: unknown[],
      { page = 1 as string | number, isGuest = false, id = 'ann' as string | null } = {},
    ): void {
      sessionStorage.setItem(leftKey(page), JSON.stringify({ sender: { isGuest, id }, sends }))
    },
    /** Resolves when the newest connection has brought these messages, in this order and no others. */
    async arrive(...ids: string[]): Promise<void> {
      const arrived = async (): Promise<string[]> => sendsOf((await recordedAt(tab.endpoint)).at(-1))
      await until('all messages have come', async () => (await arrived()).length, ids.length)
      assert.deepEqual(await arrived(), ids)
    },
  })
}
