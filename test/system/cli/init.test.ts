import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readChapters } from '../../../src/cli/init/guide.js'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { finish, run, type Outcome } from '../../support/processes/command-line.js'
import { startClient } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const chapters = await readChapters()

const dependencies = (name: string): string => JSON.stringify({ dependencies: { [name]: '1.0.0' } })

interface Sample {
  /** The files that such an app has. */
  files: Record<string, string>
  chapter: string
  /** The files of docs/BACKENDS.md that are printed. */
  printed: string[]
  port: number
}

const samples: Record<string, Sample> = {
  Rails: {
    files: {
      Gemfile: 'source "https://rubygems.org"\ngem "rails", "~> 8.0"\n',
      'package.json': dependencies('express'),
    },
    chapter: 'Ruby',
    printed: [
      'app/views/shared/_chat.html.erb',
      'chat_token.rb',
      'app/controllers/chat_tokens_controller.rb',
    ],
    port: 3000,
  },
  Django: {
    files: { 'manage.py': 'from django.core.management import execute_from_command_line\n' },
    chapter: 'Python',
    printed: ['templates/chat.html', 'chat_token.py', 'chat_views.py'],
    port: 8000,
  },
  Laravel: {
    files: {
      'composer.json': JSON.stringify({ require: { 'laravel/framework': '^12.0' } }),
      'package.json': '{"devDependencies":{}}',
    },
    chapter: 'PHP',
    printed: ['resources/views/chat.blade.php', 'chat_token.php', 'routes/web.php'],
    port: 8000,
  },
  'Next.js': {
    files: { 'package.json': JSON.stringify({ dependencies: { next: '16', express: '5' } }) },
    chapter: 'Node',
    printed: ['chat-tag.jsx', 'chat-token.js', 'app/chat-token/route.js'],
    port: 3000,
  },
  Hono: {
    files: { 'package.json': dependencies('hono') },
    chapter: 'Node',
    printed: ['chat-tag.jsx', 'chat-token.js', 'chat-token-route.js'],
    port: 3000,
  },
  Fastify: {
    files: { 'package.json': dependencies('fastify') },
    chapter: 'Node',
    printed: ['chat-tag.js', 'chat-token.js', 'chat-token-plugin.js'],
    port: 3000,
  },
  Express: {
    files: { 'package.json': dependencies('express') },
    chapter: 'Node',
    printed: ['chat-tag.js', 'chat-token.js', 'chat-token-handler.js'],
    port: 3000,
  },
}

const folderWith = (files: Record<string, string>, folder = scratchFolder()): string => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const readConfig = (folder: string) => {
  const config = JSON.parse(readFileSync(join(folder, 'chat.json'), 'utf8')) as GatewayConfig
  const [[appId, app] = assert.fail()] = Object.entries(config.apps)
  assert.deepEqual(app.secrets, [{ file: './chat-secret' }])
  return { config, appId, app, secret: readFileSync(join(folder, 'chat-secret'), 'utf8').trim() }
}

/** The printed lines that give the app its secret. */
const commandsIn = ({ stdout }: Outcome): string =>
  [...stdout.matchAll(/^(?:export CHAT_|printf ).*$/gm)].map(([line]) => line).join('\n')

for (const [name, { files, chapter, printed, port }] of Object.entries(samples))
  test(`${name}: init writes a config that check accepts, and prints the code of docs/BACKENDS.md`, async () => {
    const folder = folderWith(files)
    const outcome = await finish(['init'], {}, folder)
    assert.deepEqual({ code: outcome.code, stderr: outcome.stderr }, { code: 0, stderr: '' })
    assert.match(outcome.stdout, new RegExp(`this ${name} app`))

    const { app, secret, config } = readConfig(folder)
    for (const file of ['chat.json', 'chat-secret'])
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600)
    assert.ok(secret.length >= 32)
    assert.deepEqual(app.origins, [`http://localhost:${port}`, `http://127.0.0.1:${port}`])
    assert.deepEqual(config.engine, { type: 'embedded', path: './chat-data' })
    assert.ok(!outcome.stdout.includes(secret))
    assert.match(outcome.stdout, /Do not\scommit it\..*^\/chat-secret\n\/chat-data\/$/ms)
    const checked = await finish(['check', '--config', 'chat.json'], {}, folder)
    assert.equal(checked.code, 0, checked.stdout)

    const blocks = chapters.get(chapter) ?? []
    const shown = blocks.filter(({ code }) => outcome.stdout.includes(code)).map(({ file }) => file)
    assert.deepEqual(shown.toSorted(), printed.toSorted())
    assert.match(
      outcome.stdout,
      /^<script type="module" async src="http:\/\/127\.0\.0\.1:8080\/v1\/chat-session\.js">/m,
    )
    assert.match(outcome.stdout, /^npx chat-session serve --config chat\.json$/m)
    assert.deepEqual(readdirSync(folder).sort(), [...Object.keys(files), 'chat.json', 'chat-secret'].sort())
    for (const [file, text] of Object.entries(files))
      assert.equal(readFileSync(join(folder, file), 'utf8'), text)
  })

test('the written config starts a gateway, which accepts the tokens of the printed code', async () => {
  const folder = folderWith({ 'package.json': '{"type":"module","dependencies":{"express":"5"}}' })
  const outcome = await finish(['init'], {}, folder)
  const { appId, app } = readConfig(folder)
  const minter = chapters
    .get('Node')
    ?.find(({ file, code }) => file === 'chat-token.js' && outcome.stdout.includes(code))
  assert.ok(minter)
  writeFileSync(join(folder, 'chat-token.js'), minter.code)
  writeFileSync(
    join(folder, 'print.js'),
    `console.log(await (await import('./chat-token.js')).chatToken('ada'))`,
  )
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/chat-session'))
  const token = execFileSync('sh', ['-ec', `${commandsIn(outcome)}\nnode print.js`], {
    cwd: folder,
    encoding: 'utf8',
  })

  const gateway = run(['serve', '--config', 'chat.json'], { PORT: '0' }, folder)
  const headers = { origin: app.origins?.[0] ?? '' }
  const client = await startClient(
    await gateway.url(),
    { type: 'start', appId, token: token.trim() },
    { headers },
  )
  assert.deepEqual(client.started['user'], { id: 'ada' })
  client.close()
  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
})

test('the printed code for Node runs in an app of CommonJS as the guide says', async () => {
  const folder = folderWith({ 'package.json': '{"type":"commonjs","dependencies":{"express":"5"}}' })
  const outcome = await finish(['init'], {}, folder)
  assert.match(outcome.stdout, /no\s`"type": "module"`, name .*`\.mjs`.*`await\simport\(\)`/s)
  const printed = (chapters.get('Node') ?? []).filter(({ code }) => outcome.stdout.includes(code))
  for (const { file = '', code } of printed)
    writeFileSync(join(folder, file.replace(/js$/, 'mjs')), code.replaceAll(/(from '\.\S+)\.js'/g, "$1.mjs'"))
  writeFileSync(join(folder, 'current-user.mjs'), 'export const currentUser = () => undefined')
  writeFileSync(
    join(folder, 'app.js'),
    "import('./chat-token-handler.mjs').then(({ chatTokenHandler }) => console.log(typeof chatTokenHandler))",
  )
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/chat-session'))
  assert.equal(execFileSync(process.execPath, ['app.js'], { cwd: folder, encoding: 'utf8' }), 'function\n')
})

test('the command for Laravel adds the app id and the secret to .env, whether its last line has an end or not', async () => {
  for (const env of ['APP_NAME=Shop\n', 'APP_NAME=Shop']) {
    const folder = folderWith({ ...samples['Laravel']?.files, '.env': env })
    const outcome = await finish(['init'], {}, folder)
    const { appId, secret } = readConfig(folder)
    execFileSync('sh', ['-ec', commandsIn(outcome)], { cwd: folder })
    const lines = readFileSync(join(folder, '.env'), 'utf8').split('\n')
    assert.deepEqual(
      lines.filter((line) => line !== ''),
      ['APP_NAME=Shop', `CHAT_APP_ID=${appId}`, `CHAT_SECRET=${secret}`],
    )
  }
})

test('each config has a secret of its own, and an app id from the name of the folder', async () => {
  const seen = new Set<string>()
  for (const [name, id] of [
    ['My shop (2026)', 'My-shop-2026'],
    ['店', 'app'],
  ] as const) {
    const folder = join(scratchFolder(), name)
    mkdirSync(folder)
    const { code, stdout } = await finish(
      ['init'],
      {},
      folderWith({ 'package.json': dependencies('hono') }, folder),
    )
    assert.equal(code, 0)
    const { appId, secret } = readConfig(folder)
    assert.equal(appId, id)
    assert.ok(stdout.includes(`export CHAT_APP_ID=${id}\n`))
    seen.add(secret)
  }
  assert.equal(seen.size, 2)
})

for (const file of ['chat.json', 'chat-secret'])
  test(`if ${file} exists, init changes and writes nothing, and exits with 2`, async () => {
    const folder = folderWith({ 'package.json': dependencies('express'), [file]: 'mine' })
    const { code, stdout, stderr } = await finish(['init'], {}, folder)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    assert.match(stderr, new RegExp(`^chat-session: ${file} exists already.*\\n$`))
    assert.equal(readFileSync(join(folder, file), 'utf8'), 'mine')
    assert.deepEqual(readdirSync(folder).sort(), [file, 'package.json'].sort())
  })

test('init reads a package.json that begins with a byte order mark, as npm and Node do', async () => {
  const { code, stderr } = await finish(
    ['init'],
    {},
    folderWith({ 'package.json': `\uFEFF${dependencies('express')}` }),
  )
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
})

test('in a folder without such an app init writes nothing, and exits with 2', async () => {
  for (const [files, pattern] of [
    [
      {},
      /^chat-session: Nothing here is an app of Rails, Django, Laravel, Next\.js, Hono, Fastify, Express\..*\n$/,
    ],
    [
      { 'package.json': dependencies('koa'), Gemfile: '# gem "rails"' },
      /^chat-session: Nothing here is.*\n$/,
    ],
    [{ 'package.json': '{' }, /^chat-session: .*package\.json is not well-formed JSON\.\n$/],
  ] as const) {
    const folder = folderWith(files)
    const { code, stdout, stderr } = await finish(['init'], {}, folder)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    assert.match(stderr, pattern)
    assert.deepEqual(readdirSync(folder).sort(), Object.keys(files).sort())
  }
})
