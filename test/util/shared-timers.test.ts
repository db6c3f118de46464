import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

test('an item that throws does not keep the others of its time from being called', () => {
  const module = new URL('../../src/util/shared-timers.ts', import.meta.url)
  // In a process of its own, because the error is thrown again.
  const script = `
    import { addTimed } from '${module.href}'
    process.on('uncaughtException', ({ message }) => console.log(message))
    const at = performance.now() + 10
    addTimed(at, { onTime() { throw new Error('of the first') } })
    addTimed(at, { onTime() { console.log('the second') } })
    setTimeout(() => undefined, 50)
  `
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.deepEqual(stdout.trim().split('\n'), ['the second', 'of the first'])
})
