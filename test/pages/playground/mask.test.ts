import assert from 'node:assert/strict'
import { it } from 'node:test'
import { describe as detailOf, masked } from '../../../src/pages/playground/mask.js'
import { SessionError } from '../../../src/session/index.js'
import { createSignature, createToken } from '../../../src/tokens/index.js'

const secret = 'a secret of at least 32 bytes, for tests'
const token = await createToken({ appId: 'app', userId: 'alice', secret })
const signature = await createSignature('alice', secret)

it('hides tokens and signatures anywhere in a text', () => {
  for (const hidden of [token, signature, token.slice(0, 40)])
    assert.equal(masked(`it was ${hidden}, they say`), 'it was ••••••, they say')
  assert.equal(masked('4e90028d-8e3f-43cd-8554-261af8c3ef3f'), '4e90028d-8e3f-43cd-8554-261af8c3ef3f')
})

it('hides credentials by the name of their field, and shows all fields of an error', () => {
  const error = new SessionError('unavailable', { message: `refused ${token}`, retryAfter: 5 })
  const shown = detailOf({ error, authParams: { password: 'open sesame' }, token: 'short', resumeKey: 'key' })
  assert.deepEqual(JSON.parse(shown), {
    error: { code: 'unavailable', message: 'refused ••••••', retryable: true, retryAfter: 5 },
    authParams: '••••••',
    token: '••••••',
    resumeKey: '••••••',
  })
})
