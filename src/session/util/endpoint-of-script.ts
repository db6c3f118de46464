/**
 * The gateway that served this script, as an endpoint; empty if none did. A gateway serves its script as `ENDPOINT/v1/chat-session.js`, and
 * with a version in the name. Only the script-tag build can know this, and replaces this module.
 */
export const endpointOfScript = '' as string
