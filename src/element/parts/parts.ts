import * as badge from '../badge/badge.js'
import * as calls from './calls.js'
import * as notifications from '../notifications/notifications.js'

/**
 * The parts that only some pages use. In the npm package these are ordinary imports. The script-tag build replaces this module by
 * `script-parts.ts`, which loads the script of a part when the page first asks for it.
 */
const parts = { badge, calls, notifications }

export type Parts = typeof parts

/** Resolves with the module of a part. */
export const loadPart = <K extends keyof Parts>(name: K): Promise<Parts[K]> => Promise.resolve(parts[name])
