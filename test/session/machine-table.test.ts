import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayFrame } from '../../src/protocol/index.js'
import { step } from '../../src/session/machine/step.js'
import type { Input, World } from '../../src/session/machine/state.js'
import {
  ATTEMPT,
  DUE,
  facts,
  impossibleStates,
  nameOfEffect,
  nameOfState,
  NOW,
  states,
  world,
} from './states.js'

/*
 * What each input means in each state, thought through by hand: state | input | next state | effects.
 *
 * `a/b` is either, `*` is any word, `~` the state as it was, `.` the same word, `over` is `failed` for a start and `ended` for
 * what was a session. Exactly one row speaks of each pair.
 */
const table = `
idle                                  | start held                | starting calling held       | open greeting
idle                                  | start fetchable           | starting opening asked      | open, ask first
idle                                  | start none                | starting none asked         | ask first
ended                                 | start held                | starting calling held       | open greeting
ended                                 | start fetchable           | starting opening asked      | open, ask first
ended                                 | start none                | starting none asked         | ask first
ended/failed *                        | start held                | starting calling held       | open greeting
ended/failed *                        | start fetchable           | starting opening asked      | open, ask first
ended/failed *                        | start none                | starting none asked         | ask first
starting/reconnecting * *             | start *                   | ~                           |
active *                              | start *                   | ~                           |

idle                                  | end                       | ended                       |
ended                                 | end                       | ended                       |
ended/failed *                        | end                       | ended                       |
starting/reconnecting greeted *       | end                       | ended                       | send end, drop
starting/reconnecting calling *       | end                       | ended                       | leave
starting/reconnecting none/away/frozen/pause/opening/open * | end | ended                       | drop
active *                              | end                       | ended                       | send end, drop

idle                                  | credentials *             | ~                           |
ended                                 | credentials *             | ~                           |
ended/failed replaced/ended/unknown-app | credentials * | ~                         |
ended/failed token-expired/revoked/signed-out/unauthenticated/no-credentials/bad-request | credentials held      | starting calling held  | open greeting
ended/failed token-expired/revoked/signed-out/unauthenticated/no-credentials/bad-request | credentials fetchable | starting opening asked | open, ask first
ended/failed token-expired/revoked/signed-out/unauthenticated/no-credentials/bad-request | credentials none      | starting none asked    | ask first
starting/reconnecting away/frozen *   | credentials *             | ~                           |
starting/reconnecting none/pause/calling/opening/open * | credentials held | . calling held              | drop, open greeting
starting/reconnecting greeted * | credentials held | . calling held              | send end, drop, open greeting
starting/reconnecting none/pause/calling/opening/open * | credentials fetchable | . opening asked             | drop, open, ask first
starting/reconnecting greeted * | credentials fetchable | . opening asked             | send end, drop, open, ask first
starting/reconnecting none/pause/calling/opening/open * | credentials none | . none asked                | drop, ask first
starting/reconnecting greeted * | credentials none | . none asked                | send end, drop, ask first
active none/due/asked/unjudged-set/unjudged-asked | credentials * | active sent-set             | renew
active sent-set/sent-asked/sent-again | credentials *             | active sent-again           | renew

idle                                  | source                    | ~                           |
ended                                 | source                    | ~                           |
ended/failed *                        | source                    | ~                           |
starting/reconnecting * *             | source                    | ~                           |
active none                           | source                    | active asked                | ask expiring
active due/asked/sent-set/sent-asked/sent-again/unjudged-set/unjudged-asked | source | ~         |

idle                                  | answer *                  | ~                           |
ended                                 | answer *                  | ~                           |
ended/failed *                        | answer *                  | ~                           |
starting/reconnecting * held/fresh/pause | answer *               | ~                           |
starting/reconnecting none asked      | answer fresh              | . calling fresh             | open greeting
starting/reconnecting opening asked   | answer fresh              | . . fresh                   |
starting/reconnecting open asked      | answer fresh              | . greeted fresh             | greet
starting/reconnecting * asked         | answer signed-out         | over signed-out             | drop
starting * asked                      | answer nobody             | failed no-credentials       | drop
reconnecting * asked                  | answer nobody             | ended token-expired         | drop
starting/reconnecting * asked         | answer failed             | . none pause                | drop, report
active asked                          | answer fresh              | active sent-asked           | renew
active asked                          | answer signed-out         | ended signed-out            | discard all, send end, drop
active asked                          | answer nobody             | active none                 |
active asked                          | answer failed             | active due                  | report
active none/due/sent-set/sent-asked/sent-again/unjudged-set/unjudged-asked | answer * | ~                    |

starting/reconnecting calling *       | opened                    | . greeted .                 |
starting/reconnecting opening held/fresh | opened                 | . greeted .                 | greet
starting/reconnecting opening asked   | opened                    | . open .                    |
starting/reconnecting none/away/frozen/pause/open/greeted * | opened     | ~                           |
active *                              | opened                    | ~                           |
idle                                  | opened                    | ~                           |
ended                                 | opened                    | ~                           |
ended/failed *                        | opened                    | ~                           |

starting/reconnecting * *             | frame started             | active due                  | keep, send pong
starting/reconnecting * *             | frame ended               | . . .                       |
starting/reconnecting * *             | frame renewed/ping/user/unread/message/seen/sent/history/refused/refused-send/refused-token/unjudged-token | ~ |
active *                              | frame started             | . .                         | deliver started
active *                              | frame ended               | . .                         |
active none/due/asked/sent-set/sent-asked/unjudged-set/unjudged-asked | frame renewed | active due  | keep
active sent-again                     | frame renewed/refused-token/unjudged-token | active sent-set |
active *                              | frame ping                | . .                         | send pong
active *                              | frame user                | . .                         |
active *                              | frame unread              | . .                         |
active *                              | frame message             | . .                         | deliver message
active *                              | frame seen                | . .                         |
active *                              | frame sent                | . .                         | deliver sent
active *                              | frame history             | . .                         | deliver history
active *                              | frame refused             | . .                         | report
active *                              | frame refused-send        | . .                         | deliver refused
active none/due/asked/sent-set/sent-asked/unjudged-set/unjudged-asked | frame refused-token | active due | discard newest, report
active none/due/asked                 | frame unjudged-token      | active due                  | discard newest, report
active sent-set/unjudged-set          | frame unjudged-token      | active unjudged-set         | report
active sent-asked/unjudged-asked      | frame unjudged-token      | active unjudged-asked       | report
idle                                  | frame *                   | ~                           |
ended                                 | frame *                   | ~                           |
ended/failed *                        | frame *                   | ~                           |

starting/reconnecting * *             | closed 1000               | over ended                  |
starting/reconnecting * *             | closed 4404               | over unknown-app            |
starting/reconnecting * *             | closed 4101               | . none asked                | discard all, ask rejected
starting/reconnecting * held/fresh    | closed 1006               | . pause .                   |
starting/reconnecting * asked/pause   | closed 1006               | . none .                    |
active *                              | closed 1000               | ended ended                 |
active *                              | closed 4404               | ended unknown-app           |
active none/due/asked                 | closed 4101               | reconnecting none asked     | discard all, ask rejected
active sent-set/sent-again/unjudged-set | closed 4101             | reconnecting calling held   | open greeting
active sent-asked/unjudged-asked      | closed 4101               | reconnecting calling fresh  | open greeting
active none/due/asked/sent-set/sent-again/unjudged-set | closed 1006 | reconnecting calling held   | open greeting
active sent-asked/unjudged-asked      | closed 1006               | reconnecting calling fresh  | open greeting
idle                                  | closed *                  | ~                           |
ended                                 | closed *                  | ~                           |
ended/failed *                        | closed *                  | ~                           |

starting/reconnecting * *             | barred                    | over bad-endpoint           | drop
active *                              | barred                    | ended bad-endpoint          | drop
idle                                  | barred                    | ~                           |
ended                                 | barred                    | ~                           |
ended/failed *                        | barred                    | ~                           |

starting/reconnecting calling/opening * | blocked                 | over blocked-by-csp         | drop
starting/reconnecting none/away/frozen/pause/open/greeted * | blocked | ~                           |
active *                              | blocked                   | ~                           |
idle                                  | blocked                   | ~                           |
ended                                 | blocked                   | ~                           |
ended/failed *                        | blocked                   | ~                           |

starting/reconnecting none pause      | time due                  | . none asked                | ask first
starting/reconnecting away/frozen held | time *                   | ~                           |
starting/reconnecting none asked      | time due                  | ~                           |
starting/reconnecting pause held      | time due                  | . calling held              | open greeting
starting/reconnecting pause fresh     | time due                  | . calling fresh             | open greeting
starting/reconnecting calling/opening/greeted held/fresh | time due | . pause .                  | drop
starting/reconnecting opening/open asked | time due               | . none asked                | drop
active none/asked/sent-set/sent-asked/sent-again | time due       | ~                           |
active due                            | time due                  | active asked                | ask expiring
active unjudged-set                   | time due                  | active sent-set             | renew
active unjudged-asked                 | time due                  | active sent-asked           | renew
starting/reconnecting none/pause/calling/opening/open/greeted * | time early | ~                           |
active *                              | time early                | ~                           |
idle                                  | time *                    | ~                           |
ended                                 | time *                    | ~                           |
ended/failed *                        | time *                    | ~                           |
active none/due/asked/sent-set/sent-again/unjudged-set | time silent | reconnecting calling held   | drop, open greeting
active sent-asked/unjudged-asked      | time silent               | reconnecting calling fresh  | drop, open greeting
active *                              | time slept                | . .                         |
starting/reconnecting none pause      | time silent/slept         | . none asked                | ask first
starting/reconnecting none asked      | time silent/slept         | ~                           |
starting/reconnecting pause *         | time silent/slept         | . calling .                 | open greeting
starting/reconnecting calling/opening/greeted held/fresh | time silent/slept | . pause .         | drop
starting/reconnecting opening/open asked | time silent/slept      | . none asked                | drop

starting/reconnecting none pause      | wake                      | . none asked                | ask first
starting/reconnecting none asked      | wake                      | ~                           |
starting/reconnecting pause/frozen *  | wake                      | . calling .                 | open greeting
starting/reconnecting away/calling/opening/open/greeted * | wake  | ~                           |
active *                              | wake                      | . .                         | send history
idle                                  | wake                      | ~                           |
ended                                 | wake                      | ~                           |
ended/failed *                        | wake                      | ~                           |

starting/reconnecting * *             | hide                      | . away held                 | discard all, drop
active *                              | hide                      | reconnecting away held      | discard all, drop
idle                                  | hide                      | ~                           |
ended                                 | hide                      | ~                           |
ended/failed *                        | hide                      | ~                           |

starting/reconnecting away *          | freeze                    | ~                           |
starting/reconnecting none/frozen/pause/calling/opening/open/greeted * | freeze | . frozen held | discard all, drop
active *                              | freeze                    | reconnecting frozen held    | discard all, drop
idle                                  | freeze                    | ~                           |
ended                                 | freeze                    | ~                           |
ended/failed *                        | freeze                    | ~                           |

starting/reconnecting none/frozen/pause/calling/opening/open/greeted * | shown * | ~            |
starting/reconnecting away held       | shown held                | . calling held              | open greeting
starting/reconnecting away held       | shown fetchable           | . opening asked             | open, ask first
starting/reconnecting away held       | shown none                | . none asked                | ask first
starting/reconnecting away held       | shown ended               | ended                       |
active *                              | shown *                   | ~                           |
idle                                  | shown *                   | ~                           |
ended                                 | shown *                   | ~                           |
ended/failed *                        | shown *                   | ~                           |

starting/reconnecting * *             | late *                    | ~                           |
active *                              | late *                    | ~                           |
idle                                  | late *                    | ~                           |
ended                                 | late *                    | ~                           |
ended/failed *                        | late *                    | ~                           |
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

const refused = (changes: object): GatewayFrame => ({
  type: 'refused',
  re: 'send',
  code: 'refused',
  message: 'No.',
  retryable: false,
  ...changes,
})

const message = (offset: number): GatewayFrame => ({
  type: 'message',
  offset,
  id: 'm',
  from: null,
  to: 'ann',
  sender: null,
  body: 'Hi',
  sentAt: 1,
})

const frames: Record<string, GatewayFrame> = {
  started: facts,
  renewed: { type: 'renewed', expiresIn: 60_000 },
  ping: { type: 'ping' },
  user: { type: 'user', user: { id: 'ann', name: 'Ann' } },
  unread: { type: 'unread', unread: 1, readOffset: 0 },
  message: message(4),
  seen: message(3),
  sent: { type: 'sent', id: 'm', offset: 1, sentAt: 1 },
  history: { type: 'history', id: 'h', messages: [] },
  refused: refused({ re: 'read' }),
  'refused-send': refused({ id: 'm' }),
  'refused-token': refused({ re: 'token', code: 'unauthenticated' }),
  'unjudged-token': refused({ re: 'token', code: 'unavailable', retryable: true }),
  ended: { type: 'ended', code: 'replaced', message: 'Gone.', retryable: false },
}

const attempt = ATTEMPT
const ofAttempt: Record<string, Input> = {
  opened: { type: 'opened', attempt },
  barred: { type: 'barred', attempt, fault: { code: 'bad-endpoint' } },
  blocked: { type: 'blocked', attempt },
  ...Object.fromEntries(
    Object.entries(frames).map(([name, frame]) => [`frame ${name}`, { type: 'frame', attempt, frame }]),
  ),
  ...Object.fromEntries(
    [1000, 1006, 4101, 4404].map((close) => [`closed ${close}`, { type: 'closed', attempt, close }]),
  ),
}

const inputs: [name: string, input: Input, world: World][] = [
  ...(['held', 'fetchable', 'none'] as const).flatMap((proof): [string, Input, World][] => [
    [`start ${proof}`, { type: 'start' }, world({ proof })],
    [`credentials ${proof}`, { type: 'credentials' }, world({ proof })],
    [`shown ${proof}`, { type: 'shown' }, world({ proof })],
  ]),
  ['source', { type: 'source' }, world()],
  ['end', { type: 'end' }, world()],
  ...(['fresh', 'signed-out', 'nobody', 'failed'] as const).map((answer): [string, Input, World] => [
    `answer ${answer}`,
    { type: 'answer', answer },
    world(),
  ]),
  ['hide', { type: 'hide' }, world()],
  ['freeze', { type: 'freeze' }, world()],
  ['wake', { type: 'wake' }, world()],
  ['shown ended', { type: 'shown', resume: null }, world()],
  ['time early', { type: 'time' }, world({ now: DUE - 1 })],
  ['time due', { type: 'time' }, world({ now: DUE })],
  ['time silent', { type: 'time' }, world({ now: NOW + 35_000 })],
  ['time slept', { type: 'time' }, world({ now: NOW + 3_600_000 })],
  ...Object.entries(ofAttempt).flatMap(([name, input]): [string, Input, World][] => [
    [name, input, world()],
    [`late ${name.replace(' ', '-')}`, { ...input, attempt: ATTEMPT - 1 } as Input, world()],
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
  test(`in every state, '${name}' does what the table says`, () => {
    for (const state of states) {
      const before = nameOfState(state)
      const found = rows.filter((row) => matches(row.state, before) && matches(row.input, name))
      const [row] = found
      assert.ok(row && found.length === 1, `${found.length} rows speak of: ${before} | ${name}`)
      const [next, ...effects] = step(state, input, at)
      const where = `${before} | ${name} | by the row ${row.text}`
      if (row.next === '~') assert.deepEqual(next, state, where)
      else assert.equal(nameOfState(next), expectedName(row.next, before), where)
      assert.deepEqual(effects.map(nameOfEffect), row.effects, where)
    }
  })

test('every row of the table speaks of a pair that exists', () => {
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

test('a state that no session gets into is survived', () => {
  for (const state of impossibleStates)
    for (const [name, input, at] of inputs) {
      const [next] = step(state, input, at)
      assert.ok(['starting', 'reconnecting', 'active', 'ended', 'failed'].includes(next.name), name)
    }
})

test('what is stepped is not changed', () => {
  for (const state of states)
    for (const [, input, at] of inputs) {
      const before = structuredClone(state)
      step(state, input, at)
      assert.deepEqual(state, before)
    }
})
