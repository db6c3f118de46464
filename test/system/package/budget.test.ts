import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { it } from 'node:test'

const linesOf = async (file: string): Promise<number> => (await readFile(file, 'utf8')).split('\n').length - 1

for (const [folder, most] of [
  ['src/pages/playground', 2_300],
  ['src/pages/console', 1_750],
] as const)
  it(`keeps ${folder} within ${most} lines`, async () => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile())
    const lines = await Promise.all(files.map(({ parentPath, name }) => linesOf(`${parentPath}/${name}`)))
    const total = lines.reduce((sum, count) => sum + count, 0)
    assert.ok(total > 0 && total <= most, `${folder} has ${total} lines`)
  })

it("keeps the shop's stylesheet within 257 lines", async () => {
  const total = await linesOf('demo/shop/public/shop.css')
  assert.ok(total <= 257, `demo/shop/public/shop.css has ${total} lines`)
})
