import { join } from 'node:path'
import { CliError } from '../cli-error.js'
import { readIfThere } from './read-if-there.js'

/**
 * The part of the page that a framework needs. `tag` is a file of the language's page in docs/backends/; undefined for a page that no
 * server renders. `component` is a file of docs/FRAMEWORKS.md, in the chapter that `of` names. It has the tag, its listeners and the form.
 */
export type PagePart = { tag: string | undefined } | { component: string; of: string }

/** A framework, with its parts of the documentation. */
export interface Stack {
  name: string
  /** The file by which `init` recognizes an app of this framework. */
  file: string
  /** Returns whether the text of this file shows such an app. Throws a `SyntaxError` if the file should be JSON and is not. */
  isIn(text: string): boolean
  /** The language's page in docs/backends/, without `.md`. */
  language: 'node' | 'php' | 'python' | 'ruby'
  /** The files of that page that make the token endpoint. */
  endpoint: string[]
  page: PagePart
  /** The port of the framework's development server, if no file of the app names another. */
  port: number
  /** The files of an app that may name its port, the most specific first. */
  portFiles: string[]
  /** Whether the framework's server reads the environment only from `.env`. */
  readsDotEnv?: true
}

type Manifest = Record<string, Record<string, unknown> | undefined>

/** Returns a function that returns whether a manifest of npm or Composer has all these packages among its dependencies. */
const dependsOn =
  (names: readonly string[], ...fields: string[]) =>
  (text: string): boolean => {
    const manifest = JSON.parse(text) as Manifest
    return names.every((name) => fields.some((field) => manifest[field]?.[name] !== undefined))
  }

/** The names that the file with a server's first lines usually has. */
const entries = ['', 'src/'].flatMap((folder) =>
  ['server', 'index', 'app', 'main'].flatMap((name) =>
    ['js', 'mjs', 'cjs', 'ts', 'mts'].map((end) => `${folder}${name}.${end}`),
  ),
)

const nodeStack = (
  name: string,
  dependencies: string[],
  parts: Pick<Stack, 'endpoint' | 'page' | 'port'> & { portFiles?: string[] },
): Stack => ({
  name,
  file: 'package.json',
  isIn: dependsOn(dependencies, 'dependencies', 'devDependencies'),
  language: 'node',
  ...parts,
  endpoint: ['chat-token.js', ...parts.endpoint],
  portFiles: ['package.json', ...(parts.portFiles ?? entries), '.env', '.env.local'],
})

const viteStack = (name: string, dependencies: string[], page: PagePart): Stack =>
  nodeStack(name, ['vite', ...dependencies], {
    endpoint: ['chat-token-handler.js', 'chat-token-vite.js'],
    page,
    port: 5173,
    portFiles: ['js', 'ts', 'mjs', 'mts'].map((end) => `vite.config.${end}`),
  })

/**
 * The stacks that `init` knows. The first row that fits counts: an app of Rails or Laravel may have a package.json too, an app of Next may
 * also use Express, and the pages of a server may be built by Vite.
 */
const stacks: readonly Stack[] = [
  {
    name: 'Rails',
    file: 'Gemfile',
    isIn: (text) => /^\s*gem[\s(]+["']rails["']/m.test(text),
    language: 'ruby',
    endpoint: ['chat_token.rb', 'app/controllers/chat_tokens_controller.rb'],
    page: { tag: 'app/views/shared/_chat.html.erb' },
    port: 3000,
    portFiles: ['Procfile.dev', 'config/puma.rb', '.env'],
  },
  {
    name: 'Django',
    file: 'manage.py',
    isIn: (text) => text.includes('django'),
    language: 'python',
    endpoint: ['chat_token.py', 'chat_views.py'],
    page: { tag: 'templates/chat.html' },
    port: 8000,
    portFiles: ['Procfile.dev', 'Procfile', '.env'],
  },
  {
    name: 'Laravel',
    file: 'composer.json',
    isIn: dependsOn(['laravel/framework'], 'require'),
    language: 'php',
    endpoint: ['chat_token.php', 'routes/web.php'],
    page: { tag: 'resources/views/chat.blade.php' },
    port: 8000,
    portFiles: ['.env'],
    readsDotEnv: true,
  },
  nodeStack('Next.js', ['next'], {
    endpoint: ['app/chat-token/route.js'],
    page: { component: 'Chat.tsx', of: 'React 19' },
    port: 3000,
    portFiles: [],
  }),
  nodeStack('Hono', ['hono'], {
    endpoint: ['chat-token-route.js'],
    page: { tag: 'chat-tag.js' },
    port: 3000,
  }),
  nodeStack('Fastify', ['fastify'], {
    endpoint: ['chat-token-plugin.js'],
    page: { tag: 'chat-tag.js' },
    port: 3000,
  }),
  nodeStack('Express', ['express'], {
    endpoint: ['chat-token-handler.js'],
    page: { tag: 'chat-tag.js' },
    port: 3000,
  }),
  viteStack('Vite with React', ['react'], { component: 'Chat.tsx', of: 'React 19' }),
  viteStack('Vite with Vue', ['vue'], { component: 'Chat.vue', of: 'Vue 3' }),
  viteStack('Vite with Svelte', ['svelte'], { component: 'Chat.svelte', of: 'Svelte 5' }),
  viteStack('Vite', [], { tag: undefined }),
]

/** Returns the stack of the app in a folder. Rejects with a `CliError` if no row fits. */
export const detectStack = async (folder: string): Promise<Stack> => {
  for (const stack of stacks) {
    const path = join(folder, stack.file)
    const text = await readIfThere(path)
    try {
      if (text !== undefined && stack.isIn(text)) return stack
    } catch (cause) {
      throw new CliError(`${path} is not well-formed JSON.`, { cause })
    }
  }
  const names = stacks.map(({ name }) => name).filter((name) => !name.includes(' '))
  throw new CliError(
    `Nothing here is an app of ${names.join(', ')}. Run init in your app's folder. For other servers, docs/backends in the package has the code and docs/GATEWAY.md the config. Without an app, 'npx chat-session dev' shows the chat.`,
  )
}
