// Data folders on file systems that keep no modes, such as those of SMB. strace answers each `chmod` of the gateway as they do.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startSession } from '../../support/clients/client-sessions.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
import { runtime } from '../../support/processes/fault-runtime.js'
import { within } from '../../support/raw-client.js'

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

try {
  execFileSync('strace', ['--version'], { stdio: 'ignore' })
} catch {
  throw new Error('This test needs strace: apt-get install strace.')
}

for (const [what, answer, reason] of [
  ['refuses', 'error=EPERM', 'EPERM: operation not permitted, chmod '],
  [
    'does not know',
    'error=EOPNOTSUPP',
    '(ENOTSUP|EOPNOTSUPP|unknown error|Unknown system error|operation not supported)',
  ],
  ['ignores', 'retval=0', 'it ignores the change'],
] as const)
  test(`a gateway serves on a mount that ${what} modes, and warns once`, async () => {
    const gateway = await gatewayProcess()
    const calls = 'chmod,fchmod,fchmodat'
    const child = spawn(
      'strace',
      [
        ...['-f', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:${answer}`],
        ...[runtime.path, main, 'serve', '--config', gateway.config],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
    const exited = once(child, 'exit')
    // Ends the gateway itself. It would go on without strace.
    const end = (signal: NodeJS.Signals): void => {
      if (child.exitCode !== null) return
      const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
      for (const pid of children.trim().split(' ')) process.kill(Number(pid), signal)
    }
    after(() => end('SIGKILL'))
    await within(once(createInterface(child.stdout), 'line'), 'address')
    const ann = await startSession(gateway.endpoint, 'ann')
    await startSession(gateway.endpoint, 'bob')
    await ann.send({ to: 'bob', body: 'stored all the same' })
    end('SIGTERM')
    await within(exited, 'end of the gateway')
    const warnings = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; msg: string })
      .filter(({ level }) => ['warn', 'error'].includes(level))
    assert.equal(warnings.length, 1, log)
    assert.equal(warnings[0]?.level, 'warn')
    assert.match(
      warnings[0].msg,
      new RegExp(
        `^Other users of this machine can perhaps read the files in .*, because their file system keeps no modes \\(${reason}`,
      ),
    )
  })
