import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { createCounter } from '../../../src/gateway/metrics/counter.js'

test('a counter with labels has its counts at a read', async () => {
  const counter = createCounter({ name: 'n', help: 'n', labelNames: ['app'], registers: [new Registry()] })
  const values = async () => (await counter.get()).values.map(({ labels, value }) => [labels['app'], value])
  counter.inc({ app: 'a' })
  counter.inc({ app: 'a' }, 2)
  counter.inc({ app: 'b' })
  assert.deepEqual(await values(), [
    ['a', 3],
    ['b', 1],
  ])
})
