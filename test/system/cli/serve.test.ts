import assert from 'node:assert/strict'
import { execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { handshake, openClient, openRaw, refusalOf, startClient, within } from '../../support/raw-client.js'
import { guestStart, startOf, startWithParams } from '../../support/starts.js'
import { secret, tokenFor } from '../../support/tokens.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { finish, run } from '../../support/processes/command-line.js'
import { restOf } from '../../support/rest/rest-calls.js'

const folder = scratchFolder()
const config = {
  listen: { port: 0 },
  engine: { type: 'memory' },
  apps: { app: { environment: 'test', secrets: [secret] } },
}

const write = async (name: string, content: unknown): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}
const json = await write('config.json', config)

// Each has processes of its own, and some wait for deadlines.
void describe('chat-session serve', { concurrency: 4 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`serve reads a JSON file, and at ${signal} closes its clients as unavailable and exits with 0`, async () => {
      const { child, url, outcome } = run(['serve', '--config', json])
      const client = await startClient(await url(), await startOf('ada'))
      child.kill(signal)
      const { code, frame } = await client.end()
      assert.deepEqual([code, frame['code'], frame['retryable']], [4503, 'unavailable', true])
      assert.equal(typeof frame['retryAfter'], 'number')
      const end = await outcome
      assert.deepEqual([end.code, end.signal], [0, null])
      assert.equal(end.stdout, `listening on ${await url()}\n`)
      assert.match(end.stdout, /^listening on http:\/\/127\.0\.0\.1:\d+\n$/)
      for (const line of end.stderr.split('\n').filter(Boolean))
        assert.equal(typeof JSON.parse(line), 'object', line)
    })

  test('serve prints the address of the admin listener on a line before its own', async () => {
    const admin = { port: 0, token: 'the admin token of a test, 32 bytes' }
    const { child, url, outcome } = run([
      'serve',
      '--config',
      await write('admin.json', { ...config, admin }),
    ])
    await url()
    child.kill('SIGTERM')
    const { code, stdout } = await outcome
    assert.equal(code, 0)
    assert.match(
      stdout,
      /^admin listening on (http:\/\/127\.0\.0\.1:\d+)\nlistening on (?!\1\n)http:\/\/127\.0\.0\.1:\d+\n$/,
    )
  })

  test('the command of docs/METRICS.md picks the audit lines out of all that serve prints', async () => {
    const { child, url, outcome } = run(['serve', '--config', json])
    await restOf(await url())('PUT', '/users/12345', {})
    child.kill('SIGTERM')
    const { stdout, stderr } = await outcome
    const page = await readFile(new URL('../../../docs/METRICS.md', import.meta.url), 'utf8')
    const [, filter = ''] = /`journalctl --unit chat-session --output cat \| (.*?)`/.exec(page) ?? []
    const lines = execFileSync('sh', ['-c', filter], { input: stdout + stderr, encoding: 'utf8' })
    assert.match(lines, /^\{.*"what":"putUser".*\}\n$/)
  })

  test('serve ends within drainTime, even if its config module holds a timer open or never answers', async () => {
    const file = await write(
      'open.mjs',
      `setInterval(() => undefined, 1_000)
    const config = ${JSON.stringify({ ...config, drainTime: 1 })}
    config.apps.app.authorizeSend = () => new Promise(() => console.log('asked'))
    export default config`,
    )
    const { child, url, outcome } = run(['serve', '--config', file])
    const client = await startClient(await url(), await startOf('ada'))
    assert.ok(child.stdout)
    const asked = once(child.stdout, 'data')
    client.send({ type: 'send', id: 'a', to: 'ada', body: 'never judged' })
    await asked
    child.kill('SIGTERM')
    const { code, signal } = await outcome
    assert.deepEqual([code, signal], [0, null])
  })

  test('sessions and messages outlive a process that is killed, on the same folder', async () => {
    const path = join(scratchFolder(), 'data')
    const file = await write('restart.json', { ...config, engine: { type: 'embedded', path } })
    const one = run(['serve', '--config', file])
    const client = await startClient(await one.url(), await startOf('ada'))
    client.send({ type: 'send', id: 'a', to: 'ada', body: 'kept' })
    await client.next('sent')
    one.child.kill('SIGKILL')
    await one.outcome
    const files = (await readdir(path)).map((name) => readFile(join(path, name), 'latin1'))
    const kept = (await Promise.all(files)).join()
    assert.ok(kept.includes(String(client.started['sessionId'])))
    assert.ok(!kept.includes(String(client.started['resumeKey'])), 'resume keys are kept as hashes')
    const two = run(['serve', '--config', file])
    const { resumeKey, epoch, offset, sessionId } = client.started
    const resume = { key: resumeKey, epoch, offset }
    const again = await startClient(await two.url(), await startOf('ada', { resume }))
    assert.deepEqual([again.started['sessionId'], again.started['lost']], [sessionId, false])
    assert.equal((await again.next('message'))['body'], 'kept')
    again.close()
    two.child.kill('SIGTERM')
    assert.equal((await two.outcome).code, 0)
  })

  test('a client that never answers the close delays the exit by a few seconds at most', async () => {
    // Half of this is the most that such a client could take if it had no deadline of its own: longer than the wait for the exit.
    const file = await write('rude.json', { ...config, drainTime: 3_600 })
    const { child, url, outcome } = run(['serve', '--config', file])
    const rude = await openRaw(await url())
    rude.socket.write(handshake())
    await rude.answer()
    child.kill('SIGTERM')
    const { code } = await outcome
    assert.equal(code, 0)
  })

  test('a burst of connections waits in the kernel while the process is busy: none has to try again', async () => {
    const file = await write(
      'busy.mjs',
      `const config = ${JSON.stringify(config)}
    config.apps.app.authenticate = () => {
      console.log('busy')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000)
      return { ok: false }
    }
    export default config`,
    )
    const { child, url, outcome } = run(['serve', '--config', file])
    const address = await url()
    assert.ok(child.stdout)
    const busy = once(child.stdout, 'data')
    const blocker = openClient(address, {
      start: startWithParams('ada'),
    })
    await busy
    const { hostname, port } = new URL(address)
    const sockets = Array.from({ length: 1_500 }, () => connect(Number(port), hostname))
    for (const socket of sockets) socket.on('error', () => undefined)
    const connected = Promise.all(sockets.map((socket) => once(socket, 'connect'))).then(() => 'connected')
    connected.catch(() => undefined)
    assert.equal(
      await Promise.race([connected, blocker.closed.then(() => 'the process is free again')]),
      'connected',
    )
    for (const socket of sockets) socket.destroy()
    child.kill('SIGTERM')
    assert.equal((await outcome).code, 0)
  })

  /** The log lines of a run in which one start is refused, which is logged as `info`, and one session starts, as `debug`. */
  const levelsOf = async (args: string[], env?: Record<string, string>): Promise<Set<unknown>> => {
    const { child, url, outcome } = run(['serve', '--config', json, ...args], env)
    const client = await startClient(await url(), await startOf('ada'))
    client.send('nonsense')
    await client.closed
    await assert.rejects(startClient(await url(), { ...guestStart, appId: 'missing' }))
    child.kill('SIGTERM')
    const lines = (await outcome).stderr.split('\n').filter(Boolean)
    return new Set(lines.map((line) => (JSON.parse(line) as Record<string, unknown>)['level']))
  }

  for (const [args, env, levels] of [
    [[], {}, ['info']],
    [[], { LOG_LEVEL: '' }, ['info']],
    [[], { LOG_LEVEL: 'warn' }, []],
    [[], { LOG_LEVEL: 'debug' }, ['debug', 'info']],
    [['--log-level', 'debug'], {}, ['debug', 'info']],
    [['--log-level', 'debug'], { LOG_LEVEL: 'silent' }, ['debug', 'info']],
  ] as const)
    test(`serve ${args.join(' ')} with ${JSON.stringify(env)} logs ${levels.join(' and ') || 'nothing'}`, async () => {
      assert.deepEqual([...(await levelsOf([...args], env))].sort(), levels)
    })

  for (const [args, env] of [
    [['--log-level', 'loud'], {}],
    [['--log-level', 'loud'], { LOG_LEVEL: 'info' }],
    [[], { LOG_LEVEL: 'loud' }],
  ] as const)
    test(`the log level "loud" is refused with the list of levels: ${JSON.stringify([args, env])}`, async () => {
      await assertFails(
        ['--config', json, ...args],
        [
          /^chat-session: "loud" is not a log level: set --log-level or LOG_LEVEL to one of trace, debug, info, warn, error, fatal, silent\.$/,
        ],
        env,
      )
    })

  test('a full pipe that is not read stops nothing: lines are dropped, and counted when it is read again', async () => {
    const file = await write(
      'full.mjs',
      `process.stderr.write('x'.repeat(2 ** 21) + '\\n')
    export default ${JSON.stringify(config)}`,
    )
    const { child, url, outcome } = run(['serve', '--config', file, '--log-level', 'debug'])
    const { stderr: pipe } = child
    assert.ok(pipe)
    let text = ''
    pipe.on('data', (chunk: string) => (text += chunk))
    pipe.pause()
    const address = await url()
    for (const appId of ['app', 'missing', 'app'])
      await openClient(address, { start: { ...guestStart, appId } }).next()
    pipe.resume()
    await until('the number of dropped lines', () => text.includes('log lines were dropped'))
    child.kill('SIGTERM')
    const { code, stderr } = await outcome
    assert.equal(code, 0)
    const line = stderr.split('\n').find((text) => text.includes('log lines were dropped')) ?? ''
    assert.equal((JSON.parse(line) as Record<string, unknown>)['dropped'], 3)
  })

  test('serve reads a module that CHAT_SESSION_CONFIG names, and calls its functions', async () => {
    const file = await write(
      'config.mjs',
      `export default {
      listen: { port: 0 }, engine: { type: 'memory' },
      apps: { app: { environment: 'test', authenticate: async ({ authParams }) => ({ ok: authParams.pass === 1 }) } },
    }`,
    )
    const { child, url, outcome } = run(['serve'], { CHAT_SESSION_CONFIG: file })
    const client = await startClient(await url(), startWithParams('ada', { pass: 1 }))
    assert.deepEqual(client.started['user'], { id: 'ada' })
    child.kill('SIGTERM')
    assert.equal((await outcome).code, 0)
  })

  test('PORT overrides the port, secrets come from the environment, and the default engine keeps its data in ./data', async () => {
    const { engine, ...rest } = config
    assert.equal(engine.type, 'memory')
    const file = await write('env.json', {
      ...rest,
      listen: { port: 1 },
      apps: { app: { environment: 'test', secrets: [{ env: 'SECRET' }] } },
    })
    const cwd = scratchFolder()
    const { child, url, outcome } = run(['serve', '--config', file], { PORT: '0', SECRET: secret }, cwd)
    const client = await startClient(await url(), await startOf('ada'))
    client.close()
    child.kill('SIGTERM')
    assert.equal((await outcome).code, 0)
    const again = run(['serve', '--config', file], { PORT: '0', SECRET: secret }, cwd)
    await again.url()
    again.child.kill('SIGTERM')
    assert.equal((await again.outcome).code, 0)
  })

  test('a signal while it waits for its folder ends it with 0', async () => {
    const path = join(scratchFolder(), 'data')
    const settings = { ...config, engine: { type: 'embedded', path } }
    const owner = run(['serve', '--config', await write('owner.json', settings)])
    await owner.url()
    // When the module's timers fire, the process has read the config, listens to signals, and waits for the folder.
    const file = await write(
      'waiting.mjs',
      `setTimeout(() => console.error('waiting'), 200)
    export default ${JSON.stringify(settings)}`,
    )
    const waiting = run(['serve', '--config', file])
    assert.ok(waiting.child.stderr)
    await once(waiting.child.stderr, 'data')
    waiting.child.kill('SIGTERM')
    assert.deepEqual(await waiting.outcome, { code: 0, signal: null, stdout: '', stderr: 'waiting\n' })
    owner.child.kill('SIGTERM')
    await owner.outcome
  })

  /** Asserts that a run ends with 2 and exactly these lines on standard error. */
  const assertFails = async (
    args: string[],
    lines: RegExp[],
    env?: Record<string, string>,
  ): Promise<string> => {
    const { code, stdout, stderr } = await finish(['serve', ...args], env)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, stderr)
    const printed = stderr.trimEnd().split('\n')
    assert.equal(printed.length, lines.length, stderr)
    for (const [index, line] of lines.entries()) assert.match(printed[index] ?? '', line)
    return stderr
  }

  test('without a config the error says how to name one', async () => {
    await assertFails([], [/^chat-session: .*--config FILE.*CHAT_SESSION_CONFIG/])
  })

  test('a bad config is one line a problem, each with its path', async () => {
    const file = await write('bad.json', {
      listen: { port: '80' },
      admin: {},
      apps: { app: { environment: 'production', secrets: ['short and sweet'], colour: 'red' } },
    })
    const stderr = await assertFails(
      ['--config', file],
      [
        /^chat-session: listen\.port: must be a whole number/,
        /^chat-session: admin\.token: is missing/,
        /^chat-session: apps\.app\.colour: unknown key/,
        /^chat-session: apps\.app\.origins: /,
        /^chat-session: apps\.app\.secrets\[0\]: is too short/,
      ],
    )
    assert.ok(!stderr.includes('short and sweet'))
  })

  test('serve ends if it can’t start, even if its config module holds a timer open', async () => {
    const file = await write(
      'open-and-bad.mjs',
      `setInterval(() => undefined, 1_000)
    export default ${JSON.stringify({ ...config, apps: {} })}`,
    )
    await assertFails(['--config', file], [/^chat-session: apps: /])
  })

  const hidden = 'Zm9yIG5vYm9keSdzIGV5ZXM'
  const unreadable: [what: string, name: string, content: string | null, line: RegExp][] = [
    ['is not there', 'none.json', null, /none\.json can't be read: ENOENT/],
    ['is not there, as a module', 'none.mjs', null, /none\.mjs can't be read: Cannot find module/],
    [
      'is broken JSON',
      'broken.json',
      `{"apps":{"app":{"secrets":["${hidden}",${hidden}]}}}`,
      /broken\.json can't be read: its JSON is not well-formed at line 1, column 54\.$/,
    ],
    [
      'is a broken module',
      'broken.mjs',
      `export default { secrets: ['${hidden}' ${hidden} ] }`,
      /broken\.mjs can't be read: it is not well-formed\.$/,
    ],
    [
      'forgets quotes',
      'quotes.mjs',
      `export default { secrets: [${hidden}] }`,
      /quotes\.mjs can't be read: it throws a ReferenceError\.$/,
    ],
    [
      'throws for people',
      'throws.mjs',
      'throw new Error("Set DATABASE_URL.")',
      /throws\.mjs can't be read: Set DATABASE_URL\.$/,
    ],
    ['throws a text', 'text.mjs', `throw '${hidden}'`, /text\.mjs can't be read: it throws\.$/],
    ['has no default export', 'named.mjs', 'export const config = {}', /named\.mjs has no default export\.$/],
    ['is null', 'null.json', 'null', /config: must be an object/],
  ]
  for (const [what, name, content, line] of unreadable)
    test(`a config that ${what} is one line, which shows nothing of the config`, async () => {
      const file = content === null ? join(folder, name) : await write(name, content)
      const stderr = await assertFails(['--config', file], [line])
      assert.ok(!stderr.includes(hidden))
    })

  test('a folder that cannot be written is one line', async () => {
    const occupied = await write('occupied', 'a file')
    const engines = {
      'a file': occupied,
      'below a file': join(occupied, 'data'),
      'below /proc': '/proc/nothing/data',
    }
    for (const [what, path] of Object.entries(engines)) {
      const file = await write(`${what.replaceAll(/\W/g, '-')}.json`, {
        ...config,
        engine: { type: 'embedded', path },
      })
      await assertFails(
        ['--config', file],
        [/^chat-session: .* can't be used: it must be a folder that this process can make, read and write/],
      )
    }
  })

  /** Waits for the next line of the log that has this message. */
  const logLine = async (child: ChildProcess, msg: string): Promise<Record<string, unknown>> => {
    const { stderr } = child
    assert.ok(stderr)
    let text = ''
    const found = new Promise<Record<string, unknown>>((resolve) => {
      const read = (chunk: string): void => {
        text += chunk
        const line = text.split('\n').find((one) => one.includes(msg) && one.endsWith('}'))
        if (line === undefined) return
        stderr.off('data', read)
        resolve(JSON.parse(line) as Record<string, unknown>)
      }
      stderr.on('data', read)
    })
    return within(found, `line "${msg}"`)
  }

  test('a SIGHUP while serve reads its config ends nothing, and serve reads the config again', async () => {
    const gate = await write('reading.gate', '')
    const file = await write(
      'reading.mjs',
      `import { existsSync } from 'node:fs'
    console.error('reading')
    while (existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 20))
    export default ${JSON.stringify(config)}`,
    )
    const { child, url, outcome } = run(['serve', '--config', file])
    assert.ok(child.stderr)
    await once(child.stderr, 'data')
    const reloaded = logLine(child, 'the config was reloaded')
    child.kill('SIGHUP')
    await rm(gate)
    await url()
    assert.deepEqual((await reloaded)['applied'], [])
    child.kill('SIGTERM')
    assert.equal((await outcome).code, 0)
  })

  test('at SIGHUP serve reads the files of its secrets again, with the config unchanged', async () => {
    const secretFile = await write('chat-secret', 'the first secret\n')
    const tokenFile = await write('admin-token', `${'a'.repeat(32)}\n`)
    const apps = { app: { environment: 'test', secrets: [{ file: secretFile }] } }
    const admin = { port: 0, token: { file: tokenFile } }
    const file = await write('files.json', JSON.stringify({ ...config, admin, apps }))
    const { child, url, outcome } = run(['serve', '--config', file])
    const startWith = async (secret: string) => ({
      ...{ type: 'start', appId: 'app' },
      token: await tokenFor('ada', { secret }),
    })
    const client = await startClient(await url(), await startWith('the first secret'))
    await write('chat-secret', 'the second secret\n')
    await write('admin-token', `${'b'.repeat(32)}\n`)
    const reloaded = logLine(child, 'the config was reloaded')
    child.kill('SIGHUP')
    assert.deepEqual((await reloaded)['applied'], ['admin.token', 'apps.app.secrets'])
    await startClient(await url(), await startWith('the second secret'))
    assert.equal(await refusalOf(await url(), await startWith('the first secret')), 'unauthenticated')
    await rm(secretFile)
    const refused = logLine(child, 'was not reloaded')
    child.kill('SIGHUP')
    assert.match(String((await refused)['problems']), /apps\.app\.secrets\[0\]\.file: .*ENOENT/)
    client.send({ type: 'send', id: 'a', to: 'ada', body: 'still here' })
    await client.next('message')
    child.kill('SIGTERM')
    const end = await outcome
    assert.doesNotMatch(end.stderr, /(first|second) secret|b{32}/)
  })

  for (const kind of ['json', 'mjs', 'cjs'] as const)
    test(`at SIGHUP serve reads its config again, from a file with the ending ${kind}, and drops no session`, async () => {
      const text = (changes: object): string => {
        const json = JSON.stringify({ ...config, ...changes })
        return { json, mjs: `export default ${json}`, cjs: `module.exports = ${json}` }[kind]
      }
      const name = `reload.${kind}`
      const file = await write(name, text({}))
      const { child, url, outcome } = run(['serve', '--config', file])
      const client = await startClient(await url(), await startOf('ada'))
      const apps = { app: { environment: 'test', secrets: ['rotated'] } }
      await write(name, text({ apps, pingInterval: 5 }))
      const [reloaded, pending] = [
        logLine(child, 'the config was reloaded'),
        logLine(child, 'that need a restart'),
      ]
      child.kill('SIGHUP')
      assert.deepEqual((await reloaded)['applied'], ['apps.app.secrets'])
      assert.deepEqual((await pending)['needsRestart'], ['pingInterval'])

      await write(name, text({ apps: {}, pingInterval: 'often' }))
      const refused = logLine(child, 'was not reloaded')
      child.kill('SIGHUP')
      const problems = (await refused)['problems'] as string[]
      assert.deepEqual(
        problems.map((problem) => problem.split(':')[0]),
        ['pingInterval', 'apps'],
      )

      await write(name, 'nonsense {')
      const unreadable = logLine(child, 'was not reloaded')
      child.kill('SIGHUP')
      assert.match(String((await unreadable)['problems']), /reload\.(json|mjs|cjs) can't be read/)

      client.send({ type: 'send', id: 'a', to: 'ada', body: 'still here' })
      await client.next('message')
      const token = await tokenFor('ada', { secret: 'rotated' })
      await startClient(await url(), { type: 'start', appId: 'app', token })
      child.kill('SIGTERM')
      const end = await outcome
      assert.equal(end.code, 0)
      assert.ok(!end.stderr.includes('rotated'))
    })
})
