import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createEmbeddedEngine, type Engine } from '../../../../src/engine/index.js'
import { until } from '../../../support/until.js'
import { everything, opened } from '../../../support/engine/opened.js'
import { inChild, nextMessage } from '../../../support/engine/children.js'
import { scratchFolder } from '../../../support/scratch-folder.js'
import { rules } from '../../../support/engine/stores.js'

const ada = { appId: 'app', userId: 'ada' }

void describe('an embedded engine whose folder is gone', () => {
  const message = { appId: 'app', from: null, to: 'ada', body: 'Hello' }
  const unavailable = { name: 'EngineError', code: 'unavailable' }

  const running = async (): Promise<{ engine: Engine; path: string; errors: unknown[] }> => {
    const path = join(scratchFolder(), 'data')
    const errors: unknown[] = []
    const engine = createEmbeddedEngine({ path, onError: (error) => errors.push(error) })
    await engine.open()
    await engine.send({ ...message, id: 'before' }, rules)
    return { engine, path, errors }
  }

  void it('acknowledges nothing, and makes no other folder', async () => {
    const { engine, path, errors } = await running()
    await rm(path, { recursive: true })
    for (let n = 0; n < 20; n++)
      await assert.rejects(engine.send({ ...message, id: `${n}` }, rules), unavailable)
    await assert.rejects(engine.saveUser(ada, { claimed: { name: 'Ada' } }), unavailable)
    // The log has the failure of the write, and that of the recovery.
    await until('the recovery has failed', () => errors.length > 0)
    assert.match(String(errors[0]), /removed or replaced/)
    await assert.rejects(engine.send({ ...message, id: 'later' }, rules), unavailable)
    await assert.rejects(stat(path), { code: 'ENOENT' })
    await engine.close()
  })

  void it('notices it without anything to write', async () => {
    const { engine, path, errors } = await running()
    await rename(path, `${path} elsewhere`)
    await until('an error', () => errors.length > 0)
    assert.match(String(errors[0]), /removed or replaced/)
    await engine.close()
  })

  /** A folder with a table, which LevelDB makes when it opens a folder with a log. */
  const withTable = async () => {
    const path = join(scratchFolder(), 'data')
    const first = await opened(path)
    await first.send({ ...message, id: 'earlier' }, rules)
    await first.close()
    const errors: unknown[] = []
    const engine = createEmbeddedEngine({ path, onError: (error) => errors.push(error) })
    await engine.open()
    return { engine, path, errors }
  }

  const remove = (file: string): Promise<void> => rm(file)
  const replace = async (file: string): Promise<void> => {
    await cp(file, `${file} copy`, { preserveTimestamps: true })
    await rename(`${file} copy`, file)
  }
  for (const [done, change] of [
    ['removed', remove],
    ['replaced', replace],
  ] as const)
    for (const pattern of [/\.log$/, /^MANIFEST-/, /^CURRENT$/, /^LOCK$/, /\.ldb$/])
      void it(`notices without a write that ${String(pattern)} was ${done}, and acknowledges nothing`, async () => {
        const { engine, path, errors } = await withTable()
        const { epoch } = await engine.inbox(ada)
        const name = (await readdir(path)).find((each) => pattern.test(each)) ?? assert.fail()
        await change(join(path, name))
        await until('an error', () => errors.length > 0)
        assert.match(String(errors[0]), /The file .* was removed or replaced/)
        assert.ok(String(errors[0]).includes(name))
        for (let n = 0; n < 5; n++)
          await assert.rejects(engine.send({ ...message, id: `${n}` }, rules), unavailable)
        await engine.close()
        // Acknowledged messages may be missing.
        if (name.endsWith('.log')) {
          const again = await opened(path)
          assert.notEqual((await again.inbox(ada)).epoch, epoch)
          await again.close()
        }
      })

  void it('acknowledges no message into a log that was removed', async () => {
    const { engine, path } = await running()
    const log = (await readdir(path)).find((name) => name.endsWith('.log')) ?? assert.fail()
    await rm(join(path, log))
    await assert.rejects(engine.send({ ...message, id: 'into nothing' }, rules), unavailable)
    await engine.close()
  })

  void it('takes no file that LevelDB itself replaces for a lost one', async () => {
    const { engine, path, errors } = await running()
    const logOf = async (): Promise<string> =>
      (await readdir(path)).filter((name) => name.endsWith('.log')).at(-1) ?? assert.fail()
    const logs = new Set([await logOf()])
    const body = 'x'.repeat(16_000)
    for (let round = 0; logs.size < 3; round++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          engine.send({ ...message, to: `user ${n}`, id: `${round}`, body }, rules),
        ),
      )
      logs.add(await logOf())
    }
    await engine.close()
    assert.deepEqual(errors, [])
  })

  void it('acknowledges nothing in a copy that took its place, and goes on in the folder once it is back', async () => {
    const { engine, path, errors } = await running()
    await rename(path, `${path} elsewhere`)
    await cp(`${path} elsewhere`, path, { recursive: true, preserveTimestamps: true })
    await assert.rejects(engine.send({ ...message, id: 'one' }, rules), unavailable)
    await until('the recovery has failed', () => errors.length > 0)
    await rename(path, `${path} copy`)
    await rename(`${path} elsewhere`, path)
    const sent = async (): Promise<string> => {
      try {
        return (await engine.send({ ...message, id: 'two' }, rules)).outcome
      } catch (error) {
        return String(error)
      }
    }
    await until('a send is stored', async () => (await sent()) === 'stored')
    const ids = (await everything(engine, 'ada')).map(({ id }) => id)
    // The message that was refused may have been stored: its id makes the retry safe.
    assert.deepEqual(
      ids.filter((id) => id !== 'one'),
      ['before', 'two'],
    )
    await engine.close()
  })
})

void describe('the epochs of an embedded engine', () => {
  const fill = async (path: string): Promise<string> => {
    const engine = await opened(path)
    await engine.send({ appId: 'app', id: `${Math.random()}`, from: null, to: 'ada', body: 'Hello' }, rules)
    const { epoch } = await engine.inbox(ada)
    await engine.close()
    return epoch
  }

  void it('change when a backup is restored, and earlier positions are lost', async () => {
    const folder = scratchFolder()
    const [path, backup] = [join(folder, 'data'), join(folder, 'backup')]
    const first = await fill(path)
    await cp(path, backup, { recursive: true, preserveTimestamps: true })
    assert.equal(await fill(path), first)
    await rm(path, { recursive: true })
    await cp(backup, path, { recursive: true, preserveTimestamps: true })
    const engine = await opened(path)
    const { epoch, offset } = await engine.inbox(ada)
    assert.notEqual(epoch, first)
    assert.equal(offset, 1)
    const { messages, lost } = await engine.messagesAfter(ada, { epoch: first, offset: 2 }, 10)
    assert.deepEqual([messages.length, lost], [1, true])
    await engine.close()
    assert.equal(await fill(path), epoch)
  })

  void it('are the same when the folder is moved', async () => {
    const folder = scratchFolder()
    const first = await fill(join(folder, 'data'))
    await rename(join(folder, 'data'), join(folder, 'elsewhere'))
    assert.equal(await fill(join(folder, 'elsewhere')), first)
  })
})

void describe('the sessions of an embedded engine', () => {
  void it('do not keep the process alive while they are detached', async () => {
    const path = scratchFolder()
    const child = inChild('idle', path)
    assert.equal(await nextMessage(child), 'detached')
    const exit = once(child, 'exit', { signal: AbortSignal.timeout(60_000) })
    assert.deepEqual(await exit, [0, null])
    const engine = await opened(path)
    assert.equal((await engine.sessions(ada)).length, 1)
    await engine.close()
  })
})
