import { decodeJwt } from 'jose'
import * as v from 'valibot'
import type { Credential } from '../../../engine/index.js'
import { parseJson, type Finding } from '../../../protocol/internal.js'
import { reportToken } from '../../auth/token-report.js'
import { problem } from '../../http/problem.js'
import type { AdminCall } from '../calls.js'
import type { ApiContext } from './context.js'

const REVOKED: Finding = {
  level: 'fail',
  part: 'revocation',
  text: 'the token was revoked: its user was logged out everywhere after it was issued, or the token or the app was revoked',
}

const body = v.object({ token: v.pipe(v.string(), v.trim()) })

/** Returns the token in a body; undefined if the body has no token. */
const tokenIn = (json: string): string | undefined => {
  try {
    return v.parse(body, parseJson(json)).token
  } catch {
    return undefined
  }
}

/**
 * Returns the call that checks a token. The token is in the body, so that it is in no URL. The call changes nothing, but the audit log gets
 * a line, so that operators see who checks tokens.
 */
export const tokenCheckCall = ({ apps, engine, keySets }: ApiContext): AdminCall => ({
  method: 'post',
  path: '/check-token',
  what: 'token.check',
  async handle(context) {
    const token = tokenIn(await context.req.text())
    if (token === undefined)
      return problem(context, 400, 'bad-request', 'Send a JSON object whose token is a text.')
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
  },
})
