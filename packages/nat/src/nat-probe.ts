/**
 * Finds out how the NAT in front of a socket behaves, by asking one STUN server from all sides (RFC 5780 section 4).
 *
 * Decides which questions are asked in which order; the questions themselves are the client's, the judgement is
 * `mapping`'s. Invariant: a socket on which filtering is looked at has sent to one address only, so mapping and filtering
 * need a socket each.
 */
import { VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { IVMachine } from '@vio/vudp'
import type { VFilteringSample, VMappingSample } from './mapping.js'
import { BoundedQueue } from './outbox.js'
import { VStunClient, type VStunClientOptions, type VStunEvent } from './stun-client.js'

/** Options of a probe. */
export interface VNatProbeOptions {
  /** What is looked at: on what mappings depend, or what may pass inward. */
  readonly test: 'mapping' | 'filtering'
  /** The address of the socket. */
  readonly local: VIPSocketPeer
  readonly server: VIPSocketPeer
  /**
   * The other address and port of the server, where they are known, or its other port alone, by which less is found out. By
   * default it is asked for them first.
   */
  readonly other?: VIPSocketPeer | undefined
  /** How questions are repeated. By default 3 times, from 250 ms on, waiting 4 times as long for the last answer. */
  readonly client?: VStunClientOptions
}

/** What a probe tells. */
export type VNatProbeEvent =
  /** The address of the socket as the server sees it; told once, as soon as it is known. */
  | { readonly type: 'mapped'; readonly mapped: VIPSocketPeer }
  /** It is over. The samples are in the order in which they were asked for. */
  | {
      readonly type: 'done'
      readonly samples: readonly VMappingSample[]
      readonly filtering: VFilteringSample
    }

const QUICK: VStunClientOptions = { rtoMs: 250, maxSends: 3, lastWaits: 4 }
const NO_CHANGE = { ip: false, port: false }

/** One probe on one socket. It begins with `start`. */
export class VNatProbe implements IVMachine<VNatProbeEvent> {
  readonly #options: VNatProbeOptions
  readonly #client: VStunClient
  readonly #events = new BoundedQueue<VNatProbeEvent>()
  readonly #samples = new Map<number, VMappingSample>()
  #first = 0
  #isPlain = false
  #byAddress = 0
  #byPort = 0
  #filtering: { fromOtherAddress?: boolean; fromOtherPort?: boolean } = {}
  #isMapped = false
  #isDone = false

  constructor(options: VNatProbeOptions, random: IVRandom) {
    this.#options = options
    this.#client = new VStunClient(random, options.client ?? QUICK)
  }

  /** Asks the first questions. */
  start(now: number): void {
    const { server, other } = this.#options
    this.#first = this.#client.ask(now, { server, change: NO_CHANGE })
    if (other !== undefined) this.#askFurther(now, other)
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    this.#client.handleDatagram(now, from, bytes)
    this.#follow(now)
  }

  handleTimeout(now: number): void {
    this.#client.handleTimeout(now)
    this.#follow(now)
  }

  pollTransmit(now: number, batch: VTransmitBatch): boolean {
    return this.#client.pollTransmit(now, batch)
  }

  pollTimeout(): number {
    return this.#client.pollTimeout()
  }

  pollEvent(): VNatProbeEvent | undefined {
    return this.#events.shift()
  }

  #follow(now: number): void {
    for (let event = this.#client.pollEvent(); event !== undefined; event = this.#client.pollEvent()) {
      this.#take(now, event)
    }
    if (this.#isDone || this.#first === 0 || this.#client.openCount > 0) return
    this.#isDone = true
    const samples = [...this.#samples].sort(([a], [b]) => a - b).map(([, sample]) => sample)
    this.#events.push({ type: 'done', samples, filtering: this.#filtering })
  }

  #take(now: number, event: VStunEvent): void {
    const isAnswer = event.type === 'answer'
    if (event.id === this.#byAddress) this.#filtering.fromOtherAddress = isAnswer
    else if (event.id === this.#byPort) this.#filtering.fromOtherPort = isAnswer
    else if (isAnswer) {
      const { id, mapped, question, other } = event
      this.#samples.set(id, { local: this.#options.local, server: question.server, mapped })
      if (!this.#isMapped) this.#events.push({ type: 'mapped', mapped })
      this.#isMapped = true
      if (id === this.#first && this.#options.other === undefined && other !== undefined) {
        this.#askFurther(now, other)
      }
    } else if (event.id === this.#first && event.reason === 'error' && !this.#isPlain) {
      // A server that knows nothing of changes refuses even to be asked for none.
      this.#isPlain = true
      this.#first = this.#client.ask(now, { server: event.question.server })
    }
  }

  #askFurther(now: number, other: VIPSocketPeer): void {
    const { server, test } = this.#options
    const hasOther = other.host !== server.host
    if (test === 'filtering') {
      if (hasOther) this.#byAddress = this.#client.ask(now, { server, change: { ip: true, port: true } })
      this.#byPort = this.#client.ask(now, { server, change: { ip: false, port: true } })
      return
    }
    const further: (readonly [string, number])[] = [[server.host, other.port]]
    if (hasOther) further.push([other.host, server.port], [other.host, other.port])
    for (const [host, port] of further) {
      this.#client.ask(now, { server: new VIPSocketPeer(host, port, { socketType: 'dgram' }) })
    }
  }
}
