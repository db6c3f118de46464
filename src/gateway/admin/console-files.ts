import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Hono } from 'hono'

const FOLDER = new URL('../../../dist/pages/console/', import.meta.url)

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
}

interface ConsoleFile {
  type: string
  etag: string
  body: Uint8Array<ArrayBuffer>
}

/** Returns the names of the console's files; an empty list if the console is not built, so that its folder is missing. */
const list = async (): Promise<string[]> => {
  try {
    return await readdir(fileURLToPath(FOLDER))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Reads the files that have one of the types above, by their URL paths. */
const load = async (): Promise<ReadonlyMap<string, ConsoleFile>> => {
  const files = new Map<string, ConsoleFile>()
  for (const name of await list()) {
    const type = TYPES[extname(name)]
    if (type === undefined) continue
    const body = new Uint8Array(await readFile(new URL(name, FOLDER)))
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    files.set(name === 'index.html' ? '/' : `/${name}`, { type, etag, body })
  }
  return files
}

/** Returns the routes of the console's files. They need no token, because they contain no secret: the page itself asks for a token. */
export const createConsoleFiles = (): Hono => {
  const routes = new Hono()
  let files: ReturnType<typeof load> | undefined
  routes.get('*', async (context, next) => {
    // If reading fails, the next request tries again, because the build may write the files while the gateway runs.
    files ??= load().catch((error: unknown) => {
      files = undefined
      throw error
    })
    const file = (await files).get(context.req.path)
    if (!file) return next()
    const headers = { 'content-type': file.type, 'cache-control': 'no-cache', etag: file.etag }
    return context.req.header('if-none-match') === file.etag
      ? context.body(null, 304, headers)
      : context.body(file.body, 200, headers)
  })
  return routes
}
