import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { GatewayConfig } from '../../gateway/index.js'
import { CliError } from '../cli-error.js'
import { readChapters, type Block } from './guide.js'
import { detectStack, type Stack } from './stacks.js'

const FILE = 'chat.json'
const SECRET = 'chat-secret'
const DATA = 'chat-data'
const LISTEN = { host: '127.0.0.1', port: 8080 }

/** Returns an app id from the folder's name, with the characters that an id may have. */
const appIdOf = (folder: string): string =>
  basename(folder)
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 64) || 'app'

const configOf = (appId: string, { port }: Stack): GatewayConfig => ({
  listen: LISTEN,
  engine: { type: 'embedded', path: `./${DATA}` },
  apps: {
    [appId]: {
      environment: 'production',
      secrets: [{ file: `./${SECRET}` }],
      origins: [`http://localhost:${port}`, `http://127.0.0.1:${port}`],
    },
  },
})

/** Writes files that no other user of the machine can read. Replaces no file: if one exists, writes none. */
const writeNew = async (files: Record<string, string>): Promise<void> => {
  for (const name of Object.keys(files))
    if (existsSync(name))
      throw new CliError(`${name} exists already, and init changes no file. Move it away to get a new one.`)
  for (const [name, text] of Object.entries(files))
    await writeFile(name, text, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
      throw new CliError(`${name} can't be written: ${(cause as Error).message}.`, { cause })
    })
}

/**
 * Returns the code block for this file. If docs/BACKENDS.md has several variants of the file, returns the last, which needs no library. On
 * Node it returns the first, which needs only this package.
 */
const blockOf = (blocks: readonly Block[], { chapter }: Stack, file: string): Block => {
  const variants = blocks.filter((block) => block.file === file)
  const block = variants.at(chapter === 'Node' ? 0 : -1)
  if (!block) throw new Error(`docs/BACKENDS.md has no ${file}.`)
  return block
}

const fenced = (language: string, code: string): string => `\`\`\`${language}\n${code}\`\`\``

const textOf = ({ paragraph, language, code }: Block): string => `${paragraph}\n\n${fenced(language, code)}`

/** Returns shell commands that read the secret from its file, so that the secret appears in no output and in no history of the shell. */
const environmentOf = (appId: string, { readsDotEnv }: Stack): string => {
  const secret = `"$(cat ${SECRET})"`
  return readsDotEnv
    ? // Perhaps the last line of `.env` has no line break.
      `printf '\\nCHAT_APP_ID=%s\\nCHAT_SECRET=%s\\n' ${appId} ${secret} >>.env`
    : `export CHAT_APP_ID=${appId}\nexport CHAT_SECRET=${secret}`
}

/** Returns the guide as Markdown, so that prose and code can be told apart. */
const guideOf = (stack: Stack, appId: string, blocks: readonly Block[]): string => {
  const script = `http://${LISTEN.host}:${LISTEN.port}/v1/chat-session.js`
  const install = stack.chapter === 'Node' ? 'npm install chat-session\n' : ''
  return `${FILE} is the config of a gateway for this ${stack.name} app. Its secret is new, and in ${SECRET}, which only you can read. Do not
commit it. For git, add to .gitignore:

${fenced('', `/${SECRET}\n/${DATA}/\n`)}

## 1. The tag

In the <head> of every page:

${fenced('html', `<script type="module" async src="${script}"></script>\n`)}

In the <body>, if a user is logged in:

${textOf(blockOf(blocks, stack, stack.tag))}

## 2. The token endpoint

${stack.endpoint.map((file) => textOf(blockOf(blocks, stack, file))).join('\n\n')}

## 3. Start both

The gateway:

${fenced('sh', `npx chat-session serve --config ${FILE}\n`)}

Your own server, in another terminal, begins with:

${fenced('sh', `${install}${environmentOf(appId, stack)}\n`)}

"origins" in ${FILE} has the addresses of your development server: add that of your site. Before you publish it, read docs/OPERATING.md of
the package chat-session.
`
}

/** Writes the config of a gateway for the app in the working folder, and prints what the app needs. */
export const init = async (): Promise<void> => {
  const folder = process.cwd()
  const stack = await detectStack(folder)
  const appId = appIdOf(folder)
  const blocks = (await readChapters()).get(stack.chapter) ?? []
  const guide = guideOf(stack, appId, blocks)
  await writeNew({
    [FILE]: `${JSON.stringify(configOf(appId, stack), null, 2)}\n`,
    [SECRET]: `${randomBytes(32).toString('base64url')}\n`,
  })
  process.stdout.write(guide)
}
