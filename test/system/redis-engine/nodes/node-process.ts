// A process with an open Redis engine. Its arguments are the server as JSON, the prefix, for how many milliseconds its sessions are
// resumable, and the ids of further users. It starts a session for Ada and for each of these users, reports Ada's, and makes the calls that
// its parent names.
import { createRedisEngine, type Engine, type SessionRecord } from '../../../../src/engine/index.js'
import type { RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import { ask } from '../../../../src/engine/suite/webhook-kit.js'
import { ada, request, startSession } from '../../../../src/engine/suite/kit.js'

const [server = '', prefix = '', resumableFor, ...others] = process.argv.slice(2)

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

const engine = createRedisEngine({ server: JSON.parse(server) as RedisClientOptions, prefix })
await engine.open()
await ask(engine, ['session.ended'])
const session = await startSession(engine, asked)
for (const userId of others)
  await startSession(engine, request({ ...ada, userId }, { resumableFor: Number(resumableFor) }))
process.on('message', (name) => {
  void writes[String(name)]?.(engine, session).then((result) => report({ [String(name)]: result ?? null }))
})
report(session)
