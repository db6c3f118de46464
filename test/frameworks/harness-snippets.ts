// What docs/FRAMEWORKS.md shows, judged by the framework's own checker.
import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const demo = new URL('../../demo/frameworks/', import.meta.url)

export interface Snippet {
  /** The folder of the framework's page, whose settings hold. */
  name: string
  title: string
  /** How the block is marked, which is the file's ending too. */
  mark: string
  /** A file below node_modules, and what it is given before the project. */
  checker: string[]
}

/** What the checker says of a project of this one file; nothing when it passes. */
const complaintsOf = async ({ name, mark, checker }: Snippet, code: string): Promise<string> => {
  const folder = new URL(`dist/snippets/${name}/`, demo)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(new URL(`chat.${mark}`, folder), code)
  const settings = {
    extends: `../../../${name}/tsconfig.json`,
    compilerOptions: { noEmit: true },
    files: [],
    include: ['.'],
  }
  await writeFile(new URL('tsconfig.json', folder), JSON.stringify(settings))
  const [program = '', ...args] = checker
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [`node_modules/${program}`, ...args, `dist/snippets/${name}/tsconfig.json`],
      { cwd: fileURLToPath(demo) },
      (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}` : ''),
    )
  })
}

/** Tests that what the documentation shows is right, and that the checker would say so if it weren't. */
export const testSnippet = (snippet: Snippet): void => {
  test(`${snippet.title}: what the documentation shows is right, as far as types go`, async () => {
    const guide = await readFile(new URL('../../docs/FRAMEWORKS.md', import.meta.url), 'utf8')
    const [, code = ''] = new RegExp(`^\`\`\`${snippet.mark}\n(.*?)^\`\`\`$`, 'ms').exec(guide) ?? []
    assert.match(code, /<chat-session/)
    assert.equal(await complaintsOf(snippet, code), '')
    assert.notEqual(await complaintsOf(snippet, code.replace('message.body', 'message.bodyy')), '')
  })
}
