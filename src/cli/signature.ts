import { createSignature } from '../tokens/index.js'
import { secretOf } from './secret.js'

export const printSignature = async ({
  user,
  secretEnv,
}: {
  user: string
  secretEnv: string
}): Promise<void> => {
  console.log(await createSignature(user, secretOf(secretEnv)))
}
