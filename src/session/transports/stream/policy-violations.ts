import { listen } from '../../util/listen.js'
import { hasEvents } from '../../util/runtime.js'
import { transportKinds, type TransportKind } from './race.js'

/**
 * Calls `blocked` when the page's Content-Security-Policy blocks a connection to one of the addresses. That connection may be another
 * script's.
 */
export const onBlocked = (
  addresses: Record<TransportKind, string>,
  blocked: (kind: TransportKind) => void,
  signal: AbortSignal,
): void => {
  if (!hasEvents()) return
  const onViolation = ({ blockedURI, disposition }: SecurityPolicyViolationEvent): void => {
    // A policy that only reports blocks nothing.
    if (disposition !== 'enforce') return
    for (const kind of transportKinds) {
      const address = addresses[kind]
      // If the URL is of another origin, some browsers report only its origin.
      if (blockedURI === address || blockedURI === new URL(address).origin) blocked(kind)
    }
  }
  listen(globalThis, 'securitypolicyviolation', onViolation, signal)
}
