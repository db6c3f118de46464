// Checks that all files have the same version, and that TAG is vVERSION: node scripts/release/check.mjs [TAG]. Without a tag
// it checks the files only.
import { readFile } from 'node:fs/promises'
import { sectionOf } from './changelog.mjs'

const read = (file) => readFile(file, 'utf8')

const [tag] = process.argv.slice(2)
const { version } = JSON.parse(await read('package.json'))
const lock = JSON.parse(await read('package-lock.json'))
const { '': own, 'packages/conformance': conformance } = lock.packages
const locked = [lock.version, own.version, conformance.version].find((other) => other !== version)

/** The files that have the version too, with a pattern for each place. */
const places = [
  ['src/protocol/version.ts', /VERSION = '(.*)'/],
  ['packages/conformance/package.json', /"version": "(.*)"/],
  ['packages/conformance/package.json', /"chat-session": "(.*)"/],
  ['deploy/helm/chat-session/Chart.yaml', /^version: (.*)/m],
  ['deploy/helm/chat-session/Chart.yaml', /^appVersion: (.*)/m],
  ['deploy/kubernetes.yaml', /image: ghcr\.io\/chat-session\/chat-session:(.*)/],
]
const problemAt = async ([file, pattern]) => {
  const [, found] = pattern.exec(await read(file)) ?? []
  return found !== version && `${file} says ${found}.`
}

const problems = [
  locked && `package-lock.json says ${locked}.`,
  ...(await Promise.all(places.map(problemAt))),
  tag && tag !== `v${version}` && `The tag is ${tag}.`,
  // npm and the image would give it to all who ask for `latest`.
  tag?.includes('-') && `${tag} is a prerelease, and the workflow releases every version as the latest.`,
  tag && !sectionOf(await read('CHANGELOG.md'), version) && `CHANGELOG.md has nothing under ## ${version}.`,
].filter(Boolean)

if (problems.length) {
  console.error([`package.json says ${version}, but:`, ...problems].join('\n'))
  process.exit(1)
}
console.log(`This is ${version}.`)
