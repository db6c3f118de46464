import { decodeJwt } from 'jose'
import type { Credential } from '../../../engine/index.js'
import { parseObject, type Finding } from '../../../protocol/internal.js'
import { reportToken } from '../../auth/token-report.js'
import { problem } from '../../http/problem.js'
import { change, type AdminCall } from '../calls.js'
import type { ApiContext } from './context.js'

const REVOKED: Finding = {
  level: 'fail',
  part: 'revocation',
  text: 'the token was revoked: its user was logged out everywhere after it was issued, or the token or the app was revoked',
}

/**
 * Returns the call that checks a token. The token is in the body, so that it is in no URL. The call changes nothing, but the audit log gets
 * a line, so that operators see who checks tokens.
 */
export const tokenCheckCall = ({ apps, engine, keySets }: ApiContext): AdminCall =>
  change('post', '/check-token', 'token.check', async (context) => {
    const given = parseObject(await context.req.text())?.['token']
    if (typeof given !== 'string')
      return problem(context, 400, 'bad-request', 'Send a JSON object whose token is a text.')
    const token = given.trim()
    const settings = [...(await apps())].map(([appId, app]) => [appId, app.settings] as const)
    const report = await reportToken(token, {
      apps: new Map(settings),
      keySetOf: ({ appId, jwks }) => keySets.of(appId, jwks),
      now: Date.now(),
    })
    const { appId, userId, findings } = report
    const isGood = findings.every(({ level }) => level !== 'fail')
    if (isGood && appId !== null && userId !== null) {
      const { jti, iat, exp }: { jti?: unknown; iat?: number; exp?: number } = decodeJwt(token)
      const credential: Credential = {
        authMethod: 'token',
        // As when a session starts, only a text counts as an id: a revocation of the id '5' does not apply to a token with the number 5.
        tokenId: typeof jti === 'string' && jti !== '' ? jti : null,
        issuedAt: iat === undefined ? null : iat * 1_000,
        expiresAt: exp === undefined ? null : exp * 1_000,
      }
      if (await engine.isRevoked({ appId, userId }, credential)) findings.push(REVOKED)
    }
    return context.json(report)
  })
