import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { streamLines } from '../../../src/gateway/admin/line-stream.js'
import type { AdminEnv } from '../../../src/gateway/admin/calls.js'
import type { StreamLine } from '../../../src/protocol/internal.js'
import { startServer } from '../../support/network/http-server.js'
import { until } from '../../support/until.js'

/** Opens a stream whose entries are numbers. */
const open = async (subscribe: (push: (entry: number) => void, signal: AbortSignal) => void) => {
  const routes = new Hono<AdminEnv>().get('/', (context) => streamLines(context, subscribe))
  const { body } = await routes.request('/')
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  return {
    nextLine: async () => JSON.parse((await reader?.read())?.value ?? '') as StreamLine<number>,
    cancel: () => reader?.cancel(),
  }
}

test('a line has a bounded number of entries, and says how many were left out', async () => {
  const { nextLine, cancel } = await open((push) => {
    for (let i = 0; i < 500; i++) push(i)
  })
  const { entries, skipped } = await nextLine()
  assert.deepEqual([entries.length, entries[0], skipped], [200, 0, 300])
  await cancel()
})

test('a client that does not read gets one line for everything that happens meanwhile', async () => {
  let push: (entry: number) => void = () => undefined
  const { nextLine, cancel } = await open((pushEntry) => (push = pushEntry))
  await nextLine()
  for (let i = 0; i < 100; i++) push(i)
  await nextLine()
  for (let i = 0; i < 10_000; i++) push(i)
  const { entries, skipped } = await nextLine()
  assert.equal(entries.length + skipped, 10_000)
  assert.equal(entries.length, 200)
  await cancel()
})

test('the subscription ends when the client leaves', async () => {
  let life: AbortSignal | undefined
  const routes = new Hono<AdminEnv>().get('/', (context) =>
    streamLines(context, (_, signal) => (life = signal)),
  )
  const respond = getRequestListener(routes.fetch, { overrideGlobalObjects: false })
  const { url } = await startServer((request, response) => void respond(request, response))
  const client = new AbortController()
  const { body } = await fetch(url, { signal: client.signal })
  await body?.getReader().read()
  assert.equal(life?.aborted, false)
  client.abort()
  await until('the subscription has ended', () => life?.aborted ?? false)
})

test('a HEAD request gets the headers and subscribes to nothing', async () => {
  let subscriptions = 0
  const routes = new Hono<AdminEnv>().get('/', (context) =>
    streamLines(context, () => void (subscriptions += 1)),
  )
  const { status, headers } = await routes.request('/', { method: 'HEAD' })
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/x-ndjson'])
  assert.equal(subscriptions, 0)
})
