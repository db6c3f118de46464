// A process with an open Redis engine. Its arguments are the URL, the prefix, and for how many milliseconds its session is resumable. It
// starts a session for Ada, reports it, and makes the calls that its parent names.
import { createRedisEngine, type Engine, type SessionRecord } from '../../../src/engine/index.js'
import { ask } from '../../../src/engine/suite/webhook-kit.js'
import { ada, request, startSession } from '../../../src/engine/suite/kit.js'

const [url = '', prefix = '', resumableFor] = process.argv.slice(2)

const report = (message: unknown): void => {
  process.send?.(message)
}

const asked = request(ada, {
  connectionId: `connection of ${process.pid}`,
  keyHash: 'the key',
  resumableFor: Number(resumableFor),
})

/** The calls that a stopped process makes for its connection later, because it still believes that the connection carries the session. */
const writes: Record<string, (engine: Engine, session: SessionRecord) => Promise<unknown>> = {
  touch: (engine, session) => engine.touchSession(session, asked.connectionId, { rtt: 7 }),
  hide: (engine, session) => engine.setHidden(session, asked.connectionId, true),
  detach: (engine, session) => engine.detachSession(session, asked.connectionId, 0),
  end: (engine, session) => engine.endSession(session, 'ended', asked.connectionId),
}

const engine = createRedisEngine({ server: { type: 'single', url }, prefix })
await engine.open()
await ask(engine, ['session.ended'])
const session = await startSession(engine, asked)
process.on('message', (name) => {
  void writes[String(name)]?.(engine, session).then((result) => report({ [String(name)]: result ?? null }))
})
report(session)
