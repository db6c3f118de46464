import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

test('lines are written to standard error at once: a killed process loses none that the pipe had room for', () => {
  const script = `
    import { createLog } from ${JSON.stringify(new URL('../../../src/gateway/log.ts', import.meta.url).href)}
    const log = createLog()
    for (let i = 0; i < 100; i += 1) log.info({ i }, 'line')
    process.kill(process.pid, 'SIGKILL')`
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    encoding: 'utf8',
  })
  assert.equal(child.signal, 'SIGKILL', child.stderr)
  assert.equal(child.stdout, '')
  const numbers = child.stderr
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { i: number }).i)
  assert.deepEqual(numbers, [...Array(100).keys()])
})
