import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GatewayFrameOf } from '../../../src/protocol/index.js'
import { step } from '../../../src/session/machine/step.js'
import { deadlineOf } from '../../../src/session/machine/selectors.js'
import {
  idle,
  type Effect,
  type FetchResult,
  type Input,
  type SessionFrame,
  type State,
  type World,
} from '../../../src/session/machine/state.js'
import { info, nameOfState, possible } from './states.js'
import { start } from './stepping.js'

type Loose = { input: Input; pass: number; random: number; credentials: World['credentials'] }

const life = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 100_000 }))
const frames: fc.Arbitrary<SessionFrame> = fc.oneof(
  life.map((expiresIn): SessionFrame => ({ ...info, expiresIn })),
  life.map((expiresIn): SessionFrame => ({ type: 'renewed', expiresIn })),
  fc.constant<SessionFrame>({ type: 'ping' }),
  fc
    .record({ re: fc.constantFrom('token', 'send'), retryable: fc.boolean() })
    .map((rest): SessionFrame => ({ type: 'refused', code: 'unauthenticated', message: '', ...rest })),
)
/** Why a gateway closes a connection, if it says so. */
const reasons: fc.Arbitrary<GatewayFrameOf<'ended'> | undefined> = fc.option(
  fc
    .nat(60_000)
    .map((retryAfter) => ({ type: 'ended', code: 'x', message: '', retryable: true, retryAfter }) as const),
  { nil: undefined },
)

const inputs: fc.Arbitrary<Input> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Input>({ type: 'time' }) },
  { weight: 2, arbitrary: fc.constant<Input>({ type: 'opened' }) },
  { weight: 1, arbitrary: fc.constantFrom<Input>({ type: 'queued' }, { type: 'served' }) },
  { weight: 3, arbitrary: frames.map((frame): Input => ({ type: 'frame', frame })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(1000, 1001, 1006, 4101, 4102, 4404, 4429, 4503), reasons)
      .map(([code, reason]): Input => ({ type: 'closed', code, reason })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom<FetchResult>(
        { result: 'fresh' },
        { result: 'fresh' },
        { result: 'failed', cause: 'offline' },
        { result: 'no-source' },
        { result: 'signed-out' },
      )
      .map((result): Input => ({ type: 'fetch-result', ...result })),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Input>({ type: 'fatal', fault: { code: 'bad-endpoint' } }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Input>(
      start,
      { type: 'credentials' },
      { type: 'source' },
      { type: 'wake' },
      { type: 'leave', phase: 'left' },
      { type: 'leave', phase: 'frozen' },
      { type: 'leave', phase: 'asleep' },
      { type: 'told', news: { unread: 1 } },
      { type: 'show', stored: 'absent' },
      { type: 'end' },
    ),
  },
)

const sequences: fc.Arbitrary<Loose[]> = fc.array(
  fc.record({
    input: inputs,
    pass: fc.constantFrom(0, 0, 10, 1_000, 12_000, 40_000, 4_000_000),
    random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    credentials: fc.constantFrom<World['credentials']>('held', 'fetchable', 'none'),
  }),
  { maxLength: 60 },
)

interface Seen {
  before: State
  input: Input
  after: State
  effects: Effect[]
  world: World
}

/** Whether the input comes from a socket. */
const isOfSocket = ({ type }: Input): boolean =>
  ['opened', 'queued', 'served', 'frame', 'closed', 'fatal'].includes(type)

/** Whether the session has neither ended nor failed, and was started. */
const isAlive = (state: State): boolean => 'credentials' in state

/** Whether the effect closes the socket, from which no input comes then. */
const closesSocket = (effect: Effect): boolean => effect.do === 'close' || effect.do === 'end-after-open'

/**
 * Plays a sequence that is possible: without a socket there are no inputs of one, the clock only goes forward, and there are
 * credentials whenever the machine holds them.
 */
const play = (sequence: Loose[]): Seen[] => {
  const seen: Seen[] = []
  let state: State = idle
  let now = 1_000_000
  let socket = false
  for (const { input, pass, random, credentials } of sequence) {
    now += pass
    if (isOfSocket(input) && !socket) continue
    if (input.type === 'closed') socket = false
    const held = 'socket' in state && (state.credentials.at === 'held' || state.credentials.at === 'fresh')
    const world: World = {
      now,
      random,
      hidden: random > 0.5,
      since: undefined,
      credentials: held || state.name === 'active' ? 'held' : credentials,
    }
    const [after, ...effects] = step(state, input, world)
    for (const effect of effects) {
      if (effect.do === 'open') socket = true
      if (closesSocket(effect)) socket = false
    }
    seen.push({ before: state, input, after, effects, world })
    state = after
  }
  return seen
}

const always = (what: (seen: Seen, rest: Seen[]) => void): void =>
  fc.assert(
    fc.property(sequences, (sequence) => {
      const all = play([{ input: start, pass: 0, random: 0, credentials: 'held' }, ...sequence])
      for (const [at, seen] of all.entries()) what(seen, all.slice(0, at))
    }),
    { numRuns: 3_000 },
  )

test('there is never a second socket before the first was closed', () => {
  fc.assert(
    fc.property(sequences, (sequence) => {
      let sockets = 0
      for (const { input, effects } of play(sequence)) {
        if (input.type === 'closed') sockets = 0
        for (const effect of effects) {
          if (closesSocket(effect)) sockets = 0
          if (effect.do === 'open') sockets += 1
          assert.ok(sockets <= 1)
        }
      }
    }),
    { numRuns: 3_000 },
  )
})

test('no socket is left behind when a session is over', () => {
  always(({ before, input, after, effects }) => {
    const over = isAlive(before) && !isAlive(after)
    if (
      over &&
      input.type !== 'closed' &&
      'socket' in before &&
      !['none', 'backoff'].includes(before.socket.at)
    )
      assert.ok(effects.some(closesSocket))
    if (over && input.type !== 'closed' && before.name === 'active') assert.ok(effects.some(closesSocket))
  })
})

test('a session that is over only starts again', () => {
  always(({ before, input, after, effects }) => {
    if (isAlive(before) || input.type === 'start' || input.type === 'credentials') return
    if (input.type === 'wake' && 'error' in before && before.error?.code === 'too-many-sessions') return
    assert.deepEqual(effects, [])
    if (input.type !== 'end') assert.equal(after, before)
  })
})

test('end() always ends', () => {
  always(({ input, after }) => {
    if (input.type === 'end') assert.deepEqual(after, { name: 'ended', error: null, cursor: null })
  })
})

test('every state is a possible one', () => {
  always(({ after }) => {
    if ('socket' in after)
      assert.ok(possible.has(`${after.socket.at} ${after.credentials.at}`), nameOfState(after))
  })
})

test('a fetch is under way exactly while the state waits for its result', () => {
  always(({ before, input, after, effects }) => {
    const waits = (state: State): boolean => 'credentials' in state && state.credentials.at === 'fetching'
    const asks = effects.filter((effect) => effect.do === 'fetch-token').length
    assert.ok(asks <= 1)
    if (asks) assert.ok(waits(after), 'asks without waiting')
    // A fetch that was under way is still under way, has a result, or was made again.
    if (waits(after) && !waits(before)) assert.equal(asks, 1)
    if (waits(after) && input.type === 'fetch-result') assert.equal(asks, 1)
  })
})

test('a start is put into the handshake only if there are credentials', () => {
  always(({ after, effects, world }) => {
    for (const effect of effects)
      if (effect.do === 'send-start' || (effect.do === 'open' && effect.withStart))
        assert.ok(
          'socket' in after && (after.credentials.at === 'held' || after.credentials.at === 'fresh'),
          world.credentials,
        )
  })
})

test('after a `time` input, no deadline is left in the past: no timer fires in a loop', () => {
  always(({ after, world }) => {
    let state = after
    for (let round = 0; round < 6; round += 1) {
      const deadline = deadlineOf(state)
      if (deadline > world.now) return
      state = step(state, { type: 'time' }, { ...world, random: 0.5, credentials: 'held' })[0]
    }
    const deadline = deadlineOf(state)
    assert.ok(deadline > world.now, nameOfState(state))
  })
})

test('a session that is not over waits for a deadline, a fetch, its page or its turn among the tabs', () => {
  always(({ after }) => {
    if (!('socket' in after)) return
    const waits =
      deadlineOf(after) < Infinity ||
      after.credentials.at === 'fetching' ||
      /left|frozen|asleep/.test(after.socket.at) ||
      ('until' in after.socket && after.socket.at !== 'backoff')
    assert.ok(waits, nameOfState(after))
  })
})
