// The scripts that a page needs for a session and messages: that of chat-session as a gateway serves it, and those of rivals.
import { execFile } from 'node:child_process'
import { access, readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('rivals', import.meta.url))

/** The modules of the rivals, each with the least that a page imports to connect, send and receive. */
const modules = {
  'socket.io-client': "export { io } from 'socket.io-client'",
  centrifuge: "export { Centrifuge } from 'centrifuge'",
  'pusher-js': "export { default } from 'pusher-js'",
  'ably, modular': "export { BaseRealtime, WebSocketTransport, FetchRequest } from 'ably/modular'",
  ably: "export { Realtime } from 'ably'",
  '@talkjs/core': "export { getTalkSession } from '@talkjs/core'",
  '@chatkitty/core': "export { getSdkClient } from '@chatkitty/core'",
}

/** What rivals publish for a script tag, by their files: as that of chat-session, bundled and minified by those who wrote it. */
const published = { 'socket.io-client, for a script tag': 'socket.io-client/dist/socket.io.min.js' }

/** Leaves what a module imports only on demand out of its bundle: a page loads it later, or never. */
const withoutOnDemand = {
  name: 'without-on-demand',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    ),
}

const bundle = async (contents, plugins = []) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins,
    write: false,
  })
  return Buffer.from(outputFiles[0].contents)
}

/** The rivals have a lock of their own, so that the project depends on none of them. */
const install = async () => {
  const isInstalled = await access(`${folder}/node_modules/.package-lock.json`).then(
    () => true,
    () => false,
  )
  if (!isInstalled) await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--prefix', folder])
}

/** The least that a page imports of a rival to show the list of conversations and one of them, without its styles. */
const windowModules = {
  'stream-chat-react': `
    export { Channel, ChannelHeader, ChannelList, Chat, MessageComposer, MessageList, Window } from 'stream-chat-react'
    export { StreamChat } from 'stream-chat'
    export { createRoot } from 'react-dom/client'
    export { createElement } from 'react'`,
  // `Inbox` is the list of conversations and one of them, and imports `@talkjs/core`.
  '@talkjs/react-components': `
    export { Inbox } from '@talkjs/react-components'
    export { createRoot } from 'react-dom/client'
    export { createElement } from 'react'`,
}

const ownFolder = new URL('../dist/cdn/', import.meta.url)

const own = (name) => readFile(new URL(`${name}.js`, ownFolder))

/** The part that has `peers()` and `history()`: each window loads it. Its name has a hash. */
const ownCalls = async () => {
  const files = await readdir(ownFolder)
  const name = files.find((file) => /^chat-session-calls-[^.]+\.js$/.test(file))
  return readFile(new URL(name, ownFolder))
}

/** Resolves with the minified scripts that a page needs for a chat window, by the names of those who made them. */
export const readWindowScripts = async () => {
  await install()
  const scripts = {
    'chat-session and chat-window': await Promise.all([own('chat-session'), own('chat-window'), ownCalls()]),
  }
  for (const [name, contents] of Object.entries(windowModules))
    scripts[name] = [await bundle(contents, [withoutOnDemand])]
  return scripts
}

/** Resolves with the minified scripts by their names. All modules are bundled in the same way. */
export const readScripts = async () => {
  await install()
  const scripts = { 'chat-session': await own('chat-session') }
  for (const [name, contents] of Object.entries(modules)) scripts[name] = await bundle(contents)
  for (const [name, path] of Object.entries(published))
    scripts[name] = await readFile(`${folder}/node_modules/${path}`)
  return scripts
}
