/**
 * Two connections joined end to end, whose chunks are read into the same memory again and again.
 */
import { VByteBuffer } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import type { VClientSocketAgent } from '@vio/sock'
import { describe, expect, it, vi } from 'vitest'
import { agentPair } from './support/agent-pair.js'
import { eventually } from './support/net-rig.js'
import { startReactor } from './support/reactor.js'
import { TRANSPORTS } from './support/transports.js'

const PATTERN = new VBytePattern(13)
const TOTAL = 4_000_000
const READ = 65_536

/** A sink that stalls after every `windowBytes`, until it is checked. */
class Staller extends VProbeConsumer {
  readonly checker: VPatternChecker = new VPatternChecker(PATTERN)
  readonly #windowBytes: number

  constructor(windowBytes: number) {
    super({ grantAtAttach: windowBytes })
    this.#windowBytes = windowBytes
  }

  check(): void {
    if (this.received.length === 0) return
    this.checker.feed(this.received.pop())
    if (this.ended === null) this.grant(this.checker.position + this.#windowBytes)
  }
}

describe.each(TRANSPORTS)('a relay over %s sockets', (transport) => {
  const both = { connecting: transport, serving: transport }

  it.each([50_000, 5_000_000])(
    'passes on what it gets, both ways, with windows of %i bytes',
    async (window) => {
      const { reactor } = startReactor()
      const [left, right] = [await agentPair(reactor, both), await agentPair(reactor, both)]
      left.server.byteProduce.attach(right.client.byteConsume)
      right.client.byteProduce.attach(left.server.byteConsume)
      const reuses = [left.server, right.client].map(({ device }) => vi.spyOn(device, 'reuse'))
      const sinks = [left.client, right.server].map((agent) => {
        const source = new VProbeProducer({ reactor })
        agent.byteConsume.attach(source)
        source.feed(new VByteBuffer(PATTERN.take(TOTAL)))
        source.end()
        const sink = new Staller(window)
        agent.byteProduce.attach(sink)
        return sink
      })
      await eventually(() => {
        for (const sink of sinks) sink.check()
        return sinks.every(({ ended }) => ended !== null)
      }, 30_000)
      for (const { checker, ended } of sinks) expect([checker.position, ended?.clean]).toEqual([TOTAL, true])
      for (const reuse of reuses) expect(reuse).toHaveBeenCalled()
    },
  )

  it('reads into the memory that it has written, where the socket lets it', async () => {
    const { reactor } = startReactor()
    const { client, server } = await agentPair(reactor, { connecting: transport, serving: 'net' })
    client.byteProduce.attach(client.byteConsume)
    const reads = vi.spyOn(client.device, 'readSome')
    const sink = new Staller(TOTAL)
    server.byteProduce.attach(sink)
    const source = new VProbeProducer({ reactor })
    server.byteConsume.attach(source)
    for (let sent = 0; sent < 40 * READ; sent += READ) {
      source.feed(new VByteBuffer(PATTERN.take(READ, sent)))
      await eventually(() => {
        sink.check()
        return sink.checker.position === sent + READ
      })
    }
    const chunks = reads.mock.results
      .map(({ value }) => value as Buffer)
      .filter(({ length }) => length > READ / 2)
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBeLessThan(chunks.length / 2)
  })

  it('passes on what was read before it was attached, and what comes then', async () => {
    const { reactor } = startReactor()
    const [left, right] = [await agentPair(reactor, both), await agentPair(reactor, both)]
    const source = new VProbeProducer({ reactor })
    right.server.byteConsume.attach(source)
    const sink = new Staller(TOTAL)
    left.client.byteProduce.attach(sink)
    source.feed(new VByteBuffer(PATTERN.take(20_000)))
    await eventually(() => heldBytes(right.client) === 20_000)
    right.client.byteProduce.attach(left.server.byteConsume)
    for (let sent = 20_000; sent < 400_000; sent += 10_000) {
      await eventually(() => {
        sink.check()
        return sink.checker.position === sent
      })
      source.feed(new VByteBuffer(PATTERN.take(10_000, sent)))
    }
  })
})

/** What was read and not taken. */
function heldBytes({ device }: VClientSocketAgent): number {
  const { heldBytes, socket } = device as { heldBytes?: number; socket?: { bytesRead: number } | null }
  return heldBytes ?? socket?.bytesRead ?? Number.NaN
}
