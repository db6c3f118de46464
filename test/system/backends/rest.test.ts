// The calls of the REST API that the pages of docs/backends/ show, run in their own languages.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { startGateway } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { makeEveryCall, type Input, type Result } from '../../support/rest/every-call.js'
import { folderOf, startCaller, type Caller } from './caller.js'
import { blocksOf, pageOf } from './page.js'
import { mintersOf, names } from './workspace.js'

const runs = names.flatMap((language) =>
  mintersOf(language).map((minter, index) => {
    const appId = `app-${names.indexOf(language)}-${index + 1}`
    return {
      language,
      minter,
      variant: index + 1,
      appId,
      secret: `the sëcret of ${appId}, ünïcode ✓ included`,
    }
  }),
)

const { url } = await startGateway(
  {},
  {
    apps: Object.fromEntries(
      runs.map(({ appId, secret }) => [appId, { environment: 'test', secrets: [secret] }]),
    ),
  },
)

const envOf = ({ appId, secret }: (typeof runs)[number], endpoint = url): Record<string, string> => ({
  CHAT_APP_ID: appId,
  CHAT_SECRET: secret,
  CHAT_ENDPOINT: endpoint,
})

/** The calls whose functions take the fields of the body one by one. */
const withFields = ['getUsersStatus', 'adoptGuest', 'markRead']

/** Returns the arguments that the pages' functions take: the ids of the path, then the body or else the options. */
const argumentsOf = (name: string, { user, session, id, jti, body, ...query }: Input): unknown[] => {
  const options = Object.keys(query).length > 0 ? query : undefined
  const last = withFields.includes(name) ? Object.values<unknown>(body as Input) : [body ?? options]
  return [user, session, id, jti, ...last].filter((part) => part !== undefined)
}

for (const run of runs)
  test(`${run.language}: each call has its answer and its effect, variant ${run.variant}`, async () => {
    const caller = startCaller(run.language, envOf(run), run.minter)
    await makeEveryCall({ url, ...run }, (name, input) => caller.call(name, ...argumentsOf(name, input)))
    // These are no user ids. A path from which `..` was removed would be that of `endAppSessions` or `listUsers`.
    for (const id of ['', '.', '..'])
      for (const operation of ['endUserSessions', 'deleteUser', 'getUser'])
        assert.equal((await caller.call(operation, id)).answer, undefined, `${operation} ${id}`)
    await caller.close()
  })

describe('failures', { concurrency: true }, () => {
  const firsts = runs.filter(({ variant }) => variant === 1)
  // The folders are prepared before the tests: a compiler blocks this process, so the server of a test could not answer in time.
  before(() => {
    for (const { language, minter } of firsts) folderOf(language, minter)
  })

  for (const run of firsts)
    test(`${run.language}: a call fails with an answer that is not the gateway's, and without an answer`, async () => {
      const targets: string[] = []
      const tokens = new Set<string>()
      const server = await startServer(({ url: target = '', headers }, response) => {
        targets.push(target)
        tokens.add(headers.authorization?.replace('Bearer ', '') ?? '')
        if (target.includes('/users/moved')) response.writeHead(307, { location: '/elsewhere' }).end()
        else if (!target.includes('/users/slow'))
          response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
      })
      const errorOf = async (caller: Caller, user: string): Promise<Result['error']> => {
        const { error } = await caller.call('getUser', user)
        for (const token of tokens) assert(token !== '' && error?.message.includes(token) === false)
        return error
      }
      const caller = startCaller(run.language, envOf(run, server.url), run.minter)
      for (const [user, status] of [
        ['moved', 307],
        ['ann', 502],
      ] as const) {
        const error = await errorOf(caller, user)
        assert.deepEqual([error?.status, error?.code], [status, 'unknown'], JSON.stringify(error))
      }
      const began = Date.now()
      assert.equal((await errorOf(caller, 'slow'))?.status, undefined)
      const seconds = (Date.now() - began) / 1000
      assert(seconds > 5 && seconds < 60, `It took ${seconds} s.`)
      assert.deepEqual(
        targets.map((target) => target.replace(/\?$/, '')),
        ['moved', 'ann', 'slow'].map((user) => `/v1/apps/${run.appId}/users/${user}`),
      )
      await server.close()
      assert.equal((await errorOf(caller, 'ann'))?.status, undefined)
      await caller.close()
    })
})

/** The name of a call in the spelling of JavaScript, whatever the spelling of the language. */
const operationOf = (name: string): string =>
  name
    .replace(/^./, (letter) => letter.toLowerCase())
    .replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

for (const language of names) {
  test(`${language}: the page shows every call of the REST API`, () => {
    const shown = blocksOf(language).find(({ file }) => /^chat[-_]?calls\./i.test(file ?? ''))?.code ?? ''
    const written = new Set([...shown.matchAll(/\w+/g)].map(([word]) => operationOf(word)))
    const missing = calls.map(({ id }) => id).filter((id) => !written.has(id))
    assert.deepEqual(missing, [], `The page of ${language} needs these calls.`)
  })

  test(`${language}: the sentences of the page name calls that exist`, () => {
    const named = [
      ...pageOf(language).matchAll(/`(?:await )?(?:chat_?calls(?:\{\})?(?:\.|::))?(\w+)\([^`\n]*\)`/gi),
    ]
      .map(([, name = '']) => operationOf(name))
      .filter((name) => /^(?:send|list|mark|end|adopt)[A-Z]/.test(name))
    const known: string[] = calls.map(({ id }) => id)
    assert.deepEqual(named.toSorted(), [
      'adoptGuest',
      'endUserSessions',
      'listMessages',
      'markRead',
      'sendMessage',
    ])
    for (const name of named) assert.ok(known.includes(name), name)
  })
}
