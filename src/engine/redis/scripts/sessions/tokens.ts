import { tokenKeptFor } from '../../../decide/revocations/revoked.js'
import { reply, replyList, type Script } from '../context/counts.js'
import { script } from '../context/context.js'

/*
 * The hash of a token. Its field `revoked` says that the token is revoked. Its field `until` says when the token expires: `inf` if it never
 * does. The other fields are notes, each of which says that a session uses the token: `=`, the user's id, NUL, and the name of the note.
 */

const noteOf = (use: string): string => `=${script.userId}\0${use}`

/** Notes that a session of the user starts with a token, or is renewed with it. */
export const useToken: Script<'useToken'> = ([expires, use]) => {
  const { token } = script.keys
  const [revoked, until] = redis.call('HMGET', token, 'revoked', 'until')
  if (revoked !== false) return reply(0)
  const expiresAt = tonumber(expires)
  const last = Math.max(expiresAt ?? Infinity, tonumber(until) ?? 0)
  redis.call('HSET', token, noteOf(use), '1', 'until', last)
  redis.call('PEXPIRE', token, Math.floor(tokenKeptFor(expiresAt, script.now)))
  return reply(1)
}

/**
 * Deletes from a token's Redis hash the note that a session of the user uses the token. If the token is not revoked and this was the last
 * note, deletes the hash.
 */
export const releaseToken: Script<'releaseToken'> = ([use]) => {
  const { token } = script.keys
  redis.call('HDEL', token, noteOf(use))
  const others = redis.call('HLEN', token) - redis.call('HEXISTS', token, 'until')
  if (others === 0) redis.call('DEL', token)
  return reply()
}

/** Revokes a token. `tokens` lists the ids of revoked tokens, each with the time until which its revocation is kept. */
export const revokeToken: Script<'revokeToken'> = ([tokenId]) => {
  const { token, tokens } = script.keys
  const users: string[] = []
  const found: Partial<Record<string, true>> = {}
  for (const field of redis.call('HKEYS', token)) {
    const [user] = string.match(field, '^=(.*)%z')
    if (user === undefined || found[user] === true) continue
    found[user] = true
    users.push(user)
  }
  redis.call('HSET', token, 'revoked', 1)
  const keptFor = tokenKeptFor(tonumber(redis.call('HGET', token, 'until')), script.now)
  // The revocation of a token that never expires is kept for ever.
  if (keptFor === Infinity) redis.call('PERSIST', token)
  else redis.call('PEXPIRE', token, Math.floor(keptFor))
  redis.call('ZREMRANGEBYSCORE', tokens, '-inf', script.now)
  redis.call('ZADD', tokens, Math.floor(script.now + keptFor), tokenId)
  return replyList(users)
}
