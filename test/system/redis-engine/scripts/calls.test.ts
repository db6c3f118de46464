// What gateways on a cluster call Redis for. An operation takes the same calls on any number of gateways, so that nothing grows with the
// number of gateways times that of sessions.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { background, countCalls, type Counted } from '../../../../bench/calls.mjs'

const OPERATIONS = 10

/** What an operation takes each time. A sweep and a timer of the same moment may both see that a user is due, and only one of them ends it. */
const always = ({ scripts, heard }: Counted): unknown => {
  const due = scripts['due']
  return { scripts: { ...scripts, ...(due !== undefined && { due: Math.round(due) }) }, heard }
}

it('an operation takes the same calls, whatever the number of gateways', async () => {
  const few = await countCalls(2, { times: OPERATIONS })
  const more = await countCalls(5, { times: OPERATIONS })
  for (const name of ['start', 'again', 'message', 'webhook', 'loss'] as const)
    assert.deepEqual(always(more.operations[name]), always(few.operations[name]), name)
  const { start, again, message, webhook, loss } = few.operations
  // A user who is stored as the start says is read, and not written.
  const known = { readUser: 1, useToken: 1, startSession: 1, changeSession: 1 }
  assert.deepEqual(again.scripts, known)
  assert.deepEqual(start.scripts, { ...known, readToken: 1, saveUser: 1 })
  // One gateway delivers an event, though others know the app.
  assert.deepEqual(webhook.scripts, { endDelivery: 1, takeEvents: 1, send: 1 })
  // The gateway of the recipient is the only one that hears of a message.
  assert.deepEqual(
    [start, again, message, webhook, loss].map(({ heard }) => heard),
    [0, 0, 1, 0, 0],
  )
})

it('what gateways call without users grows no faster than gateways × masters', () => {
  // Twice the users are watched on twice the gateways, which is twice as many calls, and not four times.
  const world = { gateways: 200, masters: 12, apps: 1, watched: 1_000_000 }
  for (const { what, perSecond } of background) {
    const once = perSecond(world)
    assert.ok(perSecond({ ...world, gateways: 400 }) <= 2 * once, what)
    assert.ok(perSecond({ ...world, masters: 24 }) <= 2 * once, what)
    assert.ok(perSecond({ ...world, gateways: 400, watched: 2_000_000 }) <= 2 * once, what)
  }
})
