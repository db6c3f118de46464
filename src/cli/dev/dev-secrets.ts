import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { codeOf, ensureFolder } from '../../engine/internal.js'
import { CliError } from '../cli-error.js'

const appSecrets = v.object({ token: v.string(), signature: v.string() })
const devSecretsFile = v.object({ playground: appSecrets, strict: appSecrets, shop: appSecrets })

export type AppSecrets = v.InferOutput<typeof appSecrets>

/** The secrets of the development apps, by app id. */
export type DevSecrets = v.InferOutput<typeof devSecretsFile>

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
    return v.parse(devSecretsFile, JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusable(file, error)
  }
  const secrets: DevSecrets = { playground: make(), strict: make(), shop: make() }
  try {
    await ensureFolder(folder)
    await writeFile(file, JSON.stringify(secrets, null, 2), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw unusable(file, error)
  }
  return secrets
}

const unusable = (file: string, cause: unknown): CliError =>
  new CliError(
    `The secrets in ${file} can't be read or written: choose another folder with --data, or remove the file.`,
    { cause },
  )
