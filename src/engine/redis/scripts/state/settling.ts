import { STATE } from '../../fields.js'
import { reply, replyList, type Script } from '../context/counts.js'
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

/** Notes the server's history. Fails with UNSETTLED until the history is settled. */
export const noteState: Script<'noteState'> = () => {
  awaitEpochs()
  return reply()
}

/** Reads what is known about the server's history. If the history has changed, it gets another number first. */
export const listHistories: Script<'listHistories'> = () => {
  checkHistory()
  const wholeUntil = tonumber(redis.call('HGET', script.keys.state, STATE.wholeUntil)) ?? 0
  return [
    historyNumber(),
    knownGeneration() ?? 0,
    doubtOf() === undefined ? 0 : 1,
    Math.floor(unshifted() - wholeUntil),
  ]
}

/**
 * Says whether the server has all messages that the calling node knows of. If a node says no, another generation of epochs begins, in which
 * the node stores what is missing, and says so again. If all nodes that must answer have said yes, and one of them can vouch for the server,
 * the history is settled.
 */
export const keepHistory: Script<'keepHistory'> = ([number, says, ...nodes]) => {
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

/** Reads how many texts this server has published in channels. */
export const published: Script<'published'> = (channels) => {
  const run = runName()
  return replyList(
    channels.map((name) => publishedOn(name)),
    run,
  )
}
