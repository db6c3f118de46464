import { gatewayFrames, type GatewayFrame } from '../../protocol/index.js'
import { wrongField } from '../../protocol/internal.js'
import { ifPossible } from '../util/if-possible.js'

/**
 * Returns a frame; null for an unknown type, perhaps of a newer gateway; undefined if it is malformed. The script-tag build replaces this
 * module: the gateway that serves the script sends the frames too, and their fields are not checked.
 */
export const parseFrame = (json: string): GatewayFrame | null | undefined =>
  ifPossible(() => {
    const frame = JSON.parse(json) as GatewayFrame
    const checks = Object.hasOwn(gatewayFrames, frame.type) && gatewayFrames[frame.type]
    return checks ? (wrongField(checks, frame) ? undefined : frame) : null
  })
