import type { Case } from '../bench.js'
import { closing } from './closing.js'
import { credentials } from './credentials.js'
import { delivery } from './delivery.js'
import { gateway } from './gateway.js'
import { reading } from './reading.js'
import { sending } from './sending.js'
import { starting } from './starting.js'
import { stream } from './stream.js'

/** Every case, in the order of README.md. */
export const cases: readonly Case[] = [
  ...starting,
  ...delivery,
  ...sending,
  ...reading,
  ...closing,
  ...credentials,
  ...stream,
  ...gateway,
]
