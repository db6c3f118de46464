// A process with an open engine. Its arguments name a task; it sends the results to its parent.
import { createEmbeddedEngine, EngineError } from '../../../src/engine/index.js'
import { request, startSession } from '../../../src/engine/suite/kit.js'

const [task, path = ''] = process.argv.slice(2)

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

  /** Kills itself in the task in which a session was resumed. */
  async start() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    await startSession(engine, request(ada, { keyHash: 'earlier' }))
    const { sessionId } = await startSession(engine, request(ada, { resumes: 'earlier', keyHash: 'hash' }))
    await report(sessionId)
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
