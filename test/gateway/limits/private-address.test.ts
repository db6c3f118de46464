import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPrivateAddress, isPublicAddress } from '../../../src/gateway/limits/private-address.js'

test('addresses of this machine and of private networks are private', () => {
  for (const address of ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.0.1', '169.254.1.1', '100.64.0.1'])
    assert.ok(isPrivateAddress(address) && isPrivateAddress(`::ffff:${address}`), address)
  for (const address of ['::1', '::', 'fc00::1', 'fd12::1', 'fe80::1', 'fe80::1%eth0'])
    assert.ok(isPrivateAddress(address), address)
  for (const address of ['8.8.8.8', '2606:4700::1111', 'name']) assert.ok(!isPrivateAddress(address), address)
})

test('only an address of a server on the internet is public', () => {
  const others = `
    0.0.0.0 10.0.0.1 100.127.255.255 127.9.9.9 169.254.169.254 172.16.0.1 192.168.1.1
    192.0.0.8 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
    224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::a00:1 64:ff9b:1::1 100::1
    2001::1 2001:20::1 2001:db8::1 2002:a00:1:: 3fff::1 fc00::1 fe80::1 fec0::1 ff02::1
    2606:4700::1111%eth0 127.1 0x7f.0.0.1 2130706433 localhost`
  // The first text is empty.
  for (const address of others.split(/\s+/)) assert.ok(!isPublicAddress(address), address)
  const servers = '8.8.8.8 142.250.1.1 172.32.0.1 198.20.0.1 2606:4700::1111 2a00:1450::1'
  for (const address of servers.split(' ')) assert.ok(isPublicAddress(address), address)
})
