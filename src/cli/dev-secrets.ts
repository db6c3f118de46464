import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from './cli-error.js'

export interface AppSecrets {
  token: string
  signature: string
}

/** The secrets of the development apps, by app id. */
export type DevSecrets = Record<'playground' | 'strict' | 'shop', AppSecrets>

const make = (): AppSecrets => {
  const secret = (): string => randomBytes(32).toString('base64url')
  return { token: secret(), signature: secret() }
}

/**
 * Made once for a folder and kept in it: tokens outlive a restart, and nobody's development gateway takes a token that
 * somebody else could make.
 */
export const devSecrets = async (folder: string): Promise<DevSecrets> => {
  const file = join(folder, 'secrets.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DevSecrets
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(file, error)
  }
  const secrets: DevSecrets = { playground: make(), strict: make(), shop: make() }
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(file, JSON.stringify(secrets, null, 2), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw unusable(file, error)
  }
  return secrets
}

const unusable = (file: string, cause: unknown): CliError =>
  new CliError(
    `The secrets in ${file} can't be read or written: choose another folder with --data, or remove the file.`,
    {
      cause,
    },
  )
