// Runs the code of docs/RECIPES.md: the module config under `serve`, the search on a database, the image in a page, the agents' tokens.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { WebSocket } from 'ws'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { createRestClient } from '../../../src/rest-client/index.js'
import { ChatSession } from '../../../src/session/index.js'
import { createToken } from '../../../src/tokens/index.js'
import { newContext } from '../../support/browsers/browser.js'
import { startGateway } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { run } from '../../support/processes/command-line.js'
import { startClient, type Client } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { secret } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const recipes = readFileSync(join(root, 'docs/RECIPES.md'), 'utf8')

/** Returns the code block of a page that contains `text`. */
const blockWith = (text: string, page = recipes): string =>
  [...page.matchAll(/^```[\w ]+\n(.*?)^```$/gms)]
    .map(([, code = '']) => code)
    .find((code) => code.includes(text)) ?? assert.fail(`There is no block with ${text}.`)

const appId = 'hF83jaq'
const production = {
  environment: 'production' as const,
  secrets: [secret],
  origins: ['https://www.example.com'],
}
const tokenFor = (userId: string): Promise<string> => createToken({ appId, userId, secret })
const visit = async (url: string, userId: string) =>
  startClient(url, { type: 'start', appId, token: await tokenFor(userId) })

/** Makes a folder in which the package is installed. */
const folderWith = (files: Record<string, string>): string => {
  const folder = scratchFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/chat-session'))
  return folder
}

test('a message of somebody whom the recipient has blocked is refused, and those of others are stored', async () => {
  const folder = folderWith({
    'chat.mjs': blockWith('authorizeSend:'),
    'blocks.mjs': `export const hasBlocked = async ({ user, other }) => user === 'bob' && other === 'ada'`,
  })
  const gateway = run(['serve', '--config', 'chat.mjs'], { PORT: '0', CHAT_SECRET: secret }, folder)
  const url = await gateway.url()
  const [ada, carol, bob] = [await visit(url, 'ada'), await visit(url, 'carol'), await visit(url, 'bob')]
  const answer = async (client: Client, to: string): Promise<unknown> => {
    client.send({ type: 'send', id: 'm', to, body: 'Hello' })
    for (;;) {
      const { type, code } = await client.next()
      // Copies and messages of others come too.
      if (type === 'sent' || type === 'refused') return code ?? type
    }
  }
  assert.equal(await answer(ada, 'bob'), 'refused')
  assert.equal(await answer(carol, 'bob'), 'sent')
  assert.equal(await answer(bob, 'ada'), 'sent')
})

/** A database of SQLite, through Python's standard library: it takes the page's SQL as PostgreSQL does. */
const python = `import json, sqlite3, sys
file, sql, parameters = sys.argv[1:]
database = sqlite3.connect(file)
database.row_factory = sqlite3.Row
named = {str(index + 1): value for index, value in enumerate(json.loads(parameters))}
rows = [dict(row) for row in database.execute(sql, named)]
database.commit()
print(json.dumps(rows))`

test('messages are found by their text by those who sent or received them, each once, until the user is deleted', async () => {
  const file = join(scratchFolder(), 'messages.sqlite')
  const query = async (sql: string, parameters: unknown[] = []): Promise<unknown> => {
    const args = ['-c', python, file, sql, JSON.stringify(parameters)]
    return JSON.parse((await promisify(execFile)('python3', args)).stdout)
  }
  await query(blockWith('create table'))
  Object.assign(globalThis, { recipeQuery: query })
  const folder = folderWith({
    'package.json': '{ "type": "module" }',
    'database.js': 'export const query = (...args) => globalThis.recipeQuery(...args)',
    'chat-search.js': blockWith('storeEvent ='),
    'verify-webhook.js': blockWith(
      'timingSafeEqual',
      readFileSync(join(root, 'docs/backends/node.md'), 'utf8'),
    ),
  })
  const importFrom = async <T>(name: string): Promise<T> =>
    (await import(pathToFileURL(join(folder, name)).href)) as T
  process.env['CHAT_WEBHOOK_SECRET'] = `whsec_${randomBytes(32).toString('base64')}`
  const { verifyWebhook } = await importFrom<{
    verifyWebhook: (headers: object, body: Buffer) => boolean
  }>('verify-webhook.js')
  const { storeEvent, searchMessages } = await importFrom<{
    storeEvent: (event: unknown) => Promise<void>
    searchMessages: (user: string, text: string) => Promise<{ body: string }[]>
  }>('chat-search.js')

  const types: string[] = []
  const endpoint = await startServer(
    (request, response) =>
      void buffer(request).then(async (body) => {
        assert.ok(verifyWebhook(request.headers, body))
        const event = JSON.parse(body.toString()) as { type: string }
        // An event may come twice.
        await storeEvent(event)
        await storeEvent(event)
        types.push(event.type)
        response.writeHead(204).end()
      }),
  )
  const config = JSON.parse(
    `{${blockWith('"webhooks"')
      .replace('https://www.example.com', endpoint.url)
      .replace('{ "env": "CHAT_WEBHOOK_SECRET" }', JSON.stringify(process.env['CHAT_WEBHOOK_SECRET']))}}`,
  ) as Pick<GatewayConfig['apps'][string], 'webhooks'>
  const { gateway, url } = await startGateway({}, { apps: { [appId]: { ...production, ...config } } })
  const backend = gateway.client(appId)
  for (const user of ['bob', 'carol']) await backend.putUser({ user, body: {} })
  const ada = await visit(url, 'ada')
  for (const [to, body] of [
    ['bob', 'The Blue clock, 100% off!'],
    ['carol', 'A blue lamp'],
  ]) {
    ada.send({ type: 'send', id: `to ${to}`, to, body })
    await ada.next('sent')
  }
  await backend.sendMessage({ user: 'bob', body: { body: 'Your blue order is on its way.' } })
  await backend.sendMessage({ user: 'bob', body: { data: { status: 'sent' } } })
  await until(
    'four messages are reported',
    () => types.filter((type) => type === 'message.created').length,
    4,
  )

  const found = async (user: string, text: string): Promise<string[]> =>
    (await searchMessages(user, text)).map(({ body }) => body).toSorted()
  const [clock, lamp, order] = ['The Blue clock, 100% off!', 'A blue lamp', 'Your blue order is on its way.']
  assert.deepEqual(await found('ada', 'BLUE'), [lamp, clock])
  assert.deepEqual(await found('bob', 'blue'), [clock, order])
  assert.deepEqual(await found('bob', '0% o'), [clock])
  assert.deepEqual(await found('bob', 'b%e'), [])
  assert.deepEqual(await found('dora', 'blue'), [])
  await backend.deleteUser({ user: 'bob' })
  await until('the deletion is reported', () => types.includes('user.deleted'))
  assert.deepEqual(await found('bob', 'blue'), [])
})

/** An image of one pixel. */
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==', 'base64')

test('an image that the page has stored is drawn for the other user, and a link to another server is not', async () => {
  const { gateway, url } = await startGateway(
    {},
    { apps: { [appId]: { environment: 'test', secrets: [secret] } } },
  )
  const html = blockWith('type="file"')
  const stored: Buffer[] = []
  const asked: string[] = []
  const site = await startServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://site')
    asked.push(pathname)
    if (request.method === 'POST')
      return void buffer(request).then((bytes) => {
        stored.push(bytes)
        response.end(JSON.stringify({ url: `${site.url}/photos/1` }))
      })
    if (pathname === '/photos/1') return void response.end(stored[0])
    if (pathname !== '/') return void response.writeHead(404).end()
    void tokenFor(searchParams.get('user') ?? '').then((token) =>
      response.setHeader('content-type', 'text/html; charset=utf-8').end(`<!doctype html>
<script type="module" src="${url}/v1/chat-session.js"></script>
<chat-session app-id="${appId}" token="${token}"></chat-session>
${html.replace('https://photos.example.com', site.url)}`),
    )
  })
  const elsewhere = await startServer((_, response) => {
    asked.push('elsewhere')
    response.end(pixel)
  })
  const context = await newContext()
  const [ada, bob] = [await context.newPage(), await context.newPage()]
  for (const [page, user] of [
    [ada, 'ada'],
    [bob, 'bob'],
  ] as const) {
    await page.goto(`${site.url}/?user=${user}`)
    await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  }
  await ada.locator('#photo').setInputFiles({ name: 'a "pixel".gif', mimeType: 'image/gif', buffer: pixel })
  const image = bob.locator('#messages img')
  await image.waitFor()
  assert.equal(await image.getAttribute('alt'), 'a "pixel".gif')
  await until('the image is shown', () => image.evaluate((shown: HTMLImageElement) => shown.naturalWidth), 1)
  assert.deepEqual(stored, [pixel])
  assert.equal(await bob.locator('#messages li').textContent(), 'A photo')

  const hostile = [`${elsewhere.url}/a.gif`, 'javascript:alert(1)', 7, null]
  for (const shown of hostile)
    await gateway
      .client(appId)
      .sendMessage({ user: 'bob', body: { body: 'Look', data: { image: { url: shown } } } })
  await bob.locator('#messages li').nth(hostile.length).waitFor()
  assert.equal(await image.count(), 1)
  assert.ok(!asked.includes('elsewhere'))
})

/** Runs a line of the page, which calls the REST client `chat`. */
const runLine = async (line: RegExp, chat: object): Promise<void> => {
  const [, call = assert.fail(String(line))] = line.exec(recipes) ?? []
  const code = `export const run = async (chat) => { ${call} }`
  const { run } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    run: (chat: object) => Promise<void>
  }
  await run(chat)
}

test('agents who share an inbox see all customers, and one who leaves is logged out alone', async () => {
  const { url } = await startGateway({}, { apps: { [appId]: production } })
  process.env['CHAT_APP_ID'] = appId
  process.env['CHAT_SECRET'] = secret
  const folder = folderWith({ 'agent-token.mjs': blockWith('agentToken') })
  const { agentToken } = (await import(pathToFileURL(join(folder, 'agent-token.mjs')).href)) as {
    agentToken: (agent: { name: string }) => Promise<string>
  }
  const chat = createRestClient({ endpoint: url, appId, secret })
  await runLine(/`(await chat\.putUser\(.*?\))`/, chat)

  const working = new Set(['Ann', 'Ben'])
  const startAgent = async (name: string) => {
    const tokenFetcher = async () => (working.has(name) ? agentToken({ name }) : null)
    const session = new ChatSession({ endpoint: url, appId, WebSocket, tokenFetcher })
    after(() => session.end())
    const seen: unknown[] = []
    const signals: unknown[] = []
    session.addEventListener('message', ({ detail }) => seen.push(detail.message.body))
    session.addEventListener('signal', ({ detail }) => signals.push(detail.signal.data))
    assert.ok((await session.start()).succeeded)
    return { session, seen, signals }
  }
  const [ann, ben] = [await startAgent('Ann'), await startAgent('Ben')]
  const customer = await visit(url, 'customer')
  customer.send({ type: 'send', id: 'question', to: 'support', body: 'Is it in stock?' })
  for (const { seen } of [ann, ben])
    await until('an agent gets the question', () => seen[0], 'Is it in stock?')
  await ben.session.signal('support', 'answering', { data: { customer: 'customer' } })
  await until('the other agent sees who answers', () => ann.signals.length > 0)
  assert.deepEqual(ann.signals[0], { customer: 'customer' })
  await ann.session.send({ to: 'customer', body: 'It is.' })
  const ownCopy = await customer.next('message')
  assert.equal(ownCopy['from'], 'customer')
  const answer = await customer.next('message')
  // Ben's token is the newer one.
  assert.deepEqual(
    [answer['from'], answer['body'], answer['sender']],
    ['support', 'It is.', { name: 'Ann, support' }],
  )
  await until('the other agent sees the answer', () => ben.seen.at(-1), 'It is.')
  assert.equal(ann.session.unread, 1)
  await ben.session.markRead(1, { with: 'customer' })
  await until('the question is read for all', () => ann.session.unread, 0)

  working.delete('Ben')
  await runLine(/`(await chat\.endUserSessions\(.*?\))`/, chat)
  await until('the agent who left is logged out', () => ben.session.state, 'ended')
  assert.equal(ben.session.error?.code, 'signed-out')
  // The gateway ends a session that brings no fresh token in time; the answer to a later message shows that this session goes on.
  await ann.session.send({ to: 'customer', body: 'Anything else?' })
  assert.equal(ann.session.state, 'active')
})
