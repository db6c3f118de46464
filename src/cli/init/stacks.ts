import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../engine/internal.js'
import { CliError } from '../cli-error.js'

/** A framework, with its part of docs/BACKENDS.md. */
export interface Stack {
  name: string
  /** The file by which `init` recognizes an app of this framework. */
  file: string
  /** Returns whether the text of this file shows such an app. Throws a `SyntaxError` if the file should be JSON and is not. */
  isIn(text: string): boolean
  /** The heading of the framework's chapter in docs/BACKENDS.md. */
  chapter: string
  /** The chapter's files that make the token endpoint. */
  endpoint: string[]
  /** The chapter's file that has the tag. */
  tag: string
  /** The port of the framework's development server. */
  port: number
  /** Whether the framework's server reads the environment only from `.env`. */
  readsDotEnv?: true
}

type Manifest = Record<string, Record<string, unknown> | undefined>

/** Returns a function that returns whether a manifest of npm or Composer has the package `name` among its dependencies. */
const dependsOn =
  (name: string, ...fields: string[]) =>
  (text: string): boolean => {
    const manifest = JSON.parse(text) as Manifest
    return fields.some((field) => manifest[field]?.[name] !== undefined)
  }

const nodeStack = (name: string, dependency: string, endpoint: string, tag: string): Stack => ({
  name,
  file: 'package.json',
  isIn: dependsOn(dependency, 'dependencies', 'devDependencies'),
  chapter: 'Node',
  endpoint: ['chat-token.js', endpoint],
  tag,
  port: 3000,
})

/**
 * The stacks that `init` knows. The first row that fits counts: an app of Rails or Laravel may have a package.json too, and an app of Next
 * may also use Express.
 */
const stacks: readonly Stack[] = [
  {
    name: 'Rails',
    file: 'Gemfile',
    isIn: (text) => /^\s*gem[\s(]+["']rails["']/m.test(text),
    chapter: 'Ruby',
    endpoint: ['chat_token.rb', 'app/controllers/chat_tokens_controller.rb'],
    tag: 'app/views/shared/_chat.html.erb',
    port: 3000,
  },
  {
    name: 'Django',
    file: 'manage.py',
    isIn: (text) => text.includes('django'),
    chapter: 'Python',
    endpoint: ['chat_token.py', 'chat_views.py'],
    tag: 'templates/chat.html',
    port: 8000,
  },
  {
    name: 'Laravel',
    file: 'composer.json',
    isIn: dependsOn('laravel/framework', 'require'),
    chapter: 'PHP',
    endpoint: ['chat_token.php', 'routes/web.php'],
    tag: 'resources/views/chat.blade.php',
    port: 8000,
    readsDotEnv: true,
  },
  nodeStack('Next.js', 'next', 'app/chat-token/route.js', 'chat-tag.jsx'),
  nodeStack('Hono', 'hono', 'chat-token-route.js', 'chat-tag.jsx'),
  nodeStack('Fastify', 'fastify', 'chat-token-plugin.js', 'chat-tag.js'),
  nodeStack('Express', 'express', 'chat-token-handler.js', 'chat-tag.js'),
]

const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    // The decoder drops a byte order mark, with which editors on Windows may begin a file.
    return new TextDecoder().decode(await readFile(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new CliError(`${path} can't be read: ${(error as Error).message}.`, { cause: error })
  }
}

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
  const names = stacks.map(({ name }) => name).join(', ')
  throw new CliError(
    `Nothing here is an app of ${names}. Run init in your app's folder. For other servers, docs/BACKENDS.md has the code and docs/GATEWAY.md the config.`,
  )
}
