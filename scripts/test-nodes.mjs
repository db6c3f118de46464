// Runs tests on the versions of Node that are supported besides the one that runs this, each from npm:
// node scripts/test-nodes.mjs FOLDER-OR-FILE…
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const VERSIONS = ['22', '24', 'latest']

let failed = 0
for (const version of VERSIONS) {
  console.log(`\nNode ${version}`)
  const child = spawn(
    'npm',
    [
      'exec',
      '--yes',
      `--package=node@${version}`,
      '--',
      'node',
      'scripts/test.mjs',
      ...process.argv.slice(2),
    ],
    { stdio: 'inherit' },
  )
  const [code] = await once(child, 'exit')
  if (code === 0) continue
  failed++
  console.error(`Tests failed on Node ${version}.`)
}
process.exit(failed > 0 ? 1 : 0)
