/**
 * The rendezvous server, without sockets: links on which parties speak, and the rooms that they meet in.
 *
 * Decides what each message may do and how much of everything one source gets. Rooms are the directory's, relayed bytes
 * the relay's. Invariants: what passes between parties is not looked at and not kept; a link that breaks the rules is told
 * why by name and closed; memory is bounded by the number of links.
 */
import type { IVRandom } from '@vio/reactor'
import { BoundedQueue } from './outbox.js'
import type { VRefusal, VRoomEnd } from './rendezvous-error.js'
import { type RendezvousLink, RendezvousLinks } from './rendezvous-links.js'
import {
  encodeRendezvous,
  type VMessageFault,
  type VRelayLeg,
  type VRendezvousMessage,
  VRendezvousReader,
  type VWelcome,
} from './rendezvous-message.js'
import type { IVRoomDirectory, VRoomAnswer, VRoomNotice, VRoomParty } from './room-directory.js'
import { SourceLimit, sourceOf, type VSourceLimitOptions } from './source-limit.js'

/** What a server is made of. */
export interface VRendezvousServerOptions {
  readonly directory: IVRoomDirectory
  /** Unique among the servers of one directory. By default 'here'. */
  readonly name?: string
  /** Addresses of the STUN server, for the welcome. */
  readonly stun?: VWelcome['stun']
  /** Where the relay takes datagrams, for the welcome. By default it is not told before there is a leg. */
  readonly relay?: VWelcome['relay']
  /** Opens a way through the relay for the two parties of a room, or says no. By default there is no relay. */
  readonly openRelay?: (
    now: number,
    creator: string,
    joiner: string,
  ) => readonly [VRelayLeg, VRelayLeg] | null
  /** How many links there are at most, and from one source. By default 20,000 and 64. */
  readonly maxLinks?: number
  readonly maxLinksPerSource?: number
  /** How often one source may open or enter a room. By default 12 a minute, 20 at once. */
  readonly entering?: VSourceLimitOptions
  /** How many messages one source may send. By default 50 a second, 500 at once. */
  readonly messages?: VSourceLimitOptions
}

/** What is to be done on a link. */
export type VLinkOutput =
  | { readonly type: 'send'; readonly link: number; readonly bytes: Buffer }
  /** Send what waits, then close. */
  | { readonly type: 'close'; readonly link: number }
  /** The link asks to carry relayed datagrams: `nonce` was its welcome's, `rest` came behind the request. */
  | {
      readonly type: 'relay'
      readonly link: number
      readonly leg: string
      readonly mac: Buffer
      readonly nonce: Buffer
      readonly rest: Buffer
    }

/** What brings a link into a room. */
type Entering = Extract<VRendezvousMessage, { type: 'create' | 'join' }>

const IDLE_MS = 30_000
const MAX_PASSES = 256
const MAX_PASSED_BYTES = 512 * 1_024
const MAX_FAULTS = 4
const NONCE_BYTES = 16
const SESSION_BYTES = 16
const NEVER = Number.POSITIVE_INFINITY

/** Lets parties meet in rooms. */
export class VRendezvousServer {
  /** What has happened, for those who watch it. */
  readonly counts = { links: 0, refused: 0, rooms: 0, meetings: 0, burnt: 0 }
  readonly #options: VRendezvousServerOptions
  readonly #random: IVRandom
  readonly #links = new RendezvousLinks()
  readonly #entering: SourceLimit
  readonly #messages: SourceLimit
  readonly #output = new BoundedQueue<VLinkOutput>(Number.POSITIVE_INFINITY)
  #isDraining = false

  constructor(options: VRendezvousServerOptions, random: IVRandom) {
    this.#options = options
    this.#random = random
    this.#entering = new SourceLimit(options.entering ?? { perSecond: 0.2, burst: 20 })
    this.#messages = new SourceLimit(options.messages ?? { perSecond: 50, burst: 500 })
    options.directory.onNotice((now, party, notice) => this.#notify(now, party, notice))
  }

  /** How many links are open. */
  get openLinks(): number {
    return this.#links.size
  }

  /** A party has connected from `host` and `port`. `link` is a number that no open link has. */
  openLink(now: number, link: number, host: string, port: number): void {
    const source = sourceOf(host)
    const { maxLinks = 20_000, maxLinksPerSource = 64, name = 'here', stun = [], relay } = this.#options
    const fromHere = this.#links.countOf(source)
    if (this.#isDraining || this.#links.size >= maxLinks || fromHere >= maxLinksPerSource) {
      this.counts.refused += 1
      this.#send(link, { type: 'refused', reason: 'too-many-connections', about: '' })
      this.#output.push({ type: 'close', link })
      return
    }
    const nonce = Buffer.alloc(NONCE_BYTES)
    this.#random.fillSecret(nonce)
    const opened: RendezvousLink = {
      id: link,
      party: { id: `${name}:${link}`, source },
      reader: new VRendezvousReader(),
      nonce,
      room: 0,
      state: 'idle',
      passes: 0,
      passedBytes: 0,
      faults: 0,
      deadline: now + IDLE_MS,
    }
    this.counts.links += 1
    this.#links.add(opened)
    const you = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    this.#send(link, { type: 'welcome', you, stun, nonce: nonce.toString('base64'), relay })
  }

  /** Bytes have come on a link; those on one that is not open are ignored. */
  handleBytes(now: number, link: number, bytes: Uint8Array): void {
    const opened = this.#links.find(link)
    if (opened === undefined || opened.state === 'handed-over') return
    opened.reader.push(bytes)
    for (let next = opened.reader.next(); next !== undefined; next = opened.reader.next()) {
      if (!this.#messages.allows(now, opened.party.source)) this.#refuse(now, opened, 'too-often')
      else if (next.type === 'fault') this.#fault(now, opened, next)
      else this.#take(now, opened, next)
      if (!this.#links.has(opened)) return
    }
  }

  /** A link is closed from the other end. */
  closeLink(now: number, link: number): void {
    const closed = this.#links.find(link)
    if (closed !== undefined) this.#drop(now, closed, 'gone')
  }

  /** Takes no more links, and ends every room: the process is about to end. */
  drain(now: number): void {
    this.#isDraining = true
    for (const link of this.#links.all) {
      if (link.state === 'handed-over') continue
      this.#send(link.id, { type: 'left', reason: 'closing' })
      this.#close(now, link, 'closing')
    }
  }

  /** Does what is due. */
  handleTimeout(now: number): void {
    this.#options.directory.expire(now)
    for (const link of this.#links.due(now)) this.#close(now, link, 'gone')
  }

  /** When something is due. */
  pollTimeout(): number {
    return Math.min(this.#options.directory.pollTimeout(), this.#links.dueAt)
  }

  /** What is to be done next on a link. */
  pollOutput(): VLinkOutput | undefined {
    return this.#output.shift()
  }

  #take(now: number, link: RendezvousLink, message: VRendezvousMessage): void {
    switch (message.type) {
      case 'create':
      case 'join':
        this.#enter(now, link, message)
        break
      case 'pass':
        this.#pass(now, link, message.data)
        break
      case 'burn':
      case 'done':
        this.#finish(now, link, message.type === 'burn' ? 'burnt' : 'done')
        break
      case 'relay':
        this.#handOver(now, link, message)
        break
      case 'ping':
        this.#send(link.id, { type: 'pong' })
        break
      default:
        this.#refuse(now, link, 'out-of-turn', message.type)
    }
  }

  #enter(now: number, link: RendezvousLink, message: Entering): void {
    if (link.state !== 'idle') this.#refuse(now, link, 'out-of-turn', message.type)
    else if (!this.#entering.allows(now, link.party.source)) this.#refuse(now, link, 'too-often')
    else {
      link.state = 'asking'
      this.#links.limit(link, now + IDLE_MS)
      const { directory } = this.#options
      const party = { ...link.party, share: message.share }
      const answer = (result: VRoomAnswer) => this.#entered(now, link, result, message)
      if (message.type === 'join') directory.join(now, message.room, party, answer)
      else directory.create(now, party, message.room, answer)
    }
  }

  #entered(now: number, link: RendezvousLink, answer: VRoomAnswer, message: Entering): void {
    if (!answer.ok) {
      if (this.#links.has(link)) this.#refuse(now, link, answer.reason)
      return
    }
    link.room = answer.room
    // It was closed while the directory was asked: nobody will come.
    if (!this.#links.has(link)) {
      this.#options.directory.take(now, link.room, link.party.id, 'gone')
      return
    }
    link.state = 'in-room'
    this.#links.limit(link, NEVER)
    if (message.type === 'create') {
      this.counts.rooms += 1
      this.#send(link.id, { type: 'created', room: answer.room, lifeMs: Math.round(answer.lifeMs) })
      return
    }
    this.counts.meetings += 1
    if (answer.other !== undefined) this.#introduce(now, link, answer.other, message.share)
  }

  /** Tells both that the other is there, hands each the other's share, and gives each its own way through the relay. */
  #introduce(now: number, link: RendezvousLink, creator: VRoomParty, share: string): void {
    const bytes = Buffer.alloc(SESSION_BYTES)
    this.#random.fillPublic(bytes)
    const session = bytes.toString('hex')
    const legs = this.#options.openRelay?.(now, creator.source, link.party.source) ?? undefined
    const { directory } = this.#options
    directory.publish(now, link.room, link.party.id, { type: 'joined', session, share, relay: legs?.[0] })
    this.#send(link.id, { type: 'joined', session, share: creator.share, relay: legs?.[1] })
  }

  #pass(now: number, link: RendezvousLink, data: string): void {
    link.passes += 1
    link.passedBytes += data.length
    if (link.state === 'over') return
    if (link.state !== 'in-room') this.#refuse(now, link, 'out-of-turn', 'pass')
    else if (link.passes > MAX_PASSES || link.passedBytes > MAX_PASSED_BYTES)
      this.#refuse(now, link, 'too-much')
    else this.#options.directory.publish(now, link.room, link.party.id, { type: 'pass', data })
  }

  /** The room of a link is over, by its own will; both are told. */
  #finish(now: number, link: RendezvousLink, reason: VRoomEnd): void {
    if (link.state === 'over') return
    if (link.state !== 'in-room') {
      this.#refuse(now, link, 'out-of-turn', reason)
      return
    }
    this.#options.directory.take(now, link.room, link.party.id, reason)
    if (reason === 'burnt') this.counts.burnt += 1
    this.#send(link.id, { type: 'left', reason })
    this.#leave(now, link)
  }

  #leave(now: number, link: RendezvousLink): void {
    link.state = 'over'
    this.#links.limit(link, now + IDLE_MS)
  }

  #handOver(
    now: number,
    link: RendezvousLink,
    message: Extract<VRendezvousMessage, { type: 'relay' }>,
  ): void {
    if (link.state !== 'idle') {
      this.#refuse(now, link, 'out-of-turn', 'relay')
      return
    }
    link.state = 'handed-over'
    this.#links.limit(link, NEVER)
    const { leg, mac } = message
    const rest = link.reader.takeRest()
    this.#output.push({
      type: 'relay',
      link: link.id,
      leg,
      mac: Buffer.from(mac, 'base64'),
      nonce: link.nonce,
      rest,
    })
  }

  #notify(now: number, party: string, notice: VRoomNotice): void {
    const link = this.#links.ofParty(party)
    if (link === undefined || link.state !== 'in-room') return
    this.#send(link.id, notice)
    if (notice.type === 'left') this.#leave(now, link)
  }

  #fault(now: number, link: RendezvousLink, { reason, about }: VMessageFault): void {
    link.faults += 1
    // A message that a later version has may be left out by it; what is no message at all may not.
    if (reason === 'unknown-message' && link.faults < MAX_FAULTS) {
      this.#send(link.id, { type: 'refused', reason, about })
    } else this.#refuse(now, link, reason, about)
  }

  #refuse(now: number, link: RendezvousLink, reason: VRefusal, about = ''): void {
    this.counts.refused += 1
    this.#send(link.id, { type: 'refused', reason, about })
    this.#close(now, link, 'gone')
  }

  #close(now: number, link: RendezvousLink, reason: VRoomEnd): void {
    this.#drop(now, link, reason)
    this.#output.push({ type: 'close', link: link.id })
  }

  /** A party that goes while the other may be guessing has used up the guess: the room is over either way. */
  #drop(now: number, link: RendezvousLink, reason: VRoomEnd): void {
    this.#links.remove(link)
    if (link.state === 'in-room') this.#options.directory.take(now, link.room, link.party.id, reason)
  }

  #send(link: number, message: VRendezvousMessage): void {
    this.#output.push({ type: 'send', link, bytes: encodeRendezvous(message) })
  }
}
