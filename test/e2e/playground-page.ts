import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { startDev, type Dev } from '../../src/cli/dev.js'
import type { WayId } from '../../demo/playground/choice.js'
import { newContext } from '../support/browser.js'

// Here rather than in a test, at whose end the browser would be closed.
await (await newContext()).close()

/** Milliseconds in which anything that should happen does. */
export const SOON = 10_000

export interface Playground {
  page: Page
  context: BrowserContext
  dev: Dev
  /** Errors in the console, exceptions and breaches of the policy. */
  problems: string[]
  choose(way: WayId, app?: 'playground' | 'strict'): Promise<void>
  press(name: string): Promise<void>
  /** Waits until the big word is this one. */
  reaches(state: string): Promise<void>
  /** Chooses, starts, and waits for the state. */
  start(way: WayId, state?: string, app?: 'playground' | 'strict'): Promise<void>
  /** Waits until the newest entries have one that matches. */
  logs(words: RegExp): Promise<void>
  /** What stands under a label in the session's card. */
  sessionId(): Promise<string>
  user(): Promise<string>
}

/** Everything that a person could read, in all shadow roots, closed details too. */
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
  const data = await mkdtemp(join(tmpdir(), 'chat-session-playground-'))
  const dev = await startDev({ host: '127.0.0.1', port: 0, data })
  const context = await newContext()
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(String(error)))
  page.setDefaultTimeout(SOON)
  await page.goto(`${dev.url}/`)
  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click()
  const reaches = (state: string): Promise<void> => page.locator(`live-state .name.${state}`).waitFor()
  const choose = async (way: WayId, app: 'playground' | 'strict' = 'playground'): Promise<void> => {
    await page.getByText(app, { exact: true }).first().click()
    await page.getByLabel('Way to log in').selectOption(way)
  }
  return {
    page,
    context,
    dev,
    problems,
    choose,
    press,
    reaches,
    start: async (way, state = 'active', app = 'playground') => {
      await choose(way, app)
      await page.locator('setup-form button.main').click()
      await reaches(state)
    },
    logs: (words) => page.locator('event-log li').filter({ hasText: words }).first().waitFor(),
    sessionId: () => page.locator('live-state #session-id').innerText(),
    user: () => page.locator('live-state #user').innerText(),
    close: async () => {
      await context.close()
      await dev.close()
      await rm(data, { recursive: true, force: true })
    },
  }
}

/** A failed connection is told in the console by the browser itself, whatever a page does. */
const isLostConnection = (problem: string): boolean => /^WebSocket connection to .* failed/.test(problem)

/** A test on a playground of its own, which must not see an error or a breach of the policy. */
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
