// A node crashes in each step of an adoption. In a cluster the guest and the user may be on different servers.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Adoption, AdoptionRequest, Engine, UserRef } from '../../../../src/engine/index.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { redisSource } from '../../../../src/engine/redis/transfer/source.js'
import {
  ada,
  app,
  bob,
  bodies,
  credential,
  deliver,
  newMessage,
  rules,
  saveGuest,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import type { TransferRecord } from '../../../../src/engine/transfer.js'
import { ask, pending } from '../../../../src/engine/suite/webhook-kit.js'
import { adopt } from '../../../support/engine/calls.js'
import { FEW_PARTITIONS } from '../../../support/redis/engines.js'
import { hookedClient, lossyClient } from '../../../support/redis/hooked-client.js'
import { startSingleAndCluster } from '../../../support/redis/single-and-cluster.js'
import { until } from '../../../support/until.js'

const { server, settings } = await startSingleAndCluster()
const guest: UserRef = { appId: app, userId: 'guest:~visitor' }
const COUNT = 70

/** Saves a guest, who gets this many messages, and the user, who adopts the guest. */
const adoptWith = async (engine: Engine, messages = 1): Promise<Adoption> => {
  await saveGuest(engine, guest)
  await engine.saveUser(ada, {})
  for (let n = 0; n < messages; n++) await deliver(engine, { from: null, to: guest.userId, body: `${n}` })
  return (await adopt(engine, ada, guest.userId)) ?? assert.fail()
}

const isUnavailable = (error: unknown): boolean => (error as { code?: unknown }).code === 'unavailable'

it('adopts a guest of another partition than the user', () => {
  const partitions = new Partitions(FEW_PARTITIONS)
  assert.notEqual(partitions.of(guest), partitions.of(ada))
})

const steps = ['adoptGuest', 'readAdopted', 'appendAdopted', 'dropAdopted', 'endAdopted']
const losses = ['request', 'reply'] as const
for (const { name, options } of settings)
  for (const step of steps)
    for (const loss of losses) {
      const prefix = `${step} ${loss}:`
      const engineOf = (lossOf: Parameters<typeof lossyClient>[1] = () => undefined, shift = 0): Engine =>
        createSharedEngine({
          client: () => lossyClient(options, lossOf),
          prefix,
          partitionCount: FEW_PARTITIONS,
          clockShift: () => shift,
          onError: (error) => assert.ok(isUnavailable(error), String(error)),
        })

      it(`${name}: another node goes on after a crash with the lost ${loss} of ${step}`, async () => {
        let isBroken = true
        const request = await whileOpen(
          engineOf((script) => (script === step && isBroken ? loss : undefined)),
          async (engine): Promise<AdoptionRequest> => {
            await ask(engine, ['guest.adopted', 'message.created'])
            const saved = (await saveGuest(engine, guest)) ?? assert.fail()
            const { user } = await engine.saveUser(ada, {})
            for (let n = 0; n < COUNT; n++)
              await deliver(engine, { from: null, to: guest.userId, body: `${n}` })
            const proof = { credential: credential(), createdAt: saved.user.createdAt }
            const { retention } = rules()
            const asked = { ...ada, userCreatedAt: user.createdAt, guestId: guest.userId, proof, retention }
            await engine.adoptGuest(asked).catch((error: unknown) => assert.ok(isUnavailable(error)))
            const both = new Set([...(await bodies(engine, guest)), ...(await bodies(engine, ada))])
            assert.equal(both.size, COUNT, 'each message is in one of the inboxes')
            return asked
          },
        )
        isBroken = false
        await whileOpen(engineOf(undefined, 6_000), async (engine) => {
          // Without a mark nothing says that there is something to do: the client repeats its start.
          if (step === 'adoptGuest' && loss === 'request') assert.ok(await engine.adoptGuest(request))
          await until(
            'all messages have moved',
            async () => (await bodies(engine, guest)).length === 0 && (await engine.usage(app)).inboxes,
            1,
            20_000,
          )
          assert.deepEqual(
            await bodies(engine, ada),
            Array.from({ length: COUNT }, (_, n) => `${n}`),
          )
          assert.deepEqual(await engine.adoptGuest(request), { guest: guest.userId, messages: COUNT })
          const types = (await pending(engine)).map(({ event }) => event.type)
          assert.equal(types.filter((type) => type === 'guest.adopted').length, 1)
          assert.equal(types.filter((type) => type === 'message.created').length, COUNT)
        })
      })
    }

it('a copy to another engine reports an adoption that a crash has left unreported, and its unread messages', async () => {
  const [options, prefix] = [{ type: 'single', url: server.url } as const, 'copied:']
  await whileOpen(
    createSharedEngine({
      client: () => lossyClient(options, (script) => (script === 'appendAdopted' ? 'request' : undefined)),
      ...{ prefix, onError: () => undefined },
    }),
    async (engine) => {
      await ask(engine, ['guest.adopted', 'message.unread'])
      await adoptWith(engine)
    },
  )
  const records: TransferRecord[] = []
  for await (const page of redisSource({ server: options, prefix }, 60_000)) records.push(...page)
  const types = records.flatMap((record) => (record.kind === 'event' ? record.event.type : []))
  assert.deepEqual(types, ['guest.adopted'])
  assert.equal(records.filter(({ kind }) => kind === 'message').length, 1)
  assert.equal(records.filter((record) => record.kind === 'user' && record.check).length, 1)
})

for (const { name, options } of settings)
  it(`${name}: a copy that is owed to an adopted guest goes to the user`, async () => {
    let isBroken = true
    const engine = createSharedEngine({
      client: () =>
        lossyClient(options, (script) => (script === 'makeOwnCopy' && isBroken ? 'request' : undefined)),
      prefix: 'owed:',
      partitionCount: FEW_PARTITIONS,
      onError: () => undefined,
    })
    await whileOpen(engine, async () => {
      assert.equal((await saveGuest(engine, guest))?.created, true)
      for (const of of [ada, bob]) await engine.saveUser(of, {})
      const message = newMessage({ from: guest.userId, to: bob.userId, body: 'a question' })
      // In a cluster the own copy is pending. On one server it is stored.
      await engine.send(message, rules()).catch((error: unknown) => assert.ok(isUnavailable(error)))
      assert.ok(await adopt(engine, ada, guest.userId))
      isBroken = false
      await until('the copy is made', async () => (await bodies(engine, ada)).length, 1, 20_000)
      const { epoch } = await engine.inbox(ada)
      const { messages } = await engine.messagesAfter(ada, { epoch, offset: 0 }, 10)
      const { id, body } = message
      assert.deepEqual(
        messages.map((each) => [each.id, each.from, each.to, each.body, each.adopted]),
        [[id, ada.userId, bob.userId, body, true]],
      )
      assert.equal((await engine.inbox(ada)).unread, 0)
    })
  })

for (const { name, options } of settings)
  it(`${name}: moves no message of an adopted guest who is deleted meanwhile`, async () => {
    let moves = 0
    const engine: Engine = createSharedEngine({
      client: () =>
        hookedClient(options, async (script) => {
          if (script === 'appendAdopted' && ++moves === 2) assert.equal(await engine.deleteUser(guest), true)
        }),
      ...{ prefix: 'deleted guest:', partitionCount: FEW_PARTITIONS, onError: assert.ifError },
    })
    await whileOpen(engine, async () => {
      await ask(engine, ['guest.adopted'])
      assert.equal((await adoptWith(engine, COUNT)).messages, COUNT)
      const moved = await bodies(engine, ada)
      assert.ok(moved.length > 0 && moved.length < COUNT, `${moved.length} messages have moved`)
      assert.deepEqual(await bodies(engine, guest), [])
      assert.equal((await engine.usage(app)).inboxes, 1)
      assert.deepEqual(
        (await pending(engine)).map(({ event }) => event.type),
        ['guest.adopted'],
      )
    })
  })
