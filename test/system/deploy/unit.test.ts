// The systemd unit: systemd itself reads it, and the commands in it are run.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/network/free-port.js'
import { startClient, within } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { readDeployed, replaceAll } from './support.js'

const folder = scratchFolder()
const unit = await readDeployed('chat-session.service')
const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

/** The value of a key; the last one counts. */
const valueOf = (key: string): string => {
  const values = [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value)
  return values.at(-1) ?? ''
}

const analyze = async (...args: string[]): Promise<{ status: number | null; output: string }> => {
  const file = join(folder, 'chat-session.service')
  await writeFile(
    file,
    replaceAll(unit, {
      'ExecStart=/opt/chat-session/node_modules/.bin/chat-session': `ExecStart=${process.execPath} ${main}`,
    }),
  )
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

test('systemd accepts the unit, with every key known', async () => {
  assert.deepEqual(await analyze('verify'), { status: 0, output: '' })
})

test('systemd rates the unit as well protected', async () => {
  // The exposure is in tenths: 0 is fully protected, 100 is not at all. A service without any protection has 96.
  const { status, output } = await analyze('security', '--offline=true', '--threshold=20')
  assert.equal(status, 0, output)
})

/** The system calls in a set of systemd's, such as `@system-service`. */
const callsIn = (set: string): Set<string> => {
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter', set], { encoding: 'utf8' })
  const entries = stdout
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  return new Set(entries.flatMap((entry) => (entry.startsWith('@') ? [...callsIn(entry)] : [entry])))
}

test('the unit allows every system call that a gateway makes', async () => {
  const allowed = new Set<string>()
  for (const [, isDenied, sets = ''] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm))
    for (const set of sets.split(' '))
      for (const call of callsIn(set)) {
        if (isDenied) allowed.delete(call)
        else allowed.add(call)
      }
  for (const call of callsIn('@default')) allowed.add(call)
  const config = join(folder, 'traced.json')
  await writeFile(
    config,
    JSON.stringify({
      listen: { port: 0 },
      engine: { path: join(folder, 'traced') },
      apps: { [appId]: { environment: 'test', secrets: [secret] } },
    }),
  )
  const trace = join(folder, 'trace')
  const command = [process.execPath, main, 'serve', '--config', config]
  const child = spawn('strace', ['-f', '-qq', '-o', trace, ...command], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  after(() => child.kill('SIGKILL'))
  const [line] = (await within(once(child.stdout, 'data'), 'address', 60_000)) as [Buffer]
  const url = line.toString().trim().replace('listening on ', '')
  const client = await startClient(url, { type: 'start', appId, token: await tokenFor('ada') })
  client.send({ type: 'send', id: 'a', to: 'ada', body: 'traced' })
  await client.next('sent')
  client.close()
  const [pid = ''] = /^\d+/.exec(await readFile(trace, 'utf8')) ?? []
  const exited = once(child, 'exit')
  process.kill(Number(pid), 'SIGTERM')
  await within(exited, 'exit')
  const made = (await readFile(trace, 'utf8')).matchAll(/^\d+ +(?:<\.\.\. )?([a-z]\w*)[( ]/gm)
  const names = new Set([...made].map(([, name = '']) => name))
  assert.ok(names.size > 20)
  assert.deepEqual(
    [...names].filter((name) => !allowed.has(name)),
    [],
  )
})

test('the unit leaves V8 what it needs, and a drain its time', () => {
  assert.equal(valueOf('MemoryDenyWriteExecute'), '')
  assert.ok(Number(valueOf('TimeoutStopSec')) > 20, 'drainTime is 20 by default')
})

test('the unit starts a gateway again until its Redis is there, however often', async () => {
  const config = join(folder, 'no-redis.json')
  const url = `redis://127.0.0.1:${await freePort()}`
  await writeFile(
    config,
    JSON.stringify({
      listen: { port: 0 },
      engine: { type: 'redis', url },
      apps: { [appId]: { environment: 'test' } },
    }),
  )
  const { status, stderr } = spawnSync(process.execPath, [main, 'serve', '--config', config], {
    encoding: 'utf8',
  })
  assert.notEqual(status, 0)
  assert.match(stderr, /Redis is unavailable/)
  assert.equal(valueOf('Restart'), 'on-failure')
  // By default systemd gives up after five starts in ten seconds.
  assert.equal(valueOf('StartLimitIntervalSec'), '0')
})

test('the check of docs/OPERATING.md waits for a service that systemd has just started', async () => {
  const page = await readFile(new URL('../../../docs/OPERATING.md', import.meta.url), 'utf8')
  const [, check = ''] = /^systemctl .*enable --now chat-session\n(curl .*)$/m.exec(page) ?? []
  const port = await freePort()
  const config = join(folder, 'first.json')
  await writeFile(
    config,
    JSON.stringify({
      listen: { port },
      engine: { path: join(folder, 'first') },
      apps: { [appId]: { environment: 'test', secrets: [secret] } },
    }),
  )
  // The unit has no `Type`: systemctl returns when the process has begun, not when it listens.
  assert.equal(valueOf('Type'), '')
  const child = spawn(process.execPath, [main, 'serve', '--config', config], { stdio: 'ignore' })
  after(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const [command = '', ...args] = replaceAll(check, { ':8080/': `:${port}/` }).split(' ')
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /"ready"/)
})

test('ExecStart, ExecReload and the stop signal of the unit serve, reload and drain', async () => {
  const config = join(folder, 'chat.json')
  const write = (secrets: string[]): Promise<void> =>
    writeFile(
      config,
      JSON.stringify({
        listen: { port: 0 },
        engine: { path: join(folder, 'data') },
        apps: { [appId]: { environment: 'production', origins: ['https://a.example'], secrets } },
      }),
    )
  await write([secret])
  const command = replaceAll(valueOf('ExecStart'), {
    '/opt/chat-session/node_modules/.bin/chat-session': main,
    '/etc/chat-session/chat.json': config,
  })
  const child = spawn(process.execPath, command.split(' '), { stdio: ['ignore', 'pipe', 'pipe'] })
  after(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const [line] = (await within(once(child.stdout, 'data'), 'address')) as [Buffer]
  const url = line.toString().trim().replace('listening on ', '')
  const client = await startClient(url, { type: 'start', appId, token: await tokenFor('ada') })

  const rotated = 'another secret of 32 bytes or longer'
  await write([rotated])
  const [command0 = '', ...args] = valueOf('ExecReload').replace('$MAINPID', String(child.pid)).split(' ')
  assert.equal(spawnSync(command0, args).status, 0)
  await until('the reload in the log', () => log.includes('the config was reloaded'))
  const token = await tokenFor('ada', { secret: rotated })
  await startClient(url, { type: 'start', appId, token })

  const exited = once(child, 'exit')
  child.kill(valueOf('KillSignal') as NodeJS.Signals)
  assert.equal((await client.end()).frame['code'], 'unavailable')
  assert.deepEqual(await within(exited, 'exit'), [0, null])
})
