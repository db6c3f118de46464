import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GatewayFrame } from '../../../../src/protocol/index.js'
import { info } from '../../machine/states.js'
import {
  beginRace,
  stepRace,
  type Lane,
  type Race,
  type RaceEffect,
  type RaceInput,
  type RaceStep,
  type RaceWorld,
  type TransportKind,
} from '../../../../src/session/transports/stream/race.js'

const started: GatewayFrame = info
const ping: GatewayFrame = { type: 'ping' }
const ended = (code: string): GatewayFrame => ({ type: 'ended', code, message: '', retryable: false })

/** A race in words: the lanes of the WebSocket and of the stream, and who has won. */
const nameOf = ({ websocket, stream, winner }: Race): string => `${websocket} ${stream} ${winner ?? '-'}`

const nameOfEffect = (effect: RaceEffect): string => {
  switch (effect.do) {
    case 'pass':
      return `pass ${effect.frame.type}`
    case 'pass-close':
      return `pass-close ${effect.code}`
    case 'open':
    case 'drop':
      return `${effect.do} ${effect.kind}`
    case 'wait':
      return `wait ${effect.for}`
    default:
      return effect.do
  }
}

const raceOf = (name: string, changes: Partial<Race> = {}): Race => {
  const [websocket, stream, winner] = name.split(' ')
  return {
    websocket: websocket as Lane,
    stream: stream as Lane,
    winner: winner === '-' ? null : (winner as TransportKind),
    late: 'stream',
    mayReturn: true,
    isOverdue: false,
    isQueued: false,
    isContested: false,
    failure: null,
    ...changes,
  }
}

const inputs: Record<string, RaceInput> = {
  ...Object.fromEntries(
    (['websocket', 'stream'] as const).flatMap((kind): [string, RaceInput][] => [
      [`${kind} opened`, { type: 'opened', kind, waited: 0 }],
      [`${kind} started`, { type: 'frame', kind, frame: started }],
      [`${kind} ping`, { type: 'frame', kind, frame: ping }],
      [`${kind} ended`, { type: 'frame', kind, frame: ended('revoked') }],
      [`${kind} closed`, { type: 'closed', kind, code: 1006 }],
    ]),
  ),
  queued: { type: 'queued' },
  served: { type: 'served' },
  overdue: { type: 'overdue' },
  retry: { type: 'retry' },
  timeout: { type: 'timeout' },
  over: { type: 'over' },
}

/*
 * The step for each input in each race, written by hand: WebSocket, stream and winner | input | next | effects. `~` is the race as it was.
 * Exactly one row is about each pair; `a/b` is either, `*` is any.
 */
const table = `
opening * - | websocket opened | open . - | send-start, wait overdue
open/none * - | websocket opened | ~ |
* opening - | stream opened | . open - |
* none/open - | stream opened | ~ |
opening/open none - | websocket started | open none websocket | drop stream, pass started
opening/open opening/open - | websocket started | open none websocket | drop stream, pass started, wait over
none * - | websocket started | ~ |
none opening/open - | stream started | none open stream | drop websocket, pass started, wait retry
opening/open opening/open - | stream started | none open stream | drop websocket, pass started, wait over, wait retry
* none - | stream started | ~ |
* * - | websocket/stream ping | ~ |
opening/open none - | websocket ended | ~ | pass ended
opening/open opening/open - | websocket ended | ~ |
none * - | websocket ended | ~ |
none opening/open - | stream ended | ~ | pass ended
opening/open opening/open - | stream ended | ~ |
* none - | stream ended | ~ |
opening/open none - | websocket closed | none none - | pass-close 1006
opening/open opening/open - | websocket closed | none . - |
none * - | websocket closed | ~ |
none opening/open - | stream closed | none none - | pass-close 1006
opening/open opening/open - | stream closed | . none - |
* none - | stream closed | ~ |
opening/open none - | overdue | . opening - | open stream
none * - | overdue | ~ |
opening/open opening - | overdue | ~ |
opening open - | overdue/timeout | none . - | drop websocket
open open - | overdue | ~ |
opening none - | timeout | . opening - | open stream
opening opening - | timeout | ~ |
none/open * - | timeout | ~ |
* * - | retry | ~ |

open none websocket | websocket/stream opened | ~ |
open none websocket | stream started/ended/ping/closed | ~ |
open none websocket | websocket started | ~ | pass started
open none websocket | websocket ping | ~ | pass ping
open none websocket | websocket ended | ~ | pass ended
open none websocket | websocket closed | none none websocket | pass-close 1006
open none websocket | overdue/retry/timeout | ~ |

opening open stream | websocket opened | open open stream | send-start, wait timeout
none/open open/none stream | websocket opened | ~ |
* * stream | stream opened | ~ |
opening/open open stream | websocket started | open none websocket | drop stream, pass started
open none stream | websocket started | open none websocket | drop stream, pass started
none open stream | websocket started/ended/ping/closed | ~ |
opening/open open stream | websocket ended | ~ |
open none stream | websocket ended | ~ | pass ended
opening/open open/none stream | websocket ping | ~ |
none open stream | stream ping | ~ | pass ping
opening/open open stream | stream ping | ~ | pass ping
open none stream | stream started/ping/ended/closed | ~ |
none/opening/open open stream | stream started | ~ | pass started
none/opening open stream | stream ended | ~ | pass ended
open open stream | stream ended | ~ |
none open stream | stream closed | none none stream | pass-close 1006
opening open stream | stream closed | none none stream | drop websocket, pass-close 1006
open open stream | stream closed | open none stream |
opening open stream | websocket closed | none open stream | wait retry
open open stream | websocket closed | none none stream | stay, drop websocket, drop stream, pass-close 1006
open none stream | websocket closed | none none stream | stay, pass-close 1006
* * stream | overdue | ~ |
none open stream | retry | opening open stream | open websocket, wait timeout
opening/open * stream | retry | ~ |
none open stream | timeout | ~ |
opening open stream | timeout | none open stream | drop websocket, wait retry
open * stream | timeout | none none stream | stay, drop websocket, drop stream, pass-close 1006

* opening - | queued | ~ | wait retry
* none/open * | queued | ~ |
* * * | served | ~ |

* * * | over | ~ |
`

const races = [
  ...(['none', 'opening', 'open'] as const).flatMap((websocket) =>
    (['none', 'opening', 'open'] as const).map((stream) => `${websocket} ${stream} -`),
  ),
  'open none websocket',
  ...['none', 'opening', 'open'].map((websocket) => `${websocket} open stream`),
  'open none stream',
].filter((name) => name !== 'none none -')

const matches = (pattern: string, name: string): boolean => {
  const words = name.split(' ')
  const choices = pattern.split(' ').map((word) => word.split('/'))
  return (
    words.length === choices.length &&
    choices.every((some, at) => some.includes('*') || some.includes(words[at] ?? ''))
  )
}

const rows = table
  .split('\n')
  .filter((line) => line.trim())
  .map((text) => {
    const [race = '', input = '', next = '', effects = ''] = text.split('|').map((cell) => cell.trim())
    return { text, race, input, next, effects: effects ? effects.split(', ') : [] }
  })

for (const [name, input] of Object.entries(inputs))
  test(`in every race, '${name}' steps as in the table`, () => {
    for (const before of races) {
      const found = rows.filter((row) => matches(row.race, before) && matches(row.input, name))
      assert.equal(found.length, 1, `${found.length} rows are about: ${before} | ${name}`)
      const [row] = found
      const race = raceOf(before)
      const [next, ...effects] = stepRace(race, input)
      const words = before.split(' ')
      const expected =
        row?.next === '~'
          ? before
          : row?.next
              .split(' ')
              .map((word, at) => (word === '.' ? words[at] : word))
              .join(' ')
      assert.equal(nameOf(next), expected, row?.text)
      assert.deepEqual(effects.map(nameOfEffect), row?.effects, row?.text)
    }
  })

test('every row of the table is about a pair that exists', () => {
  const idle = rows.filter(
    (row) =>
      !races.some((race) => matches(row.race, race)) ||
      !Object.keys(inputs).some((name) => matches(row.input, name)),
  )
  assert.deepEqual(
    idle.map(({ text }) => text),
    [],
  )
})

const both = ['websocket', 'stream'] as const
const begin = (changes: Partial<RaceWorld>, isAdopted = false): [string, ...string[]] => {
  const [race, ...effects] = beginRace(
    { kinds: both, worked: null, failures: 0, ...changes },
    isAdopted ? { waited: 1_000 } : null,
  )
  return [nameOf(race), ...effects.map(nameOfEffect)]
}

test('an attempt begins with what worked in the tab, and with a stream beside a WebSocket that takes too long', () => {
  assert.deepEqual(begin({}), ['opening none -', 'open websocket', 'wait overdue'])
  assert.deepEqual(begin({}, true), ['opening none -', 'wait overdue'])
  assert.deepEqual(begin({ failures: 1 }), ['opening none -', 'open websocket', 'wait overdue'])
  assert.deepEqual(begin({ failures: 2 }), [
    'opening opening -',
    'open websocket',
    'open stream',
    'wait overdue',
  ])
  for (const worked of ['stream', 'only'] as const) {
    assert.deepEqual(begin({ worked }), ['none opening -', 'open stream'])
    assert.deepEqual(begin({ worked, failures: 1 }), ['opening none -', 'open websocket', 'wait overdue'])
  }
  // A gateway's outage turns nobody to streams before the third failure in a row. The second attempt has twice the time of the first: where
  // all clients connect at once, those that are given up too early would begin their handshakes again and again.
  for (const [failures, time] of [
    [0, 4_000],
    [1, 8_000],
  ] as const) {
    const [race, ...effects] = beginRace({ kinds: both, worked: 'websocket', failures }, null)
    assert.deepEqual([nameOf(race), race.late], ['opening none -', 'fail'])
    assert.deepEqual(effects, [
      { do: 'open', kind: 'websocket' },
      { do: 'wait', for: 'overdue', time },
    ])
  }
  assert.deepEqual(begin({ worked: 'websocket', failures: 2 }), [
    'opening none -',
    'open websocket',
    'wait overdue',
  ])
  assert.deepEqual(begin({ worked: 'websocket', failures: 3 }), [
    'opening opening -',
    'open websocket',
    'open stream',
    'wait overdue',
  ])
})

test('an attempt uses only what the page allows', () => {
  for (const failures of [0, 1, 5]) {
    assert.deepEqual(begin({ kinds: ['stream'], failures }), ['none opening -', 'open stream'])
    for (const worked of [null, 'websocket', 'stream'] as const)
      assert.deepEqual(begin({ kinds: ['websocket'], failures, worked }), [
        'opening none -',
        'open websocket',
      ])
  }
})

const run = (race: Race, ...all: RaceInput[]): { race: Race; effects: string[] } => {
  const effects: string[] = []
  for (const input of all) {
    const [next, ...done]: RaceStep = stepRace(race, input)
    race = next
    effects.push(...done.map(nameOfEffect))
  }
  return { race, effects }
}
const frame = (kind: TransportKind, of: GatewayFrame): RaceInput => ({ type: 'frame', kind, frame: of })
const closed = (kind: TransportKind, code = 1006): RaceInput => ({ type: 'closed', kind, code })

test('a WebSocket that has had its time is given up once the stream is up, and another one is not', () => {
  const opened: RaceInput = { type: 'opened', kind: 'stream', waited: 0 }
  const overdue = run(raceOf('opening none -'), { type: 'overdue' }, opened)
  assert.deepEqual(
    [nameOf(overdue.race), overdue.effects],
    ['none open -', ['open stream', 'drop websocket']],
  )
  const early = run(raceOf('opening opening -'), opened)
  assert.deepEqual([nameOf(early.race), early.effects], ['opening open -', []])
})

test('while the stream waits for other tabs no WebSocket hangs beside it, and one is tried each minute', () => {
  const queued: RaceInput = { type: 'queued' }
  const { race, effects } = run(raceOf('opening none -'), { type: 'overdue' }, queued)
  assert.deepEqual(
    [nameOf(race), effects],
    ['none opening -', ['open stream', 'drop websocket', 'wait retry']],
  )
  const again = run(race, { type: 'retry' }, { type: 'timeout' })
  assert.deepEqual(
    [nameOf(again.race), again.effects],
    ['none opening -', ['open websocket', 'wait timeout', 'drop websocket', 'wait retry']],
  )
  const refused = run(race, { type: 'retry' }, closed('websocket'))
  assert.deepEqual(refused.effects, ['open websocket', 'wait timeout', 'wait retry'])
  const open: RaceInput[] = [{ type: 'retry' }, { type: 'opened', kind: 'websocket', waited: 0 }]
  const won = run(race, ...open, frame('websocket', started))
  assert.deepEqual(
    [nameOf(won.race), won.effects.slice(-3)],
    ['open none websocket', ['drop stream', 'pass started', 'wait over']],
  )
  // What the gateway says by the WebSocket can't wait for the stream.
  const over = run(race, ...open, frame('websocket', ended('unknown-app')), closed('websocket', 4404))
  assert.deepEqual(over.effects.slice(-3), ['drop stream', 'pass ended', 'pass-close 4404'])
  // The stream's turn comes while a WebSocket is tried.
  const served = run(race, { type: 'retry' }, { type: 'served' }, { type: 'timeout' })
  assert.equal(nameOf(served.race), 'opening opening -')
  const up = run(served.race, { type: 'opened', kind: 'stream', waited: 0 })
  assert.deepEqual([nameOf(up.race), up.effects], ['none open -', ['drop websocket']])
})

test('where a WebSocket has worked before, one that takes too long is a failed attempt', () => {
  for (const name of ['opening none -', 'open none -'])
    assert.deepEqual(run(raceOf(name, { late: 'fail' }), { type: 'overdue' }).effects, [
      'drop websocket',
      'pass-close 1006',
    ])
  // A page that may use WebSockets alone has its twenty seconds.
  assert.deepEqual(run(raceOf('opening none -', { late: 'nothing' }), { type: 'overdue' }).effects, [])
})

test('a WebSocket that opens gets ten seconds to answer, before a stream is begun beside it', () => {
  const { effects } = run(
    raceOf('opening none -'),
    { type: 'opened', kind: 'websocket', waited: 0 },
    { type: 'overdue' },
  )
  assert.deepEqual(effects, ['send-start', 'wait overdue', 'open stream'])
})

test('an `ended` counts only when the other attempt has failed, too', () => {
  const first = [frame('websocket', ended('unknown-app')), closed('websocket', 4404)]
  const { effects } = run(raceOf('open opening -'), ...first, closed('stream'))
  assert.deepEqual(effects, ['pass ended', 'pass-close 4404'])
  const won = run(raceOf('open opening -'), ...first, frame('stream', started))
  assert.deepEqual(won.effects, ['drop websocket', 'pass started', 'wait retry'])
  const both = run(
    raceOf('open opening -'),
    ...first,
    frame('stream', ended('revoked')),
    closed('stream', 4410),
  )
  assert.deepEqual(both.effects, ['pass ended', 'pass-close 4410'])
})

test('an `ended` by the stream counts once a WebSocket that is open has not answered in its time', () => {
  const refusal = [frame('stream', ended('unknown-app')), closed('stream', 4404)]
  const silent = run(raceOf('open none -'), { type: 'overdue' }, ...refusal)
  assert.deepEqual(silent.effects, ['open stream', 'drop websocket', 'pass ended', 'pass-close 4404'])
  // Both were begun at once: the WebSocket has its time first.
  const both = run(raceOf('open opening -'), ...refusal)
  assert.deepEqual([nameOf(both.race), both.effects], ['open none -', []])
  const late = run(both.race, { type: 'overdue' })
  assert.deepEqual(late.effects, ['drop websocket', 'pass ended', 'pass-close 4404'])
  const between = run(raceOf('open open -'), ...refusal.slice(0, 1), { type: 'overdue' }, ...refusal.slice(1))
  assert.deepEqual(between.effects, ['drop websocket', 'pass ended', 'pass-close 4404'])
  // A WebSocket that opens late has its time to answer, too.
  const opened = run(
    raceOf('opening opening -', { isOverdue: true }),
    { type: 'opened', kind: 'websocket', waited: 0 },
    ...refusal,
  )
  assert.deepEqual([nameOf(opened.race), opened.effects], ['open none -', ['send-start', 'wait overdue']])
  // What the WebSocket has said waits for the stream.
  const other = run(raceOf('open opening -'), frame('websocket', ended('unavailable')), { type: 'overdue' })
  assert.deepEqual(other.effects, [])
})

test('a WebSocket on which the gateway has heard no start has failed, and a stream is begun', () => {
  const heard = run(raceOf('open none -'), frame('websocket', ended('timeout')), closed('stream'))
  assert.deepEqual(heard.effects, ['drop websocket', 'open stream', 'pass ended', 'pass-close 4508'])
  const alone = run(raceOf('open none -', { late: 'fail' }), frame('websocket', ended('timeout')))
  assert.deepEqual(alone.effects, ['pass ended'])
})

test('an adopted WebSocket has ten seconds from when its start was sent', () => {
  const [, , overdue] = stepRace(raceOf('opening none -'), {
    type: 'opened',
    kind: 'websocket',
    waited: 3_000,
  })
  assert.deepEqual(overdue, { do: 'wait', for: 'overdue', time: 7_000 })
})

test('`replaced` within ten seconds of a race is a lost connection, resumed with the key that both had', () => {
  const replaced = frame('stream', ended('replaced'))
  const { race, effects } = run(
    raceOf('open opening -'),
    frame('stream', started),
    replaced,
    closed('stream', 4409),
  )
  assert.deepEqual(effects.slice(-3), ['keep-key', 'drop stream', 'pass-close 1006'])
  assert.equal(nameOf(race), 'none none stream')
  const late = run(
    raceOf('open opening -'),
    frame('stream', started),
    { type: 'over' },
    replaced,
    closed('stream', 4409),
  )
  assert.deepEqual(late.effects.slice(-2), ['pass ended', 'pass-close 4409'])
})

test('`replaced` is a lost connection, too, if an attempt was given up whose start may still arrive', () => {
  const replaced = [frame('websocket', started), frame('websocket', ended('replaced'))]
  const lost = ['keep-key', 'drop websocket', 'pass-close 1006']
  for (const [failures, expected] of [
    [0, ['pass ended']],
    [1, lost],
  ] as const) {
    const [begun] = beginRace({ kinds: ['websocket', 'stream'], worked: 'websocket', failures }, null)
    const { effects } = run(begun, ...replaced)
    assert.deepEqual(effects.slice(-expected.length), expected)
  }
  // The stream opened after the time of the WebSocket, which was dropped.
  const { effects } = run(
    raceOf('opening opening -', { isOverdue: true }),
    { type: 'opened', kind: 'stream', waited: 0 },
    frame('stream', started),
    frame('stream', ended('replaced')),
  )
  assert.deepEqual(effects.slice(-3), ['keep-key', 'drop stream', 'pass-close 1006'])
})

test('while a WebSocket takes the session over, the stream may end as replaced', () => {
  const took = [frame('stream', ended('replaced')), closed('stream', 4409)]
  const { race, effects } = run(raceOf('open open stream'), ...took, frame('websocket', started))
  assert.deepEqual([nameOf(race), effects], ['open none websocket', ['drop stream', 'pass started']])
  // A WebSocket that brings nothing: the session is resumed by a stream.
  const silent = run(raceOf('open open stream'), ...took, { type: 'timeout' })
  assert.equal(silent.effects.at(-1), 'pass-close 1006')
  assert.ok(silent.effects.includes('stay'))
  // A gateway that refuses it leaves the stream alone.
  const refused = run(
    raceOf('open open stream'),
    frame('websocket', ended('unavailable')),
    closed('websocket', 4503),
  )
  assert.deepEqual([nameOf(refused.race), refused.effects], ['none open stream', ['wait retry']])
})

test('the session hears one end of an attempt, and nothing after it', () => {
  const kinds = fc.constantFrom<TransportKind>('websocket', 'stream')
  const input: fc.Arbitrary<RaceInput> = fc.oneof(
    kinds.map((kind): RaceInput => ({ type: 'opened', kind, waited: 0 })),
    fc
      .tuple(kinds, fc.constantFrom<GatewayFrame>(started, ping, ended('replaced'), ended('revoked')))
      .map(([kind, of]) => frame(kind, of)),
    fc.tuple(kinds, fc.constantFrom(1006, 4101, 4409, 4503)).map(([kind, code]) => closed(kind, code)),
    fc.constantFrom<RaceInput>({ type: 'queued' }, { type: 'served' }),
    fc.constantFrom<RaceInput>({ type: 'overdue' }, { type: 'retry' }, { type: 'timeout' }, { type: 'over' }),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...races),
      fc.boolean(),
      fc.array(input, { maxLength: 30 }),
      (name, isOverdue, all) => {
        let race = raceOf(name, { isOverdue })
        let isOver = false
        for (const each of all) {
          const [next, ...effects] = stepRace(race, each)
          const passed = effects.filter((effect) => effect.do === 'pass' || effect.do === 'pass-close')
          assert.ok(!isOver || passed.length === 0, `${nameOf(race)}: ${effects.map(nameOfEffect).join()}`)
          isOver ||= passed.some((effect) => effect.do === 'pass-close')
          if (isOver) assert.deepEqual([next.websocket, next.stream], ['none', 'none'])
          // Both lanes are never lost without a word to the session.
          else assert.ok(next.websocket !== 'none' || next.stream !== 'none', nameOf(race))
          race = next
        }
      },
    ),
    { numRuns: 5_000 },
  )
})
