import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { createTokenVerifier, verifySignature, verifyToken } from '../../../src/tokens/index.js'
import { prepareFolder, mintersOf, names, run } from './workspace.js'
import { languages, type Language } from './languages.js'
import { blocksIn } from '../../../src/cli/init/guide.js'
import { blocksOf, pageOf, sharedPage } from './page.js'

const appId = 'hF83jaq'
/** A secret that is neither ASCII nor base64 nor hex. */
const secret = 'sk_the secret of the backends, ünïcode ✓ included'
const signatureSecret = 'ss_the secret of their signatures, ünïcode ✓ included'
const env = { CHAT_APP_ID: appId, CHAT_SECRET: secret, CHAT_SIGNATURE_SECRET: signatureSecret }
const verify = createTokenVerifier({ appId, secrets: [secret] })

/**
 * User ids and names. A program passes an id of digits as a number if its language allows that. The name `null` stands for a profile whose
 * name is missing; where that is not allowed, the program passes no profile.
 */
const users: [id: string, name: string][] = [
  ['12345', ''],
  ['9007199254740991', 'Dennis'],
  ['ada', 'Ada Lovelace'],
  ['0123', 'Leading "zero"'],
  ['Zoë 😀 日本', 'Zoë 😀 日本'],
  ['"</script><script>alert(1)</script>', '"><img src=x onerror=alert(1)>'],
  [`o'brien & "sons" \\ \\" \\u0022`, 'a\\'],
  ['","sub":"root","x":"', '"},"sub":"root","user":{"name":"'],
  ['%s %d %% ${x} #{x} {{x}} {0} $1 \\1', '%s {0} $& $1'],
  [' blank at both ends ', 'line\nbreak\ttab \u0001'],
  ['ÿþ~~~???>>>', 'ÿþ~~~???>>> \u2028 \u2029'],
  ['日'.repeat(85), 'n'],
  ['no name', 'null'],
]

for (const name of names)
  for (const [index, minter] of mintersOf(name).entries())
    test(`${name}: the gateway accepts tokens and signatures of the page's code, variant ${index + 1}`, async () => {
      const folder = prepareFolder(name, minter)
      const began = Date.now()
      const lines = run(folder, [...languages[name].mint, ...users.flat()], env)
        .trim()
        .split('\n')
      assert.equal(lines.length, users.length)
      for (const [at, [id, userName]] of users.entries()) {
        const [token = '', signature = '', ...rest] = (lines[at] ?? '').trimEnd().split(' ')
        assert.deepEqual(rest, [])
        const result = await verify(token)
        assert(result.ok, `${id}: ${JSON.stringify(result)}`)
        const { userId, user, issuedAt, expiresAt } = result.claims
        assert.equal(userId, id)
        assert.equal(user?.name ?? '', userName === 'null' ? '' : userName)
        assert.equal(Number(expiresAt) - Number(issuedAt), 3_600_000)
        // The times in the token are whole seconds.
        assert(Number(issuedAt) > began - 1_000 && Number(issuedAt) <= Date.now())
        assert(await verifySignature(id, signature, [signatureSecret]), id)
      }
      const variables = Object.entries(env)
      for (const [missing] of variables) {
        const others = Object.fromEntries(variables.filter(([variable]) => variable !== missing))
        for (const given of [others, { ...others, [missing]: '' }, { ...others, [missing]: '\n' }]) {
          const mint = (): string => run(folder, [...languages[name].mint, 'ada', ''], given)
          assert.throws(mint, new RegExp(`${missing} is not set`))
        }
      }
      const withBreaks = Object.fromEntries(
        variables.map(([variable, value]) => [variable, `${value}\r\n`] as const),
      )
      const [token = ''] = run(folder, [...languages[name].mint, 'ada', ''], withBreaks).split(' ')
      const result = await verify(token)
      assert(result.ok, `a line break at the end: ${JSON.stringify(result)}`)
    })

for (const name of names) {
  const { syntax }: Language = languages[name]
  if (syntax === undefined) continue
  test(`${name}: the page's code that no test runs is well-formed`, () => {
    run(prepareFolder(name), ['sh', '-c', syntax])
  })
}

/** The number of fenced code blocks on a page. */
const fencesOn = (page: string): number => page.match(/^```\w+$/gm)?.length ?? 0

const shared = blocksIn(sharedPage)

test('every code block on the pages is in the table of languages', () => {
  for (const name of names) {
    assert.deepEqual(
      [...new Set(blocksOf(name).map(({ file }) => file))].sort(),
      [...languages[name].files].sort(),
      name,
    )
    assert.equal(blocksOf(name).length, fencesOn(pageOf(name)), name)
  }
  assert.deepEqual(
    shared.map(({ language }) => language),
    ['json', 'html'],
  )
  assert.equal(shared.length, fencesOn(sharedPage))
})

test('every page of docs/backends/ has a row in the table of languages', async () => {
  const pages = await readdir(new URL('../../../docs/backends/', import.meta.url))
  assert.deepEqual(pages.sort(), names.map((name) => `${languages[name].folder}.md`).sort())
})

test('the page of each language has the steps of docs/BACKENDS.md, in their order', () => {
  const headingsOf = (page: string): string[] =>
    [...page.replaceAll(/^```.*?^```$/gms, '').matchAll(/^#{1,2} (.*)$/gm)].map(([, heading = '']) => heading)
  const [, ...steps] = headingsOf(sharedPage)
  assert.equal(steps.length, 10)
  for (const name of names) assert.deepEqual(headingsOf(pageOf(name)), [name, ...steps])
})

test('the gateway accepts the payload on the page', async () => {
  const [{ code } = { code: '' }] = shared
  const signed = [`{"alg":"HS256","typ":"JWT"}`, code]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
  const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  const result = await verifyToken(token, { appId, secrets: [secret], now: () => 1767225600_000 })
  assert(result.ok, JSON.stringify(result))
  assert.equal(result.claims.userId, '12345')
})
