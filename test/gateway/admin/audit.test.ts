import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { createAudit } from '../../../src/gateway/admin/audit.js'
import type { AdminCall } from '../../../src/gateway/admin/calls.js'
import { createLogin } from '../../../src/gateway/admin/login.js'
import { createAdminRoutes } from '../../../src/gateway/admin/routes.js'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'
import { createLog } from '../../../src/gateway/index.js'
import type { LogLevel } from '../../../src/gateway/internal.js'
import { startServer } from '../../support/network/http-server.js'

const token = 'the admin token of a test, 32 bytes'
const readToken = 'the read token of a test, 32 bytes.'

/** Serves these calls. Returns a function that makes a request, and the lines of the log. */
const serve = async (calls: AdminCall[], level: LogLevel = 'info') => {
  const lines: string[] = []
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } })
  const life = new AbortController()
  after(() => life.abort())
  const routes = createAdminRoutes({
    login: createLogin(() => ({ token, readToken })),
    trust: () => undefined,
    audit: createAudit(log, life.signal),
    log,
    limitsReached: createMetrics().limitsReached,
    readiness: () => Promise.resolve('ready'),
    scrape: () => Promise.resolve(''),
    calls,
  })
  const respond = getRequestListener(routes.fetch, { overrideGlobalObjects: false })
  const { url } = await startServer((request, response) => void respond(request, response))
  return {
    lines,
    life,
    request: (method: string, path: string, bearer = token, body?: string) =>
      fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${bearer}`, cookie: 'a=the cookie' },
        ...(body !== undefined && { body }),
      }),
    audited: () =>
      lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ audit }) => audit),
  }
}

const path = '/apps/:appId/users/:userId/sessions/:sessionId'
const end: AdminCall = {
  method: 'delete',
  path,
  what: 'session.end',
  handle: (context) => context.body(null, context.req.param('sessionId') === 'gone' ? 404 : 204),
}

test('each call that changes something has one line in the audit log: who, what, whom, when and with which result', async () => {
  const { request, audited } = await serve([end])
  assert.equal((await request('DELETE', '/api/apps/app/users/ad%C3%A4%2F1/sessions/one')).status, 204)
  assert.equal((await request('DELETE', '/api/apps/app/users/ada/sessions/gone')).status, 404)
  const who = { by: 'admin-token', address: '127.0.0.1' }
  assert.ok(audited().every(({ time }) => !Number.isNaN(Date.parse(String(time)))))
  assert.deepEqual(
    audited().map(({ audit, who, what, whom, result, msg }) => ({ audit, who, what, whom, result, msg })),
    [
      {
        audit: true,
        who,
        what: 'session.end',
        whom: { appId: 'app', userId: 'adä/1', sessionId: 'one' },
        result: 204,
        msg: 'audit',
      },
      {
        audit: true,
        who,
        what: 'session.end',
        whom: { appId: 'app', userId: 'ada', sessionId: 'gone' },
        result: 404,
        msg: 'audit',
      },
    ],
  )
})

test('a call that fails has a line too; calls that read, or that are refused, have none', async () => {
  const { request, audited } = await serve([
    {
      method: 'post',
      path: '/apps/:appId/fail',
      what: 'app.fail',
      handle: () => Promise.reject(new Error('no')),
    },
    { method: 'get', path: '/apps', handle: (context) => context.json([]) },
    end,
  ])
  assert.equal((await request('GET', '/api/apps')).status, 200)
  assert.equal((await request('DELETE', '/api/apps/app/users/ada/sessions/one', readToken)).status, 403)
  assert.equal((await request('DELETE', '/api/apps/app/users/ada/sessions/one', 'wrong')).status, 401)
  assert.equal((await request('POST', '/api/apps/app/fail')).status, 500)
  assert.deepEqual(
    audited().map(({ what, whom, result }) => ({ what, whom, result })),
    [{ what: 'app.fail', whom: { appId: 'app' }, result: 500 }],
  )
})

test('the audit log is written at every log level, and lines that are alike are all written', async () => {
  for (const level of ['fatal', 'silent'] as const) {
    const { request, audited } = await serve([end], level)
    for (let i = 0; i < 3; i++) await request('DELETE', '/api/apps/app/users/ada/sessions/one')
    assert.equal(audited().length, 3, level)
  }
})

test('no line of the audit log has a token, a header, a query or a body', async () => {
  const { request, lines } = await serve([
    {
      method: 'post',
      path: '/apps/:appId/publish',
      what: 'message.publish',
      handle: async (context) => context.json(await context.req.json()),
    },
  ])
  await request(
    'POST',
    '/api/apps/app/publish?key=the-query',
    token,
    '{"body":"the body","secret":"the secret"}',
  )
  const text = lines.join('')
  assert.match(text, /message\.publish/)
  for (const hidden of [
    token,
    readToken,
    'the body',
    'the secret',
    'the cookie',
    'the-query',
    'authorization',
  ])
    assert.ok(!text.includes(hidden), hidden)
})

test('a line about an app token has its app and its id only', () => {
  const lines: string[] = []
  const audit = createAudit(
    createLog({ destination: { write: (line) => void lines.push(line) } }),
    new AbortController().signal,
  )
  const who = {
    by: 'app-token',
    appId: 'app',
    tokenId: 'id-1',
    address: '10.0.0.1',
    token: 'the token itself',
  } as const
  audit({ who, what: 'user.revoke', whom: { appId: 'app', userId: 'ada' }, result: 200 })
  const line = JSON.parse(lines.join('')) as Record<string, unknown>
  assert.deepEqual(line['who'], { by: 'app-token', appId: 'app', tokenId: 'id-1', address: '10.0.0.1' })
  assert.ok(!lines.join('').includes('the token itself'))
})
