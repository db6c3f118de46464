import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, type Log } from '../../src/gateway/log.js'

type Line = Record<string, unknown>
const logged = (write: (log: Log) => void, level?: 'debug' | 'warn'): Line[] => {
  const lines: string[] = []
  write(createLog({ level, destination: { write: (line) => void lines.push(line) } }))
  for (const line of lines) assert.match(line, /^[^\n]+\n$/, 'a line is one line')
  return lines.map((line) => JSON.parse(line) as Line)
}

test('a line is JSON with a level by name, an ISO time, the fields and the message', () => {
  const [line] = logged((log) => log.info({ appId: 'a', sessions: 3 }, 'session started'))
  assert.equal(line?.['level'], 'info')
  assert.equal(line['appId'], 'a')
  assert.equal(line['sessions'], 3)
  assert.equal(line['msg'], 'session started')
  assert.equal(new Date(line['time'] as string).toISOString(), line['time'])
})

test('lines below the level are left out', () => {
  const all = (log: Log): void => {
    log.debug('debug')
    log.info('info')
    log.warn('warn')
    log.error('error')
    log.fatal('fatal')
  }
  const levels = (lines: Line[]): unknown[] => lines.map((line) => line['level'])
  assert.deepEqual(levels(logged(all)), ['info', 'warn', 'error', 'fatal'])
  assert.deepEqual(levels(logged(all, 'warn')), ['warn', 'error', 'fatal'])
  assert.deepEqual(levels(logged(all, 'debug')), ['debug', 'info', 'warn', 'error', 'fatal'])
})

for (const field of [
  'token',
  'signature',
  'secret',
  'secrets',
  'signatureSecrets',
  'authParams',
  'sec-websocket-protocol',
  'Sec-WebSocket-Protocol',
  'authorization',
  'Authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'resumeKey',
  'key',
  'password',
  'rawHeaders',
])
  test(`the value of a field ${field} is redacted, at any depth and of any type`, () => {
    const values = ['s3cr3t', ['s3cr3t'], { inner: 's3cr3t' }]
    const lines = logged((log) => {
      for (const value of values) {
        const holder = { [field]: value, kept: 1 }
        log.info(holder, 'depth 0')
        log.info({ a: holder }, 'depth 1')
        log.info({ a: { b: holder } }, 'depth 2')
        log.info({ a: { b: [{ c: holder }] } }, 'deeper')
        log.child(holder).child({ more: holder }).info({ last: holder }, 'children')
        log.error({ err: Object.assign(new Error('broken'), { request: holder }) }, 'error')
        log.warn({ a: { toJSON: () => holder } }, 'toJSON')
      }
    })
    assert.equal(lines.length, 7 * values.length)
    for (const line of lines) {
      const text = JSON.stringify(line)
      assert.ok(!text.includes('s3cr3t'), text)
      assert.ok(text.includes(`"${field}":"[redacted]"`), text)
      assert.ok(text.includes('"kept":1'), text)
      assert.ok(['info', 'warn', 'error'].includes(line['level'] as string), 'the rest of the line stays')
    }
  })

test('a field whose name only contains the name of a secret is kept, and so is a message about one', () => {
  const [line] = logged((log) =>
    log.info({ tokenExpired: true, monkey: 'George', value: 'token' }, 'a "token": was refused'),
  )
  assert.equal(line?.['tokenExpired'], true)
  assert.equal(line['monkey'], 'George')
  assert.equal(line['value'], 'token')
  assert.equal(line['msg'], 'a "token": was refused')
})
