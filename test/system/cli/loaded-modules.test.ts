import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../support/processes/command-line.js'
import { writeConfig } from '../../support/processes/write-config.js'
import { scratchFolder } from '../../support/scratch-folder.js'

test('a gateway process does not load the suite of engines', async () => {
  const folder = scratchFolder()
  // If this variable is set, Node writes the address of every module that a process has loaded.
  const coverage = join(folder, 'coverage')
  const gateway = run(['serve', '--config', writeConfig()], { NODE_V8_COVERAGE: coverage })
  await gateway.url()
  assert.equal((await gateway.stop()).code, 0)
  const loaded = new Set<string>()
  for (const name of await readdir(coverage)) {
    const { result } = JSON.parse(await readFile(join(coverage, name), 'utf8')) as {
      result: { url: string }[]
    }
    for (const { url } of result) loaded.add(url)
  }
  const ofEngine = [...loaded].filter((url) => url.includes('/dist/engine/'))
  assert.ok(ofEngine.some((url) => url.includes('/dist/engine/exclusive/exclusive-engine')))
  assert.deepEqual(
    ofEngine.filter((url) => url.includes('/suite/')),
    [],
  )
})
