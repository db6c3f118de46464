import { isRevivable, type EndCode } from '../../protocol/index.js'
import { connect, starting } from './connecting.js'
import { cursorOf, errorOf } from './selectors.js'
import {
  ended,
  type Cursor,
  type Idle,
  type Input,
  type Over,
  type State,
  type Step,
  type World,
} from './state.js'

/**
 * If a user has too many sessions, one of them ends with this code: the one that has been detached for longest. If none is detached, it is
 * the one that has been hidden for longest. If none is hidden, it is the oldest one.
 */
const TOO_MANY_SESSIONS: EndCode = 'too-many-sessions'

/** Returns whether the session has made room for a newer one of the user. It starts again when its page becomes visible. */
export const hasMadeRoom = (state: State): boolean => errorOf(state)?.code === TOO_MANY_SESSIONS

const begin = (cursor: Cursor | null, world: World): Step => {
  // The page has what the server drew, not what an earlier page of the tab received. So `since` replaces the position.
  const from = world.since ? { key: cursor?.key ?? null, ...world.since } : cursor
  return connect(starting(from), world)
}

/** A session that has not started, has ended or has failed. If it ended or failed with an error, it goes on from its last message. */
export const stepInactive = (state: Idle | Over, input: Input, world: World): Step => {
  switch (input.type) {
    case 'end':
      return [ended]
    case 'start':
      return begin(typeof input.stored === 'string' ? cursorOf(state) : input.stored, world)
    case 'credentials':
      return isRevivable(errorOf(state)?.code ?? '') ? begin(cursorOf(state), world) : [state]
    case 'wake':
      return hasMadeRoom(state) && !world.hidden ? begin(cursorOf(state), world) : [state]
    default:
      return [state]
  }
}
