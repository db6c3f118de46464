// Type checks of the components in docs/FRAMEWORKS.md, with the framework's own checker.
import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const demo = new URL('../../../demo/frameworks/', import.meta.url)

/** Returns the first code block of docs/FRAMEWORKS.md in a language that contains `text`. */
const codeWith = async (text: string, mark: string): Promise<string> => {
  const guide = await readFile(new URL('../../../docs/FRAMEWORKS.md', import.meta.url), 'utf8')
  const blocks = [...guide.matchAll(new RegExp(`^\`\`\`${mark}\n(.*?)^\`\`\`$`, 'gms'))]
  const code = blocks.map(([, code = '']) => code).find((code) => code.includes(text))
  assert.ok(code, `docs/FRAMEWORKS.md has no ${mark} with ${text}`)
  return code
}

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
  await writeFile(new URL('thread.ts', folder), await codeWith('followThread =', 'ts'))
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
    const code = await codeWith('<chat-session', snippet.mark)
    assert.equal(await complaintsOf(snippet, code), '')
    assert.notEqual(await complaintsOf(snippet, code.replace('message.body', 'message.bodyy')), '')
  })
}
