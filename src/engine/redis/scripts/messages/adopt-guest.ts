import { isAdoptedBy, mayAdopt } from '../../../decide/adoption/adoption.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { json } from '../context/text.js'
import { presence, sessions } from '../sessions/rows.js'
import { finish, isRevoked, remove, reportEnd } from '../sessions/sessions.js'
import { awaitEpochs } from '../state/history.js'
import { deleteUser } from '../users/lifetime.js'
import { adoptionOf, type Adoption, clear, load, set } from '../users/user.js'
import { expire } from './retention.js'
import { MOVE_RETRY } from './adopted-messages.js'

/**
 * Deletes a guest, and notes which user adopts the guest. The guest's messages stay until they are moved to the user.
 */
export const adoptGuest: Script<'adoptGuest'> = ([userId, userCreatedAt, createdAt, issuedAt, age]) => {
  awaitEpochs()
  const { now } = script
  const adopter = { userId, userCreatedAt: tonumber(userCreatedAt) }
  const knownAt = tonumber(createdAt)
  const proof = knownAt === undefined ? null : { createdAt: knownAt }
  const retention = { age: tonumber(age) }
  const user = load()
  if (proof !== null && isRevoked(user, tonumber(issuedAt))) return reply(-1)
  if (user.adoption !== undefined) {
    const [by, byCreatedAt, guestCreatedAt, messages] = adoptionOf(user.adoption)
    const known = { userId: by, userCreatedAt: byCreatedAt }
    return reply(isAdoptedBy(known, guestCreatedAt, adopter, proof) ? messages : -1)
  }
  const guestCreatedAt = user.guest === undefined ? undefined : user.createdAt
  if (guestCreatedAt === undefined || !mayAdopt(guestCreatedAt, proof)) return reply(-1)
  expire(user, retention)
  for (const [, row] of pairs(sessions())) {
    const [wasOnline] = presence(user)
    remove(user, row)
    reportEnd(user, row, 'replaced', wasOnline)
  }
  const messages = Math.max(user.newest - user.first + 1, 0)
  const adoption: Adoption = [userId, adopter.userCreatedAt, guestCreatedAt, messages]
  set(user, 'adoption', json(adoption))
  deleteUser(user)
  clear(user, 'unreadCheckAt', 'unreadCheckOffset')
  set(user, 'keptUntil', Math.ceil(now + retention.age))
  set(user, 'moveDueAt', now + MOVE_RETRY)
  finish(user)
  return reply(messages)
}
