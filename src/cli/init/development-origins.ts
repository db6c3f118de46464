import { join } from 'node:path'
import { readIfThere } from './read-if-there.js'
import type { Stack } from './stacks.js'

/**
 * Matches a number that a file names as a port: `--port 4000`, `-p 4000`, `PORT=4000`, `port: 4000`, `PORT || 4000`, `listen(4000`,
 * `fetch("PORT", 4000)`. Part of a longer name, as in `DB_PORT`, does not count.
 */
const PORT =
  /(?:\bport\b['"`)\]]*\s*(?:=|:|\|\||\?\?|,|\{|\s)\s*['"`(]*|(?<=\s)-p[ =]|\blisten\(\s*)(\d{2,5})\b/gi

/** Ports of databases and mail servers, which an app's files name too. */
const others = ['25', '465', '587', '1025', '3306', '5432', '6379', '27017']

const portIn = (text: string): number | undefined => {
  const found = [...text.matchAll(PORT)].map(([, port = '']) => port).find((port) => !others.includes(port))
  return found === undefined ? undefined : Number(found)
}

/** Returns the port that the app's files name for its development server, or else the framework's own. */
export const findPort = async (folder: string, { port, portFiles }: Stack): Promise<number> => {
  for (const name of portFiles) {
    const found = portIn((await readIfThere(join(folder, name))) ?? '')
    if (found !== undefined) return found
  }
  return port
}

/** Returns the origins of pages that a server of this machine serves at a port. */
export const originsAt = (port: number): string[] =>
  ['localhost', '127.0.0.1'].map((host) => new URL(`http://${host}:${port}`).origin)

/** Returns the origins of the app's pages in development. Laravel's `.env` names one, which has a name of its own in Valet and Herd. */
export const findOrigins = async (folder: string, port: number): Promise<string[]> => {
  const [, url = ''] = /^APP_URL=["']?([^\s"']+)/m.exec((await readIfThere(join(folder, '.env'))) ?? '') ?? []
  return [...new Set([...originsAt(port), ...(URL.canParse(url) ? [new URL(url).origin] : [])])]
}
