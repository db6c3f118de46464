// Checks that all files have the same version, and that TAG is vVERSION: node scripts/release/check.mjs [TAG]. Without a tag
// it checks the files only.
import { readFile } from 'node:fs/promises'
import { sectionOf } from './changelog.mjs'

const read = (file) => readFile(file, 'utf8')

const [tag] = process.argv.slice(2)
const { version } = JSON.parse(await read('package.json'))
const lock = JSON.parse(await read('package-lock.json'))
const locked = [lock.version, lock.packages[''].version].find((other) => other !== version)
const [, inSource] = /VERSION = '(.*)'/.exec(await read('src/protocol/version.ts')) ?? []

const problems = [
  locked && `package-lock.json says ${locked}.`,
  inSource !== version && `src/protocol/version.ts says ${inSource}.`,
  tag && tag !== `v${version}` && `The tag is ${tag}.`,
  tag && !sectionOf(await read('CHANGELOG.md'), version) && `CHANGELOG.md has nothing under ## ${version}.`,
].filter(Boolean)

if (problems.length) {
  console.error([`package.json says ${version}, but:`, ...problems].join('\n'))
  process.exit(1)
}
console.log(`This is ${version}.`)
