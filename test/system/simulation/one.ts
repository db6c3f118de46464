// Runs one simulation in this process, and prints its outcome as JSON: node one.mjs SEED NODES
import { simulate } from './simulate.js'

const outcome = await simulate(Number(process.argv[2]), Number(process.argv[3]) || undefined)
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0))
