/** The owner of a device, and the device's keys. A user who knows these keys may take over the device. */
export type PushOwner = [userId: string, p256dh: string, auth: string]

/** Returns whether the user `next`, who sends a subscription with these keys, may own its device. `owner` is the present owner. */
export const mayOwn = (owner: PushOwner | undefined, next: PushOwner): boolean =>
  owner === undefined || owner[0] === next[0] || (owner[1] === next[1] && owner[2] === next[2])
