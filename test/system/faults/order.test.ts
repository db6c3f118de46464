import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startSession } from '../../support/clients/client-sessions.js'
import { within } from '../../support/raw-client.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
import { runtime } from '../../support/processes/fault-runtime.js'

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

try {
  execFileSync('strace', ['--version'], { stdio: 'ignore' })
} catch {
  throw new Error('This test needs strace: apt-get install strace.')
}

interface Call {
  name: string
  line: string
  /** The lines of the trace at which the call began and ended. */
  from: number
  to: number
}

/** Returns the system calls of a trace. A call that another thread's call interrupted has two lines, which are joined. */
const callsOf = (trace: string): Call[] => {
  const calls: Call[] = []
  const unfinished = new Map<string, Call>()
  trace.split('\n').forEach((line, at) => {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. (\w+) resumed>/.exec(rest)
    if (resumed) {
      const call = unfinished.get(pid)
      if (call) calls.push({ ...call, to: at })
      unfinished.delete(pid)
      return
    }
    const name = /^(\w+)\(/.exec(rest)?.[1]
    if (!name) return
    const call = { name, line: rest, from: at, to: at }
    if (rest.endsWith('<unfinished ...>')) unfinished.set(pid, call)
    else calls.push(call)
  })
  return calls
}

test('a message is written, then synced, and only then acknowledged and delivered', async () => {
  const gateway = await gatewayProcess()
  const trace = join(gateway.folder, 'trace')
  const calls = 'trace=write,writev,pwrite64,fdatasync,fsync,sendmsg,sendto'
  const child = spawn(
    'strace',
    ['-f', '-s', '100000', '-e', calls, '-o', trace, runtime.path, main, 'serve', '--config', gateway.config],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const exited = once(child, 'exit')
  // Ends the gateway itself. It would go on without strace.
  const end = (signal: NodeJS.Signals): void => {
    if (child.exitCode !== null) return
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    for (const pid of children.trim().split(' ')) process.kill(Number(pid), signal)
  }
  after(() => end('SIGKILL'))
  await within(once(createInterface(child.stdout), 'line'), 'address')

  const [ann, bob] = [
    await startSession(gateway.endpoint, 'ann'),
    await startSession(gateway.endpoint, 'bob'),
  ]
  const bodies = Array.from({ length: 20 }, (_, index) => `order-${index}-of-things`)
  const arrived = new Promise<void>((resolve) => {
    let count = 0
    bob.addEventListener('message', () => ++count === bodies.length && resolve())
  })
  const ids: string[] = []
  for (const body of bodies) ids.push((await ann.send({ to: 'bob', body })).id)
  await within(arrived, 'end of the messages')
  await Promise.all([ann.end(), bob.end()])
  end('SIGTERM')
  await exited

  const all = callsOf(readFileSync(trace, 'utf8'))
  const isFrame = ({ line }: Call, type: string): boolean => line.includes(`\\"type\\":\\"${type}\\"`)
  bodies.forEach((body, index) => {
    const id = ids[index] ?? ''
    const stored = all.find((call) => call.line.includes(body) && !isFrame(call, 'message'))
    const acknowledged = all.find((call) => isFrame(call, 'sent') && call.line.includes(id))
    const delivered = all.find((call) => isFrame(call, 'message') && call.line.includes(body))
    assert.ok(stored && acknowledged && delivered, `${body} is in the trace`)
    const synced = all.find((call) => /^f(data)?sync$/.test(call.name) && call.from > stored.to)
    assert.ok(synced, `${body} was synced`)
    assert.ok(synced.to < acknowledged.from, `${body} was acknowledged after its sync`)
    assert.ok(synced.to < delivered.from, `${body} was delivered after its sync`)
  })
})
