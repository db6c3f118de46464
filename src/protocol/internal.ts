/** Exports for the other modules of `src/`. The package does not publish them. */
export { callFrames } from './call-frames.js'
export { fittingProfile, knownFields, profileProblem } from './profile.js'
export { object, optional, text, wrongField } from './schema.js'
export { endOfString, isDeepJson, MAX_JSON_DEPTH, parseExact, parseJson, parseObject } from './parse-json.js'
export type * from './admin-api.js'
