export { startGateway as runGateway, testApp } from '../support/gateway.js'
export { signedStart, startOf } from '../support/starts.js'
export { secret, signatureSecret, tokenFor } from '../support/tokens.js'
