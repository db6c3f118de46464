import type { SessionRef } from '../../engine/index.js'
import type { TracedFrame } from '../../protocol/internal.js'

type FrameListener = (frame: TracedFrame) => void

/** Lets operators watch the frames of single sessions, without their content. This takes almost no time while no session is watched. */
export type Tracer = ReturnType<typeof createTracer>

/** Matches the type, with which every frame of a gateway begins. */
const FRAME_TYPE = /^\{"type":"([a-z]+)"/

const keyOf = ({ appId, userId, sessionId }: SessionRef): string => `${appId}\0${userId}\0${sessionId}`

export const createTracer = () => {
  const watched = new Map<string, Set<FrameListener>>()

  return {
    /** Returns whether any session is watched. Call this before each `record…`. */
    isOn: (): boolean => watched.size > 0,
    /** `bytes` is the length of a client's frame. Does nothing while the connection has no session yet. */
    recordReceived(session: SessionRef | undefined, type: string, bytes: number): void {
      const listeners = session && watched.get(keyOf(session))
      listeners?.forEach((listener) => listener({ at: Date.now(), direction: 'in', type, bytes, code: null }))
    },
    /** `code` is the code of a `refused` or an `ended` frame. */
    recordSent(session: SessionRef | undefined, json: string, code: string | null): void {
      const listeners = session && watched.get(keyOf(session))
      if (!listeners) return
      const type = FRAME_TYPE.exec(json)?.[1] ?? 'unknown'
      const bytes = Buffer.byteLength(json)
      listeners.forEach((listener) => listener({ at: Date.now(), direction: 'out', type, bytes, code }))
    },
    /** Calls `listener` with each frame on any of the session's connections, until `signal` aborts. */
    watch(session: SessionRef, listener: FrameListener, signal: AbortSignal): void {
      const key = keyOf(session)
      const listeners = watched.get(key) ?? new Set()
      watched.set(key, listeners.add(listener))
      const stop = (): void => {
        listeners.delete(listener)
        if (listeners.size === 0) watched.delete(key)
      }
      signal.addEventListener('abort', stop, { once: true })
    },
  }
}
