/**
 * Two parties and a rendezvous server, joined by links in memory.
 */
import { VIPSocketPeer } from '@vio/io'
import {
  candidateOf,
  VMemoryDirectory,
  type VMemoryDirectoryOptions,
  type VOffer,
  VRendezvousClient,
  type VRendezvousEvent,
  type VRendezvousOptions,
  VRendezvousServer,
  type VRendezvousServerOptions,
} from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { natCrypto } from './nat-crypto.js'

/** One party at its link. */
export class LinkedParty {
  readonly link: number
  readonly client: VRendezvousClient
  readonly events: VRendezvousEvent[] = []
  /** Every byte that the server sent it. */
  readonly received: Buffer[] = []
  isClosed = false

  constructor(link: number, client: VRendezvousClient) {
    this.link = link
    this.client = client
  }

  /** The events of a type. */
  of<T extends VRendezvousEvent['type']>(type: T): Extract<VRendezvousEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<VRendezvousEvent, { type: T }> => event.type === type)
  }

  /** The reason of its failure; undefined if it has none. */
  get failure(): string | undefined {
    return this.of('failed')[0]?.error.reason
  }
}

/** A server, and whoever has a link to it. */
export class MeetingPlace {
  now = 0
  readonly random = new VSeededRandom(5)
  readonly directory: VMemoryDirectory
  readonly server: VRendezvousServer
  readonly parties: LinkedParty[] = []
  /** Every byte that passed, in both directions. */
  readonly seen: Buffer[] = []
  /** What the server sent on links without a party. */
  readonly raw = new Map<number, Buffer[]>()
  readonly closed: number[] = []
  #nextLink = 1

  constructor(options: Partial<VRendezvousServerOptions> = {}, rooms: VMemoryDirectoryOptions = {}) {
    this.directory = new VMemoryDirectory(this.random.fork('rooms'), rooms)
    this.server = new VRendezvousServer({ directory: this.directory, ...options }, this.random.fork('server'))
  }

  /** A party that comes from `host`. */
  enter(options: Partial<VRendezvousOptions>, host = '198.51.100.2'): LinkedParty {
    const link = this.#nextLink++
    const client = new VRendezvousClient(
      { words: ['lantern', 'orchard'], ...options },
      natCrypto,
      this.random.fork(`party ${link}`),
    )
    const party = new LinkedParty(link, client)
    this.parties.push(party)
    client.start(this.now)
    this.server.openLink(this.now, link, host, 40_000 + link)
    this.run()
    return party
  }

  /** A link without a party behind it. */
  open(host = '198.51.100.9'): number {
    const link = this.#nextLink++
    this.raw.set(link, [])
    this.server.openLink(this.now, link, host, 4_000)
    this.run()
    return link
  }

  /** Sends bytes on a link of `open`. */
  write(link: number, bytes: Uint8Array): void {
    this.server.handleBytes(this.now, link, bytes)
    this.run()
  }

  /** The link of a party breaks. */
  cut(party: LinkedParty): void {
    party.isClosed = true
    party.client.handleClose(this.now)
    this.server.closeLink(this.now, party.link)
    this.run()
  }

  /** Lets time pass, and what is due happen. */
  pass(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const dueAt = Math.min(
        this.server.pollTimeout(),
        ...this.parties.map(({ client }) => client.pollTimeout()),
      )
      if (dueAt > until) break
      this.now = Math.max(this.now, dueAt)
      this.server.handleTimeout(this.now)
      for (const { client } of this.parties) client.handleTimeout(this.now)
      this.run()
    }
    this.now = until
  }

  /** Carries what waits. */
  run(): void {
    for (let isMore = true; isMore; ) {
      isMore = false
      for (let out = this.server.pollOutput(); out !== undefined; out = this.server.pollOutput()) {
        isMore = true
        const party = this.parties.find(({ link }) => link === out.link)
        if (out.type === 'send') {
          this.seen.push(out.bytes)
          party?.received.push(out.bytes)
          this.raw.get(out.link)?.push(out.bytes)
          party?.client.handleBytes(this.now, out.bytes)
        } else if (out.type === 'close') {
          this.closed.push(out.link)
          if (party !== undefined && !party.isClosed) {
            party.isClosed = true
            party.client.handleClose(this.now)
          }
        }
      }
      for (const party of this.parties) {
        const { client } = party
        for (let bytes = client.pollOutput(); bytes !== undefined; bytes = client.pollOutput()) {
          isMore = true
          this.seen.push(bytes)
          if (!party.isClosed) this.server.handleBytes(this.now, party.link, bytes)
        }
        for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent())
          party.events.push(event)
      }
    }
  }
}

/** An offer with an address of its own. */
export function offerOf(number: number): VOffer {
  return {
    secret: Buffer.alloc(32, number),
    candidates: [
      candidateOf('host', new VIPSocketPeer(`192.168.1.${number}`, 5000, { socketType: 'dgram' })),
    ],
    nat: { mapping: 'endpoint-independent', filtering: 'unknown', nextPorts: [4000 + number] },
    note: `party ${number}`,
  }
}
