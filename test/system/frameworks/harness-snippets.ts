// Type checks of the components in docs/FRAMEWORKS.md, with the framework's own checker.
import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const demo = new URL('../../../demo/frameworks/', import.meta.url)

interface Snippet {
  /** The folder of the framework's page, whose tsconfig.json is used. */
  name: string
  title: string
  /** The language of the code block, which is the file's extension too. */
  mark: string
  /** The checker's file below node_modules, and its arguments before the project. */
  checker: string[]
}

/** Resolves with the checker's output for a project of this one file; empty if it passes. */
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

/** Tests that the documented component passes the checker, and that the checker finds a mistake. */
export const testSnippet = (snippet: Snippet): void => {
  test(`${snippet.title}: the component in the documentation passes the type check`, async () => {
    const guide = await readFile(new URL('../../../docs/FRAMEWORKS.md', import.meta.url), 'utf8')
    const [, code = ''] = new RegExp(`^\`\`\`${snippet.mark}\n(.*?)^\`\`\`$`, 'ms').exec(guide) ?? []
    assert.match(code, /<chat-session/)
    assert.equal(await complaintsOf(snippet, code), '')
    assert.notEqual(await complaintsOf(snippet, code.replace('message.body', 'message.bodyy')), '')
  })
}
