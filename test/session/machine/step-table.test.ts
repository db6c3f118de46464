import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayFrameOf } from '../../../src/protocol/index.js'
import { step } from '../../../src/session/machine/step.js'
import { PROBE_ID, type Input, type SessionFrame, type World } from '../../../src/session/machine/state.js'
import { start } from './stepping.js'
import { DUE, info, impossibleStates, nameOfEffect, nameOfState, NOW, states, world } from './states.js'

/*
 * The step for each input in each state, written by hand: state | input | next state | effects.
 *
 * `a/b` is either, `*` is any word, `~` the state as it was, `.` the same word, `over` is `failed` for a start and `ended` for
 * any other session. Exactly one row is about each pair.
 */
const table = `
idle                                               | start held                                  | starting opening-with-start held      | open with-start
idle                                               | start fetchable                             | starting opening fetching             | open, fetch-token first
idle                                               | start none                                  | starting none fetching                | fetch-token first
ended                                              | start held                                  | starting opening-with-start held      | open with-start
ended                                              | start fetchable                             | starting opening fetching             | open, fetch-token first
ended                                              | start none                                  | starting none fetching                | fetch-token first
ended/failed *                                     | start held                                  | starting opening-with-start held      | open with-start
ended/failed *                                     | start fetchable                             | starting opening fetching             | open, fetch-token first
ended/failed *                                     | start none                                  | starting none fetching                | fetch-token first
starting/reconnecting * *                          | start *                                     | ~                                     |
active *                                           | start *                                     | ~                                     |

idle                                               | end                                         | ended                                 |
ended                                              | end                                         | ended                                 |
ended/failed *                                     | end                                         | ended                                 |
starting/reconnecting start-sent *                 | end                                         | ended                                 | send end, close
starting/reconnecting opening-with-start *         | end                                         | ended                                 | end-after-open
starting/reconnecting none/left/frozen/asleep/backoff/opening/open * | end                                         | ended                                 | close
active *                                           | end                                         | ended                                 | send end, close

idle                                               | credentials *                               | ~                                     |
ended                                              | credentials *                               | ~                                     |
ended/failed replaced/too-many-sessions/ended/unknown-app | credentials *                               | ~                                     |
ended/failed token-expired/revoked/signed-out/unauthenticated/no-credentials/bad-request | credentials held                            | starting opening-with-start held      | open with-start
ended/failed token-expired/revoked/signed-out/unauthenticated/no-credentials/bad-request | credentials fetchable                       | starting opening fetching             | open, fetch-token first
ended/failed token-expired/revoked/signed-out/unauthenticated/no-credentials/bad-request | credentials none                            | starting none fetching                | fetch-token first
starting/reconnecting left/frozen/asleep *    | credentials *                               | ~                                     |
starting/reconnecting none/backoff/opening-with-start/opening/open * | credentials held                            | . opening-with-start held             | close, open with-start
starting/reconnecting start-sent *                 | credentials held                            | . opening-with-start held             | send end, close, open with-start
starting/reconnecting none/backoff/opening-with-start/opening/open * | credentials fetchable                       | . opening fetching                    | close, open, fetch-token first
starting/reconnecting start-sent *                 | credentials fetchable                       | . opening fetching                    | send end, close, open, fetch-token first
starting/reconnecting none/backoff/opening-with-start/opening/open * | credentials none                            | . none fetching                       | close, fetch-token first
starting/reconnecting start-sent *                 | credentials none                            | . none fetching                       | send end, close, fetch-token first
active held/scheduled/fetching/retrying-set/retrying-fetched | credentials *                               | active sent-set                       | send-token
active sent-set/sent-fetched/sent-again            | credentials *                               | active sent-again                     | send-token

idle                                               | source                                      | ~                                     |
ended                                              | source                                      | ~                                     |
ended/failed *                                     | source                                      | ~                                     |
starting/reconnecting * *                          | source                                      | ~                                     |
active held                                        | source                                      | active fetching                       | fetch-token expiring
active scheduled/fetching/sent-set/sent-fetched/sent-again/retrying-set/retrying-fetched | source                                      | ~                                     |

idle                                               | fetch-result *                              | ~                                     |
ended                                              | fetch-result *                              | ~                                     |
ended/failed *                                     | fetch-result *                              | ~                                     |
starting/reconnecting * held/fresh/backoff         | fetch-result *                              | ~                                     |
starting/reconnecting none fetching                | fetch-result fresh                          | . opening-with-start fresh            | open with-start
starting/reconnecting opening fetching             | fetch-result fresh                          | . . fresh                             |
starting/reconnecting open fetching                | fetch-result fresh                          | . start-sent fresh                    | send-start
starting/reconnecting * fetching                   | fetch-result signed-out                     | over signed-out                       | close
starting * fetching                                | fetch-result no-source                      | failed no-credentials                 | close
reconnecting * fetching                            | fetch-result no-source                      | ended token-expired                   | close
starting/reconnecting * fetching                   | fetch-result failed                         | . none backoff                        | close, emit-error
active fetching                                    | fetch-result fresh                          | active sent-fetched                   | send-token
active fetching                                    | fetch-result signed-out                     | ended signed-out                      | discard all, send end, close
active fetching                                    | fetch-result no-source                      | active held                           |
active fetching                                    | fetch-result failed                         | active scheduled                      | emit-error
active held/scheduled/sent-set/sent-fetched/sent-again/retrying-set/retrying-fetched | fetch-result *                              | ~                                     |

starting/reconnecting opening-with-start *         | opened                                      | . start-sent .                        |
starting/reconnecting opening held/fresh           | opened                                      | . start-sent .                        | send-start
starting/reconnecting opening fetching             | opened                                      | . open .                              |
starting/reconnecting none/left/frozen/asleep/backoff/open/start-sent * | opened                                      | ~                                     |
active *                                           | opened                                      | ~                                     |
idle                                               | opened                                      | ~                                     |
ended                                              | opened                                      | ~                                     |
ended/failed *                                     | opened                                      | ~                                     |

starting/reconnecting backoff/opening-with-start/opening/open/start-sent * | queued/served                                    | . . .                                 |
starting/reconnecting none/left/frozen/asleep * | queued/served                                    | ~                                     |
active *                                           | queued/served                                    | ~                                     |
idle                                               | queued/served                                    | ~                                     |
ended                                              | queued/served                                    | ~                                     |
ended/failed *                                     | queued/served                                    | ~                                     |

starting/reconnecting * *                          | frame started                               | active scheduled                      | accept-credentials, send pong
starting/reconnecting * *                          | frame renewed/reauth/ping/user/unread/message/seen/sent/history/history-probe/refused/refused-send/refused-token/retryable-token | ~                                     |
active *                                           | frame started                               | active scheduled                      | accept-credentials, send pong
active held/scheduled/fetching/sent-set/sent-fetched/retrying-set/retrying-fetched | frame renewed                               | active scheduled                      | accept-credentials
active held/scheduled                              | frame reauth                                | active fetching                       | fetch-token rejected
active fetching/sent-set/sent-fetched/sent-again/retrying-set/retrying-fetched | frame reauth                                | . .                                   |
active sent-again                                  | frame renewed/refused-token/retryable-token | active sent-set                       |
active *                                           | frame ping                                  | . .                                   | send pong
active *                                           | frame user                                  | . .                                   | deliver user
active *                                           | frame unread                                | . .                                   | deliver unread
active *                                           | frame message                               | . .                                   | deliver message
active *                                           | frame seen                                  | . .                                   |
active *                                           | frame sent                                  | . .                                   | deliver sent
active *                                           | frame history                               | . .                                   | deliver history
active *                                           | frame history-probe                         | . .                                   |
active *                                           | frame refused/refused-send                  | . .                                   | deliver refused
active held/scheduled/fetching/sent-set/sent-fetched/retrying-set/retrying-fetched | frame refused-token                         | active scheduled                      | discard newest, emit-error
active held/scheduled/fetching                     | frame retryable-token                       | active scheduled                      | discard newest, emit-error
active sent-set/retrying-set                       | frame retryable-token                       | active retrying-set                   | emit-error
active sent-fetched/retrying-fetched               | frame retryable-token                       | active retrying-fetched               | emit-error
idle                                               | frame *                                     | ~                                     |
ended                                              | frame *                                     | ~                                     |
ended/failed *                                     | frame *                                     | ~                                     |

starting/reconnecting * *                          | closed 1000                                 | over ended                            |
starting/reconnecting * *                          | closed 4404                                 | over unknown-app                      |
starting/reconnecting * *                          | closed 4101                                 | . none fetching                       | discard all, fetch-token rejected
starting/reconnecting * held/fresh                 | closed 1006                                 | . backoff .                           |
starting/reconnecting * fetching/backoff           | closed 1006                                 | . none .                              |
active *                                           | closed 1000                                 | ended ended                           |
active *                                           | closed 4404                                 | ended unknown-app                     |
active held/scheduled/fetching                     | closed 4101                                 | reconnecting none fetching            | discard all, fetch-token rejected
active sent-set/sent-again/retrying-set            | closed 4101                                 | reconnecting opening-with-start held  | open with-start
active sent-fetched/retrying-fetched               | closed 4101                                 | reconnecting opening-with-start fresh | open with-start
active held/scheduled/fetching/sent-set/sent-again/retrying-set | closed 1006                                 | reconnecting opening-with-start held  | open with-start
active sent-fetched/retrying-fetched               | closed 1006                                 | reconnecting opening-with-start fresh | open with-start
idle                                               | closed *                                    | ~                                     |
ended                                              | closed *                                    | ~                                     |
ended/failed *                                     | closed *                                    | ~                                     |

starting/reconnecting * *                          | fatal                                       | over bad-endpoint                     | close
active *                                           | fatal                                       | ended bad-endpoint                    | close
idle                                               | fatal                                       | ~                                     |
ended                                              | fatal                                       | ~                                     |
ended/failed *                                     | fatal                                       | ~                                     |


starting/reconnecting none backoff                 | time due                                    | . none fetching                       | fetch-token first
starting/reconnecting left/frozen/asleep held | time *                                      | ~                                     |
starting/reconnecting none fetching                | time due                                    | ~                                     |
starting/reconnecting backoff held                 | time due                                    | . opening-with-start held             | open with-start
starting/reconnecting backoff fresh                | time due                                    | . opening-with-start fresh            | open with-start
starting/reconnecting opening-with-start/opening/start-sent held/fresh | time due                                    | . backoff .                           | close
starting/reconnecting opening/open fetching        | time due                                    | . none fetching                       | close
active held/fetching/sent-set/sent-fetched/sent-again | time due                                    | ~                                     |
active scheduled                                   | time due                                    | active fetching                       | fetch-token expiring
active retrying-set                                | time due                                    | active sent-set                       | send-token
active retrying-fetched                            | time due                                    | active sent-fetched                   | send-token
starting/reconnecting none/backoff/opening-with-start/opening/open/start-sent * | time early                                  | ~                                     |
active *                                           | time early                                  | ~                                     |
idle                                               | time *                                      | ~                                     |
ended                                              | time *                                      | ~                                     |
ended/failed *                                     | time *                                      | ~                                     |
active held/scheduled/fetching/sent-set/sent-again/retrying-set | time silent                                 | reconnecting opening-with-start held  | close, open with-start
active sent-fetched/retrying-fetched               | time silent                                 | reconnecting opening-with-start fresh | close, open with-start
active *                                           | time slept                                  | . .                                   | send history
starting/reconnecting none backoff                 | time silent/slept                           | . none fetching                       | fetch-token first
starting/reconnecting none fetching                | time silent/slept                           | ~                                     |
starting/reconnecting backoff *                    | time silent/slept                           | . opening-with-start .                | open with-start
starting/reconnecting opening-with-start/opening/start-sent held/fresh | time silent/slept                           | . backoff .                           | close
starting/reconnecting opening/open fetching        | time silent/slept                           | . none fetching                       | close

starting/reconnecting none backoff                 | wake                                        | . none fetching                       | fetch-token first
starting/reconnecting none fetching                | wake                                        | ~                                     |
starting/reconnecting backoff/frozen/asleep *      | wake                                        | . opening-with-start .                | open with-start
starting/reconnecting left/opening-with-start/opening/open/start-sent * | wake                                        | ~                                     |
active *                                           | wake                                        | . .                                   | send history
idle                                               | wake                                        | ~                                     |
ended                                              | wake                                        | ~                                     |
ended too-many-sessions | wake | starting opening-with-start held | open with-start
ended/failed replaced/ended/unknown-app/token-expired/revoked/signed-out/unauthenticated/no-credentials/bad-request | wake | ~ |

starting/reconnecting * *                          | pagehide                                    | . left held                           | post-sends, discard all, close 4000
active *                                           | pagehide                                    | reconnecting left held                | post-sends, discard all, close 4000

starting/reconnecting left/frozen/asleep *         | freeze/sleep                                | ~                                     |
starting/reconnecting none/backoff/opening-with-start/opening/open/start-sent * | freeze                                      | . frozen held                         | discard all, close
active *                                           | freeze                                      | reconnecting frozen held              | discard all, close
starting/reconnecting none/backoff/opening-with-start/opening/open/start-sent * | sleep                                       | . asleep held                         | discard all, close 4000
active *                                           | sleep                                       | reconnecting asleep held              | discard all, close 4000

reconnecting asleep *                              | told                                        | . . .                                 |
reconnecting none/left/frozen/backoff/opening-with-start/opening/open/start-sent * | told                                        | ~                                     |
starting * *                                       | told                                        | ~                                     |
active *                                           | told                                        | ~                                     |

idle                                               | pagehide/freeze/sleep/told                  | ~                                     |
ended                                              | pagehide/freeze/sleep/told                  | ~                                     |
ended/failed *                                     | pagehide/freeze/sleep/told                  | ~                                     |

starting/reconnecting none/frozen/asleep/backoff/opening-with-start/opening/open/start-sent * | show *                                      | ~                                     |
starting/reconnecting left held                    | show held                                   | . opening-with-start held             | open with-start
starting/reconnecting left held                    | show fetchable                              | . opening fetching                    | open, fetch-token first
starting/reconnecting left held                    | show none                                   | . none fetching                       | fetch-token first
starting/reconnecting left held                    | show ended                                  | ended                                 |
active *                                           | show *                                      | ~                                     |
idle                                               | show *                                      | ~                                     |
ended                                              | show *                                      | ~                                     |
ended/failed *                                     | show *                                      | ~                                     |
`

interface Row {
  text: string
  state: string[][]
  input: string[][]
  next: string
  effects: string[]
}

const pattern = (words: string): string[][] => words.split(/\s+/).map((word) => word.split('/'))

const rows = table
  .split('\n')
  .filter((line) => line.trim())
  .map((text): Row => {
    const [state = '', input = '', next = '', effects = ''] = text.split('|').map((cell) => cell.trim())
    return {
      text,
      state: pattern(state),
      input: pattern(input),
      next,
      effects: effects ? effects.split(', ') : [],
    }
  })

const matches = (pattern: string[][], name: string): boolean => {
  const words = name.split(' ')
  return (
    words.length === pattern.length &&
    pattern.every((choices, at) => choices.includes('*') || choices.includes(words[at] ?? ''))
  )
}

const refused = (changes: object): GatewayFrameOf<'refused'> => ({
  type: 'refused',
  re: 'send',
  code: 'refused',
  message: 'No.',
  retryable: false,
  ...changes,
})

const message = (offset: number): GatewayFrameOf<'message'> => ({
  type: 'message',
  offset,
  id: 'm',
  from: null,
  to: 'ann',
  sender: null,
  body: 'Hi',
  sentAt: 1,
})

const frames: Record<string, SessionFrame> = {
  started: info,
  renewed: { type: 'renewed', expiresIn: 60_000 },
  reauth: { type: 'renewed', expiresIn: 10_000, reauth: true },
  ping: { type: 'ping' },
  user: { type: 'user', user: { id: 'ann', name: 'Ann' } },
  unread: { type: 'unread', unread: 1, readOffset: 0 },
  message: message(4),
  seen: message(3),
  sent: { type: 'sent', id: 'm', offset: 1, sentAt: 1 },
  history: { type: 'history', id: 'h', messages: [] },
  'history-probe': { type: 'history', id: PROBE_ID, messages: [] },
  refused: refused({ re: 'read' }),
  'refused-send': refused({ id: 'm' }),
  'refused-token': refused({ re: 'token', code: 'unauthenticated' }),
  'retryable-token': refused({ re: 'token', code: 'unavailable', retryable: true }),
}

const inputs: [name: string, input: Input, world: World][] = [
  ...(['held', 'fetchable', 'none'] as const).flatMap((credentials): [string, Input, World][] => [
    [`start ${credentials}`, start, world({ credentials })],
    [`credentials ${credentials}`, { type: 'credentials' }, world({ credentials })],
    [`show ${credentials}`, { type: 'show', stored: 'absent' }, world({ credentials })],
  ]),
  ['source', { type: 'source' }, world()],
  ['end', { type: 'end' }, world()],
  ...(['fresh', 'signed-out', 'no-source'] as const).map((result): [string, Input, World] => [
    `fetch-result ${result}`,
    { type: 'fetch-result', result },
    world(),
  ]),
  ['fetch-result failed', { type: 'fetch-result', result: 'failed', cause: new Error('offline') }, world()],
  ['pagehide', { type: 'leave', phase: 'left' }, world()],
  ['freeze', { type: 'leave', phase: 'frozen' }, world()],
  ['sleep', { type: 'leave', phase: 'asleep' }, world()],
  ['told', { type: 'told', news: { unread: 5 } }, world()],
  ['wake', { type: 'wake' }, world()],
  ['show ended', { type: 'show', stored: 'ended' }, world()],
  ['time early', { type: 'time' }, world({ now: DUE - 1 })],
  ['time due', { type: 'time' }, world({ now: DUE })],
  ['time silent', { type: 'time' }, world({ now: NOW + 35_000 })],
  ['time slept', { type: 'time' }, world({ now: NOW + 3_600_000 })],
  ['opened', { type: 'opened' }, world()],
  ['queued', { type: 'queued' }, world()],
  ['served', { type: 'served' }, world()],
  ['fatal', { type: 'fatal', fault: { code: 'bad-endpoint' } }, world()],
  ...Object.entries(frames).map(([name, frame]): [string, Input, World] => [
    `frame ${name}`,
    { type: 'frame', frame },
    world(),
  ]),
  ...[1000, 1006, 4101, 4404].map((code): [string, Input, World] => [
    `closed ${code}`,
    { type: 'closed', code },
    world(),
  ]),
]

/** The words of the next state, `.` and `over` filled in from the state before. */
const expectedName = (next: string, before: string): string => {
  const words = before.split(' ')
  const filled = next.split(/\s+/).map((word, at) => (word === '.' ? words[at] : word))
  if (filled[0] === 'over') filled[0] = words[0] === 'starting' ? 'failed' : 'ended'
  return filled.join(' ')
}

for (const [name, input, at] of inputs)
  test(`in every state, '${name}' steps as in the table`, () => {
    for (const state of states) {
      const before = nameOfState(state)
      const found = rows.filter((row) => matches(row.state, before) && matches(row.input, name))
      const [row] = found
      assert.ok(row && found.length === 1, `${found.length} rows are about: ${before} | ${name}`)
      const [next, ...effects] = step(state, input, at)
      const where = `${before} | ${name} | by the row ${row.text}`
      if (row.next === '~') assert.deepEqual(next, state, where)
      else assert.equal(nameOfState(next), expectedName(row.next, before), where)
      assert.deepEqual(effects.map(nameOfEffect), row.effects, where)
    }
  })

test('every row of the table is about a pair that exists', () => {
  const idle = rows.filter(
    (row) =>
      !states.some((state) => matches(row.state, nameOfState(state))) ||
      !inputs.some(([name]) => matches(row.input, name)),
  )
  assert.deepEqual(
    idle.map(({ text }) => text),
    [],
  )
})

test('an impossible state throws nothing', () => {
  for (const state of impossibleStates)
    for (const [name, input, at] of inputs) {
      const [next] = step(state, input, at)
      assert.ok(['starting', 'reconnecting', 'active', 'ended', 'failed'].includes(next.name), name)
    }
})

test('a step does not change its arguments', () => {
  for (const state of states)
    for (const [, input, at] of inputs) {
      const before = structuredClone(state)
      step(state, input, at)
      assert.deepEqual(state, before)
    }
})
