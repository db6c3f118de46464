import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig, type AppConfig, type AppSettings } from '../../../src/gateway/config/parse.js'

const url = 'https://www.example.com/hook'
const whsec = (key: string): string => `whsec_${Buffer.from(key).toString('base64')}`
const secrets = [whsec('a secret of one app')]
const origins = ['https://www.example.com']
const parsed = (app: unknown) => parseConfig({ apps: { a: app } }, {})
const problemsOf = (app: object, environment = 'test'): string[] => {
  const result = parsed({ environment, ...app })
  return result.ok ? [] : result.problems
}
const settingsOf = (app: Omit<AppConfig, 'environment'>): AppSettings | undefined => {
  const result = parsed({ environment: 'test', ...app })
  assert.ok(result.ok)
  return result.config.apps.get('a')
}

test('authenticateUrl and webhooks have their secrets as bytes, and documented defaults', () => {
  const { authenticateUrl, webhooks } =
    settingsOf({ authenticateUrl: { url, secrets }, webhooks: { url, secrets: [whsec('another')] } }) ?? {}
  assert.deepEqual(authenticateUrl, {
    url,
    secrets: [Buffer.from('a secret of one app')],
    forwardHeaders: [],
  })
  assert.deepEqual(webhooks, {
    url,
    secrets: [Buffer.from('another')],
    events: [
      'session.started',
      'session.ended',
      'user.created',
      'user.updated',
      'user.deleted',
      'user.online',
      'user.offline',
      'message.unread',
    ],
    unreadAfter: 300_000,
  })
})

for (const bad of [
  'http://www.example.com',
  'https://me:word@www.example.com',
  'ftp://localhost',
  '/hook',
  '',
])
  test(`no request goes to '${bad}'`, () => {
    const message = 'must be an https URL without user and password; http is for this machine only'
    assert.deepEqual(
      problemsOf({ authenticateUrl: { url: bad, secrets }, webhooks: { url: bad, secrets: [whsec('b')] } }),
      [`apps.a.authenticateUrl.url: ${message}`, `apps.a.webhooks.url: ${message}`],
    )
  })

for (const secret of [
  'c2VjcmV0',
  'whsec_',
  'whsec_c2Vj cmV0',
  'whsec_c2Vjcm-_',
  'whsec_c2VjcmV',
  'WHSEC_c2VjcmV0',
])
  test(`'${secret}' is no secret of a webhook, and is not repeated`, () => {
    const problems = problemsOf({ webhooks: { url, secrets: [secret] } })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^apps\.a\.webhooks\.secrets\[0\]: must be whsec_ and base64/)
    assert.ok(!problems[0]?.includes('c2V'))
  })

test('in production a secret of a webhook has 24 bytes or more', () => {
  const hook = (length: number) => ({
    origins,
    secrets: ['s'.repeat(32)],
    webhooks: { url, secrets: [whsec('a'.repeat(length))] },
  })
  assert.deepEqual(problemsOf(hook(24), 'production'), [])
  assert.match(problemsOf(hook(23), 'production').join(), /^apps\.a\.webhooks\.secrets\[0\]: is too short/)
  assert.deepEqual(problemsOf(hook(1)), [])
})

test('names of forwarded headers count in any case', () => {
  const forwardHeaders = ['Cookie', 'x-session', 'Authorization']
  assert.deepEqual(
    settingsOf({ origins, authenticateUrl: { url, secrets, forwardHeaders } })?.authenticateUrl
      ?.forwardHeaders,
    ['cookie', 'x-session', 'authorization'],
  )
})

const ownHeaders =
  'Host connection Content-Length content-type transfer-encoding webhook-signature Sec-WebSocket-Protocol upgrade Accept-Encoding'
for (const header of ownHeaders.split(' '))
  test(`the header ${header} can't be forwarded`, () => {
    const problems = problemsOf({ origins, authenticateUrl: { url, secrets, forwardHeaders: [header] } })
    assert.deepEqual(problems, [
      'apps.a.authenticateUrl.forwardHeaders[0]: cannot be forwarded: it belongs to the connection, the body or the signature of the request',
    ])
  })

for (const header of ['', 'a b', 'cookie\r\nhost', 'ü', 'a:b'])
  test(`${JSON.stringify(header)} is no name of a header`, () => {
    assert.deepEqual(problemsOf({ origins, authenticateUrl: { url, secrets, forwardHeaders: [header] } }), [
      'apps.a.authenticateUrl.forwardHeaders[0]: must be the name of a request header',
    ])
  })

test('an app that forwards headers lists its origins, in test too', () => {
  const authenticateUrl = { url, secrets, forwardHeaders: ['cookie'] }
  assert.match(
    problemsOf({ authenticateUrl }).join('\n'),
    /^apps\.a\.origins: is missing: authenticateUrl forwards headers.*$/,
  )
  assert.deepEqual(
    problemsOf(
      { authenticateUrl: { url, secrets: [whsec('a'.repeat(24))], forwardHeaders: ['cookie'] } },
      'production',
    ),
    ['apps.a.origins: a production app must list the origins of the pages that may connect'],
  )
  assert.deepEqual(problemsOf({ origins, authenticateUrl }), [])
  assert.deepEqual(problemsOf({ authenticateUrl: { url, secrets, forwardHeaders: [] } }), [])
})

test('authorizeSendUrl may take two seconds, unless the config says otherwise, and has secrets of its own', () => {
  const [first, second] = [
    { url, secrets },
    { url, secrets: [whsec('another')], timeout: 0.5 },
  ]
  const settings = settingsOf({ authenticateUrl: first, authorizeSendUrl: second })?.authorizeSendUrl
  assert.deepEqual(settings, { url, secrets: [Buffer.from('another')], timeout: 500 })
  assert.equal(settingsOf({ authorizeSendUrl: first })?.authorizeSendUrl?.timeout, 2_000)
  assert.match(
    problemsOf({ authenticateUrl: first, authorizeSendUrl: first }).join(),
    /^apps\.a\.authorizeSendUrl\.secrets\[0\]: is the same secret as apps\.a\.authenticateUrl\.secrets\[0\]/,
  )
})

test('an app decides about messages in one way', () => {
  assert.deepEqual(problemsOf({ authorizeSend: () => true, authorizeSendUrl: { url, secrets } }), [
    'apps.a.authorizeSendUrl: authorizeSend decides about messages already: leave one of the two out',
  ])
})

test('an app checks auth params in one way', () => {
  const authenticate = () => Promise.resolve(null)
  assert.deepEqual(problemsOf({ authenticate, authenticateUrl: { url, secrets } }), [
    'apps.a.authenticateUrl: authenticate checks auth params already: leave one of the two out',
  ])
})
