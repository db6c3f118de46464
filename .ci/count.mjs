// Reads a test run's output and prints `PASSED FAILED`: the sums of what its runners say at their ends.
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'

const output = stripVTControlCharacters(await text(process.stdin))
const sum = (pattern) => [...output.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0)
// node:test says `ℹ pass 3`; web-test-runner redraws the line of each browser, and only the finished one counts.
const finished = /(\w+): +\|[^|]*\| (\d+)\/\2 test files \| (\d+) passed, (\d+) failed/g
const browsers = new Map(
  [...output.matchAll(finished)].map(([, name, , passed, failed]) => [name, { passed, failed }]),
)
const sumOf = (what) => [...browsers.values()].reduce((total, counts) => total + Number(counts[what]), 0)
const passed = sum(/^ℹ pass (\d+)$/gm) + sumOf('passed')
const failed = sum(/^ℹ fail (\d+)$/gm) + sumOf('failed')
console.log(`${passed} ${failed}`)
