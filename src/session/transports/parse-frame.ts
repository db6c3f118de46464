import { gatewayFrames, type GatewayFrame } from '../../protocol/index.js'
import { wrongField } from '../../protocol/internal.js'
import { ifPossible } from '../util/if-possible.js'

/** `unknown`: the type is not known. A newer gateway may send such frames, and they are ignored. */
export type Parsed = { kind: 'frame'; frame: GatewayFrame } | { kind: 'unknown' | 'malformed' }

/**
 * Parses a frame of the gateway. The script-tag build replaces this module by one that checks no fields, because the frames come from the
 * gateway that served the script.
 */
export const parseFrame = (json: string): Parsed => {
  const frame = ifPossible(() => JSON.parse(json) as GatewayFrame | null)
  if (frame === undefined || frame === null) return { kind: 'malformed' }
  if (!Object.hasOwn(gatewayFrames, frame.type)) return { kind: 'unknown' }
  return wrongField(gatewayFrames[frame.type], frame) ? { kind: 'malformed' } : { kind: 'frame', frame }
}
