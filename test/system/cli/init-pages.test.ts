// Follows the guide of `chat-session init` in apps of Express, Fastify and Hono, up to the page that says `active`.
import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newContext } from '../../support/browsers/browser.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { followInit, lookAt, type Followed } from '../../support/sites/init-guide.js'
import { until } from '../../support/until.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The newcomer's own server, with the printed parts at their places. */
const servers: Record<string, (page: string) => string> = {
  express: (page) => `import express from 'express'
import { chatTokenHandler } from './chat-token-handler.js'
${page}
const app = express()
app.get('/chat-token', chatTokenHandler)
app.get('/', async (_, response) => response.send(await html()))
app.listen(process.env.PORT, '127.0.0.1')`,
  fastify: (page) => `import fastify from 'fastify'
import { chatTokenPlugin } from './chat-token-plugin.js'
${page}
const app = fastify()
app.register(chatTokenPlugin)
app.get('/', async (_, reply) => reply.type('text/html').send(await html()))
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })`,
  hono: (page) => `import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { chatTokenRoute } from './chat-token-route.js'
${page}
const app = new Hono()
app.get('/chat-token', chatTokenRoute)
app.get('/', async (context) => context.html(await html()))
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' })`,
}

/** The newcomer's page: the printed script in the head, the printed call for the tag, below it the printed HTML, and the printed window. */
const pageOf = ({ blocks, codeOf }: Followed): string => {
  const script = blocks.find(({ code }) => code.startsWith('<script type="module" async src='))?.code ?? ''
  const window = blocks.find(({ code }) => code.includes('/v1/chat-window.js'))?.code ?? ''
  return `import { currentUser } from './current-user.js'
import { chatTag } from './chat-tag.js'
import { chatToken } from './chat-token.js'
const html = async () => {
  const user = currentUser()
  const tag = chatTag(user.id, await chatToken(user.id, { name: user.name }))
  return '<!doctype html><head>' + ${JSON.stringify(script)} + '</head><body>' + tag + ${JSON.stringify(codeOf('chat-try.html') + window)}
}`
}

for (const [name, serverWith] of Object.entries(servers))
  test(`${name}: a newcomer who follows the guide of init sees a page that is active, writes and gets the message, also in the window`, async () => {
    const folder = scratchFolder()
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ type: 'module', dependencies: { [name]: '1' } }),
    )
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/chat-session'))
    for (const path of [name, '@hono'])
      symlinkSync(join(root, 'node_modules', path), join(folder, 'node_modules', path))
    const guide = await followInit(folder)
    writeFileSync(join(folder, 'main.js'), serverWith(pageOf(guide)))
    const app = spawn(process.execPath, ['main.js'], {
      cwd: folder,
      env: { ...process.env, ...guide.env, PORT: String(guide.port) },
      stdio: 'inherit',
    })
    after(() => app.kill('SIGKILL'))
    const url = `http://localhost:${guide.port}/`
    await until('the app answers', () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    const page = await (await newContext()).newPage()
    await lookAt(page, url, (page) => page.getByRole('button', { name: 'Write to myself' }).click())
    await page.locator('chat-window').getByRole('button', { name: 'Hello' }).waitFor()
  })
