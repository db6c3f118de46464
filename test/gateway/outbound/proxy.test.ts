import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadUndici, proxyFor } from '../../../src/gateway/outbound/proxy.js'

const env = { HTTPS_PROXY: 'http://proxy.test:3128' }
const originFor = (url: string, changes: Record<string, string> = {}): string | undefined =>
  proxyFor(url, { ...env, ...changes })?.origin

test('requests by https go through HTTPS_PROXY, else through HTTP_PROXY; without both they go direct', () => {
  const url = 'https://backend.test/hook'
  assert.equal(originFor(url), 'http://proxy.test:3128')
  assert.equal(proxyFor(url, { HTTP_PROXY: 'http://other.test:8' })?.origin, 'http://other.test:8')
  assert.equal(originFor(url, { HTTP_PROXY: 'http://other.test:8' }), 'http://proxy.test:3128')
  assert.equal(originFor(url, { https_proxy: 'https://lower.test' }), 'https://lower.test')
  assert.equal(originFor(url, { HTTPS_PROXY: 'proxy.test:3128' }), 'http://proxy.test:3128')
  assert.equal(originFor(url, { HTTPS_PROXY: '' }), undefined)
  assert.equal(proxyFor(url, {}), undefined)
})

test('requests to this machine by http go direct', () => {
  assert.equal(originFor('http://127.0.0.1:3000/hook', { HTTP_PROXY: 'http://proxy.test' }), undefined)
})

test('the login of a proxy is in the URL that is used, and not in the one that is shown', () => {
  const proxy = proxyFor('https://a.test', { HTTPS_PROXY: 'http://user:secret@proxy.test:3128' })
  assert.match(proxy?.url ?? '', /user:secret@/)
  assert.equal(proxy?.origin, 'http://proxy.test:3128')
})

for (const HTTPS_PROXY of ['socks5://proxy.test:1080', 'http://', 'http://a b', 'secret'.repeat(50) + ' x'])
  test(`'${HTTPS_PROXY.slice(0, 30)}' is no proxy, and the problem names the variable, not the value`, () => {
    const { problem = '' } = proxyFor('https://a.test', { HTTPS_PROXY }) ?? {}
    assert.match(problem, /^HTTPS_PROXY must be the URL of a proxy/)
    assert.doesNotMatch(problem, /socks5|secret/)
  })

const exempt: [noProxy: string, url: string][] = [
  ['*', 'https://any.test'],
  ['backend.test', 'https://backend.test'],
  ['backend.test', 'https://BACKEND.test.'],
  ['backend.test', 'https://a.b.backend.test'],
  ['.backend.test', 'https://a.backend.test'],
  ['*.backend.test', 'https://a.backend.test'],
  ['other.test, backend.test', 'https://backend.test'],
  ['other.test backend.test', 'https://backend.test'],
  ['backend.test:443', 'https://backend.test'],
  ['backend.test:8443', 'https://backend.test:8443'],
  ['10.1.2.3', 'https://10.1.2.3'],
  ['::1', 'https://[::1]:8443'],
  ['[::1]:8443', 'https://[::1]:8443'],
]
for (const [noProxy, url] of exempt)
  test(`NO_PROXY ${noProxy} lets ${url} go direct`, () => {
    assert.equal(originFor(url, { NO_PROXY: noProxy }), undefined)
    assert.equal(originFor(url, { no_proxy: noProxy, NO_PROXY: 'nothing' }), undefined)
  })

const proxied: [noProxy: string, url: string][] = [
  ['', 'https://backend.test'],
  ['backend.test', 'https://notbackend.test'],
  ['backend.test', 'https://backend.test.evil.test'],
  ['backend.test:8443', 'https://backend.test'],
  ['2.3', 'https://10.1.2.3'],
  ['.', 'https://backend.test'],
  ['[::1]:8443', 'https://[::1]'],
]
for (const [noProxy, url] of proxied)
  test(`NO_PROXY '${noProxy}' sends ${url} through the proxy`, () => {
    assert.equal(originFor(url, { NO_PROXY: noProxy }), 'http://proxy.test:3128')
  })

test('without the package undici a request through a proxy says how to install it', async () => {
  const missing = Object.assign(new Error("Cannot find package 'undici'"), { code: 'ERR_MODULE_NOT_FOUND' })
  await assert.rejects(
    loadUndici('HTTPS_PROXY', () => Promise.reject(missing)),
    {
      message: /^HTTPS_PROXY is set, and .* need the package undici; install it: npm install undici@7$/,
    },
  )
  const { ProxyAgent } = await loadUndici('HTTPS_PROXY')
  assert.equal(typeof ProxyAgent, 'function')
})
