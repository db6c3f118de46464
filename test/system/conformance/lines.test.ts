import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { installSuite } from './installed.js'

test('commands and reports may have the line separators of Unicode in a text, on each version of Node', async () => {
  const client = fileURLToPath(new URL('../../../demo/clients/session.mjs', import.meta.url))
  const command = `"${process.execPath}" "${client}"`
  const suite = await installSuite()
  const { code, stdout, stderr } = await suite('--client', command, '--only', 'text')
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, stdout)
})
