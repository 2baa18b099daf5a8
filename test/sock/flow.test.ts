/**
 * What flows over sockets: much, in both directions, against a reader that stalls, and through every kind of end.
 */
import { VByteBuffer, VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VClientSocketAgent, VSocketLost } from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { agentPair } from './support/agent-pair.js'
import { farOn } from './support/far-socket.js'
import { connected, eventually, listening, loopRounds } from './support/net-rig.js'
import { NET_KINDS, type NetKind } from './support/places.js'
import { startReactor } from './support/reactor.js'

const PATTERN = new VBytePattern(11)
const TOTAL = 10_000_000
const READ = 65_536

/** Two agents that are connected to each other by a listener. */
async function agents(kind: NetKind, options: object = {}) {
  const started = startReactor()
  return { ...started, ...(await agentPair(started.reactor, { kind, options })) }
}

/** Takes what comes, checking that it is the pattern. */
class Checker extends VProbeConsumer {
  readonly checker: VPatternChecker = new VPatternChecker(PATTERN)

  constructor() {
    super({ grantAtAttach: null })
  }

  check(): number {
    this.checker.feed(this.received.pop())
    return this.checker.position
  }
}

describe.each(NET_KINDS)('between two agents on %s', (kind) => {
  it('10 MB pass in each direction at once, byte for byte, with clean ends', async () => {
    const { reactor, client, server } = await agents(kind)
    const ends = [client, server].map((agent) => {
      const sink = new Checker()
      const source = new VProbeProducer({ reactor })
      agent.byteProduce.attach(sink)
      agent.byteConsume.attach(source)
      source.feed(new VByteBuffer(PATTERN.take(TOTAL)))
      source.end()
      return sink
    })
    await eventually(() => {
      for (const sink of ends) sink.check()
      return ends.every(({ ended }) => ended !== null)
    }, 30_000)
    for (const sink of ends) {
      expect(sink.check()).toBe(TOTAL)
      expect(sink.ended?.clean).toBe(true)
    }
    await eventually(() => client.closed && server.closed)
  })

  it('a reader that stalls holds no more than is stated, and the other side stops [CR-60 VE-111 VE-S16]', async () => {
    const maxRead = 16_384
    for (const side of ['client', 'server'] as const) {
      const { reactor, ...made } = await agents(kind, { maxRead })
      const [reading, writing] = side === 'client' ? [made.client, made.server] : [made.server, made.client]
      const sink = new VProbeConsumer({ grantAtAttach: 1000 })
      reading.byteProduce.attach(sink)
      const source = new VProbeProducer({ reactor })
      writing.byteConsume.attach(source)
      source.feed(new VByteBuffer(PATTERN.take(2 * TOTAL)))
      await eventually(() => sink.received.length === 1000)
      await reactor.quiet()
      const { device } = reading as {
        device: { socket?: { bytesRead: number } | null; heldBytes?: number }
      }
      const { heldBytes = (device.socket?.bytesRead ?? Number.NaN) - sink.received.length } = device
      // A socket of our own: what fills it, and one read. One that Node's server made: two of Node's reads on top.
      expect(heldBytes).toBeLessThan(side === 'client' ? 2 * maxRead : maxRead + 2 * 65_536)
      expect(heldBytes).toBeGreaterThan(0)
      expect(source.queue.length).toBeGreaterThan(TOTAL / 2)
      expect(writing.bufferedBytes + writing.device.unflushedBytes).toBeLessThanOrEqual(2 * READ)
      expect(Math.max(...sizesOf(sink))).toBeLessThanOrEqual(maxRead)
      reading.reset()
      writing.reset()
    }
  })
})

function sizesOf(sink: VProbeConsumer): number[] {
  return sink.log.matching(/consume/).map((text) => Number(/\d+/.exec(text)?.[0]))
}

describe('the end of an input', () => {
  /** A reset right behind bytes: libuv tells it as a clean end. */
  it.each(['client', 'server'] as const)(
    'is none if it was a reset right behind bytes, at the %s [CR-61]',
    async (side) => {
      for (const ownEnd of [false, true]) {
        const { client, server } = await agents('tcp4')
        const [near, far] = side === 'client' ? [client, server] : [server, client]
        const sink = new VProbeConsumer({ grantAtAttach: null })
        if (ownEnd) near.closeOutput(new VFIOCompleted())
        await loopRounds()
        far.device.writeSome(Buffer.from('bytes'))
        await eventually(() => far.device.unflushedBytes === 0)
        far.device.reset(new VFIOLost())
        near.byteProduce.attach(sink)
        await eventually(() => sink.ended !== null)
        expect(sink.received.pop().toString()).toBe('bytes')
        expect(sink.ended?.clean, `with the own output ${ownEnd ? 'ended' : 'open'}`).toBe(false)
        expect(sink.ended?.reason).toMatchObject({ code: 'ECONNRESET' })
      }
    },
  )

  it('is a clean one behind bytes, also if the other side takes nothing any more', async () => {
    const { client, server } = await agents('tcp4')
    const sink = new VProbeConsumer({ grantAtAttach: null })
    server.byteProduce.attach(sink)
    client.device.writeSome(Buffer.from('bytes'))
    client.device.close(new VFIOCompleted())
    server.device.writeSome(Buffer.from('too late'))
    await eventually(() => sink.ended !== null)
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['bytes', true])
  })

  it('keeps the code of what broke the connection, for both halves [VE-S17]', async () => {
    const { reactor, client, server } = await agents('tcp4')
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const source = new VProbeProducer({ reactor })
    server.byteProduce.attach(sink)
    server.byteConsume.attach(source)
    client.reset()
    await eventually(() => sink.ended !== null && source.aborted !== null)
    for (const reason of [sink.ended?.reason, source.aborted?.reason]) {
      expect(reason).toBeInstanceOf(VSocketLost)
      expect(reason).toBeInstanceOf(VIOLost)
      expect(reason).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
    }
  })

  it('reaches a chain that was attached late as aborts, and the peer as connected [VE-S19]', async () => {
    const { reactor, client, peer } = await agents('tcp4')
    client.closeIO(new VFIOLost())
    const sink = new VProbeConsumer()
    const source = new VProbeProducer({ reactor })
    client.byteProduce.attach(sink)
    client.byteConsume.attach(source)
    client.byteProduce.control.reqProducerState(sink)
    expect([sink.aborted, source.aborted]).toEqual([null, null])
    await eventually(() => sink.aborted !== null && source.aborted !== null)
    expect(sink.ended).toBeNull()
    await eventually(() => sink.messages.some(({ name }) => name === 'connected'))
    expect(peer.equals(sink.messages.find(({ name }) => name === 'connected')?.args[0])).toBe(true)
  })
})

describe('closing', () => {
  it('delivers what was written last, although the other side still sends', async () => {
    const place = await listening('tcp4')
    onTestFinished(() => place.close())
    const { reactor } = startReactor()
    const own = await connected(place.peer)
    const socket = await place.next()
    const agent = new VClientSocketAgent(reactor, socket)
    const far = farOn(own)
    const source = new VProbeProducer({ reactor })
    agent.byteConsume.attach(source)
    far.write(PATTERN.take(60_000))
    source.feed(new VByteBuffer(PATTERN.take(3_000_000)))
    source.end()
    agent.closeInput(new VFIOCompleted())
    const checker = new VPatternChecker(PATTERN)
    await eventually(() => {
      far.write(Buffer.alloc(1000))
      checker.feed(far.read(50_000))
      return far.ended !== 'no'
    })
    expect([far.ended, checker.position]).toEqual(['clean', 3_000_000])
    own.destroy()
  })

  it('lets a peer that never ends go after a while', async () => {
    const { client, server } = await agents('tcp4', { lingerMs: 5 })
    let gone = false
    client.device.onClosed(() => {
      gone = true
    })
    client.closeIO(new VFIOCompleted())
    await eventually(() => gone)
    expect(server.closed).toBe(false)
  })

  const STATES = [
    'new',
    'connecting',
    'connected',
    'reading',
    'writing',
    'output ended',
    'input ended',
    'closed',
  ] as const

  it.each(STATES)('by an abort is at once and leaves nothing, when it is %s [CR-37]', async (state) => {
    const { reactor, client, server, peer, logged } = await agents('tcp4')
    const isYoung = state === 'new' || state === 'connecting'
    const agent = isYoung ? new VClientSocketAgent(reactor) : client
    const sink = new VProbeConsumer({ grantAtAttach: state === 'reading' ? null : 0 })
    const source = new VProbeProducer({ reactor })
    agent.byteProduce.attach(sink)
    agent.byteConsume.attach(source)
    let gone = state === 'new'
    agent.device.onClosed(() => {
      gone = true
    })
    if (state === 'connecting') agent.connect(peer)
    if (state === 'reading') server.device.writeSome(PATTERN.take(50_000))
    if (state === 'writing') source.feed(new VByteBuffer(PATTERN.take(TOTAL)))
    if (state === 'output ended') agent.closeOutput(new VFIOCompleted())
    if (state === 'input ended') server.device.closeOutput(new VFIOCompleted())
    if (state === 'closed') agent.closeIO(new VFIOCompleted())
    if (!isYoung) await reactor.quiet()
    sink.abort(new Error('enough'))
    source.abort(new Error('enough'))
    agent.reset()
    agent.reset()
    await eventually(() => agent.closed && gone)
    expect([sink.producer, source.consumer]).toEqual([null, null])
    expect(logged.filter(({ level }) => level >= 40)).toEqual([])
  })
})
