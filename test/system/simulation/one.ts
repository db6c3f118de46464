// Runs one simulation in this process, and prints its outcome as JSON: node one.mjs SEED
import { simulate } from './simulate.js'

const outcome = await simulate(Number(process.argv[2]))
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0))
