import type { Redis } from 'ioredis'
import { EngineError } from '../../errors.js'

export type IORedis = typeof Redis

/** Loads the optional package. If it is missing, rejects with `unavailable` and says how to install it. */
export const loadIORedis = async (
  load: () => Promise<{ Redis: IORedis }> = () => import('ioredis'),
): Promise<IORedis> => {
  try {
    return (await load()).Redis
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new EngineError(
      'unavailable',
      'The engine "redis" needs the package ioredis. Install it: npm install ioredis@6',
      { cause: error },
    )
  }
}
