import { answer, defineCall } from '../call.js'
import { CallError } from '../errors.js'
import { knownUser } from './known-user.js'

export const pushCalls = [
  defineCall({
    id: 'listPushSubscriptions',
    summary: 'A user’s devices that Web Push reaches',
    description:
      'The subscription that was renewed last comes first. The endpoint of a subscription is a secret, so the answer leaves it out.',
    answers: { 200: 'The subscriptions, 10 at most.' },
    errors: ['unknown-user'],
    async handle({ of, context: { engine } }) {
      await knownUser(engine, of)
      const devices = await engine.pushDevices(of)
      return answer(200, {
        subscriptions: devices.map(({ id, endpoint, createdAt, renewedAt, lastSuccessAt }) => ({
          ...{ id, host: new URL(endpoint).host },
          ...{ createdAt, renewedAt, lastSuccessAt },
        })),
      })
    },
  }),
  defineCall({
    id: 'endPushSubscription',
    summary: 'End a push subscription',
    description:
      'Messages are pushed to the device no more, until a page of the user subscribes the device again. If the user logs out, end the sessions first: their pages could subscribe the device again.',
    answers: { 204: 'The subscription has ended.' },
    errors: ['not-found'],
    async handle({ of, params, context: { engine } }) {
      if (!(await engine.endPushDevice(of, params.id)))
        throw new CallError('not-found', 'The user has no subscription with this id: it may have ended.')
      return answer(204)
    },
  }),
]
