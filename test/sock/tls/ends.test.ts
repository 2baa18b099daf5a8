/**
 * How a secured connection ends: sealed, cut off, aborted, in each direction, and what is told of it.
 */
import { VByteEndpoint } from '@vio/io'
import { createDevicePair, VProbeConsumer, type VProbeConsumerOptions, VProbeProducer } from '@vio/io/testing'
import { VFIOCompleted } from '@vio/reactor'
import { type VTLSClient, VTLSHandshakeError, VTLSTruncated, type VTLSVersion } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { bytes, type Connection, TLSRig, VERSIONS } from './rig.js'

/** Where a side stands between its transport and the line, so that what it sent can be cut at any byte. */
interface Cut {
  readonly connection: Omit<Connection, 'line'>
  /** Ciphertext that the client has sent and that did not go on. */
  readonly toServer: VProbeConsumer
  /** Gives the server ciphertext. */
  readonly server: VProbeProducer
  readonly toClient: VProbeConsumer
  readonly client: VProbeProducer
}

/** Two transports whose ciphertext goes by hand. */
function cutConnection(rig: TLSRig, version: VTLSVersion, serverSink: VProbeConsumerOptions = {}): Cut {
  const versions = { minVersion: version, maxVersion: version }
  const [server, client] = [rig.server(versions), rig.client(versions)]
  const atServer = rig.application(server.plainIO, serverSink)
  const atClient = rig.application(client.plainIO)
  const by = (): [VProbeConsumer, VProbeProducer] => [
    new VProbeConsumer({ grantAtAttach: null }),
    new VProbeProducer({ reactor: rig.reactor }),
  ]
  const [[toServer, forClient], [toClient, forServer]] = [by(), by()]
  client.cipherProduce.attach(toServer)
  client.cipherConsume.attach(forClient)
  server.cipherProduce.attach(toClient)
  server.cipherConsume.attach(forServer)
  return {
    connection: { server, client, atServer, atClient },
    toServer,
    toClient,
    server: forServer,
    client: forClient,
  }
}

/** Carries ciphertext back and forth until nothing comes any more, `toServer` at most in all. Returns what has gone. */
async function carry(rig: TLSRig, cut: Cut, most = Number.POSITIVE_INFINITY, gone = 0): Promise<number> {
  let total = gone
  for (let idle = 0; idle < 3; ) {
    await rig.quiet()
    const up = cut.toServer.received.pop(Math.min(cut.toServer.received.length, most - total))
    const down = cut.toClient.received.pop()
    total += up.length
    if (up.length > 0 && !cut.server.closed) cut.server.feed(bytes(up))
    if (down.length > 0 && !cut.client.closed) cut.client.feed(bytes(down))
    idle = up.length + down.length === 0 ? idle + 1 : 0
  }
  return total
}

describe.each(VERSIONS)('the end of a direction over %s', (version) => {
  it('passes sealed, and leaves the other direction working [VE-S23 CR-58]', async () => {
    const rig = await TLSRig.make()
    for (const [first, second] of [['atClient', 'atServer'] as const, ['atServer', 'atClient'] as const]) {
      const connection = await rig.secured({ version })
      const [ender, other] = [connection[first], connection[second]]
      ender.source.feed(bytes('the last'))
      ender.source.end()
      await rig.quiet()
      expect(other.sink.received.pop().toString()).toBe('the last')
      expect(other.sink.ended).toEqual({ clean: true, reason: undefined })
      expect(other.source.aborted).toBe(null)
      await rig.transfer(other, ender, 300_000)
      expect(ender.sink.ended).toBe(null)
      other.source.end()
      await rig.quiet()
      expect(ender.sink.ended).toEqual({ clean: true, reason: undefined })
      // Both devices were closed cleanly: nothing was reset.
      for (const { calls } of [connection.line.a, connection.line.b]) {
        expect(calls.at(-1)).toBe('close(VFIOCompleted)')
        expect(calls.join()).not.toContain('Lost')
      }
      expect([connection.server.failure, connection.client.failure]).toEqual([null, null])
    }
  })

  it('tells who ends that the end was carried out, and not before [CR-35 CR-63]', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient } = await rig.secured({ version, serverSink: { grantAtAttach: 0 } })
    atClient.source.feed(bytes(Buffer.alloc(400_000)))
    atClient.source.end()
    await rig.quiet()
    expect(atServer.sink.ended).toBe(null)
    expect(atClient.source.aborted).toBe(null)
    atServer.sink.grant(null)
    await rig.until(() => atServer.sink.ended !== null)
    await rig.quiet()
    expect(atServer.sink.received.length).toBe(400_000)
    expect(atServer.sink.ended?.clean).toBe(true)
    expect(atClient.source.aborted).toEqual({ reason: undefined })
  })

  it('is told although it comes with nothing allowed, behind nothing [CR-36]', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient } = await rig.secured({ version, serverSink: { grantAtAttach: 0 } })
    atClient.source.end()
    await rig.quiet()
    expect(atServer.sink.ended?.clean).toBe(true)
  })

  it('that is unclean at one application is so at the other, with its bytes [CR-34 CR-61]', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient } = await rig.secured({ version })
    atClient.source.feed(bytes(Buffer.alloc(100_000)))
    atClient.source.end(false, new Error('the source is gone'))
    await rig.quiet()
    expect(atServer.sink.ended?.clean).toBe(false)
    expect(atServer.sink.ended?.reason).toBeInstanceOf(Error)
  })

  it('that was sealed is clean also when the line ends in the same moment [N-09]', async () => {
    for (const credit of [null, 0]) {
      const rig = await TLSRig.make()
      const cut = cutConnection(rig, version, { grantAtAttach: credit })
      const { atServer, atClient } = cut.connection
      await carry(rig, cut)
      atClient.source.feed(bytes('all'))
      atClient.source.end()
      await rig.quiet()
      // The last bytes and the end of the line come within one turn, before the library could say anything.
      cut.server.feed(bytes(cut.toServer.received.pop()))
      cut.server.end(true)
      rig.bench.settle()
      await rig.quiet()
      if (!atServer.sink.closed) atServer.sink.grant(null)
      await rig.quiet()
      expect(atServer.sink.received.pop().toString()).toBe('all')
      expect(atServer.sink.ended).toEqual({ clean: true, reason: undefined })
    }
  })

  it('that was sealed stays clean, whatever follows it on the line', async () => {
    const rig = await TLSRig.make()
    const cut = cutConnection(rig, version)
    const { atServer, atClient } = cut.connection
    await carry(rig, cut)
    atClient.source.feed(bytes('all'))
    atClient.source.end()
    await carry(rig, cut)
    expect(atServer.sink.received.pop().toString()).toBe('all')
    expect(atServer.sink.ended?.clean).toBe(true)
    cut.server.feed(bytes(Buffer.alloc(200_000, 1)))
    cut.server.end(false, new Error('cut'))
    await rig.quiet()
    expect(cut.server.queue.length).toBe(0)
    expect(atServer.source.aborted).toBe(null)
  })
})

describe.each(VERSIONS)('bytes that were cut off over %s', (version) => {
  it('end unclean when the line ends and TLS did not say so [N-09]', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient, line } = await rig.secured({ version })
    atClient.source.feed(bytes('half of it'))
    await rig.quiet()
    line.a.closeOutput(new VFIOCompleted())
    await rig.quiet()
    expect(atServer.sink.received.pop().toString()).toBe('half of it')
    expect(atServer.sink.ended?.clean).toBe(false)
    expect(atServer.sink.ended?.reason).toBeInstanceOf(VTLSTruncated)
    expect(atServer.sink.ended?.reason).toMatchObject({ code: 'V_TLS_TRUNCATED' })
  })

  it('end unclean also while the reader is stalled, and clean if the end was sealed [N-09]', async () => {
    for (const sealed of [true, false]) {
      const rig = await TLSRig.make()
      const given = { version, serverSink: { grantAtAttach: 0 } }
      const { atServer, atClient, line } = await rig.secured(given)
      atClient.source.feed(bytes(Buffer.alloc(40_000)))
      await rig.quiet()
      if (sealed) atClient.source.end()
      else line.a.closeOutput(new VFIOCompleted())
      await rig.quiet()
      expect(atServer.sink.ended).toBe(null)
      for (let left = 40; left > 0; left -= 1) {
        atServer.sink.grantMore(1000)
        rig.bench.settle()
      }
      await rig.quiet()
      expect(atServer.sink.received.length).toBe(40_000)
      expect(atServer.sink.ended?.clean).toBe(sealed)
    }
  })

  it('are told for what they are wherever the cut is, from the first byte to the sealed end [N-09]', async () => {
    const rig = await TLSRig.make()
    const whole = cutConnection(rig, version)
    const handshakeBytes = await carry(rig, whole)
    whole.connection.atClient.source.feed(bytes('0123456789'))
    await rig.quiet()
    const dataBytes = handshakeBytes + whole.toServer.received.length
    whole.connection.atClient.source.end()
    await rig.quiet()
    const allBytes = handshakeBytes + whole.toServer.received.length
    expect(allBytes).toBeGreaterThan(dataBytes)
    // Lengths of a handshake differ by a byte or two from time to time: the signature's encoding.
    const inHandshake = [0, 1, 5, 60, 200, handshakeBytes - 40]
    const inData = [dataBytes - 5, dataBytes + 10, allBytes - 5]
    for (const at of [...inHandshake, ...inData]) {
      const cut = cutConnection(rig, version)
      const { atServer, atClient } = cut.connection
      const gone = await carry(rig, cut, at)
      if (at > handshakeBytes) {
        atClient.source.feed(bytes('0123456789'))
        atClient.source.end()
        await carry(rig, cut, at, gone)
      }
      cut.server.end(true)
      await rig.quiet()
      expect(atServer.sink.ended?.clean, `cut at ${at} of ${allBytes}`).toBe(false)
      const reason = atServer.sink.ended?.reason
      if (at < handshakeBytes) expect(reason, `cut at ${at}`).toBeInstanceOf(VTLSHandshakeError)
      else expect(reason, `cut at ${at}`).toBeInstanceOf(VTLSTruncated)
      if (at < handshakeBytes) expect(atServer.source.aborted?.reason).toBe(reason)
      cut.connection.client.abort()
      cut.connection.server.abort()
    }
  })

  it('end at the client too when its server is cut off in the middle of the handshake', async () => {
    const rig = await TLSRig.make()
    for (const at of [0, 1, 100, 500]) {
      const cut = cutConnection(rig, version)
      const { atClient } = cut.connection
      await rig.quiet()
      cut.server.feed(bytes(cut.toServer.received.pop()))
      await rig.quiet()
      if (at > 0) cut.client.feed(bytes(cut.toClient.received.pop(at)))
      await rig.quiet()
      cut.client.end(true)
      await rig.quiet()
      expect(atClient.sink.ended?.reason, `cut at ${at}`).toBeInstanceOf(VTLSHandshakeError)
      expect(atClient.source.aborted, `cut at ${at}`).not.toBe(null)
      cut.connection.server.abort()
    }
  })

  it('change by one bit and are refused, with what was good before it', async () => {
    const rig = await TLSRig.make()
    const cut = cutConnection(rig, version)
    const { atServer, atClient, server } = cut.connection
    await carry(rig, cut)
    atClient.source.feed(bytes('good'))
    await carry(rig, cut)
    atClient.source.feed(bytes('forged'))
    await rig.quiet()
    const forged = cut.toServer.received.pop()
    forged[forged.length - 3] = (forged[forged.length - 3] ?? 0) ^ 1
    cut.server.feed(bytes(forged))
    await rig.quiet()
    expect(atServer.sink.received.pop().toString()).toBe('good')
    expect(atServer.sink.ended?.clean).toBe(false)
    expect(server.failure).toMatchObject({ code: expect.stringMatching(/^ERR_SSL_/) })
    expect(server.failure?.cause).toBeInstanceOf(Error)
    expect(atServer.source.aborted?.reason).toBe(server.failure)
    // The other side hears why, as TLS tells it.
    await carry(rig, cut)
    expect(cut.connection.client.failure).toMatchObject({
      code: expect.stringMatching(/^ERR_SSL_.*ALERT/),
    })
  })
})

describe.each(VERSIONS)('what was good before a fault over %s', (version) => {
  it('still comes to a reader that takes its time, and the loss behind it', async () => {
    const rig = await TLSRig.make()
    const cut = cutConnection(rig, version, { grantAtAttach: 0 })
    const { atServer, atClient, server } = cut.connection
    await carry(rig, cut)
    atClient.source.feed(bytes(Buffer.alloc(30_000)))
    await carry(rig, cut)
    atClient.source.feed(bytes('forged'))
    await rig.quiet()
    const forged = cut.toServer.received.pop()
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1
    cut.server.feed(bytes(forged))
    await rig.quiet()
    expect(server.failure).not.toBe(null)
    expect([atServer.sink.ended, atServer.sink.received.length]).toEqual([null, 0])
    expect(atServer.source.aborted?.reason).toBe(server.failure)
    atServer.sink.grant(29_000)
    await rig.quiet()
    expect([atServer.sink.ended, atServer.sink.received.length]).toEqual([null, 29_000])
    atServer.sink.grant(null)
    await rig.quiet()
    expect(atServer.sink.received.length).toBe(30_000)
    expect(atServer.sink.ended).toEqual({ clean: false, reason: server.failure })
  })
})

describe.each(VERSIONS)('an abort over %s', (version) => {
  const ENDS = ['sink', 'source', 'plain', 'cipher', 'transport'] as const

  it.each(ENDS)(
    'by the %s takes everything down with its reason, in every state [CR-39 CR-37]',
    async (by) => {
      const reason = new Error('no more of this')
      for (const state of ['new', 'handshake', 'open', 'busy', 'half'] as const) {
        const rig = await TLSRig.make()
        const connection = rig.connection({ version })
        const { client, atClient, atServer, line } = connection
        if (state === 'handshake') rig.bench.settle()
        if (!['new', 'handshake'].includes(state)) await rig.until(() => client.secured)
        if (state === 'busy') {
          atClient.source.feed(bytes(Buffer.alloc(500_000)))
          rig.bench.settle()
        }
        if (state === 'half') {
          atServer.source.end()
          await rig.quiet()
        }
        abortBy(by, client, atClient, reason)
        await rig.quiet()
        expect(atClient.source.aborted?.reason, `${state}: the source`).toBe(reason)
        if (state !== 'half') expect(atClient.sink.aborted?.reason, `${state}: the sink`).toBe(reason)
        expect(client.heldBytes).toBe(0)
        expect(line.a.closed, `${state}: the device`).not.toBeInstanceOf(VFIOCompleted)
        expect(line.a.closed, `${state}: the device`).not.toBe(null)
        expect(atServer.sink.ended?.clean ?? false).toBe(false)
        expect(atServer.sink.closed).toBe(true)
      }
    },
  )

  function abortBy(
    by: (typeof ENDS)[number],
    client: VTLSClient,
    { sink, source }: Connection['atClient'],
    reason: Error,
  ): void {
    if (by === 'sink' && !sink.closed) sink.abort(reason)
    else if (by === 'source' || by === 'sink') source.abort(reason)
    else if (by === 'plain') client.plainConsume.abort(reason)
    else if (by === 'cipher') client.cipherProduce.abort(reason)
    else client.abort(reason)
  }

  it('of the line reaches both applications with the reason of the line', async () => {
    const rig = await TLSRig.make()
    const { atServer, atClient, line } = await rig.secured({ version })
    line.reset()
    await rig.quiet()
    for (const { sink, source } of [atServer, atClient]) {
      expect(sink.ended?.clean ?? false).toBe(false)
      expect(sink.closed && source.aborted !== null).toBe(true)
    }
  })

  it('leaves nothing behind when nobody ever attached the ciphertext', async () => {
    const rig = await TLSRig.make()
    const client = rig.client()
    const { sink, source } = rig.application(client.plainIO)
    source.feed(bytes('early'))
    await rig.quiet()
    client.abort()
    expect([sink.aborted, source.aborted]).toEqual([{ reason: undefined }, { reason: undefined }])
    const pair = createDevicePair()
    expect(() => client.cipherIO.attach(new VByteEndpoint(rig.reactor, pair.a).byteIO)).toThrow('has ended')
  })
})
