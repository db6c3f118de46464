import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPrivacy } from '../../../src/engine/embedded/folder.js'
import { createEmbeddedEngine, type Engine, type UserRef } from '../../../src/engine/index.js'
import { request, startSession } from '../../../src/engine/suite/kit.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { inChild, killed, nextMessage } from '../../support/engine/children.js'

const ada = { appId: 'app', userId: 'ada' }

const opened = async (path: string): Promise<Engine> => {
  const engine = createEmbeddedEngine({ path, lockWait: 0 })
  await engine.open()
  return engine
}

void describe('an embedded engine that is opened again', () => {
  void it('knows when users were last seen whose detached sessions end at once', async () => {
    const path = scratchFolder()
    const before = await opened(path)
    // These are more than one step writes.
    const users = Array.from({ length: 1_500 }, (_, index) => ({ appId: 'app', userId: `user-${index}` }))
    await Promise.all(users.map((user) => startSession(before, request(user, { resumableFor: 0 }))))
    await before.close()
    const after = await opened(path)
    const isKnown = async (user: UserRef): Promise<boolean> => {
      const { sessions, lastSeenAt } = await after.status(user)
      return sessions === 0 && lastSeenAt !== null
    }
    await until('all are known', async () => (await Promise.all(users.map(isKnown))).every(Boolean))
    await after.close()
  })
})

void describe('an embedded engine whose process is killed', () => {
  void it('finds a resumed session by its newest key, though nothing was written after it', async () => {
    const path = scratchFolder()
    const child = inChild('start', path)
    const exit = once(child, 'exit')
    const sessionId = await nextMessage(child)
    assert.deepEqual(await exit, [null, 'SIGKILL'])
    const engine = await opened(path)
    const resumed = await startSession(engine, request(ada, { resumes: 'hash' }))
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, sessionId])
    await engine.close()
  })

  void it('leaves its folder unlocked', async () => {
    const path = scratchFolder()
    const child = inChild('stayOpen', path)
    assert.equal(await nextMessage(child), 'open')
    await assert.rejects(opened(path), { name: 'EngineError', code: 'locked' })
    await killed(child)
    const engine = await opened(path)
    assert.equal((await engine.saveUser(ada, {})).created, true)
    await engine.close()
  })
})

void describe('an embedded engine that is closed for a while', () => {
  void it('ends no detached session meanwhile', async () => {
    const path = scratchFolder()
    const engine = await opened(path)
    const asked = request(ada, { resumableFor: 60_000 })
    const { sessionId } = await startSession(engine, asked)
    const resumableFor = 2_000
    const until = Date.now() + resumableFor
    await engine.detachSession({ ...ada, sessionId }, asked.connectionId, resumableFor)
    await engine.close()
    while (Date.now() <= until) await new Promise((resolve) => setTimeout(resolve, until + 1 - Date.now()))
    const again = await opened(path)
    const resumed = await startSession(again, request(ada, { resumes: asked.keyHash }))
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, sessionId])
    await again.close()
  })
})

void describe('an embedded engine on a folder that is in use', () => {
  void it('rejects as locked, with the folder and the remedy', async () => {
    const path = scratchFolder()
    const engine = await opened(path)
    const answer = (await nextMessage(inChild('open', path))) as { code: string; message: string }
    assert.equal(answer.code, 'locked')
    assert.ok(answer.message.includes(path))
    assert.match(answer.message, /stop it/)
    assert.equal((await engine.saveUser(ada, {})).created, true)
    await engine.close()
    assert.deepEqual(await nextMessage(inChild('open', path)), { opened: true })
  })

  void it('waits until another process releases it', async () => {
    const path = scratchFolder()
    const child = inChild('stayOpen', path)
    await nextMessage(child)
    const engine = createEmbeddedEngine({ path, lockWait: 60_000 })
    const opening = engine.open()
    // Two later engines have failed by now, and so has the first attempt of the engine that waits.
    for (let n = 0; n < 2; n++) await assert.rejects(opened(path), { code: 'locked' })
    await killed(child)
    await opening
    assert.equal((await engine.saveUser(ada, {})).created, true)
    await engine.close()
  })

  void it('stops waiting when it is closed', async () => {
    const path = scratchFolder()
    const holder = await opened(path)
    const engine = createEmbeddedEngine({ path, lockWait: 60_000 })
    const opening = assert.rejects(engine.open(), { code: 'locked' })
    await engine.close()
    await opening
    await holder.close()
  })

  void it('opens once the folder is free', async () => {
    const path = scratchFolder()
    const holder = await opened(path)
    const engine = createEmbeddedEngine({ path, lockWait: 0 })
    await assert.rejects(engine.open(), { code: 'locked' })
    await holder.close()
    await engine.open()
    assert.equal((await engine.saveUser(ada, {})).created, true)
    await engine.close()
  })
})

void describe("an embedded engine on a path that it can't use", () => {
  const places: [string, (folder: string) => Promise<string>][] = [
    [
      'a file in the place of the folder',
      async (folder) => {
        await writeFile(join(folder, 'file'), '')
        return join(folder, 'file')
      },
    ],
    [
      'a path below a file',
      async (folder) => {
        await writeFile(join(folder, 'file'), '')
        return join(folder, 'file', 'below', 'it')
      },
    ],
    [
      'a link that leads nowhere',
      async (folder) => {
        await symlink(join(folder, 'not', 'mounted'), join(folder, 'link'))
        return join(folder, 'link')
      },
    ],
    [
      'a path below a link that leads nowhere',
      async (folder) => {
        await symlink(join(folder, 'not', 'mounted'), join(folder, 'link'))
        return join(folder, 'link', 'data')
      },
    ],
    [
      'a folder in the place of a file of the store',
      async (folder) => {
        await mkdir(join(folder, 'LOCK'))
        return folder
      },
    ],
  ]
  if (process.platform === 'linux') {
    places.push(['a place where nothing can be made', () => Promise.resolve('/proc/chat-session/data')])
  }

  for (const [name, prepare] of places) {
    void it(`rejects with 'unwritable' for ${name}`, async () => {
      const path = await prepare(scratchFolder())
      await assert.rejects(opened(path), (error: Error & { code: string }) => {
        assert.equal(error.name, 'EngineError')
        assert.equal(error.code, 'unwritable')
        assert.ok(error.message.includes(path))
        assert.ok(error.cause instanceof Error)
        return true
      })
    })
  }

  void it("rejects with 'unavailable' for a damaged store", async () => {
    const path = scratchFolder()
    await (await opened(path)).close()
    await writeFile(join(path, 'CURRENT'), 'not a store')
    await assert.rejects(opened(path), { name: 'EngineError', code: 'unavailable' })
  })

  void it('rejects with the remedy if the native binary is missing', async () => {
    const empty = scratchFolder()
    const answer = (await nextMessage(
      inChild('open', join(empty, 'data'), { CLASSIC_LEVEL_PREBUILD: empty }),
    )) as {
      code: string
      message: string
    }
    assert.equal(answer.code, 'unavailable')
    assert.match(answer.message, /classic-level.*install/)
  })
})

void describe('the folder of an embedded engine', () => {
  void it(
    'is made with its parents, for its owner alone',
    { skip: process.platform === 'win32' },
    async () => {
      const folder = scratchFolder()
      await chmod(folder, 0o755)
      const path = join(folder, 'above', 'data')
      await (await opened(path)).close()
      assert.equal((await stat(path)).mode & 0o777, 0o700)
    },
  )

  void it(
    'and its files are private whatever the folder and the umask were',
    { skip: process.platform === 'win32' },
    async () => {
      const path = scratchFolder()
      const before = process.umask(0)
      const modes = async (): Promise<string[]> => {
        const names = await readdir(path)
        return Promise.all(
          names.map(async (name) => `${name} ${((await stat(join(path, name))).mode & 0o777).toString(8)}`),
        )
      }
      const open = async (): Promise<string[]> => (await modes()).filter((line) => !line.endsWith(' 600'))
      try {
        await chmod(path, 0o777)
        // Some file systems have this folder in their root.
        await mkdir(join(path, 'lost+found'), { mode: 0o600 })
        await (await opened(path)).close()
        await chmod(join(path, 'CURRENT'), 0o666)
        // This opening replaces files by others of the same name.
        const engine = await opened(path)
        assert.deepEqual(await open(), [])
        assert.equal((await stat(path)).mode & 0o777, 0o700)
        // LevelDB makes files while it runs.
        await writeFile(join(path, '999999.ldb'), '', { mode: 0o666 })
        await until('all are private', async () => (await open()).length === 0)
        await engine.close()
      } finally {
        process.umask(before)
      }
    },
  )

  void it(
    'and a file that another process replaces meanwhile is no file system without modes',
    { skip: process.platform === 'win32' },
    async () => {
      const path = scratchFolder()
      const log = join(path, 'LOG')
      const warnings: string[] = []
      let isOver = false
      const replace = async (): Promise<void> => {
        while (!isOver) {
          await writeFile(`${log}.new`, '', { mode: 0o644 })
          await rename(`${log}.new`, log)
          // LevelDB replaces it a few times a second. Without a pause it would be another file at each look.
          await sleep(1)
        }
      }
      const replaced = replace()
      for (let n = 0; n < 500; n++) await createPrivacy(path, (warning) => warnings.push(warning))()
      isOver = true
      await replaced
      assert.deepEqual(warnings, [])
    },
  )

  void it(
    'may have files of somebody else, which stay as they are',
    { skip: process.platform === 'win32' },
    async () => {
      const path = scratchFolder()
      const names = ['README.md', 'CURRENT.bak', '.hidden', 'my.log', 'MANIFEST']
      await chmod(path, 0o755)
      for (const name of names) await writeFile(join(path, name), 'mine', { mode: 0o444 })
      const engine = await opened(path)
      await writeFile(join(path, 'later.txt'), 'mine', { mode: 0o444 })
      await engine.check()
      await engine.close()
      await (await opened(path)).close()
      for (const name of [...names, 'later.txt']) {
        assert.equal((await stat(join(path, name))).mode & 0o777, 0o444, name)
        assert.equal(await readFile(join(path, name), 'utf8'), 'mine')
      }
      // Their owner may need the folder.
      assert.equal((await stat(path)).mode & 0o777, 0o755)
    },
  )

  void it('may be no file, which stays as it is', { skip: process.platform === 'win32' }, async () => {
    const path = join(scratchFolder(), 'file')
    await writeFile(path, 'mine', { mode: 0o644 })
    await assert.rejects(opened(path), /can't be used: it must be a folder/)
    assert.equal((await stat(path)).mode & 0o777, 0o644)
  })

  void it('is relative to the working directory in which the engine was created', async () => {
    const [here, elsewhere] = [scratchFolder(), scratchFolder()]
    const from = process.cwd()
    process.chdir(here)
    try {
      const engine = createEmbeddedEngine({ path: 'data' })
      process.chdir(elsewhere)
      await engine.open()
      await engine.close()
    } finally {
      process.chdir(from)
    }
    assert.ok((await stat(join(here, 'data'))).isDirectory())
  })
})
