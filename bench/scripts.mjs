// The scripts that a page needs for a session and messages: that of chat-session as a gateway serves it, and those of rivals.
import { execFile } from 'node:child_process'
import { access, readFile } from 'node:fs/promises'
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

const bundle = async (contents) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
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

/** Resolves with the minified scripts by their names. All modules are bundled in the same way. */
export const readScripts = async () => {
  await install()
  const scripts = { 'chat-session': await readFile(new URL('../dist/cdn/chat-session.js', import.meta.url)) }
  for (const [name, contents] of Object.entries(modules)) scripts[name] = await bundle(contents)
  for (const [name, path] of Object.entries(published))
    scripts[name] = await readFile(`${folder}/node_modules/${path}`)
  return scripts
}
