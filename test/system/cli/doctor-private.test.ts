// Chrome asks the user before a page reaches an address that is more private than the page's own (Local Network Access).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkAddressSpace } from '../../../src/cli/doctor/address-space.js'
import { finish } from '../../support/processes/command-line.js'
import { startGateway } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'

const [onInternet, inNetwork, onMachine] = ['93.184.216.34', '10.0.0.5', '127.0.0.1'] as const
const https = new URL('https://www.example.com/')
const http = new URL('http://www.example.com/')

const levelOf = (gateway: string[], addresses: string[], url = https): string =>
  checkAddressSpace(gateway, { url, addresses }).level

test('a page that is as private as the gateway, or more, is asked nothing', () => {
  for (const url of [https, http]) {
    for (const address of [onInternet, inNetwork, onMachine, '::1', 'fd00::1', '2606:4700::1111'])
      assert.equal(levelOf([address], [address], url), 'ok', address)
    assert.equal(levelOf([onInternet], [inNetwork], url), 'ok')
    assert.equal(levelOf([inNetwork], [onMachine], url), 'ok')
  }
})

test('a page that is more public than the gateway is asked for, and refused with plain HTTP', () => {
  for (const [gateway, page] of [
    [inNetwork, onInternet],
    [onMachine, onInternet],
    [onMachine, inNetwork],
    ['fd00::1', '2606:4700::1111'],
    ['::1', '2606:4700::1111'],
  ] as const) {
    assert.equal(levelOf([gateway], [page]), 'warn', `${page} to ${gateway}`)
    assert.equal(levelOf([gateway], [page], http), 'fail', `${page} to ${gateway}`)
  }
})

test('of several addresses each counts, because a browser may take any', () => {
  assert.equal(levelOf([onInternet, inNetwork], [onInternet]), 'warn')
  assert.equal(levelOf([inNetwork], [inNetwork, onInternet]), 'warn')
})

test('doctor says of a page that Chrome asks nothing', async () => {
  const { url } = await startGateway()
  const page = await startServer((_, response) => response.end('<!doctype html>'))
  const { stdout } = await finish(['doctor', url, '--page', page.url])
  assert.match(stdout, /^ok {4}private +Chrome lets the page reach the gateway without asking the user$/m)
})
