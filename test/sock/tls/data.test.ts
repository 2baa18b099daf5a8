/**
 * The bytes of a secured connection: all of them, in order, however they are cut, and never many of them held.
 */
import { readFileSync } from 'node:fs'
import { VBytePattern, type VDevicePairOptions, VPatternChecker } from '@vio/io/testing'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { bytes, type Connection, nodeTurn, TLSRig, VERSIONS } from './rig.js'

/** What a side may hold: ciphertext and plaintext of both directions, a record in the engine, the framing of all of it. */
const BOUND_BYTES = 5 * 65_536

const RAGGED: VDevicePairOptions = {
  a: { readSizes: [1, 13, 700], writeSizes: [7, 100, 3], capacityBytes: 900 },
  b: { readSizes: [2, 5, 1000], writeSizes: [11, 40], capacityBytes: 400 },
}

const PATTERN = new VBytePattern(3)

describe.each(VERSIONS)('bytes over %s', (version) => {
  it('gives the same bytes when single bytes pass on the line [CR-65]', async () => {
    const rig = await TLSRig.make()
    const line = { a: { readSizes: [1], writeSizes: [1] }, b: { readSizes: [1], writeSizes: [1] } }
    const { atServer, atClient } = await rig.secured({ version, line })
    await rig.transfer(atClient, atServer, 700)
    await rig.transfer(atServer, atClient, 700)
  })

  it('gives the same bytes whatever passes on the line at a time [CR-65]', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient } = await rig.secured({ version, line: RAGGED })
    await Promise.all([
      rig.transfer(atClient, atServer, 60_000, 1),
      rig.transfer(atServer, atClient, 60_000, 2),
    ])
  })

  it('gives the same bytes in whatever pieces they are written and granted [CR-65]', async () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const rig = await TLSRig.make()
      const random = new VSeededRandom(seed)
      const upTo = (count: number): number => 1 + Math.floor(random.publicDouble() * count)
      const { atServer, atClient } = await rig.secured({ version, serverSink: { grantAtAttach: 0 } })
      const checker = new VPatternChecker(PATTERN)
      let sent = 0
      await rig.until(() => {
        const size = Math.min(upTo(9000), 100_000 - sent)
        if (size > 0) atClient.source.feed(bytes(PATTERN.take(size, sent)))
        sent += size
        if (atServer.sink.received.length > 0) checker.feed(atServer.sink.received.pop())
        atServer.sink.grantMore(upTo(4000))
        return checker.position === 100_000
      })
    }
  })

  it('passes 10 MB in both directions at once', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient, server, client } = await rig.secured({ version })
    await Promise.all([
      rig.transfer(atClient, atServer, 10_000_000, 5),
      rig.transfer(atServer, atClient, 10_000_000, 6),
    ])
    await rig.quiet()
    expect([server.heldBytes, client.heldBytes]).toEqual([0, 0])
  })

  it('goes on reading what was opened when nothing more comes on the line [VE-S23]', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient } = await rig.secured({ version, serverSink: { grantAtAttach: 0 } })
    atClient.source.feed(bytes(PATTERN.take(5000)))
    await rig.quiet()
    expect(atServer.sink.received.length).toBe(0)
    // All of the ciphertext has been read by now: the line is quiet, and yet there is more to be had each time.
    const checker = new VPatternChecker(PATTERN)
    for (let times = 0; times < 5; times += 1) {
      atServer.sink.grantMore(1000)
      rig.bench.settle()
      expect(atServer.sink.received.length).toBe(1000)
      checker.feed(atServer.sink.received.pop())
    }
  })
})

describe.each(VERSIONS)('what is held over %s', (version) => {
  /** Has `from` send without end and `to` take nothing, and looks at both transports all the way. */
  async function stall(rig: TLSRig, connection: Connection, from: 'atClient' | 'atServer'): Promise<number> {
    const { source } = connection[from]
    let [fed, most, idle] = [0, 0, 0]
    while (idle < 60) {
      if (source.queue.length < 200_000) {
        source.feed(bytes(PATTERN.take(100_000, fed)))
        fed += 100_000
        idle = 0
      } else idle += 1
      rig.bench.settle()
      await nodeTurn()
      most = Math.max(most, connection.server.heldBytes, connection.client.heldBytes)
    }
    return most
  }

  it.each(['atClient', 'atServer'] as const)(
    'is bounded when the one that %s talks to reads nothing',
    async (from) => {
      const rig = await TLSRig.make()
      const to = from === 'atClient' ? 'atServer' : 'atClient'
      const none = { grantAtAttach: 0 }
      const connection = await rig.secured({ version, serverSink: none, clientSink: none })
      const most = await stall(rig, connection, from)
      expect(most).toBeGreaterThan(65_536)
      expect(most).toBeLessThan(BOUND_BYTES)
      const { sink } = connection[to]
      expect(sink.received.length).toBe(0)
      const inside = connection[from].source.produced
      // Nothing of it is lost.
      sink.grant(inside)
      await rig.until(() => sink.received.length === inside)
      new VPatternChecker(PATTERN).feed(sink.received.pop())
    },
  )

  it('is bounded when the line takes nothing, in both directions', async () => {
    const rig = await TLSRig.make()
    const connection = await rig.secured({ version })
    // A device whose output stands still: the far device reads nothing.
    const { server, client, atServer, atClient, line } = connection
    line.a.onReady(() => undefined)
    line.b.onReady(() => undefined)
    for (let round = 0; round < 50; round += 1) {
      for (const { source } of [atServer, atClient]) {
        if (source.queue.length < 200_000) source.feed(bytes(PATTERN.take(100_000)))
      }
      rig.bench.settle()
      await nodeTurn()
    }
    for (const side of [server, client]) {
      expect(side.heldBytes).toBeGreaterThan(65_536)
      expect(side.heldBytes).toBeLessThan(BOUND_BYTES)
    }
  })

  it('keeps to a smaller buffer when told so', async () => {
    const rig = await TLSRig.make()
    const none = { grantAtAttach: 0 }
    const small = { bufferBytes: 1000 }
    const given = { version, serverSink: none, clientSink: none, serverOptions: small, clientOptions: small }
    const connection = await rig.secured(given)
    const most = await stall(rig, connection, 'atClient')
    expect(most).toBeLessThan(5 * 1000 + 200)
    const inside = connection.atClient.source.produced
    connection.atServer.sink.grant(inside)
    await rig.until(() => connection.atServer.sink.received.length === inside)
  })
})

describe('TLS over TLS', () => {
  it.each(VERSIONS)('carries one connection in another, with its ends (%s)', async (version) => {
    const rig = await TLSRig.make()
    const versions = { minVersion: version, maxVersion: version }
    const [outerServer, outerClient] = [rig.server(), rig.client()]
    const [server, client] = [rig.server(versions), rig.client(versions)]
    server.cipherIO.attach(outerServer.plainIO)
    client.cipherIO.attach(outerClient.plainIO)
    rig.join(outerServer, outerClient)
    const [atServer, atClient] = [rig.application(server.plainIO), rig.application(client.plainIO)]
    await Promise.all([
      rig.transfer(atClient, atServer, 300_000, 1),
      rig.transfer(atServer, atClient, 300_000, 2),
    ])
    expect([server.version, outerServer.version]).toEqual([version, 'TLSv1.3'])
    atClient.source.end()
    await rig.quiet()
    expect(atServer.sink.ended?.clean).toBe(true)
    await rig.transfer(atServer, atClient, 1000, 9)
    atServer.source.end()
    await rig.quiet()
    expect(atClient.sink.ended?.clean).toBe(true)
    expect([outerServer.failure, outerClient.failure]).toEqual([null, null])
  })
})

describe('the place of a secure channel', () => {
  it('is taken by TLS, and the decision says what is not built [VE-129]', async () => {
    const scope = readFileSync(
      new URL('../../../docs/decisions/0013-tls-over-chains.md', import.meta.url),
      'utf8',
    )
    const statement = /\*\*Scope\.\*\*[^*]*/.exec(scope)?.[0] ?? ''
    for (const name of ['VTS', 'VEC', 'VOL', 'VOP', 'None of them is built'])
      expect(statement).toContain(name)
    const rig = await TLSRig.make()
    const { client, server, atServer, atClient } = await rig.secured()
    // What stands in a chain is an element with two sides, and what the line carries is not what was said.
    expect([client.plainIO.consumer.twoway, client.cipherIO.producer.twoway]).toEqual([true, true])
    expect(server.cipherConsume.flows).toEqual([server.plainProduce])
    expect(client.plainConsume.flows).toEqual([client.cipherProduce])
    await rig.transfer(atClient, atServer, 10_000)
  })
})
