import { randomBytes, randomUUID } from 'node:crypto'
import { askAuthorizeSendUrl, type AppSettings } from '../../gateway/internal.js'
import { findingsAbout, type Finding } from '../report.js'

/** The id of the sender and the recipient in the probe. No user has it, and nothing is stored. */
const NOBODY = 'chat-session doctor'

/**
 * Asks the app's `authorizeSendUrl` about a message, twice: with a good signature, and with one that is made with another secret. Both
 * answers may be a yes or a no, but only a signed request may get a yes.
 */
export const checkAuthorizeSendUrl = async ({ appId, authorizeSendUrl }: AppSettings): Promise<Finding[]> => {
  if (!authorizeSendUrl) return []
  const finding = findingsAbout(`apps.${appId}.authorizeSendUrl`)
  const question = JSON.stringify({
    ...{ appId, from: NOBODY, to: NOBODY, id: randomUUID() },
    ...{ body: 'A probe of chat-session doctor. Nobody gets this message.', data: null, origin: null },
  })
  const { timeout } = authorizeSendUrl
  const began = performance.now()
  const signed = await askAuthorizeSendUrl(authorizeSendUrl, question, timeout)
  const duration = Math.round(performance.now() - began)
  if (signed.problem !== undefined)
    return [finding.fail(`no usable answer, so no client can send: ${signed.problem}`)]
  const answered = finding.ok(
    `answers ${signed.answer.allowed ? 'yes' : 'no'} about a probe, in ${duration} of ${timeout} ms`,
  )
  const forged = await askAuthorizeSendUrl(
    { ...authorizeSendUrl, secrets: [randomBytes(32)] },
    question,
    timeout,
  )
  return [
    answered,
    forged.answer.allowed
      ? finding.fail('says yes to a request that another secret has signed: verify the signature')
      : finding.ok('refuses a request that another secret has signed'),
  ]
}
