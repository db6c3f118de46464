/** `<chat-window>` of the script tag: its script, its parts and its styles, on pages of every kind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newContext } from '../../support/browsers/browser.js'
import { startSiteGateway, violationsOf } from '../../support/sites/element-page.js'
import { BOTH, integrity, open, ready, sessionOf, tagFor, write } from '../../support/sites/window-page.js'
import { until } from '../../support/until.js'

const context = await newContext()

const policies: [name: string, policy: (gateway: string) => string, attributes?: string][] = [
  ['the host of the gateway', (gateway) => `script-src ${gateway}`],
  ["a nonce and 'strict-dynamic'", () => "script-src 'nonce-r4nd0m' 'strict-dynamic'", 'nonce="r4nd0m"'],
  [
    'the hashes of the scripts',
    () =>
      `script-src ${Object.entries(integrity)
        .filter(([file]) => BOTH.includes(file) || /^chat-(window|session-calls)-/.test(file))
        .map(([, hash]) => `'${hash}'`)
        .join(' ')}`,
  ],
  [
    'Trusted Types',
    (gateway) =>
      `script-src ${gateway}; require-trusted-types-for 'script'; trusted-types lit-html chat-session chat-window`,
  ],
]
for (const [name, policy, attributes] of policies)
  test(`a strict Content-Security-Policy with ${name} lets the window work, with its parts and without inline styles`, async () => {
    const gateway = await startSiteGateway()
    const { page, parts } = await open({
      context,
      gateway,
      policy: `default-src 'none'; ${policy(gateway)}; connect-src ${gateway.replace('http', 'ws')}; img-src data:`,
      lang: 'de',
      ...(attributes !== undefined && { attributes }),
      body: `${await tagFor('csp-bob')}<chat-window launcher></chat-window>`,
    })
    await ready(page)
    await page.getByRole('button', { name: 'Nachrichten' }).click()
    await page
      .locator('chat-window')
      .evaluate((window: HTMLElementTagNameMap['chat-window']) => window.show('csp-ann'))
    await page.getByLabel('Nachricht', { exact: true }).fill('Hallo')
    await page.keyboard.press('Enter')
    await page.getByRole('img', { name: 'Gesendet' }).waitFor()
    assert.deepEqual(parts.toSorted(), ['de', 'launcher'])
    assert.deepEqual(await violationsOf(page), [])
    const panel = page.getByRole('dialog')
    assert.equal(
      await panel.evaluate((each) => getComputedStyle(each.parentElement ?? each).position),
      'fixed',
    )
  })

test('the window takes ReactiveElement from the first script, in whatever order the scripts come', async () => {
  for (const scripts of [BOTH, BOTH.toReversed()]) {
    const gateway = await startSiteGateway()
    const { page, parts, complaints } = await open({
      context,
      gateway,
      scripts,
      body: `${await tagFor('order-bob')}<chat-window peer="order-ann"></chat-window>`,
    })
    await ready(page)
    await write(page, 'Hi')
    assert.deepEqual([parts, complaints], [[], []])
  }
})

test('without the first script the window says that one has to log in', async () => {
  const { page, parts } = await open({
    context,
    gateway: await startSiteGateway(),
    scripts: ['chat-window.js'],
    body: '<chat-window></chat-window>',
  })
  await page.locator('chat-window:state(logged-out)').waitFor()
  await page.getByText('Log in to write.').waitFor()
  assert.deepEqual(parts, ['base'])
})

const languages: [tag: string, send: string][] = [
  ['de-AT', 'Senden'],
  ['fr', 'Envoyer'],
  ['es-MX', 'Enviar'],
  ['ar', 'إرسال'],
  ['ja', '送信'],
  ['en-GB', 'Send'],
  ['tlh', 'Send'],
]
test('the words are those of the page’s language, else English, and each language is loaded alone', async () => {
  const gateway = await startSiteGateway()
  for (const [lang, send] of languages) {
    const { page, parts } = await open({
      context,
      gateway,
      lang,
      body: `${await tagFor('words-bob')}<chat-window peer="words-ann"></chat-window>`,
    })
    await page.getByRole('button', { name: send, exact: true }).waitFor()
    assert.deepEqual(parts, send === 'Send' ? [] : [lang.slice(0, 2)])
    await page.close()
  }
})

test('a language that can’t be loaded costs its words, and nothing else', async () => {
  const gateway = await startSiteGateway()
  const { page, complaints } = await open({
    context,
    gateway,
    lang: 'de',
    prepare: (page) => page.route('**/chat-window-de-*', (route) => route.abort()),
    body: `${await tagFor('lost-bob')}<chat-window peer="lost-ann"></chat-window>`,
  })
  await ready(page)
  await write(page, 'Hi')
  assert.equal(complaints.filter((text) => text.startsWith('chat-window:')).length, 1)
})

test('a narrow window shows the list or the thread, and the browser’s back leads from one to the other', async () => {
  const gateway = await startSiteGateway()
  const ann = await sessionOf(gateway, 'narrow-ann')
  await ann.send({ to: 'narrow-bob', body: 'Hello' })
  const { page } = await open({
    context,
    gateway,
    body: `<meta name="viewport" content="width=device-width">${await tagFor('narrow-bob')}<chat-window></chat-window>`,
  })
  await page.setViewportSize({ width: 360, height: 640 })
  await ready(page)
  const entries = (): Promise<number> => page.evaluate(() => history.length)
  const before = await entries()
  const row = page.locator('[part=conversation]')
  const isRowSeen = (): Promise<boolean> => row.isVisible()
  await row.click()
  await page.locator('[part~=message]').waitFor()
  assert.equal(await isRowSeen(), false)
  assert.equal(await entries(), before + 1)
  await page.goBack()
  await until('the list', isRowSeen)
  assert.equal(await page.locator('chat-window').evaluate((each) => each.matches(':state(thread)')), false)
  await row.click()
  await page.getByRole('button', { name: 'Back' }).click()
  await until('the list again', isRowSeen)
  await until('no entry stays', () => page.evaluate(() => history.state as unknown), null)
  assert.equal(await entries(), before + 1, 'the one that the browser can go forward to')
  await page.setViewportSize({ width: 1200, height: 800 })
  await row.click()
  await page.locator('[part~=message]').waitFor()
  assert.equal(await isRowSeen(), true, 'both are seen')
  assert.equal(await page.evaluate(() => history.state as unknown), null)
})

test('a message comes to a page that is not seen as unread, and is read when the page is', async () => {
  const gateway = await startSiteGateway()
  const ann = await sessionOf(gateway, 'seen-ann')
  const { page } = await open({
    context,
    gateway,
    body: `${await tagFor('seen-bob')}<div style="height: 3000px"></div><chat-window peer="seen-ann"></chat-window>`,
  })
  await page.locator('chat-window:state(ready)').waitFor({ state: 'attached' })
  await ann.send({ to: 'seen-bob', body: 'Hello' })
  const unread = (): Promise<number> =>
    page.locator('chat-session').evaluate(({ unread }: HTMLElementTagNameMap['chat-session']) => unread)
  await until('it has come', () => page.locator('[part~=message]').count(), 1)
  assert.equal(await unread(), 1, 'below the part of the page that is seen')
  await page.locator('chat-window').scrollIntoViewIfNeeded()
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
  await until('it is read', unread, 0)
})
