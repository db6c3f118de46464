import type { ClientFrameOf } from '../../protocol/index.js'
import { wrongField } from '../../protocol/internal.js'
import { infoOf, isOver } from '../machine/selectors.js'
import type { Answer, Request, RequestOptions } from '../storage/outbox.js'
import type { CallsHost } from './host.js'

/** Sends the frames of the calls. */
export interface Requests {
  /** Returns the error of a call with an argument, or with a field of it, that is missing or of the wrong type. */
  badField(call: string, field: string): Error
  /** Throws that error if a field of the frame is missing or of the wrong type. */
  checkFields(frame: { type: string }, checks: RequestOptions<Answer>['checks']): void
  /**
   * Resolves with the answer to a frame. Rejects as `send` does, and with `protocol-error` if the gateway does not know the frame. Until
   * the promise settles, the page is awake.
   */
  request<A extends Answer>(frame: Request, options: RequestOptions<A>): Promise<A>
  /** Sends a frame without waiting for an answer. Returns whether the frame was sent. */
  sendNow(frame: ClientFrameOf<'signal' | 'push'>): boolean
}

/**
 * Returns which of its extensions a gateway needs for a frame; undefined if every gateway knows the frame. The field `can` of `started`
 * lists what the gateway has.
 */
const extensionOf = (frame: Request | ClientFrameOf<'signal' | 'push'>): string | undefined => {
  switch (frame.type) {
    case 'history':
    case 'read':
      return frame.with === undefined ? undefined : 'peers'
    case 'peers':
    case 'signal':
    case 'watch':
    case 'push':
      return frame.type
    default:
      return undefined
  }
}

/** `awake` wakes the page, and keeps it awake until the call has settled. */
export const createRequests = (
  { session, outbox, runner, SessionError }: CallsHost,
  awake: <T>(call: () => Promise<T>) => Promise<T>,
): Requests => {
  /** Returns whether the gateway knows a frame. It ends the connection for a frame that it does not know. */
  const isKnown = (frame: Parameters<typeof extensionOf>[0]): boolean => {
    const needed = extensionOf(frame)
    return needed === undefined || (infoOf(runner.state())?.can?.includes(needed) ?? false)
  }

  const prepare = (request: Request): Request | InstanceType<typeof SessionError> => {
    // Only a connection shows which frames its gateway knows, so without a connection there is no error.
    if (runner.state().name === 'active' && !isKnown(request)) return new SessionError('protocol-error')
    // A request that was made before the first session has no epoch. It is about the inbox of that session.
    return 'epoch' in request && !request.epoch
      ? { ...request, epoch: infoOf(runner.state())?.epoch ?? '' }
      : request
  }

  const badField: Requests['badField'] = (call, field) =>
    new SessionError('bad-request', {
      message: `The field '${field}' of '${call}' is missing or of the wrong type.`,
    })
  const checkFields: Requests['checkFields'] = (frame, checks) => {
    const wrong = wrongField(checks, frame)
    if (wrong) throw badField(frame.type, wrong)
  }

  return {
    badField,
    checkFields,
    async request(frame, options) {
      checkFields(frame, options.checks)
      if (isOver(runner.state())) throw session.error ?? new SessionError('ended')
      return awake(() => outbox.add(frame, { ...options, prepare }))
    },
    sendNow: (frame) => isKnown(frame) && runner.send(frame),
  }
}
