import { authenticateByName, profileTests } from '../../../support/clients/profile-tests.js'
import { onBothEngines } from '../../../support/rest/rest-calls.js'

const limits = { messagesPerSecond: 1_000 }
for (const { url, on } of await onBothEngines({ limits, authenticate: authenticateByName }))
  profileTests(on, [url, url])
