import type { SendResult } from '../../../engine/index.js'
import type { ClientFrameOf, JsonObject, Message } from '../../../protocol/index.js'
import type { App } from '../../apps/app.js'
import { sendRulesOf } from '../../apps/engine-rules.js'
import { countSend } from '../../messages/count-send.js'
import { replaceContent, type Decision } from '../../messages/send-authorizer.js'
import type { SessionContext } from '../session-context.js'

/** A client's message, in a frame or in a post. */
export type ClientSend = Omit<ClientFrameOf<'send'>, 'type'>

/**
 * Takes the data out of a message that waits, and keeps them as JSON, because parsed data may take 20 times as much memory. Returns a
 * function that puts them back. Throws for data that are nested too deep, which `checkMessage` refuses.
 */
export const setDataAside = (message: { data?: JsonObject | undefined }): (() => void) => {
  const json = message.data && JSON.stringify(message.data)
  delete message.data
  return () => {
    if (json !== undefined) message.data = JSON.parse(json) as JsonObject
  }
}

/**
 * Stores a message that was not refused, and counts it. `sender` is undefined if the message carries the stored profile of the user. Of a
 * `decision` with the result of the same message from before, that result is the answer.
 */
export const storeSend = (
  {
    engine,
    metrics,
    settings,
    tracing,
  }: Pick<SessionContext, 'engine' | 'metrics' | 'tracing'> & {
    settings: Pick<SessionContext['settings'], 'sendWindow'>
  },
  app: App,
  { from, sender }: { from: string; sender: Message['sender'] | undefined },
  { id, to, body, data, traceparent: parent }: ClientSend,
  decision: Exclude<Decision, { allowed: false }>,
): Promise<SendResult> => {
  const { appId } = app.settings
  const at = performance.now()
  const count = (sent: SendResult): SendResult => {
    countSend(metrics, appId, 'client', sent.outcome, at)
    return sent
  }
  if ('sent' in decision) return Promise.resolve(count(decision.sent))
  const span = tracing.start('send', 'SERVER', parent, { 'chat_session.app_id': appId })
  const { traceparent } = span
  const message = { appId, id, from, to, body, data, sender, traceparent }
  // An async function would make two more promises for each message.
  return engine.send(replaceContent(message, decision.content), sendRulesOf(app.settings, settings)).then(
    (sent) => {
      span.end({ 'chat_session.outcome': sent.outcome })
      return count(sent)
    },
    (error: unknown) => {
      span.end({}, 'the engine failed')
      throw error
    },
  )
}
