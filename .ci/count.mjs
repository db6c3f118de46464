// Reads a test run's output and prints `PASSED FAILED`: the sums of what its runners say at their ends.
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'

const output = stripVTControlCharacters(await text(process.stdin))
const sum = (pattern) => [...output.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0)
// node:test says `ℹ pass 3`; web-test-runner redraws its line, and only the finished one counts.
const browser = [...output.matchAll(/(\d+)\/\1 test files \| (\d+) passed, (\d+) failed/g)].at(-1)
const passed = sum(/^ℹ pass (\d+)$/gm) + Number(browser?.[2] ?? 0)
const failed = sum(/^ℹ fail (\d+)$/gm) + Number(browser?.[3] ?? 0)
console.log(`${passed} ${failed}`)
