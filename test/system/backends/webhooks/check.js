import { readFileSync } from 'node:fs'
import { verifyWebhook } from './verify-webhook.js'

for (const { headers, body } of JSON.parse(readFileSync(0, 'utf8')))
  console.log(verifyWebhook(headers, Buffer.from(body)))
