// A gateway in a process of its own, which pushes to a push service of the test.
import { createLog } from '../../../src/gateway/index.js'
import { pushNetworkOf, pushOf, type PushAddress } from '../../support/push/push-network.js'
import { createTestGateway } from '../../support/gateway/test-gateway.js'

/** What the process is sent first. It answers with the gateway's address. */
export interface PushGatewayOrder {
  folder: string
  service: PushAddress
  /** Seconds. */
  after: number
  pingInterval: number
}

process.once('message', ({ folder, service, after, pingInterval }: PushGatewayOrder) => {
  const { gateway } = createTestGateway(
    { push: pushOf({ after }) },
    { engine: { type: 'embedded', path: folder }, resumeWindow: 600, pingInterval },
    { log: createLog({ level: 'fatal' }), pushNetwork: pushNetworkOf(service) },
  )
  void gateway.listen().then((url) => process.send?.(url))
})
// Without a parent process there are no clients.
process.once('disconnect', () => process.exit())
