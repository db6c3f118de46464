// A process with an open engine. Its arguments name a task; it sends the results to its parent.
import {
  createEmbeddedEngine,
  EngineError,
  webhookEventTypes,
  type CheckedMessage,
} from '../../../src/engine/index.js'
import { request, vouch, startSession } from '../../../src/engine/suite/kit.js'
import { rules } from './stores.js'

const [task, path = '', run = ''] = process.argv.slice(2)

const report = (message: unknown): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error ? reject(error) : resolve()))
  })

const ada = { appId: 'app', userId: 'ada' }

const tasks: Record<string, () => Promise<void>> = {
  /** Keeps the folder open until it is killed. */
  async stayOpen() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    // The open channel keeps the process, and so the lock, alive; without its parent the process ends.
    process.once('disconnect', () => process.exit())
    await report('open')
  },

  /** Kills itself in the task in which the save resolved. */
  async save() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    await report(Buffer.from(await engine.key()).toString('hex'))
    await startSession(engine, request(ada, { keyHash: 'hash' }))
    await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
    process.kill(process.pid, 'SIGKILL')
  },

  /** Kills itself in the task in which a session was resumed. */
  async start() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    await startSession(engine, request(ada, { keyHash: 'earlier' }))
    const { sessionId } = await startSession(engine, request(ada, { resumes: 'earlier', keyHash: 'hash' }))
    await report(sessionId)
    process.kill(process.pid, 'SIGKILL')
  },

  /** Sends many messages at once until it is killed, and reports those that were acknowledged. */
  async send() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    process.once('disconnect', () => process.exit())
    const users = ['a', 'b', 'c', 'd']
    const worker = async (n: number): Promise<void> => {
      for (let round = 0; ; round++) {
        const [from = '', to = ''] = [users[n % 4], users[(n + 1 + (round % 3)) % 4]]
        const draft: CheckedMessage = {
          appId: 'app',
          id: `${run} ${n} ${round}`,
          from,
          to,
          body: `${run} ${n} ${round}`,
        }
        const sent = await engine.send(draft, {
          ...rules,
          retention: { messages: 1e6, age: 86_400_000, bytes: 1e9 },
        })
        await report({ draft, sent })
        if (round % 5 === 0) {
          const { epoch, offset } = await engine.inbox({ appId: 'app', userId: to })
          await engine.markRead({ appId: 'app', userId: to }, { epoch, offset })
          await startSession(engine, request({ appId: 'app', userId: from }, { sessionsPerUser: 3 }))
        }
      }
    }
    await Promise.all(Array.from({ length: 20 }, (_, n) => worker(n)))
  },

  /**
   * Sends until the disk is full, and reports the acknowledged messages. Retries until there is room again, and reports the
   * acknowledged messages and the inbox.
   */
  async fill() {
    const errors: unknown[] = []
    const engine = createEmbeddedEngine({ path, onError: (error) => errors.push(error) })
    await engine.open()
    process.once('disconnect', () => process.exit())
    const codeOf = (error: unknown): unknown => (error instanceof EngineError ? error.code : error)
    const { epoch } = await engine.inbox(ada)
    const session = await startSession(engine, request(ada))
    const stored: string[] = []
    const send = async (id: string): Promise<unknown> => {
      const body = '~'.repeat(3_000)
      const sent = await engine.send({ appId: 'app', id, from: null, to: 'ada', body }, rules)
      if (sent.outcome === 'stored' || sent.outcome === 'repeated') stored.push(id)
      return sent.outcome
    }
    let n = 0
    let code: unknown
    while (code === undefined) await send(`${n++}`).catch((error: unknown) => (code = codeOf(error)))
    const later = await send('later').catch(codeOf)
    await engine.endSession(session, 'ended')
    const started = await startSession(engine, request(ada))
    await report({ code, later, stored, errors: errors.map(codeOf) })
    for (;;) {
      const answer = await send(`${n - 1}`).catch(codeOf)
      if (answer !== 'unavailable') break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await send('after')
    const sessions = await engine.sessions(ada)
    const page = await engine.messagesAfter(ada, { epoch, offset: 0 }, 10_000)
    await report({
      stored,
      found: page.messages.map(({ id }) => id),
      lost: page.lost,
      sessions: sessions.map(({ sessionId }) => sessionId === started.sessionId),
    })
  },

  /** Kills itself in the task in which a revocation resolved, while events are pending. */
  async revoke() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    const webhooks = { events: webhookEventTypes, unreadAfter: 3_600_000 }
    await engine.configure('app', { retention: rules.retention, webhooks })
    await engine.saveUser(ada, {})
    const asked = request(ada)
    await startSession(engine, asked)
    const [taken] = await engine.takeDueEvents('app', 1, 3_600_000)
    await engine.endDelivery('app', 'ada', taken?.event.id ?? '', { delivered: true })
    await report({ credential: asked.credential, first: taken?.event })
    const revokedBefore = await engine.revokeUser(ada, { issuedBefore: null, mode: 'end' })
    await report({ revokedBefore })
    process.kill(process.pid, 'SIGKILL')
  },

  /** Keeps a detached session for an hour and does nothing else. */
  async idle() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    const asked = request(ada)
    await engine.detachSession(await startSession(engine, asked), asked.connectionId, 3_600_000)
    await report('detached')
    process.disconnect()
  },

  /** Reports how opening the folder fails. */
  async open() {
    const engine = createEmbeddedEngine({ path, lockWait: 0 })
    try {
      await engine.open()
      await report({ opened: true })
    } catch (error) {
      await report(
        error instanceof EngineError ? { code: error.code, message: error.message } : { code: String(error) },
      )
    }
    process.disconnect()
  },
}

await (tasks[task ?? ''] ?? (() => Promise.reject(new Error(`no such task: ${task}`))))()
