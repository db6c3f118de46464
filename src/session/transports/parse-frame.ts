import { gatewayFrames, type GatewayFrame } from '../../protocol/index.js'
import { wrongField } from '../../protocol/internal.js'
import { ifPossible } from '../util/if-possible.js'

/**
 * Returns a frame; null for an unknown type, which a newer gateway may send; undefined if the frame is malformed. The script-tag build
 * replaces this module by one that checks no fields, because the frames come from the gateway that served the script.
 */
export const parseFrame = (json: string): GatewayFrame | null | undefined =>
  ifPossible(() => {
    const frame = JSON.parse(json) as GatewayFrame
    const checks = Object.hasOwn(gatewayFrames, frame.type) && gatewayFrames[frame.type]
    return checks ? (wrongField(checks, frame) ? undefined : frame) : null
  })
