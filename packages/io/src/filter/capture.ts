/**
 * `VCapture`: what passes through chains, as a capture file that network tools open.
 *
 * Decides which packets stand for what passes: a handshake before the first bytes, segments of data, a FIN for an end
 * and an RST for anything else. How they look is the affair of the packets, how they are stored that of the writer.
 * Invariant: whatever happens to the capture, bytes pass unchanged.
 */
import type { IVReactor } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import type { VPeer } from '../peer.js'
import { VByteDuplexFilter } from './duplex-filter.js'
import { choiceOption, wholeOption } from './options.js'
import { PcapngWriter, type VCaptureSink, type VLinkType } from './pcapng.js'
import { VByteTap } from './tap.js'
import { type Side, TcpPackets } from './tcp-packets.js'

/** Options of `VCapture`. */
export interface VCaptureOptions {
  /** What a packet begins with. By default 'raw': an IP header. */
  readonly linkType?: VLinkType
  /** Tells the time of a packet, in milliseconds since 1970. By default the reactor's time, which begins anywhere. */
  readonly clock?: () => number
  /** The most bytes of data in a packet. By default 16,384; at most 65,000. */
  readonly segmentBytes?: number
}

/** Options of a conversation. */
export interface VCapturedOptions {
  /** The address of this side. By default one that belongs to nobody. */
  readonly local?: VPeer | null
  /** The address of the other side. By default one that belongs to nobody. */
  readonly remote?: VPeer | null
  /** Which side is shown as the one that connected. By default 'local'. */
  readonly opener?: 'local' | 'remote'
}

/** Two taps, one a direction, that record one conversation. */
export interface VCaptured {
  /** Records what comes in, from the other side. */
  readonly inbound: VByteTap
  /** Records what goes out. */
  readonly outbound: VByteTap
  /** Both as one two-way element. The same on every access; made on the first, which takes the two taps. */
  readonly filter: VByteDuplexFilter
}

const SEGMENT_BYTES = 16_384
const MAX_SEGMENT_BYTES = 65_000
/** The first of the ports that nobody is assigned; each conversation has its own. */
const FIRST_PORT = 49_152
const REMOTE_PORT = 49_151

/**
 * Records conversations in one capture, of the format pcapng.
 *
 * ```ts
 * const capture = new VCapture(reactor, (bytes) => appendFileSync('chain.pcapng', bytes), { clock: Date.now })
 * const { filter } = capture.conversation({ remote: socket.peer })
 * filter.deviceIO.attach(socket.byteIO)
 * filter.appIO.attach(agent.byteIO)
 * ```
 *
 * The packets are made up, as those on the wire are not known here: one connection of TCP for each conversation, whose
 * streams hold exactly what passed. A sink that throws is not called again; bytes pass on.
 */
export class VCapture {
  readonly reactor: IVReactor
  readonly #writer: PcapngWriter
  readonly #clock: () => number
  readonly #segmentBytes: number
  #conversations = 0
  #failed = false

  /** @throws TypeError without a sink or for an unknown link type, RangeError for a size that does not fit a packet */
  constructor(reactor: IVReactor, sink: VCaptureSink, options: VCaptureOptions = {}) {
    this.reactor = reactor
    this.#writer = new PcapngWriter(
      sink,
      choiceOption('linkType', options.linkType ?? 'raw', ['raw', 'ethernet']),
    )
    this.#clock = options.clock ?? (() => reactor.time())
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    this.#segmentBytes = wholeOption('segmentBytes', segmentBytes, 1, MAX_SEGMENT_BYTES)
  }

  /** Makes the taps for one conversation more. */
  conversation(options: VCapturedOptions = {}): VCaptured {
    const local = FIRST_PORT + (this.#conversations % (0x10000 - FIRST_PORT))
    this.#conversations += 1
    const ports = { local, remote: REMOTE_PORT }
    const packets = new TcpPackets(this.#writer.linkType, options, ports)
    return new Conversation(this.reactor, {
      packets,
      opener: choiceOption('opener', options.opener ?? 'local', ['local', 'remote']),
      segmentBytes: this.#segmentBytes,
      write: (from, parts) => this.#write(from, parts),
    })
  }

  #write(from: Side, parts: readonly Uint8Array[]): void {
    if (this.#failed) return
    try {
      const direction = from === 'remote' ? 'inbound' : 'outbound'
      this.#writer.write({ atMs: this.#clock(), direction, parts })
    } catch (error) {
      this.#failed = true
      this.reactor.log.error('a capture gave up, as its sink failed', error)
    }
  }
}

/** What a conversation needs of its capture. */
interface Recording {
  readonly packets: TcpPackets
  readonly opener: Side
  readonly segmentBytes: number
  write(from: Side, parts: readonly Uint8Array[]): void
}

class Conversation implements VCaptured {
  readonly inbound: VByteTap
  readonly outbound: VByteTap
  readonly #recording: Recording
  #filter: VByteDuplexFilter | undefined
  #opened = false
  #closed = false

  constructor(reactor: IVReactor, recording: Recording) {
    this.#recording = recording
    this.inbound = new CaptureTap(reactor, 'remote', this)
    this.outbound = new CaptureTap(reactor, 'local', this)
  }

  get filter(): VByteDuplexFilter {
    this.#filter ??= new VByteDuplexFilter(this.inbound, this.outbound)
    return this.#filter
  }

  /** The first `count` bytes of `data` pass. */
  data(from: Side, data: VByteBuffer, count: number): void {
    this.#open()
    const { packets, segmentBytes } = this.#recording
    for (const chunk of data.peekList(count)) {
      for (let at = 0; at < chunk.length; at += segmentBytes) {
        this.#recording.write(from, packets.data(from, chunk.subarray(at, at + segmentBytes)))
      }
    }
  }

  end(from: Side): void {
    this.#open()
    this.#recording.write(from, this.#recording.packets.end(from))
  }

  reset(from: Side): void {
    if (this.#closed) return
    this.#open()
    this.#closed = true
    this.#recording.write(from, this.#recording.packets.reset(from))
  }

  #open(): void {
    if (this.#opened) return
    this.#opened = true
    const { packets, opener, write } = this.#recording
    for (const { from, parts } of packets.open(opener)) write(from, parts)
  }
}

class CaptureTap extends VByteTap {
  readonly #from: Side
  readonly #conversation: Conversation
  #ended = false

  constructor(reactor: IVReactor, from: Side, conversation: Conversation) {
    super(reactor)
    this.#from = from
    this.#conversation = conversation
  }

  protected override passing(data: VByteBuffer, count: number): void {
    this.#conversation.data(this.#from, data, count)
  }

  protected override ended(clean: boolean): void {
    this.#ended = true
    if (clean) this.#conversation.end(this.#from)
    else this.#conversation.reset(this.#from)
  }

  protected override aborted(): void {
    if (!this.#ended) this.#conversation.reset(this.#from)
  }
}
