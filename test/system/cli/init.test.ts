import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { blocksIn, chaptersOf, readPage, type Block } from '../../../src/cli/init/guide.js'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { finish, run, type Outcome } from '../../support/processes/command-line.js'
import { startClient } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const shared = blocksIn(await readPage('BACKENDS'))
const frameworks = chaptersOf(await readPage('FRAMEWORKS'))
const backends = new Map<string, Block[]>()
for (const language of ['node', 'php', 'python', 'ruby'])
  backends.set(language, blocksIn(await readPage(`backends/${language}`)))
const backendOf = (language: string): Block[] => backends.get(language) ?? assert.fail(language)

const dependencies = (name: string): string => JSON.stringify({ dependencies: { [name]: '1.0.0' } })

interface Sample {
  /** The files that such an app has. */
  files: Record<string, string>
  /** The page of docs/backends/, without `.md`. */
  language: string
  /** The files of that page that are printed. */
  printed: string[]
  /** The component of docs/FRAMEWORKS.md that is printed in place of the tag, and its chapter. */
  component?: [file: string, chapter: string]
  port: number
}

const vite = (...names: string[]): Record<string, string> => ({
  'package.json': JSON.stringify({
    dependencies: Object.fromEntries(names.map((name) => [name, '1'])),
    devDependencies: { vite: '7' },
  }),
})
const viteFiles = ['chat-token.js', 'chat-token-handler.js', 'chat-token-vite.js']

const samples: Record<string, Sample> = {
  Rails: {
    files: {
      Gemfile: 'source "https://rubygems.org"\ngem "rails", "~> 8.0"\n',
      'package.json': dependencies('express'),
    },
    language: 'ruby',
    printed: [
      'app/views/shared/_chat.html.erb',
      'chat_token.rb',
      'app/controllers/chat_tokens_controller.rb',
    ],
    port: 3000,
  },
  Django: {
    files: { 'manage.py': 'from django.core.management import execute_from_command_line\n' },
    language: 'python',
    printed: ['templates/chat.html', 'chat_token.py', 'chat_views.py'],
    port: 8000,
  },
  Laravel: {
    files: {
      'composer.json': JSON.stringify({ require: { 'laravel/framework': '^12.0' } }),
      'package.json': '{"devDependencies":{}}',
    },
    language: 'php',
    printed: ['resources/views/chat.blade.php', 'chat_token.php', 'routes/web.php'],
    port: 8000,
  },
  'Next.js': {
    files: { 'package.json': JSON.stringify({ dependencies: { next: '16', express: '5' } }) },
    language: 'node',
    printed: ['chat-token.js', 'app/chat-token/route.js'],
    component: ['Chat.tsx', 'React 19'],
    port: 3000,
  },
  Hono: {
    files: { 'package.json': dependencies('hono') },
    language: 'node',
    printed: ['chat-tag.js', 'chat-token.js', 'chat-token-route.js'],
    port: 3000,
  },
  Fastify: {
    files: { 'package.json': dependencies('fastify') },
    language: 'node',
    printed: ['chat-tag.js', 'chat-token.js', 'chat-token-plugin.js'],
    port: 3000,
  },
  Express: {
    files: { 'package.json': dependencies('express') },
    language: 'node',
    printed: ['chat-tag.js', 'chat-token.js', 'chat-token-handler.js'],
    port: 3000,
  },
  Vite: { files: vite('lit'), language: 'node', printed: viteFiles, port: 5173 },
  'Vite with React': {
    files: vite('react'),
    language: 'node',
    printed: viteFiles,
    component: ['Chat.tsx', 'React 19'],
    port: 5173,
  },
  'Vite with Vue': {
    files: vite('vue'),
    language: 'node',
    printed: viteFiles,
    component: ['Chat.vue', 'Vue 3'],
    port: 5173,
  },
  'Vite with Svelte': {
    files: vite('svelte'),
    language: 'node',
    printed: viteFiles,
    component: ['Chat.svelte', 'Svelte 5'],
    port: 5173,
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

/** The printed guide, in which the addresses and ids of the documentation's examples are written again. */
const asDocumented = ({ stdout }: Outcome, appId: string): string =>
  stdout
    .replaceAll('endpoint="http://127.0.0.1:8080"', 'endpoint="https://chat.example.com"')
    .replaceAll(`app-id="${appId}"`, 'app-id="hF83jaq"')
    .replaceAll(`[appId]="'${appId}'"`, `[appId]="'hF83jaq'"`)

for (const [name, { files, language, printed, component, port }] of Object.entries(samples))
  test(`${name}: init writes a config that check accepts, and prints the documented code from the tag to the word active`, async () => {
    const folder = folderWith(files)
    const outcome = await finish(['init'], {}, folder)
    assert.deepEqual({ code: outcome.code, stderr: outcome.stderr }, { code: 0, stderr: '' })
    assert.match(outcome.stdout, new RegExp(`this app of ${name}\\.`))

    const { appId, app, secret, config } = readConfig(folder)
    for (const file of ['chat.json', 'chat-secret'])
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600)
    assert.ok(secret.length >= 32)
    assert.deepEqual(app.origins, [`http://localhost:${port}`, `http://127.0.0.1:${port}`])
    assert.deepEqual(app.retention, { messages: 1000, days: 30 })
    assert.deepEqual(config.engine, { type: 'embedded', path: './chat-data' })
    assert.ok(!outcome.stdout.includes(secret))
    assert.match(outcome.stdout, /Do not\scommit it\..*^\/chat-secret\n\/chat-data\/$/ms)
    const checked = await finish(['check', '--config', 'chat.json'], {}, folder)
    assert.equal(checked.code, 0, checked.stdout)

    const guide = asDocumented(outcome, appId)
    const shownOf = (blocks: Block[] = []) =>
      blocks.filter(({ code }) => guide.includes(code)).map(({ file }) => file)
    assert.deepEqual(shownOf(backendOf(language)).toSorted(), printed.toSorted())
    if (component) {
      const [file, of] = component
      assert.deepEqual(shownOf(frameworks.get(of)), [file])
      assert.deepEqual(shownOf(frameworks.get('In every framework')), ['thread.ts'])
    } else {
      assert.deepEqual(shownOf(shared), ['chat-try.html'])
      const script = '<script type="module" async src="http://127.0.0.1:8080/v1/chat-session.js"></script>'
      assert.ok(guide.includes(`\n${script}\n`))
    }
    for (const word of ['session-message', '.send(', 'markRead(', 'CHAT_ENDPOINT', '"retention"'])
      assert.ok(guide.includes(word), word)
    assert.match(guide, /^npx chat-session serve --config chat\.json$/m)
    assert.ok(
      guide.includes(
        `Open the page at http://localhost:${port}, as a logged-in user. You should see "active".`,
      ),
    )
    assert.deepEqual(readdirSync(folder).sort(), [...Object.keys(files), 'chat.json', 'chat-secret'].sort())
    for (const [file, text] of Object.entries(files))
      assert.equal(readFileSync(join(folder, file), 'utf8'), text)
  })

const express = { 'package.json': dependencies('express') }
const ports: [port: number, app: string, files: Record<string, string>][] = [
  [
    4000,
    'a script',
    {
      'package.json': '{"scripts":{"dev":"node --watch app.js --port 4000"},"dependencies":{"express":"5"}}',
    },
  ],
  [
    4001,
    'a script of Next.js',
    { 'package.json': '{"scripts":{"dev":"next dev -p 4001"},"dependencies":{"next":"16"}}' },
  ],
  [
    4002,
    'a variable of a script',
    { 'package.json': '{"scripts":{"start":"PORT=4002 node ."},"dependencies":{"hono":"4"}}' },
  ],
  [
    4003,
    'the server’s code',
    {
      ...express,
      'server.js': 'const db = new Client({ port: 5432 })\napp.listen(process.env.PORT || 4003)',
    },
  ],
  [
    4004,
    'the server’s code with a number alone',
    { ...express, 'index.js': "app.listen(4004, () => console.log('ready'))" },
  ],
  [
    4005,
    'Fastify’s code',
    { 'package.json': dependencies('fastify'), 'app.mjs': 'await app.listen({ port: 4005 })' },
  ],
  [4006, 'a constant', { ...express, 'main.ts': "const port = parseInt(process.env.PORT ?? '4006', 10)" }],
  [4007, '.env', { ...express, '.env': 'DB_PORT=5432\nREDIS_PORT=6380\nPORT=4007\n' }],
  [
    4008,
    'vite.config.ts',
    { ...vite('react'), 'vite.config.ts': 'export default { server: { port: 4008 } }' },
  ],
  [
    4009,
    'Procfile.dev',
    { Gemfile: 'gem "rails"\n', 'Procfile.dev': 'web: bin/rails server -p 4009\ncss: bin/rails css\n' },
  ],
  [
    3000,
    'nothing but ports of others',
    { ...express, 'app.js': 'connect({ port: 3306 })\nconst transport = 4010' },
  ],
]
for (const [port, place, files] of ports)
  test(`init finds the port ${port} in ${place}`, async () => {
    const folder = folderWith(files)
    const { stdout, stderr } = await finish(['init'], {}, folder)
    assert.equal(stderr, '')
    assert.deepEqual(readConfig(folder).app.origins, [`http://localhost:${port}`, `http://127.0.0.1:${port}`])
    assert.ok(stdout.includes(`Open the page at http://localhost:${port},`))
  })

test('init --port overrides what the files say, and the gateway gets another port than the app', async () => {
  const folder = folderWith({ ...express, 'server.js': 'app.listen(4000)' })
  const { stdout } = await finish(['init', '--port', '8080'], {}, folder)
  const { app, config } = readConfig(folder)
  assert.deepEqual(app.origins, ['http://localhost:8080', 'http://127.0.0.1:8080'])
  assert.equal(config.listen?.port, 8081)
  assert.ok(stdout.includes('src="http://127.0.0.1:8081/v1/chat-session.js"'))
  assert.ok(stdout.includes('CHAT_ENDPOINT=http://127.0.0.1:8081\n'))
  for (const port of ['0', '70000', 'x', '']) {
    const refused = await finish(['init', '--port', port], {}, folderWith(express))
    assert.deepEqual([refused.code, refused.stdout], [1, ''], port)
    assert.match(refused.stderr, /whole number from 1 to 65535/)
  }
})

test('init takes the address of a Laravel app from its .env, too', async () => {
  const folder = folderWith({ ...samples['Laravel']?.files, '.env': 'APP_URL="http://shop.test"\n' })
  await finish(['init'], {}, folder)
  assert.deepEqual(readConfig(folder).app.origins, [
    'http://localhost:8000',
    'http://127.0.0.1:8000',
    'http://shop.test',
  ])
})

test('the written config starts a gateway, which accepts the tokens of the printed code', async () => {
  const folder = folderWith({ 'package.json': '{"type":"module","dependencies":{"express":"5"}}' })
  const outcome = await finish(['init'], {}, folder)
  const { appId, app } = readConfig(folder)
  const minter = backendOf('node').find(
    ({ file, code }) => file === 'chat-token.js' && outcome.stdout.includes(code),
  )
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
  const printed = backendOf('node').filter(({ code }) => outcome.stdout.includes(code))
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
      [
        'APP_NAME=Shop',
        `CHAT_APP_ID=${appId}`,
        `CHAT_SECRET=${secret}`,
        'CHAT_ENDPOINT=http://127.0.0.1:8080',
      ],
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
      /^chat-session: Nothing here is an app of Rails, Django, Laravel, Next\.js, Hono, Fastify, Express, Vite\..* 'npx chat-session dev' .*\n$/,
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
