import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { it } from 'node:test'

const linesOf = async (file: string): Promise<number> => (await readFile(file, 'utf8')).split('\n').length - 1

for (const [folder, most] of [
  ['src/pages/playground', 2_250],
  ['src/pages/console', 1_850],
] as const)
  it(`keeps ${folder} within ${most} lines`, async () => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile())
    const lines = await Promise.all(files.map(({ parentPath, name }) => linesOf(`${parentPath}/${name}`)))
    const total = lines.reduce((sum, count) => sum + count, 0)
    assert.ok(total > 0 && total <= most, `${folder} has ${total} lines`)
  })

it('keeps the chat window within 265 lines, and the pages say how many it has', async () => {
  const [code, style] = await Promise.all(
    ['chat-window', 'style'].map((name) => linesOf(`demo/window/${name}.js`)),
  )
  assert.ok(code !== undefined && code <= 265, `chat-window.js has ${code} lines`)
  assert.match(await readFile('README.md', 'utf8'), new RegExp(`\\b${code} lines`))
  for (const lines of [code, style])
    assert.match(await readFile('demo/README.md', 'utf8'), new RegExp(`\\b${lines} lines`))
})

it("keeps the shop's stylesheet within 250 lines", async () => {
  const total = await linesOf('demo/shop/public/shop.css')
  assert.ok(total <= 250, `demo/shop/public/shop.css has ${total} lines`)
})
