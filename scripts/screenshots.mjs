/* global document, scrollTo */
// Takes the screenshots of the playground, the shop and the console: npm run build && node scripts/screenshots.mjs
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { chromium } from 'playwright-core'
import { WebSocket } from 'ws'
import { createShop } from '../demo/shop/shop.mjs'
import { startDev } from '../dist/cli/dev/dev.js'
import { createGateway, createLog } from '../dist/gateway/index.js'
import { ChatSession } from '../dist/session/index.js'
import { createToken } from '../dist/tokens/index.js'
import { chromiumArgs, chromiumPath } from './chromium.mjs'

const HOST = '127.0.0.1'
/** WebP quality from 0 to 100. Text is sharp, and a picture has at most 120 kB. */
const QUALITY = 80
const images = fileURLToPath(new URL('../docs/images/', import.meta.url))

const data = await mkdtemp(join(tmpdir(), 'chat-session-screenshots-'))
const gateway = await startDev({ host: HOST, port: 0, data })
const shop = createAdaptorServer({
  fetch: createShop({ gateway: gateway.url, secret: gateway.secrets.shop.token }).fetch,
})
await new Promise((resolve) => shop.listen(0, HOST, resolve))
const shopUrl = `http://${HOST}:${shop.address().port}`
const browser = await chromium.launch({ executablePath: await chromiumPath(), args: chromiumArgs })

const open = async (url, height) => {
  const context = await browser.newContext({
    viewport: { width: 1280, height },
    deviceScaleFactor: 2,
    reducedMotion: 'reduce',
    locale: 'en-GB',
  })
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Takes a picture in light mode and a picture in dark mode. */
const take = async (page, name) => {
  const devtools = await page.context().newCDPSession(page)
  // Removes the hover and the focus.
  await page.mouse.move(0, 0)
  await page.evaluate(() => document.activeElement?.blur())
  await page.evaluate(() => scrollTo(0, 0))
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY })
    await writeFile(join(images, `${name}-${colorScheme}.webp`), data, 'base64')
  }
}

const takePlayground = async () => {
  const page = await open(`${gateway.url}/`, 1020)
  const [alice, bob, visitor] = [0, 1, 2].map((index) => page.locator('user-panel').nth(index))
  for (const user of [alice, bob, visitor]) await user.locator('.name.active').waitFor()
  const write = async (user, to, body) => {
    await user.getByRole('group', { name: 'Conversations' }).getByRole('button', { name: to }).click()
    await user.getByLabel('Message', { exact: true }).fill(body)
    await user.getByRole('button', { name: 'Send', exact: true }).click()
  }
  const isThere = (user, body) =>
    user.locator('.thread li').filter({ hasText: body }).locator('time').waitFor()
  await write(alice, 'Bob Okafor', 'Is the lamp still there?')
  await isThere(bob, 'Is the lamp still there?')
  await bob.getByRole('button', { name: 'Mark as read' }).click()
  await write(bob, 'Alice Moreau', 'It is. Shall I keep it for you?')
  await isThere(alice, 'It is. Shall I')
  await write(visitor, 'Bob Okafor', 'I would take the other one.')
  await bob.getByText('1 unread').waitFor()
  await visitor.getByRole('button', { name: 'Offline' }).click()
  await visitor.locator('.name.reconnecting').waitFor()
  await write(visitor, 'Bob Okafor', 'If there is one!')
  await visitor.getByText('on its way').waitFor()
  await take(page, 'playground')
}

const takeShop = async () => {
  const logIn = async (name) => {
    const page = await open(`${shopUrl}/login`, 1120)
    await page.getByRole('button', { name }).click()
    await page.getByText('chat: active').waitFor()
    return page
  }
  const [alice, nora] = [await logIn('Alice Moreau'), await logIn('Nora Lind')]
  const write = async (page, path, body) => {
    await page.goto(shopUrl + path)
    await page.getByLabel('Write to').fill(body)
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('[data-messages] li:not(.unsent)').filter({ hasText: body }).waitFor()
  }
  await write(alice, '/products/mug', 'Can it go into a dishwasher?')
  await write(alice, '/products/lamp', 'Does a bulb come with it?')
  await write(nora, '/messages/alice/lamp', 'One does: warm white, 4 W. And it can be replaced.')
  await write(nora, '/messages/alice/mug', 'It can, and often has.')
  await alice.locator('.theirs').nth(1).waitFor()
  await take(alice, 'shop')
  await takeWindow(nora, alice)
}

/** Takes the shop's chat window, with one conversation open and somebody typing. */
const takeWindow = async (nora, alice) => {
  await nora.goto(`${shopUrl}/window`)
  await nora.getByRole('button', { name: /Alice/ }).click()
  await alice.goto(`${shopUrl}/window`)
  await alice.getByRole('button', { name: /Nora/ }).click()
  // A page that is not connected yet tells nobody that its user is typing.
  for (const page of [nora, alice]) await page.getByText('chat: active').waitFor()
  await alice.getByLabel('Message', { exact: true }).pressSequentially('Then')
  await nora.locator('.typing').waitFor()
  await nora.setViewportSize({ width: 1280, height: 780 })
  await take(nora, 'window')
}

const ADMIN_TOKEN = 'the admin token of the screenshots'

/** Samples of an hour, which would take an hour. */
const charts = [
  ['Connected sessions', '', 4, 0],
  ['Messages', 'per second', 61, 14],
  ['Session starts', 'per second', 3, 2],
  ['Refused requests', 'per second', 0.2, 0.2],
  ['Time to store a message', 'milliseconds', 2.4, 0.8],
  ['Round trip to clients', 'milliseconds', 48, 9],
  ['Event loop delay (99 %)', 'milliseconds', 1.8, 1.1],
  ['Memory of the process', 'bytes', 131e6, 4e6],
].map(([label, unit, mean, spread], row) => ({
  label,
  unit,
  values: Array.from(
    { length: 240 },
    (_, index) =>
      Math.round(
        100 *
          Math.max(0, mean + spread * (Math.sin(index / 19 + row) + 0.5 * (((index * (7 + row)) % 11) / 11))),
      ) / 100,
  ),
}))

const takeConsole = async () => {
  const secret = 'the secret of the screenshots, 32 B'
  const operated = createGateway(
    {
      listen: { port: 0 },
      engine: { type: 'memory' },
      pingInterval: 2,
      admin: { port: 0, token: ADMIN_TOKEN },
      apps: { shop: { environment: 'test', secrets: [secret] } },
    },
    { env: {}, log: createLog({ level: 'fatal' }) },
  )
  const endpoint = await operated.listen()
  const adminUrl = await operated.listenAdmin()
  const sessions = await Promise.all(
    ['Alice Moreau', 'Bob Okafor', 'Carla Ruiz', 'Nora Lind'].map(async (name) => {
      const userId = name.split(' ')[0].toLowerCase()
      const token = await createToken({ appId: 'shop', userId, secret, user: { name } })
      const session = new ChatSession({ endpoint, appId: 'shop', token, WebSocket })
      await session.start()
      return session
    }),
  )
  const [alice, bob] = sessions
  const page = await open(adminUrl, 900)
  await page.route('**/api/charts', (route) => route.fulfill({ json: charts }))
  await page.getByLabel('Admin token').fill(ADMIN_TOKEN)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('figure').first().waitFor()
  await take(page, 'console')
  await page.goto(`${adminUrl}/#/apps/shop/users/alice`)
  await page.getByRole('button', { name: 'Watch frames' }).click()
  await page.getByText('Frames show here').waitFor()
  await bob.send({ to: 'alice', body: 'Is the lamp still there?' })
  await alice.send({ to: 'bob', body: 'It is. Shall I keep it for you?' })
  await page.locator('session-trace li').nth(4).waitFor()
  await take(page, 'console-user')
  await Promise.all(sessions.map((session) => session.end()))
  await operated.close()
}

try {
  await mkdir(images, { recursive: true })
  await takePlayground()
  await takeShop()
  await takeConsole()
} finally {
  await browser.close()
  shop.close()
  await gateway.close()
  await rm(data, { recursive: true, force: true })
}
