import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig, type Env } from '../../../src/gateway/config/parse.js'

const apps = { a: { environment: 'test' } }
const url = 'redis://127.0.0.1:6379'
const password = 'a-password-that-no-line-may-show'

const problemsOf = (engine: unknown, env: Env = {}): string[] => {
  const parsed = parseConfig({ engine, apps }, env)
  return parsed.ok ? [] : parsed.problems
}

const engineOf = (engine: unknown, env: Env = {}): unknown => {
  const parsed = parseConfig({ engine, apps }, env)
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'))
  return parsed.config.engine
}

test('a redis engine takes a URL, Sentinels with a name, or a cluster', () => {
  const common = { type: 'redis', prefix: 'chat-session:' }
  assert.deepEqual(engineOf({ type: 'redis', url }), { ...common, url })
  const sentinels = { sentinels: ['redis://10.0.0.1', 'redis://10.0.0.2:26380'], name: 'mymaster' }
  assert.deepEqual(engineOf({ type: 'redis', ...sentinels }), { ...common, ...sentinels })
  assert.deepEqual(engineOf({ type: 'redis', cluster: [url], prefix: 'x:', tls: true }), {
    ...{ type: 'redis', cluster: [url], prefix: 'x:', tls: true },
  })
})

test('the URL of Redis can be in an environment variable, and REDIS_URL overrides it', () => {
  const other = 'rediss://user:secret@redis.example.com/3'
  assert.deepEqual(engineOf({ type: 'redis', url: { env: 'CHAT_REDIS' } }, { CHAT_REDIS: other }), {
    ...{ type: 'redis', url: other, prefix: 'chat-session:' },
  })
  for (const engine of [{ type: 'redis' }, { type: 'redis', url }])
    assert.deepEqual(engineOf(engine, { REDIS_URL: other }), {
      ...{ type: 'redis', url: other, prefix: 'chat-session:' },
    })
  assert.deepEqual(engineOf({ type: 'redis', url }, { REDIS_URL: '' }), {
    ...{ type: 'redis', url, prefix: 'chat-session:' },
  })
  assert.deepEqual(engineOf({ type: 'memory' }, { REDIS_URL: 'no url' }), { type: 'memory' })
})

const oneWay = 'engine: a redis engine has one of url, sentinels (with name) and cluster'
const loginRule = 'or rediss: for TLS; a login is optional, and there are no options after a ?'
const urlRule = `must be redis://USER:PASSWORD@HOST:PORT/DATABASE with the number of a database, ${loginRule}`
const serverRule = `must be redis://USER:PASSWORD@HOST:PORT without a database, ${loginRule}`
const contradiction = 'engine.tls: is false, but a URL begins with rediss: change one of them'

const wrong: [engine: object, problem: string][] = [
  [{}, `${oneWay}: give one, or the environment variable REDIS_URL`],
  [{ url, cluster: [url] }, `${oneWay}: give no other`],
  [{ url: `https://:${password}@example.com` }, `engine.url: ${urlRule}`],
  [{ url: `redis://:${password}@example.com/name` }, `engine.url: ${urlRule}`],
  [{ url: `${url}?db=1` }, `engine.url: ${urlRule}`],
  [{ url: `${url}/1#2` }, `engine.url: ${urlRule}`],
  [{ url: `${url}/1.0` }, `engine.url: ${urlRule}`],
  [{ url: `${url}/-1` }, `engine.url: ${urlRule}`],
  [{ sentinels: [`${url}/0`], name: 'mymaster' }, `engine.sentinels[0]: ${serverRule}`],
  [{ cluster: [`${url}?tls=true`] }, `engine.cluster[0]: ${serverRule}`],
  [{ url: 'rediss://127.0.0.1', tls: false }, contradiction],
  [{ cluster: ['RedisS://127.0.0.1'], tls: false }, contradiction],
  // The user and the password are decoded one by one.
  [{ url: 'redis://user%:25password@example.com' }, `engine.url: ${urlRule}`],
  [
    { url: 5 },
    'engine.url: must be a string, { "env": "NAME" } for an environment variable that holds it, or { "file": "PATH" } for a file',
  ],
  [
    { url: { env: 'CHAT_REDIS' } },
    'engine.url.env: the environment variable CHAT_REDIS is not set, or empty',
  ],
  [{ cluster: [] }, 'engine.cluster: must be a list of one or more URLs'],
  [{ cluster: url }, 'engine.cluster: must be a list of one or more URLs'],
  [{ cluster: [`${url}/1`] }, `engine.cluster[0]: ${serverRule}`],
  [
    { cluster: [url, `redis://:${password}@10.0.0.1`] },
    'engine.cluster: must have the same scheme, user and password in each URL',
  ],
  [{ sentinels: [url] }, "engine.name: is missing: the Sentinels' config says which name the master has"],
  [{ url, name: 'mymaster' }, 'engine.name: belongs to sentinels: leave it out'],
  [{ url, prefix: 'a{b}' }, 'engine.prefix: must be 1 to 64 characters without spaces, { and }'],
  [{ url, tls: 'yes' }, 'engine.tls: must be true, false, or an object of PEM files'],
  [{ url, tls: { cert: 'a.pem' } }, 'engine.tls: cert and key are given together'],
  [{ url, path: './data' }, 'engine.path: only an embedded engine has a folder: leave it out'],
]
for (const [engine, problem] of wrong)
  test(`a redis engine is refused: ${JSON.stringify(engine).replaceAll(password, '…')}: ${problem}`, () => {
    const problems = problemsOf({ type: 'redis', ...engine })
    assert.deepEqual(problems, [problem])
    assert.ok(!problems.join().includes(password))
  })

test('a REDIS_URL that is no URL of Redis is refused without its text', () => {
  assert.deepEqual(problemsOf({ type: 'redis' }, { REDIS_URL: `http://:${password}@example.com` }), [
    `REDIS_URL: the environment variable ${urlRule}`,
  ])
})

test('REDIS_URL is refused beside a cluster, since either could be meant', () => {
  assert.deepEqual(problemsOf({ type: 'redis', cluster: [url] }, { REDIS_URL: url }), [
    `${oneWay}: give no other while REDIS_URL is set`,
  ])
})

test('a REDIS_URL that asks for TLS is refused beside a config that turns TLS off', () => {
  const secure = { REDIS_URL: 'rediss://127.0.0.1' }
  assert.deepEqual(problemsOf({ type: 'redis', tls: false }, secure), [contradiction])
  assert.deepEqual(problemsOf({ type: 'redis', url, tls: false }, secure), [contradiction])
  assert.deepEqual(problemsOf({ type: 'redis', tls: true }, secure), [])
})

test('an engine of another type is refused', () => {
  assert.deepEqual(problemsOf({ type: 'postgres' }), ['engine.type: must be "memory", "embedded" or "redis"'])
})
