import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { BrowserContext, Locator, Page, WebSocket } from 'playwright-core'
import { startDev, type Dev } from '../../../src/cli/dev/dev.js'
import type { LoginMethodId } from '../../../src/pages/playground/settings.js'
import { newContext } from '../browsers/browser.js'
import { scratchFolder } from '../scratch-folder.js'

type AppId = 'playground' | 'strict'

/** One user of the page. */
export interface Panel {
  at: Locator
  /** Opens a tab of the panel. */
  open(tab: 'Events' | 'Log-in' | 'Element' | 'Notify' | 'Code'): Promise<void>
  choose(way: LoginMethodId, app?: AppId): Promise<void>
  /** Opens the button's tab, and presses the button. */
  press(name: string): Promise<void>
  /** Waits until the panel shows this state. */
  reaches(state: string): Promise<void>
  /** Chooses a log-in, starts the session, and waits for a new active session or for the given state. */
  start(way: LoginMethodId, state?: string, app?: AppId): Promise<void>
  /** Waits until the log has an event that matches. */
  logs(words: RegExp): Promise<void>
  sessionId(): Promise<string>
  user(): Promise<string>
  /** Shows the conversation with a user. */
  choosePeer(name: string): Promise<void>
  write(to: string, body: string): Promise<void>
  /** A message of the shown conversation. */
  message(body: string): Locator
  /** The counts of the conversations that have unread messages. */
  unread(): Locator
}

export interface Playground extends Panel {
  page: Page
  context: BrowserContext
  dev: Dev
  /** Errors in the console, exceptions, and violations of the Content-Security-Policy. */
  problems: string[]
  /** Returns the panel at an index, from 0. */
  panel(index: number): Panel
  /** Adds a user, and waits for the panel. */
  add(): Promise<Panel>
  /** Returns the latest connection of the first panel's session. */
  socket(): Promise<WebSocket>
  /** Removes all users and adds Alice, without a session. */
  alone(): Promise<void>
}

/** The tab of each button. The other buttons are outside the tabs. */
const tabOf: Record<string, Parameters<Panel['open']>[0]> = {
  'start()': 'Element',
  'end()': 'Element',
  'Remove it': 'Element',
  'Put it back': 'Element',
  'Move it': 'Element',
  'Change user': 'Element',
  'Renew token now': 'Element',
  'Log out of the source': 'Element',
  'Start the session': 'Log-in',
  'Start again with these settings': 'Log-in',
  'requestNotifications()': 'Notify',
  Clear: 'Events',
  Copy: 'Code',
}

const panelOf = (at: Locator): Panel => {
  const open: Panel['open'] = async (name) => {
    const tab = at.getByRole('tab', { name, exact: true })
    if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click()
  }
  const reaches = (state: string): Promise<void> => at.locator(`.state .name.${state}`).waitFor()
  const sessionId = (): Promise<string> => at.locator('#session-id').innerText()
  const choose: Panel['choose'] = async (way, app = 'playground') => {
    await open('Log-in')
    const chosen = at.getByRole('button', { name: app, exact: true })
    if ((await chosen.getAttribute('aria-pressed')) !== 'true') await chosen.click()
    await at.getByLabel('Way to log in').selectOption(way)
  }
  const conversations = at.getByRole('group', { name: 'Conversations' })
  const choosePeer = (name: string): Promise<void> =>
    conversations.getByRole('button', { name: new RegExp(`^\\s*${name}`) }).click()
  return {
    at,
    open,
    choose,
    reaches,
    sessionId,
    press: async (name) => {
      const tab = tabOf[name]
      if (tab) await open(tab)
      await at.getByRole('button', { name, exact: true }).click()
    },
    start: async (way, state = 'active', app = 'playground') => {
      const [former = ''] = await at.locator('#session-id').allInnerTexts()
      await choose(way, app)
      await at.locator('.login button.main').click()
      if (state === 'active' && former) await at.locator('#session-id', { hasNotText: former }).waitFor()
      await reaches(state)
    },
    logs: async (words) => {
      await open('Events')
      await at.locator('.log li').filter({ hasText: words }).first().waitFor()
    },
    user: () => at.locator('#user').innerText(),
    choosePeer,
    write: async (to, body) => {
      await choosePeer(to)
      await at.getByLabel('Message', { exact: true }).fill(body)
      await at.getByRole('button', { name: 'Send', exact: true }).click()
    },
    message: (body) => at.locator('.thread li').filter({ hasText: body }),
    unread: () => conversations.locator('.count'),
  }
}

/** Returns all text of the page, in all shadow roots and closed details too. */
export const textOf = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const texts: string[] = []
    const nodes: Node[] = [document.body]
    for (let node = nodes.pop(); node; node = nodes.pop()) {
      if (node instanceof Text) texts.push(node.data)
      nodes.push(...node.childNodes)
      if (node instanceof Element && node.shadowRoot) nodes.push(node.shadowRoot)
    }
    return texts.join('\n')
  })

const open = async (): Promise<Playground & { close(): Promise<void> }> => {
  const dev = await startDev({ host: '127.0.0.1', port: 0, data: scratchFolder() })
  const context = await newContext()
  const page = await context.newPage()
  const problems: string[] = []
  page.on(
    'console',
    (message) => message.type() === 'error' && problems.push(`${message.text()} ${message.location().url}`),
  )
  page.on('pageerror', (error) => problems.push(String(error)))
  const sockets: WebSocket[] = []
  page.on('websocket', (socket) => sockets.push(socket))
  // Without this, a user who is added would be scrolled to smoothly, and a button would move while it is pressed.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto(`${dev.url}/`)
  const panels = page.locator('user-panel')
  const panel = (index: number): Panel => panelOf(panels.nth(index))
  const add = async (): Promise<Panel> => {
    const added = panel(await panels.count())
    await page.getByRole('button', { name: 'Add a user' }).click()
    await added.at.waitFor()
    return added
  }
  return {
    ...panel(0),
    page,
    context,
    dev,
    problems,
    panel,
    add,
    socket: async () => {
      const line = await panel(0).at.locator('chat-session').getAttribute('endpoint')
      const socket = sockets.findLast((each) => each.url().includes(new URL(line ?? '').pathname))
      assert.ok(socket)
      return socket
    },
    alone: async () => {
      for (const name of ['Alice Moreau', 'Bob Okafor', 'Visitor'])
        await page.getByRole('button', { name: `Remove ${name}` }).click()
      await add()
    },
    close: async () => {
      await context.close()
      await dev.close()
    },
  }
}

/**
 * The browser itself logs a failed connection to the console, and the 404 of a post to an event stream that has ended; a page cannot
 * prevent it.
 */
const isLostConnection = (problem: string): boolean =>
  /^WebSocket connection to .* failed|^Failed to load resource: (net::|.* 404 .*\/session\/frames$)/.test(
    problem,
  )

/** A test on a playground of its own. It fails if the page has an error or a violation of its policy. */
export const itOnPlayground = (name: string, body: (playground: Playground) => Promise<void>): void => {
  it(name, async () => {
    const playground = await open()
    try {
      await body(playground)
      assert.deepEqual(
        playground.problems.filter((problem) => !isLostConnection(problem)),
        [],
      )
    } finally {
      await playground.close()
    }
  })
}
