import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadIORedis } from '../../../../src/engine/redis/client/load-ioredis.js'

test('a missing client package is an error that says how to install it', async () => {
  const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  await assert.rejects(
    loadIORedis(() => Promise.reject(missing)),
    { name: 'EngineError', code: 'unavailable', message: /npm install ioredis@6/ },
  )
})

test('another error of the package is not hidden', async () => {
  const broken = new SyntaxError('Unexpected token')
  await assert.rejects(
    loadIORedis(() => Promise.reject(broken)),
    broken,
  )
})
