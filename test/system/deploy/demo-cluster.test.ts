// `npm run demo:cluster`, with real processes and a real browser.
import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Locator, Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import './support.js'
import { chatOf, untilState } from '../../support/sites/page-state.js'

const file = fileURLToPath(new URL('../../../demo/cluster/start.mjs', import.meta.url))

interface Run {
  output(): string
  problems(): string
  /** The exit code; undefined while it runs. */
  code(): number | undefined
  stop(): void
}

/** Runs the real file on free ports. */
const start = (env: Record<string, string> = {}): Run => {
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, PORT: '0', DEMO_PORT: '0', ...env },
  })
  let [output, problems] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (problems += text))
  let code: number | undefined
  const ended = once(child, 'close').then(([exit]: unknown[]) => (code = Number(exit)))
  const stop = (): void => void child.kill('SIGTERM')
  after(async () => {
    stop()
    await ended
  })
  return { output: () => output, problems: () => problems, code: () => code, stop }
}

const shopOf = async ({ output, problems }: Run): Promise<string> => {
  const found = (): string | undefined => /demo shop +(\S+)\/$/m.exec(output())?.[1]
  await until(`the address of the shop, ${problems()}`, () => found() !== undefined)
  return found() ?? ''
}

const logIn = async (shop: string, customer: string): Promise<Page> => {
  const page = await (await newContext()).newPage()
  await page.goto(`${shop}/login`)
  await page.getByRole('button', { name: customer }).click()
  await untilState(page, 'active')
  return page
}

/** The panel's card of a gateway. */
const card = (page: Page, name: string): Locator => page.locator('.cluster-node').filter({ hasText: name })

const button = (page: Page, name: string): Locator => page.getByRole('button', { name, exact: true })

test('the page shows which gateway carries its tab, and the session goes on at the other one while one is stopped or killed', async () => {
  const run = start()
  const shop = await shopOf(run)
  // Visitors ask as guests.
  const visitor = await (await newContext()).newPage()
  await visitor.goto(`${shop}/products/mug`)
  await untilState(visitor, 'active')
  await visitor.close()
  const alice = await logIn(shop, 'Alice Moreau')
  const nora = await logIn(shop, 'Nora Lind')
  const { id } = await chatOf(alice)
  const carrier = async (): Promise<string> => {
    const own = alice.locator('.cluster-node').filter({ hasText: 'Alice Moreau (this tab)' })
    await own.waitFor()
    return (await own.getByRole('heading').textContent())?.split(' ')[0] ?? ''
  }

  for (const [action, state] of [
    ['Stop', 'stopped'],
    ['Kill', 'stopped'],
  ] as const) {
    const first = await carrier()
    const second = first === 'gateway-1' ? 'gateway-2' : 'gateway-1'
    await button(alice, `${action} ${first}`).click()
    await card(alice, first).getByText(state, { exact: true }).waitFor()
    await card(alice, second).getByText('Alice Moreau (this tab)').waitFor()
    await card(alice, second).getByText('Nora Lind').waitFor()
    await untilState(alice, 'active')
    assert.equal((await chatOf(alice)).id, id, 'the session was resumed')
    await button(alice, `Start ${first}`).click()
    await card(alice, first).getByText('running', { exact: true }).waitFor()
  }

  // A message passes between a tab of one gateway and a tab of the other.
  await nora.close()
  const other = await logIn(shop, 'Nora Lind')
  const onNode = async (): Promise<number> =>
    alice
      .locator('.cluster-node')
      .filter({ has: alice.getByText(/Lind|Moreau/) })
      .count()
  await until('each gateway carries a tab', onNode, 2)
  await alice.goto(`${shop}/products/mug`)
  await alice.getByLabel('Write to').fill('Is it grey?')
  await alice.getByRole('button', { name: 'Send' }).click()
  await other.locator('header chat-unread').getByText('1', { exact: true }).waitFor()

  const pictures = process.env['PICTURES']
  if (pictures !== undefined) {
    mkdirSync(pictures, { recursive: true })
    await alice.goto(shop)
    await untilState(alice, 'active')
    await carrier()
    await alice.screenshot({ path: `${pictures}/cluster.png` })
  }
  run.stop()
  await until('the exit code', run.code, 0)
})

test('without a redis-server one line names the Debian package', async () => {
  const run = start({ PATH: scratchFolder() })
  await until('the exit code', run.code, 2)
  assert.equal(
    run.problems(),
    "demo: There is no redis-server. Install it with Debian's package: apt-get install redis-server.\n",
  )
  assert.equal(run.output(), '')
})
