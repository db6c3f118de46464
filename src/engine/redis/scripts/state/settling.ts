import { STATE } from '../../fields.js'
import { reply, replyList } from '../context/counts.js'
import { script } from '../context/context.js'
import {
  awaitEpochs,
  beginGeneration,
  checkHistory,
  doubtOf,
  forgetAbsent,
  historyNumber,
  knownGeneration,
  settle,
  storeDoubt,
  unshifted,
} from './history.js'
import { publishedOn, runName } from './publish.js'

/** Notes the server's history. Fails with UNSETTLED until the history is settled. Returns nothing. */
export const noteState = (): unknown[] => {
  awaitEpochs()
  return reply()
}

/**
 * Reads the numbers of the server's history and of its generation. If the history has changed, it gets another number first. Returns the two
 * numbers; 1 if the history is unsettled, else 0; and since how many milliseconds the server perhaps lacks writes.
 */
export const listHistories = (): unknown => {
  checkHistory()
  const wholeUntil = tonumber(redis.call('HGET', script.keys.state, STATE.wholeUntil)) ?? 0
  return [
    historyNumber(),
    knownGeneration(),
    doubtOf() === undefined ? 0 : 1,
    Math.floor(unshifted() - wholeUntil),
  ]
}

/**
 * Says whether the server has all messages that the calling node knows of. If a node says no, another generation of epochs begins, in which
 * the node stores what is missing, and says so again. If all nodes that must answer have said yes, and one of them can vouch for the server,
 * the history is settled. `number` is that of the history. `says` is `0` for no; `1` for yes; empty for yes, if the node does not know who
 * has stored messages that the server may lack. `nodes` must answer, as far as the calling node knows. Returns nothing.
 */
export const keepHistory = ([number, says, ...nodes]: string[]): unknown[] => {
  checkHistory()
  if (historyNumber() !== tonumber(number)) return reply()
  forgetAbsent()
  const known = doubtOf()
  const doubt = known ?? { since: 0, kept: {}, awaited: {}, isLossy: false }
  for (const node of nodes) doubt.awaited[node] = true
  if (says === '0' && !doubt.isLossy) {
    // If the history was settled without this node, the epochs have stayed in it until now.
    if ((knownGeneration() ?? 0) < historyNumber()) beginGeneration(doubt)
    return reply()
  }
  if (known === undefined) return reply()
  doubt.kept[script.self] = says === '1'
  storeDoubt(doubt)
  for (const [node] of pairs(doubt.awaited)) if (doubt.kept[node] === undefined) return reply()
  let isVouched = doubt.isLossy
  for (const [, vouches] of pairs(doubt.kept)) isVouched = isVouched || vouches
  if (isVouched) settle(doubt)
  else beginGeneration(doubt)
  return reply()
}

/**
 * Reads how many texts this server has published in channels. Returns the name of the server's run (`publish.ts`); and for each channel the
 * number of texts in this run.
 */
export const published = (channels: string[]): unknown[] => {
  const run = runName()
  return replyList(
    channels.map((name) => publishedOn(name)),
    run,
  )
}
