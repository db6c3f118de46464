import { executeServerCommand } from '@web/test-runner-commands'
import type { GatewayConfig } from '../../src/gateway/config-types.js'

/** Starts a real gateway with a memory engine on a free port; answers its address. */
export const startGateway = (config: GatewayConfig): Promise<string> =>
  executeServerCommand<string, GatewayConfig>('gateway:start', config)

export const stopGateway = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('gateway:stop', url)
