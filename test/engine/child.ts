// One process that has an engine open, told by its arguments what to do; it says over the channel how it went.
import { createEmbeddedEngine, EngineError } from '../../src/engine/index.js'

const [task, path = ''] = process.argv.slice(2)

const say = (message: unknown): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error ? reject(error) : resolve()))
  })

const ada = { appId: 'app', userId: 'ada' }

const tasks: Record<string, () => Promise<void>> = {
  /** Holds the folder until it is killed. */
  async hold() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    // An open channel keeps the process alive, and with it the lock; without a parent there is nothing to hold for.
    process.once('disconnect', () => process.exit())
    await say('open')
  },

  /** Dies in the very turn in which the save resolved. */
  async save() {
    const engine = createEmbeddedEngine({ path })
    await engine.open()
    await say(Buffer.from(await engine.key()).toString('hex'))
    await engine.startSession({ ...ada, guest: false, sessionsPerUser: 20 })
    await engine.saveUser(ada, { vouched: { name: 'Ada' } })
    process.kill(process.pid, 'SIGKILL')
  },

  /** Saves users until the disk takes no more, and says how many were saved and what came then. */
  async fill() {
    const errors: unknown[] = []
    const engine = createEmbeddedEngine({ path, onError: (error) => errors.push(error) })
    await engine.open()
    const codeOf = (error: unknown): unknown => (error instanceof EngineError ? error.code : error)
    for (let n = 0; ; n++) {
      try {
        await engine.saveUser({ appId: 'app', userId: `user ${n}` }, { claimed: { name: '~'.repeat(3_000) } })
      } catch (error) {
        const later = await engine.saveUser(ada, {}).then(() => 'saved', codeOf)
        await engine.close()
        await say({ saved: n, code: codeOf(error), later, told: errors.map(codeOf) })
        return
      }
    }
  },

  /** Says how opening the folder fails. */
  async open() {
    const engine = createEmbeddedEngine({ path, lockWait: 0 })
    try {
      await engine.open()
      await say({ opened: true })
    } catch (error) {
      await say(
        error instanceof EngineError ? { code: error.code, message: error.message } : { code: String(error) },
      )
    }
    process.disconnect()
  },
}

await (tasks[task ?? ''] ?? (() => Promise.reject(new Error(`no such task: ${task}`))))()
