import { rows } from './rows/index.mjs'
const only = ['ws', 'ws + jose', 'chat-session, memory', 'chat-session, embedded']
for (const row of process.argv.slice(2)) console.log(JSON.stringify({ row, ...(await rows[row].measure({ rounds: 1, only, isQuick: false })) }))
