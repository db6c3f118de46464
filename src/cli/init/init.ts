import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { GatewayConfig } from '../../gateway/index.js'
import { CliError } from '../cli-error.js'
import { findOrigins, findPort } from './development-origins.js'
import { blocksIn, chaptersOf, readPage, type Block, type Chapters } from './guide.js'
import { detectStack, type Stack } from './stacks.js'

const FILE = 'chat.json'
const SECRET = 'chat-secret'
const DATA = 'chat-data'
const HOST = '127.0.0.1'

export interface InitOptions {
  /** The port of the app's development server, in place of the one that its files name. */
  port?: number
}

/** What the guide says about an app. */
interface Plan {
  stack: Stack
  appId: string
  /** The port of the app's development server. */
  port: number
  /** The origins of the app's pages in development. The first is the one to open. */
  origins: string[]
  /** The gateway's address. */
  endpoint: string
  /** The code blocks of docs/BACKENDS.md. */
  shared: Block[]
  /** The code blocks of the language's page in docs/backends/. */
  backend: Block[]
  /** The code blocks of each chapter of docs/FRAMEWORKS.md. */
  frameworks: Chapters
}

/** Returns an app id from the folder's name, with the characters that an id may have. */
const appIdOf = (folder: string): string =>
  basename(folder)
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 64) || 'app'

/** Returns the port of the gateway: not that of the app. */
const gatewayPort = (port: number): number => (port === 8080 ? 8081 : 8080)

const configOf = ({ appId, port, origins }: Plan): GatewayConfig => ({
  listen: { host: HOST, port: gatewayPort(port) },
  engine: { type: 'embedded', path: `./${DATA}` },
  apps: {
    [appId]: {
      environment: 'production',
      secrets: [{ file: `./${SECRET}` }],
      origins,
      // These are the defaults. They stand here so that nobody is surprised by the deletion of messages.
      retention: { messages: 1000, days: 30 },
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

const fenced = (language: string, code: string): string => `\`\`\`${language}\n${code}\`\`\``

const textOf = ({ paragraph, language, code }: Block): string => `${paragraph}\n\n${fenced(language, code)}`

/** Returns the code block for this file. If there are several variants of the file, `variant` is the place of the wanted one. */
const blockOf = (blocks: Block[] | undefined, file: string, variant = 0): Block => {
  const block = blocks?.filter((block) => block.file === file).at(variant)
  if (!block) throw new Error(`The documentation has no ${file}.`)
  return block
}

/** Returns the block of the language's page. The last variant needs no library. On Node the first needs only this package. */
const backendBlock = ({ stack: { language }, backend }: Plan, file: string): string =>
  textOf(blockOf(backend, file, language === 'node' ? 0 : -1))

const CALL_TAG =
  '\n\n`chatTag(user.id, await chatToken(user.id, { name: user.name }))` returns the tag, as text for the page.'

/** Returns how a page begins a session: the script and the tag, or a component with both. */
const pageSection = (plan: Plan): string => {
  const { stack, appId, endpoint, shared, frameworks } = plan
  const { page } = stack
  if ('component' in page) {
    const component = blockOf(frameworks.get(page.of), page.component)
    const code = component.code.replaceAll('https://chat.example.com', endpoint).replaceAll('hF83jaq', appId)
    const isNext = stack.name === 'Next.js'
    const use = isNext
      ? `<Chat userId={user.id} token={await chatToken(user.id, { name: user.name })} peer={user.id} />`
      : `<Chat ${page.component === 'Chat.vue' ? 'user-id' : 'userId'}="ada" peer="ada" />`
    return `## 1. The component

${textOf(blockOf(frameworks.get('In every framework'), 'thread.ts'))}

${textOf({ ...component, code: isNext ? `'use client'\n\n${code}` : code })}

On the page, if a user is logged in. ${isNext ? '' : '"ada" stands for the id of that user. '}For a first try the user writes to herself or himself:

${fenced(component.language === 'tsx' ? 'tsx' : 'html', `${use}\n`)}`
  }
  const script = `<script type="module" async src="${endpoint}/v1/chat-session.js"></script>\n`
  const tag =
    page.tag === undefined
      ? `"ada" stands for the id of that user:\n\n${fenced('html', `<chat-session app-id="${appId}" user-id="ada" token-url="/chat-token"></chat-session>\n`)}`
      : backendBlock(plan, page.tag) + (page.tag === 'chat-tag.js' ? CALL_TAG : '')
  return `## 1. The tag

In the <head> of every page:

${fenced('html', script)}

In the <body>, if a user is logged in. ${tag}

${textOf(blockOf(shared, 'chat-try.html'))}`
}

const TRY_USER = `For a first try without a log-in, \`current-user.js\` lets everyone in as one user. Replace it before you publish:

${fenced('js', `export const currentUser = () => ({ id: 'ada', name: 'Ada' })\n`)}`

const endpointSection = (plan: Plan): string => {
  const { language, endpoint } = plan.stack
  return [
    '## 2. The token endpoint',
    ...endpoint.map((file) => backendBlock(plan, file)),
    ...(language === 'node' ? [TRY_USER] : []),
  ].join('\n\n')
}

/** Returns shell commands that read the secret from its file, so that the secret appears in no output and in no history of the shell. */
const environmentOf = ({ appId, endpoint, stack: { readsDotEnv } }: Plan): string => {
  const secret = `"$(cat ${SECRET})"`
  return readsDotEnv
    ? // Perhaps the last line of `.env` has no line break.
      `printf '\\nCHAT_APP_ID=%s\\nCHAT_SECRET=%s\\nCHAT_ENDPOINT=%s\\n' ${appId} ${secret} ${endpoint} >>.env`
    : `export CHAT_APP_ID=${appId}\nexport CHAT_SECRET=${secret}\nexport CHAT_ENDPOINT=${endpoint}`
}

const startSection = (plan: Plan): string => {
  const { stack, origins } = plan
  const install = stack.language === 'node' ? 'npm install chat-session\n' : ''
  return `## 3. Start both

The gateway:

${fenced('sh', `npx chat-session serve --config ${FILE}\n`)}

Your own server, in another terminal, begins with:

${fenced('sh', `${install}${environmentOf(plan)}\n`)}

## 4. Look

Open the page at ${origins[0]}, as a logged-in user. You should see "active". Then write: the message appears on the page.

If you see "failed", the sentence beside it, or the console of the browser, says why. If your server has another address than
${origins[0]}, write that address into "origins" of ${FILE}, and start the gateway again.

"origins" has the addresses of your development server: add that of your site. "retention" says what each inbox keeps. Before you publish
your site, read in the package chat-session: docs/OPERATING.md for the gateway, and docs/backends/${stack.language}.md for the log-out and
for messages from your server.
`
}

/** Returns how the page gets a window for the conversations. Its code is in no file of its own. */
const windowSection = ({ stack: { page }, endpoint }: Plan): string => {
  const tag = '<chat-window></chat-window>'
  const use =
    'component' in page
      ? `In place of your own list and form, import the window beside \`chat-session/define\`:

${fenced('js', "import 'chat-session/window'\n")}

Render it beside the <chat-session>. For Vue, docs/FRAMEWORKS.md has a line for the config:

${fenced('html', `${tag}\n`)}`
      : `One more script, and a tag where the window should be:

${fenced('html', `<script type="module" async src="${endpoint}/v1/chat-window.js"></script>\n${tag}\n`)}`
  return `## 5. The chat window

${use}

It has all conversations of the user. With peer="ada" it has the one with the user "ada" alone, and with launcher it is a round button. The
package chat-session has the rest in docs/WINDOW.md.
`
}

/** Returns the guide as Markdown, so that prose and code can be told apart. */
const guideOf = (
  plan: Plan,
): string => `${FILE} is the config of a gateway for this app of ${plan.stack.name}. Its secret is new, and in ${SECRET}, which only you
can read. Do not commit it. For git, add to .gitignore:

${fenced('', `/${SECRET}\n/${DATA}/\n`)}

${pageSection(plan)}

${endpointSection(plan)}

${startSection(plan)}
${windowSection(plan)}`

/** Writes the config of a gateway for the app in the working folder, and prints what the app needs. */
export const init = async (options: InitOptions): Promise<void> => {
  const folder = process.cwd()
  const stack = await detectStack(folder)
  const port = options.port ?? (await findPort(folder, stack))
  const plan: Plan = {
    stack,
    appId: appIdOf(folder),
    port,
    origins: await findOrigins(folder, port),
    endpoint: `http://${HOST}:${gatewayPort(port)}`,
    shared: blocksIn(await readPage('BACKENDS')),
    backend: blocksIn(await readPage(`backends/${stack.language}`)),
    frameworks: chaptersOf(await readPage('FRAMEWORKS')),
  }
  const guide = guideOf(plan)
  await writeNew({
    [FILE]: `${JSON.stringify(configOf(plan), null, 2)}\n`,
    [SECRET]: `${randomBytes(32).toString('base64url')}\n`,
  })
  process.stdout.write(guide)
}
