/**
 * A relay on the sockets of this machine for tests, and parties that use it.
 */
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { VIPSocketPeer as Peer, type VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import {
  encodeRendezvous,
  frameDatagram,
  type IVControlLink,
  isRelayControl,
  openControlLink,
  parseRelayAddress,
  streamProof,
  VDatagramUnframer,
  VRelayClient,
  type VRelayClientEvent,
  VRelayHost,
  type VRelayHostOptions,
  type VRelayLeg,
  type VRendezvousMessage,
  VRendezvousReader,
} from '@vio/nat'
import type { IVReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { type IVMachine, VDatagramPump } from '@vio/vudp'
import { expect, onTestFinished } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { startReactor } from '../../sock/support/reactor.js'
import { natCrypto } from '../lib/nat-crypto.js'
import { SHARE } from '../lib/share.js'

/** The four ways to a relay. */
export const SCHEMES = ['tcp', 'tls', 'ws', 'wss'] as const
export type Scheme = (typeof SCHEMES)[number]

const PATIENCE_MS = 20_000
const TYPES = ['welcome', 'refused', 'created', 'joined', 'left', 'relaying', 'pong', 'pass'] as const

/** Waits until `done`; rejects if that takes too long. */
export async function until(done: () => boolean, what: string): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS
  while (!done()) {
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within ${PATIENCE_MS} ms`)
    await new Promise((again) => setTimeout(again, 2))
  }
}

/** How many descriptors this process has open; 0 where the system does not tell. */
export function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

/** A relay that listens on the loopback address, with TLS. It ends with the test. */
export async function startRelay(options: VRelayHostOptions = {}): Promise<HostRig> {
  const { reactor, logged } = startReactor()
  const { server, authority } = await testCertificates()
  const host = new VRelayHost(reactor, { host: '127.0.0.1', port: 0, tls: server, ...options })
  await host.listen()
  onTestFinished(() => host.close())
  return new HostRig(reactor, { host, port: host.address?.port ?? 0, trusted: authority.cert, logged })
}

/** What a party needs to reach a relay on this machine, whichever process it is in. */
export interface RelayRigParts {
  readonly port: number
  /** The authority of its certificate. */
  readonly trusted: string
  readonly logged: readonly unknown[]
}

/** Parties of a relay. */
export class RelayRig {
  readonly reactor: IVReactor
  readonly trusted: string
  readonly logged: readonly unknown[]
  readonly port: number

  constructor(reactor: IVReactor, parts: RelayRigParts) {
    this.reactor = reactor
    this.trusted = parts.trusted
    this.logged = parts.logged
    this.port = parts.port
  }

  /** A party's control link; it has been welcomed. */
  async enter(scheme: Scheme = 'tcp', host = '127.0.0.1'): Promise<Party> {
    const party = await this.connect(scheme, host)
    await party.next('welcome')
    return party
  }

  /** A control link. */
  async connect(scheme: Scheme = 'tcp', host = '127.0.0.1'): Promise<Party> {
    const party = new Party()
    party.link = await openControlLink(this.reactor, parseRelayAddress(`${scheme}://${host}:${this.port}`), {
      onMessage: (bytes) => party.received(bytes),
      onClose: (error) => party.closed(error),
      tls: { trusted: this.trusted, serverName: 'localhost' },
    })
    onTestFinished(() => party.link?.close())
    return party
  }

  /** Two parties in one room, and their legs. */
  async meet(
    one: Scheme = 'tcp',
    other: Scheme = one,
  ): Promise<{ readonly parties: readonly [Party, Party]; readonly legs: readonly [VRelayLeg, VRelayLeg] }> {
    const parties = [await this.enter(one), await this.enter(other)] as const
    const legs = await this.join(...parties)
    return { parties, legs }
  }

  /** Brings two parties into one room. */
  async join(creator: Party, joiner: Party): Promise<readonly [VRelayLeg, VRelayLeg]> {
    creator.send({ type: 'create', share: SHARE })
    const { room } = await creator.next('created')
    joiner.send({ type: 'join', room, share: SHARE })
    const [first, second] = [await creator.next('joined'), await joiner.next('joined')]
    if (first.relay === undefined || second.relay === undefined) throw new Error('no relay was offered')
    return [first.relay, second.relay]
  }

  /** A leg that is bound by UDP. */
  async bindUDP(leg: VRelayLeg): Promise<UDPLeg> {
    const socket = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const relay = new Peer(leg.host === '' ? '127.0.0.1' : leg.host, leg.port, { socketType: 'dgram' })
    const bound = new UDPLeg(this.reactor, socket, { relay, leg })
    onTestFinished(() => bound.close())
    await until(() => bound.client.isBound, 'a leg bound by UDP')
    return bound
  }

  /** A plain connection that a leg is bound to, and that reads nothing from then on. */
  async blockedStream(leg: VRelayLeg): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.port })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    socket.write(Uint8Array.of(0))
    const reader = new VRendezvousReader()
    let isBound = false
    socket.on('data', (bytes) => {
      if (isBound) return
      reader.push(bytes)
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (next.type === 'welcome') {
          const token = Buffer.from(leg.token, 'base64')
          const mac = streamProof(natCrypto, token, Buffer.from(next.nonce, 'base64')).toString('base64')
          socket.write(encodeRendezvous({ type: 'relay', leg: leg.leg, mac }))
        } else if (next.type === 'relaying') {
          isBound = true
          socket.pause()
          return
        }
      }
    })
    await until(() => isBound, 'a stream that is bound')
    return socket
  }

  /** A leg that is bound to a stream. */
  async bindStream(leg: VRelayLeg, scheme: Scheme = 'tcp'): Promise<StreamLeg> {
    const party = await this.connect(scheme)
    const { nonce } = await party.next('welcome')
    const token = Buffer.from(leg.token, 'base64')
    const mac = streamProof(natCrypto, token, Buffer.from(nonce, 'base64')).toString('base64')
    party.send({ type: 'relay', leg: leg.leg, mac })
    await party.next('relaying')
    return new StreamLeg(party)
  }
}

/** A relay of this process, with its parties. */
export class HostRig extends RelayRig {
  readonly host: VRelayHost

  constructor(reactor: IVReactor, parts: RelayRigParts & { readonly host: VRelayHost }) {
    super(reactor, parts)
    this.host = parts.host
  }
}

/** A control link and what came on it. */
export class Party {
  link: IVControlLink | undefined
  readonly messages: VRendezvousMessage[] = []
  isClosed = false
  error: Error | undefined
  /** There once the link carries datagrams. */
  onBytes: ((bytes: Buffer) => void) | null = null
  readonly #reader = new VRendezvousReader()
  #carriesDatagrams = false

  received(bytes: Buffer): void {
    if (this.onBytes !== null) {
      this.onBytes(bytes)
      return
    }
    this.#reader.push(bytes)
    this.#read()
  }

  closed(error?: Error): void {
    expect(this.isClosed).toBe(false)
    this.isClosed = true
    this.error = error
  }

  /** What came behind the last message, and all that comes from now on, is for `take`. */
  handOver(take: (bytes: Buffer) => void): void {
    this.onBytes = take
    take(this.#reader.takeRest())
  }

  send(message: VRendezvousMessage): void {
    expect(this.link?.send(encodeRendezvous(message))).toBe(true)
  }

  /** The next message of a type, which is taken out. */
  async next<T extends (typeof TYPES)[number]>(type: T): Promise<Extract<VRendezvousMessage, { type: T }>> {
    const at = (): number => this.messages.findIndex((message) => message.type === type)
    await until(() => at() !== -1 || this.isClosed, `the message ${type}`)
    if (at() === -1) throw new Error(`the link was closed before ${type} came`)
    const [message] = this.messages.splice(at(), 1)
    return message as Extract<VRendezvousMessage, { type: T }>
  }

  async end(): Promise<void> {
    await until(() => this.isClosed, 'the end of the link')
  }

  #read(): void {
    if (this.#carriesDatagrams) return
    for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next()) {
      if (next.type === 'fault') throw new Error(`the relay sent what is no message: ${next.about}`)
      this.messages.push(next)
      // What follows is no message.
      this.#carriesDatagrams = next.type === 'relaying'
      if (this.#carriesDatagrams) return
    }
  }
}

/** What carries datagrams to the other leg. */
export interface Leg {
  readonly received: Buffer[]
  send(datagram: Buffer): void
}

/** A leg of the relay at a UDP socket. */
export class UDPLeg implements Leg, IVMachine<VRelayClientEvent> {
  readonly client: VRelayClient
  readonly received: Buffer[] = []
  readonly events: VRelayClientEvent[] = []
  readonly socket: VDatagramSocket
  readonly #relay: VIPSocketPeer
  readonly #pump: VDatagramPump<VRelayClientEvent>
  readonly #waiting: Buffer[] = []

  constructor(
    reactor: IVReactor,
    socket: VDatagramSocket,
    { relay, leg }: { readonly relay: VIPSocketPeer; readonly leg: VRelayLeg },
  ) {
    this.socket = socket
    this.#relay = relay
    this.client = new VRelayClient({ relay, leg }, natCrypto)
    this.#pump = new VDatagramPump(reactor, {
      port: socket,
      machine: this,
      onEvent: (event) => void this.events.push(event),
    })
    this.client.start(reactor.time())
    this.#pump.start()
  }

  send(datagram: Buffer): void {
    this.#waiting.push(datagram)
    this.#pump.kick()
  }

  async close(): Promise<void> {
    this.#pump.stop()
    await this.socket[Symbol.asyncDispose]()
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (isRelayControl(bytes)) this.client.handleDatagram(now, from, bytes)
    else this.received.push(Buffer.from(bytes))
  }

  handleTimeout(now: number): void {
    this.client.handleTimeout(now)
  }

  pollTransmit(now: number, batch: VTransmitBatch): boolean {
    if (this.client.pollTransmit(now, batch)) return true
    const next = this.#waiting.shift()
    if (next === undefined) return false
    batch.begin(this.#relay)
    next.copy(batch.buffer, batch.end)
    batch.commit(next.length)
    return true
  }

  pollTimeout(): number {
    return this.client.pollTimeout()
  }

  pollEvent(): VRelayClientEvent | undefined {
    return this.client.pollEvent()
  }
}

/** A leg of the relay in a stream. */
export class StreamLeg implements Leg {
  readonly received: Buffer[] = []
  readonly party: Party
  readonly #unframer = new VDatagramUnframer()

  constructor(party: Party) {
    this.party = party
    party.handOver((bytes) => this.received.push(...this.#unframer.push(bytes)))
  }

  send(datagram: Buffer): void {
    expect(this.party.link?.send(frameDatagram(datagram))).toBe(true)
  }
}

const DATAGRAM_BYTES = 1_000
const AT_ONCE = 32
const RESEND_MS = 300
const FIRST_NUMBER = 0x40000000

/** How much is carried, and whether datagrams may be lost on the way and are sent again. */
export interface CarryOptions {
  readonly sizeBytes?: number
  readonly isLossy?: boolean
}

/** Carries a megabyte in datagrams that differ, a few at a time, and compares what arrived with what was sent. */
export async function carries(from: Leg, to: Leg, options: CarryOptions = {}): Promise<void> {
  const { sizeBytes = 1_000_000, isLossy = false } = options
  const count = sizeBytes / DATAGRAM_BYTES
  const arrived: Buffer[] = []
  to.received.length = 0
  for (let first = 0; first < count; first += AT_ONCE) {
    const window = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, at) => first + at)
    for (const at of window) from.send(datagramOf(at))
    let again = Date.now() + RESEND_MS
    const isThere = (): boolean => {
      for (const datagram of to.received.splice(0)) take(arrived, datagram, isLossy)
      const missing = window.filter((at) => arrived[at] === undefined)
      if (isLossy && Date.now() > again) {
        for (const at of missing) from.send(datagramOf(at))
        again = Date.now() + RESEND_MS
      }
      return missing.length === 0
    }
    await until(isThere, `the datagrams from ${first} on`)
  }
  expect(arrived.findIndex((datagram, at) => !datagram.equals(datagramOf(at)))).toBe(-1)
  expect(arrived).toHaveLength(count)
}

/** Where none is lost, they come in their order and once. */
function take(arrived: Buffer[], datagram: Buffer, isLossy: boolean): void {
  const at = datagram.readUInt32BE(0) - FIRST_NUMBER
  if (!isLossy && at !== arrived.length) throw new Error(`${at} came where ${arrived.length} was due`)
  arrived[at] ??= datagram
}

function datagramOf(at: number): Buffer {
  const bytes = Buffer.alloc(DATAGRAM_BYTES, at % 251)
  bytes.writeUInt32BE(FIRST_NUMBER + at, 0)
  return bytes
}
