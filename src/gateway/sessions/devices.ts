import type { Credential, PushSubscriptionData } from '../../engine/index.js'
import { pushDeviceId } from '../../engine/internal.js'
import type { ClientFrameOf } from '../../protocol/index.js'
import { TaskQueue } from '../../util/task-queue.js'
import { checkSubscription } from '../push/subscription.js'
import type { FrameScope } from './frame-scope.js'

const NO_PUSH = "The app has no 'push' in its config."
const NO_ENDPOINT = "A 'push' frame with 'subscription: null' names the 'endpoint' that ends."
const NOT_OWN = "The endpoint is another user's, whose keys this subscription does not have."

type PushFrame = ClientFrameOf<'push'>

/** The push subscription of one session's client. The engine stores it as a device of the user. */
export type Devices = ReturnType<typeof createDevices>

export const createDevices = ({ context, app, user, renewals, pushKey, connection, refuse }: FrameScope) => {
  const { engine } = context
  const turns = new TaskQueue()
  /** The client's latest subscription. `by` is the credential that is stored with it; undefined while none is known to be stored. */
  let saved: { subscription: PushSubscriptionData; by: Credential | undefined } | undefined

  const save = async (subscription: PushSubscriptionData): Promise<boolean> => {
    // If a renewal came before the `push` frame, the device waits for it, and gets the new credential.
    const by = await renewals.settled()
    if (saved?.subscription === subscription && saved.by === by) return true
    // If the engine fails, the next renewal tries again.
    saved = { subscription, by: undefined }
    const isSaved = await engine.savePushDevice(user, subscription, by)
    saved = { subscription, by }
    return isSaved
  }

  const handle = async (frame: PushFrame): Promise<void> => {
    const { subscription, endpoint } = frame
    if (subscription === null) {
      if (endpoint === undefined) return refuse(frame, 'bad-request', NO_ENDPOINT)
      // If `endpoint` is that of an earlier subscription, the current one stays.
      if (saved?.subscription.endpoint === endpoint) saved = undefined
      await engine.endPushDevice(user, pushDeviceId(endpoint))
      return
    }
    const { push } = app
    if (!push) return refuse(frame, 'refused', NO_PUSH)
    const checked = checkSubscription(subscription, push.settings.hosts)
    if (typeof checked === 'string') return refuse(frame, 'refused', checked)
    if (await save({ ...checked, pushKey })) return
    saved = undefined
    refuse(frame, 'refused', NOT_OWN)
  }

  return {
    /** Answers a `push` frame. Frames are answered one after the other, so that the last one counts. */
    handle: (frame: PushFrame): Promise<void> => turns.run(() => handle(frame)),
    /**
     * Called when the session perhaps has a new credential. The engine stores it with the device, so that a revocation of the old
     * credential does not end the pushes to the device. If the engine fails, the next renewal tries again.
     */
    renewed: (): Promise<void> =>
      connection.surviveEngineError(turns.run(async () => saved && save(saved.subscription))),
  }
}
