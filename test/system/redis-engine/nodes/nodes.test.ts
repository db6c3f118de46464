import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Engine, SessionRecord } from '../../../../src/engine/index.js'
import { ada, request, startSession } from '../../../../src/engine/suite/kit.js'
import { ask, pending } from '../../../../src/engine/suite/webhook-kit.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const { url } = await standalone()
const script = fileURLToPath(new URL('node-process.ts', import.meta.url))
const children: ChildProcess[] = []
after(() => children.forEach((child) => child.kill('SIGKILL')))

const nextMessage = async (child: ChildProcess): Promise<unknown> => {
  const [message] = (await once(child, 'message')) as unknown[]
  return message
}

/** Runs `body` with an open engine, and with a process whose engine has the same data and carries a session of Ada. */
const withOther = async (
  body: (engine: Engine, other: ChildProcess, session: SessionRecord) => Promise<void>,
  resumableFor = 60_000,
): Promise<void> => {
  const prefix = `nodes ${children.length}:`
  const engine = redisEngines(() => ({ type: 'single', url })).createWith(prefix)
  await engine.open()
  await ask(engine, ['session.ended'])
  const child = fork(script, [JSON.stringify({ type: 'single', url }), prefix, String(resumableFor)], {
    execArgv: ['--import', import.meta.resolve('tsx')],
  })
  children.push(child)
  try {
    await body(engine, child, (await nextMessage(child)) as SessionRecord)
  } finally {
    child.kill('SIGKILL')
    await engine.close()
  }
}

const stateOf = async (engine: Engine): Promise<string | undefined> => (await engine.sessions(ada))[0]?.state

it('detaches the sessions of a node that was killed, and lets them be resumed elsewhere', async () => {
  await withOther(async (engine, other, session) => {
    assert.equal(await stateOf(engine), 'active')
    other.kill('SIGKILL')
    await until('the session is detached', () => stateOf(engine), 'detached')
    const resumed = await startSession(engine, request(ada, { resumes: 'the key' }))
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, session.sessionId])
    assert.deepEqual(await pending(engine), [])
  })
})

it('ends the sessions of a node that was killed once, when they are no longer resumable', async () => {
  await withOther(async (engine, other, session) => {
    other.kill('SIGKILL')
    await until('it has ended', async () => (await engine.sessions(ada)).length === 0)
    const events = await pending(engine)
    assert.deepEqual(
      events.map(({ event }) => [event.type, event.data['sessionId']]),
      [['session.ended', session.sessionId]],
    )
  }, 500)
})

it('finds the webhook event of a node that was killed before it delivered the event', async () => {
  await withOther(async (engine, other, { appId }) => {
    const ended = nextMessage(other)
    other.send('end')
    assert.deepEqual(await ended, { end: true })
    assert.deepEqual(await engine.takeDueEvents(appId, 1, 60_000), [])
    other.kill('SIGKILL')
    await until('the other takes it', async () => (await engine.takeDueEvents(appId, 1, 60_000)).length === 1)
  })
})

it('changes nothing by a node that was stopped while its session moved on', async () => {
  await withOther(async (engine, other, session) => {
    other.kill('SIGSTOP')
    const resumed = await startSession(engine, request(ada, { resumes: 'the key' }))
    assert.equal(resumed.sessionId, session.sessionId)
    const before = await engine.sessions(ada)
    other.kill('SIGCONT')
    for (const name of ['touch', 'hide', 'detach', 'end']) {
      const done = nextMessage(other)
      other.send(name)
      assert.deepEqual(await done, { [name]: name === 'end' ? false : null })
    }
    assert.deepEqual(await engine.sessions(ada), before)
  })
})

it('detaches the session of a node that was stopped for longer than its lease', async () => {
  await withOther(async (engine, other, session) => {
    other.kill('SIGSTOP')
    await until('the session is detached', () => stateOf(engine), 'detached')
    const [detached] = await engine.sessions(ada)
    assert.equal(detached?.sessionId, session.sessionId)
    other.kill('SIGCONT')
    const done = nextMessage(other)
    other.send('end')
    assert.deepEqual(await done, { end: false })
    assert.deepEqual(await engine.sessions(ada), [detached])
  })
})
