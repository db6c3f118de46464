import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { codeOf, ensureFolder } from '../../engine/internal.js'
import { CliError } from '../cli-error.js'

const appSecrets = v.object({ token: v.string(), signature: v.string() })
const devSecretsFile = v.object({ playground: appSecrets, strict: appSecrets, shop: appSecrets })

type AppSecrets = v.InferOutput<typeof appSecrets>

/** The secrets of the development apps, by app id. */
export type DevSecrets = v.InferOutput<typeof devSecretsFile>

const createSecrets = (): AppSecrets => {
  const secret = (): string => randomBytes(32).toString('base64url')
  return { token: secret(), signature: secret() }
}

/**
 * Returns the secrets in the folder's `secrets.json`, and creates the file if it is missing. The file keeps the secrets, so tokens stay
 * valid over a restart. Other folders have other secrets, so their development gateways refuse the tokens.
 */
export const readDevSecrets = async (folder: string): Promise<DevSecrets> => {
  const file = join(folder, 'secrets.json')
  try {
    return v.parse(devSecretsFile, JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusableFile(file, error)
  }
  const secrets: DevSecrets = { playground: createSecrets(), strict: createSecrets(), shop: createSecrets() }
  try {
    await ensureFolder(folder)
    await writeFile(file, JSON.stringify(secrets, null, 2), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw unusableFile(file, error)
  }
  return secrets
}

const unusableFile = (file: string, cause: unknown): CliError =>
  new CliError(
    `The secrets in ${file} can't be read or written: choose another folder with --data, or remove the file.`,
    { cause },
  )
