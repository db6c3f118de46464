import assert from 'node:assert/strict'
import { it } from 'node:test'
import { retryOutcome } from '../../../src/engine/decide/messages/retry.js'

void it('a retry is repeated', () => assert.equal(retryOutcome('one', 'one'), 'repeated'))

void it('the id of another content conflicts', () => assert.equal(retryOutcome('one', 'two'), 'conflict'))
