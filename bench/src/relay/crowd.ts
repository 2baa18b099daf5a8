/**
 * Whoever uses the relay of the relay bench: parties that wait in rooms, and pairs that send each other datagrams.
 *
 * Plain sockets where that will do, so that what is measured is the relay. A pair plays one datagram back and forth; one that
 * was lost is served anew.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import {
  encodeRendezvous,
  frameDatagram,
  isRelayControl,
  streamProof,
  VDatagramUnframer,
  VRelayClient,
  type VRelayClientEvent,
  type VRelayLeg,
  type VRendezvousMessage,
  VRendezvousReader,
} from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { type IVMachine, VDatagramPump, VNodeCrypto } from '@vio/vudp'
import { answer } from '../lib/processes.js'

/** What a party hands over as its share: any 32 bytes do, as long as nobody uses them. */
const SHARE = Buffer.alloc(32, 5).toString('base64')

/** What the process can be asked. */
export interface CrowdCalls {
  /** Opens so many rooms and waits in them, `atOnce` at a time. Returns how many there are. */
  rooms(port: number, count: number, atOnce: number): Promise<number>
  /** Makes pairs, each leg by UDP or in a stream. Returns how many there are. */
  pairs(port: number, count: number, kind: 'udp' | 'stream'): Promise<number>
  /** The pairs of a kind play datagrams of that size for a while. Returns how many arrived. */
  play(kind: 'udp' | 'stream', sizeBytes: number, forMs: number): Promise<number>
}

const HOST = '127.0.0.1'
const SERVE_AGAIN_MS = 200
const AT_ONCE = 32
const crypto = new VNodeCrypto()
const reactor = new VReactor()
reactor.start()

/** A control connection. */
class Party {
  readonly socket: Socket
  readonly #reader = new VRendezvousReader()
  readonly #held: VRendezvousMessage[] = []
  #waiting: (() => void) | null = null
  #take: ((bytes: Buffer) => void) | null = null

  constructor(port: number) {
    this.socket = connect({ host: HOST, port, noDelay: true })
    this.socket.on('error', () => process.exit(1))
    this.socket.on('data', (bytes) => (this.#take === null ? this.#read(bytes) : this.#take(bytes)))
    this.socket.write(Uint8Array.of(0))
  }

  send(message: VRendezvousMessage): void {
    this.socket.write(encodeRendezvous(message))
  }

  async next<T extends VRendezvousMessage['type']>(
    type: T,
  ): Promise<Extract<VRendezvousMessage, { type: T }>> {
    for (;;) {
      const message = this.#held.shift()
      if (message?.type === type) return message as Extract<VRendezvousMessage, { type: T }>
      if (message !== undefined) throw new Error(`${JSON.stringify(message)} came instead of ${type}`)
      await new Promise<void>((come) => {
        this.#waiting = come
      })
    }
  }

  /** From now on there are datagrams only. */
  handOver(take: (bytes: Buffer) => void): void {
    this.#take = take
    take(this.#reader.takeRest())
  }

  #read(bytes: Buffer): void {
    this.#reader.push(bytes)
    for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next()) {
      if (next.type === 'fault') throw new Error(`the relay sent ${next.about}`)
      this.#held.push(next)
    }
    this.#waiting?.()
  }
}

/** One leg: sends, and tells what comes. */
interface Leg {
  onDatagram: () => void
  send(datagram: Buffer): void
}

/** A leg at a socket of its own. */
class UDPLeg implements Leg, IVMachine<VRelayClientEvent> {
  onDatagram: () => void = () => {}
  readonly #client: VRelayClient
  readonly #pump: VDatagramPump<VRelayClientEvent>
  readonly #relay: VIPSocketPeer
  readonly #bound: () => void
  #waiting: Buffer | null = null

  private constructor(socket: VDatagramSocket, leg: VRelayLeg, bound: () => void) {
    this.#relay = new VIPSocketPeer(HOST, leg.port, { socketType: 'dgram' })
    this.#client = new VRelayClient({ relay: this.#relay, leg }, crypto)
    this.#bound = bound
    this.#pump = new VDatagramPump(reactor, {
      port: socket,
      machine: this,
      onEvent: ({ type }) => (type === 'bound' ? this.#bound() : undefined),
      batchBytes: 2048,
    })
    this.#client.start(reactor.time())
    this.#pump.start()
  }

  static async bind(leg: VRelayLeg): Promise<UDPLeg> {
    const socket = await VDatagramSocket.bind({
      host: HOST,
      sendBufferBytes: 65_536,
      receiveBufferBytes: 65_536,
    })
    return await new Promise((bound) => {
      const made: UDPLeg = new UDPLeg(socket, leg, () => bound(made))
    })
  }

  send(datagram: Buffer): void {
    this.#waiting = datagram
    this.#pump.kick()
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (isRelayControl(bytes)) this.#client.handleDatagram(now, from, bytes)
    else this.onDatagram()
  }

  handleTimeout(now: number): void {
    this.#client.handleTimeout(now)
  }

  pollTransmit(now: number, batch: VTransmitBatch): boolean {
    if (this.#client.pollTransmit(now, batch)) return true
    const datagram = this.#waiting
    this.#waiting = null
    if (datagram === null) return false
    batch.begin(this.#relay)
    datagram.copy(batch.buffer, batch.end)
    batch.commit(datagram.length)
    return true
  }

  pollTimeout(): number {
    return this.#client.pollTimeout()
  }

  pollEvent(): VRelayClientEvent | undefined {
    return this.#client.pollEvent()
  }
}

/** A leg in a stream. */
class StreamLeg implements Leg {
  onDatagram: () => void = () => {}
  readonly #party: Party
  readonly #unframer = new VDatagramUnframer()

  private constructor(party: Party) {
    this.#party = party
    party.handOver((bytes) => {
      for (const _ of this.#unframer.push(bytes)) this.onDatagram()
    })
  }

  static async bind(port: number, { leg, token }: VRelayLeg): Promise<StreamLeg> {
    const party = new Party(port)
    const { nonce } = await party.next('welcome')
    const proof = streamProof(crypto, Buffer.from(token, 'base64'), Buffer.from(nonce, 'base64'))
    party.send({ type: 'relay', leg, mac: proof.toString('base64') })
    await party.next('relaying')
    return new StreamLeg(party)
  }

  send(datagram: Buffer): void {
    this.#party.socket.write(frameDatagram(datagram))
  }
}

type Pair = readonly [Leg, Leg]
const waiting: Party[] = []
const made: Record<'udp' | 'stream', Pair[]> = { udp: [], stream: [] }

async function inParts(count: number, atOnce: number, one: () => Promise<void>): Promise<void> {
  let left = count
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await one()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

async function room(port: number): Promise<{ readonly party: Party; readonly number: number }> {
  const party = new Party(port)
  await party.next('welcome')
  party.send({ type: 'create', share: SHARE })
  const { room: number } = await party.next('created')
  return { party, number }
}

async function pair(port: number, kind: 'udp' | 'stream'): Promise<Pair> {
  const { party: creator, number } = await room(port)
  const joiner = new Party(port)
  await joiner.next('welcome')
  joiner.send({ type: 'join', room: number, share: SHARE })
  const legs: Leg[] = []
  for (const party of [creator, joiner]) {
    const { relay } = await party.next('joined')
    if (relay === undefined) throw new Error('the relay carries nothing')
    legs.push(kind === 'udp' ? await UDPLeg.bind(relay) : await StreamLeg.bind(port, relay))
  }
  creator.socket.end()
  joiner.socket.end()
  return legs as unknown as Pair
}

async function play(pairs: readonly Pair[], datagram: Buffer, forMs: number): Promise<number> {
  let arrived = 0
  let isOver = false
  const rallies = pairs.map(([left, right]) => {
    let before = -1
    let count = 0
    const hit = (leg: Leg) => (): void => {
      arrived += 1
      count += 1
      if (!isOver) leg.send(datagram)
    }
    left.onDatagram = hit(left)
    right.onDatagram = hit(right)
    return (): void => {
      if (count === before || before === -1) left.send(datagram)
      before = count
    }
  })
  const timer = setInterval(() => {
    for (const serve of rallies) serve()
  }, SERVE_AGAIN_MS)
  for (const serve of rallies) serve()
  await sleep(forMs)
  isOver = true
  clearInterval(timer)
  await sleep(SERVE_AGAIN_MS)
  return arrived
}

answer<CrowdCalls>({
  rooms: async (port, count, atOnce) => {
    await inParts(count, atOnce, async () => {
      waiting.push((await room(port)).party)
    })
    return waiting.length
  },
  pairs: async (port, count, kind) => {
    await inParts(count, AT_ONCE, async () => {
      made[kind].push(await pair(port, kind))
    })
    return made[kind].length
  },
  play: (kind, sizeBytes, forMs) => play(made[kind], Buffer.alloc(sizeBytes, 0x40), forMs),
})
