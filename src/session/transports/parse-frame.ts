import { gatewayFrames, type GatewayFrame } from '../../protocol/index.js'
import { wrongField } from '../../protocol/internal.js'
import { ifPossible } from '../util/if-possible.js'
import type { ConnectionEvent } from './connection.js'

const malformed: ConnectionEvent = { type: 'fatal', fault: { code: 'protocol-error' } }

/**
 * Parses a frame of the gateway, and returns what it is for the connection's listener. Returns undefined if the frame's type is not known: a
 * newer gateway may send such frames, and they are ignored. The script-tag build replaces this module by one that checks no fields, because
 * the frames come from the gateway that served the script.
 */
export const parseFrame = (json: string): ConnectionEvent | undefined => {
  const frame = ifPossible(() => JSON.parse(json) as GatewayFrame | null)
  if (frame === undefined || frame === null) return malformed
  if (!Object.hasOwn(gatewayFrames, frame.type)) return undefined
  return wrongField(gatewayFrames[frame.type], frame) ? malformed : { type: 'frame', frame }
}
