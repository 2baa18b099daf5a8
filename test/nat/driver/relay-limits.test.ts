/**
 * A relay among people who do not mean well: each limit refuses by its name, and honest pairs go on.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTLS } from 'node:tls'
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { encodeRendezvous } from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { VDatagramSocket } from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { skipUnless } from '../../lib/skip.js'
import { SHARE } from '../lib/share.js'
import { carries, type RelayRig, startRelay, until } from './relay-rig.js'

/** A plain connection. */
class Raw {
  readonly socket: Socket
  readonly pieces: Buffer[] = []
  isClosed = false

  constructor(port: number, localAddress?: string) {
    this.socket = connect({
      port,
      host: '127.0.0.1',
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    this.socket.on('error', () => undefined)
    this.socket.on('data', (bytes) => this.pieces.push(bytes))
    this.socket.on('close', () => {
      this.isClosed = true
    })
    onTestFinished(() => void this.socket.destroy())
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString('latin1')
  }

  /** The name that it was refused with. */
  get refusal(): string | undefined {
    return /"type":"refused","reason":"([a-z-]+)"/.exec(this.text)?.[1]
  }

  async end(): Promise<void> {
    await until(() => this.isClosed, 'the end of a connection')
  }
}

const PLAIN = Buffer.of(0)

/** A message by its text, whatever it says. */
function message(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes])
}

describe('a quota', () => {
  it('of rooms refuses by name, for one source and in all', async () => {
    for (const quotas of [{ maxRoomsPerSource: 2 }, { maxRooms: 2 }]) {
      const relay = await startRelay({ quotas })
      for (const isFull of [false, false, true]) {
        const party = await relay.enter()
        party.send({ type: 'create', share: SHARE })
        if (isFull) expect(await party.next('refused')).toMatchObject({ reason: 'too-many-rooms' })
        else await party.next('created')
      }
      expect(relay.host.stats().rooms).toBe(2)
    }
  })

  it('of connections refuses by name, for one source and in all, and lets the next in when one has gone', async () => {
    for (const quotas of [{ maxConnectionsPerSource: 2 }, { maxConnections: 2 }]) {
      const relay = await startRelay({ quotas })
      const first = await relay.enter('tls')
      await relay.enter('ws')
      const third = await relay.connect()
      expect(await third.next('refused')).toMatchObject({ reason: 'too-many-connections' })
      await third.end()
      first.link?.close()
      await first.end()
      await until(() => relay.host.stats().connections === 1, 'one connection')
      await relay.enter('wss')
    }
  })

  it('of connections that say nothing drops what is far above it, without a word', async () => {
    const relay = await startRelay({ quotas: { maxConnectionsPerSource: 1 } })
    const silent = Array.from({ length: 30 }, () => new Raw(relay.port))
    await until(() => silent.filter(({ isClosed }) => isClosed).length >= 13, 'thirteen dropped')
    expect(relay.host.stats().connectionsRefused).toBe(13)
    expect(relay.host.stats()).toMatchObject({ connections: 17, openings: 17 })
  })

  it('of entering refuses by name', async () => {
    const relay = await startRelay({ quotas: { entersPerMinute: 0.001, maxEntersAtOnce: 2 } })
    for (const isTooOften of [false, false, true]) {
      const party = await relay.enter()
      party.send({ type: 'create', share: SHARE })
      if (isTooOften) expect(await party.next('refused')).toMatchObject({ reason: 'too-often' })
      else await party.next('created')
    }
  })

  it('of messages refuses by name', async () => {
    const relay = await startRelay({ quotas: { messagesPerSecond: 0.3 } })
    const party = await relay.enter()
    for (let count = 0; count < 3; count += 1) party.send({ type: 'ping' })
    await party.next('pong')
    party.send({ type: 'ping' })
    expect(await party.next('refused')).toMatchObject({ reason: 'too-often' })
    await party.end()
  })

  it('of pairs lets two meet without a relay', async () => {
    for (const quotas of [{ maxPairsPerSource: 2 }, { maxPairs: 1 }]) {
      const relay = await startRelay({ quotas })
      await relay.meet()
      await expect(relay.meet()).rejects.toThrow('no relay was offered')
      expect(relay.host.stats()).toMatchObject({ pairs: 1, pairsOpened: 1, pairsRefused: 1, meetings: 2 })
    }
  })

  it('of bytes a second drops what is over it', async () => {
    const relay = await startRelay({ quotas: { bytesPerSecondPerSource: 70_000 } })
    const { legs } = await relay.meet()
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindUDP(legs[1])]
    for (let at = 0; at < 200; at += 1) left.send(Buffer.alloc(1_000, 0x40))
    const counted = (): number => {
      const { relayedDatagrams, limitedDatagrams } = relay.host.stats()
      return relayedDatagrams + limitedDatagrams
    }
    await until(() => counted() === 200, '200 datagrams counted')
    const { limitedDatagrams } = relay.host.stats()
    expect(limitedDatagrams).toBeGreaterThan(50)
    expect(right.received.length).toBeLessThan(150)
  })

  it('of minutes ends a pair, and both are told', async () => {
    const relay = await startRelay({ quotas: { maxMinutes: 0.001 } })
    const { legs } = await relay.meet()
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindStream(legs[1], 'wss')]
    await until(
      () => right.party.isClosed && left.events.some(({ type }) => type === 'refused'),
      'the end of the pair',
    )
    expect(left.events.at(-1)).toEqual({ type: 'refused', reason: 'time-used-up' })
    expect(relay.host.stats().pairs).toBe(0)
  })
})

describe('whoever does not keep to the rules', () => {
  it.each([
    ['a message that is too long', Buffer.of(0x40, 0x01), 'malformed'],
    ['a message that is no JSON', message('hello'), 'malformed'],
    ['another version', message('{"v":2,"type":"create"}'), 'version'],
    ['a message out of turn', encodeRendezvous({ type: 'pass', data: '' }), 'out-of-turn'],
    [
      'a room that is not there',
      encodeRendezvous({ type: 'join', room: 999_999, share: SHARE }),
      'no-such-room',
    ],
    [
      'a leg that is not there',
      encodeRendezvous({ type: 'relay', leg: '00'.repeat(8), mac: 'AAAA' }),
      'no-relay',
    ],
  ])('is refused by name and closed: %s', async (_what, bytes, reason) => {
    const relay = await startRelay()
    const raw = new Raw(relay.port)
    raw.socket.write(Buffer.concat([PLAIN, bytes]))
    await raw.end()
    expect(raw.refusal).toBe(reason)
    expect(relay.logged).toEqual([])
  })

  it('is dropped when it speaks something else', async () => {
    const relay = await startRelay()
    const texts = [
      'SSH-2.0-x\r\n',
      '\x80\x01',
      'POST / HTTP/1.1\r\n\r\n',
      '\x16\x03\x01\x00\x05hello',
      'GIT\r\n\r\n',
    ]
    for (const text of texts) {
      const raw = new Raw(relay.port)
      raw.socket.write(Buffer.from(text, 'latin1'))
      await raw.end()
      expect(raw.refusal).toBeUndefined()
    }
    expect(relay.host.stats()).toMatchObject({ connections: 0, links: 0 })
    const web = new Raw(relay.port)
    web.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await web.end()
    expect(web.text).toMatch(/^HTTP\/1.1 426 /)
    expect(relay.logged).toEqual([])
  })

  it('is closed when its WebSocket says what is too long, and nobody else is', async () => {
    const relay = await startRelay()
    const [honest, greedy] = [await relay.enter('ws'), await relay.enter('ws')]
    expect(greedy.link?.send(Buffer.alloc(200_000))).toBe(true)
    await greedy.end()
    expect(greedy.error?.message).toContain('1009')
    honest.send({ type: 'ping' })
    await honest.next('pong')
    expect(relay.logged).toEqual([])
  })

  it('is dropped when it speaks TLS inside of TLS', async () => {
    const relay = await startRelay()
    const socket = connectTLS({ port: relay.port, host: '127.0.0.1', rejectUnauthorized: false })
    let isClosed = false
    socket.on('error', () => undefined)
    socket.on('close', () => {
      isClosed = true
    })
    socket.on('secureConnect', () => socket.write(Buffer.from('1603010200010001fc0303', 'hex')))
    onTestFinished(() => void socket.destroy())
    await until(() => isClosed, 'the end of a connection')
    expect(relay.host.stats()).toMatchObject({ links: 0, connectionsStrange: 1 })
  })

  it('is dropped when it takes too long to become a link: byte by byte, or not at all', async () => {
    const relay = await startRelay({ handshakeMs: 150 })
    const honest = await relay.enter()
    const request = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX: '
    const slow = ['', '\x16', '\x16\x03\x01\x02\x00\x01', 'G', request].map((text) => {
      const raw = new Raw(relay.port)
      if (text !== '') raw.socket.write(Buffer.from(text, 'latin1'))
      return raw
    })
    const dripping = setInterval(() => slow[4]?.socket.write('x'), 20)
    onTestFinished(() => clearInterval(dripping))
    for (const raw of slow) await raw.end()
    expect(relay.host.stats()).toMatchObject({ connections: 1, connectionsLate: 5 })
    expect(honest.isClosed).toBe(false)
  })

  it('leaves nothing behind when it goes at any point', async () => {
    const relay = await startRelay()
    const create = encodeRendezvous({ type: 'create', share: SHARE })
    const starts = [
      [],
      [PLAIN],
      [PLAIN, create.subarray(0, 5)],
      [PLAIN, create],
      [Buffer.from('\x16\x03')],
      [Buffer.from('GET')],
    ]
    for (const start of starts) {
      for (const how of ['end', 'reset'] as const) {
        const raw = new Raw(relay.port)
        await new Promise((connected) => raw.socket.once('connect', connected))
        for (const bytes of start) raw.socket.write(bytes)
        await new Promise((next) => setTimeout(next, 5))
        if (how === 'end') raw.socket.end()
        else raw.socket.resetAndDestroy()
        await raw.end()
      }
    }
    await until(() => relay.host.stats().connections === 0, 'a relay without connections')
    expect(relay.host.stats()).toMatchObject({ openings: 0, links: 0, rooms: 0 })
  })

  it('has a room burnt when it goes as a guest', async () => {
    const relay = await startRelay()
    const creator = await relay.enter()
    creator.send({ type: 'create', share: SHARE })
    const { room } = await creator.next('created')
    const raw = new Raw(relay.port)
    raw.socket.write(Buffer.concat([PLAIN, encodeRendezvous({ type: 'join', room, share: SHARE })]))
    await creator.next('joined')
    raw.socket.resetAndDestroy()
    expect(await creator.next('left')).toMatchObject({ reason: 'gone' })
    const late = await relay.enter()
    late.send({ type: 'join', room, share: SHARE })
    expect(await late.next('refused')).toMatchObject({ reason: 'room-closed' })
  })
})

const JUNK_SOURCES = 24
const JUNK_DATAGRAMS = 150
const JUNK_CONNECTIONS = 4

/** Sends junk from an address of its own, by UDP. */
async function floodUDP(relay: RelayRig, host: string, random: VSeededRandom): Promise<void> {
  const socket = await VDatagramSocket.bind({ host })
  const peer = new VIPSocketPeer('127.0.0.1', relay.port, { socketType: 'dgram' })
  const batch = new VTransmitBatch()
  for (let at = 0; at < JUNK_DATAGRAMS; at += 1) {
    const bytes = Buffer.alloc(1 + (random.publicUint32() % 1_200))
    random.fillPublic(bytes)
    // Some of it looks like a bind, some like a question of STUN.
    const kind = at % 4
    const sized = kind === 0 ? bytes.subarray(0, 41) : bytes
    if (kind === 0) sized[0] = 0xa0
    if (kind === 1) Buffer.from('000100002112a442', 'hex').copy(sized)
    batch.begin(peer)
    sized.copy(batch.buffer, batch.end)
    batch.commit(sized.length)
    socket.send(batch)
    if (at % 25 === 0) await new Promise((next) => setImmediate(next))
  }
  await socket[Symbol.asyncDispose]()
}

describe('a flood of junk from many sources', () => {
  it('leaves honest pairs working, and lets new ones meet', async (context) => {
    const source = (at: number): string => `127.0.7.${at + 1}`
    const canBind = await VDatagramSocket.bind({ host: source(0) }).then(
      (socket) => socket[Symbol.asyncDispose]().then(() => true),
      () => false,
    )
    skipUnless(context, canBind, 'this system has one loopback address only')
    const relay = await startRelay()
    const { legs } = await relay.meet()
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindStream(legs[1])]
    const random = new VSeededRandom(11)
    const junk: Raw[] = []
    const flood = (async () => {
      for (let at = 0; at < JUNK_SOURCES; at += 1) {
        for (let count = 0; count < JUNK_CONNECTIONS; count += 1) {
          const raw = new Raw(relay.port, source(at))
          const bytes = Buffer.alloc(400)
          random.fillPublic(bytes)
          bytes[0] = [0x00, 0x16, 0x47, 0x99][count] ?? 0
          raw.socket.write(bytes)
          junk.push(raw)
        }
        await floodUDP(relay, source(at), random)
      }
    })()
    await carries(left, right, { sizeBytes: 300_000, isLossy: true })
    await carries(right, left, { sizeBytes: 300_000, isLossy: true })
    const later = await relay.meet('wss', 'tcp')
    const more = [await relay.bindUDP(later.legs[0]), await relay.bindUDP(later.legs[1])] as const
    await flood
    await carries(more[0], more[1], { sizeBytes: 100_000, isLossy: true })
    const stats = relay.host.stats()
    expect(stats.strangeDatagrams).toBeGreaterThan(1_000)
    expect(stats.pairs).toBe(2)
    expect(relay.logged).toEqual([])
  })
})
