import type { Profile } from '../protocol/index.js'

/** Returns the fields that are set; `id` is not a field of the profile. */
export const profileFields = (user: Profile & { id?: unknown }): Profile =>
  Object.fromEntries(
    Object.entries(user).filter(([key, value]) => key !== 'id' && value !== undefined && value !== null),
  )
