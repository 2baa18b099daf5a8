/**
 * How two sides meet where there are several relays: a room at each of them, and the first in which both are is the one.
 *
 * Decides in which order relays are spoken to. Who makes the code opens a room at the nearest relay, then rooms of the same
 * number at the others, so that whoever joins finds it at the relay that is nearest to him; who joins asks the nearest
 * first, and the next if there is no such room. Invariants: a code is told only once no relay is known to have its number in
 * other hands; as soon as somebody has joined one room the others are left; wrong words end it everywhere.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import { drawCodeWords, formatCode, type VCode } from '../code.js'
import type { VMeetingSecrets } from '../introduction.js'
import type { VOffer } from '../offer.js'
import type { VRendezvousEvent } from '../rendezvous-client.js'
import type { VRendezvousError } from '../rendezvous-error.js'
import type { VRelayLeg, VWelcome } from '../rendezvous-message.js'
import type { ConnecterMeans } from './connecter-means.js'
import { VConnecterError } from './connecter-options.js'
import { MeetingLink } from './meeting-link.js'

/** A relay that was met. */
export interface MeetingRelay {
  /** As it was named in the options. */
  readonly relay: string
  readonly remote: VIPSocketPeer
}

/** Who is told. */
export interface MeetingHandlers {
  /** The first relay has spoken. */
  onWelcome(at: MeetingRelay, welcome: VWelcome): void
  /** The code can be told to a person. */
  onCode(code: string): void
  /** Somebody is there. `secrets`: of the connection with it, if it is the right one. */
  onJoined(at: MeetingRelay, leg: VRelayLeg | undefined, secrets: VMeetingSecrets): void
  onAuthenticated(): void
  onOffer(offer: VOffer): void
  /** The other side has left the room, after both had met. */
  onLeft(): void
  onWarning(code: string, message: string): void
  /** It came to nothing. The last that is told. */
  onFailed(error: Error): void
}

/** What a meeting is made of. */
export interface MeetingOptions extends MeetingHandlers {
  readonly reactor: IVReactor
  readonly means: ConnecterMeans
  readonly relays: readonly string[]
  /** What the other side showed; null to make a code. */
  readonly code: VCode | null
  /** The room to open, in place of one that is drawn; nobody is told of it then. */
  readonly opens?: VCode
  readonly answerMs: number
  readonly meetMs: number
}

/** How long the other relays have to open their rooms before the code is told without them. */
const OTHERS_MS = 1_500
const MAX_DRAWS = 4

/** One meeting. */
export class Meeting {
  readonly #options: MeetingOptions
  readonly #words: readonly string[]
  #links: MeetingLink[] = []
  #failures: string[] = []
  #room = 0
  #draws = 0
  #created = new Set<MeetingLink>()
  #isTold = false
  #isWelcome = false
  #chosen: MeetingLink | null = null
  #lastError: Error | null = null
  #timer: VScheduledCall | null = null
  #othersTimer: VScheduledCall | null = null
  #isOver = false

  constructor(options: MeetingOptions) {
    this.#options = options
    const known = options.code ?? options.opens
    this.#words = known?.words ?? drawCodeWords(options.means.random)
    this.#room = options.opens?.room ?? 0
  }

  /** Begins. */
  start(): void {
    this.#open()
    this.#deadline(this.#options.answerMs, () => this.#noRelay())
  }

  /** Tells the other side, now or as soon as it has proved itself. */
  offer(offer: VOffer): void {
    this.#chosen?.offer(offer)
  }

  /** Ends it; the other side is told that the room is needed no more. */
  close(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#othersTimer?.cancel()
    for (const link of this.#links.splice(0)) link.close()
  }

  #open(): void {
    const { reactor, means, relays } = this.#options
    this.#failures = []
    this.#links = relays.map(
      (relay) =>
        new MeetingLink({
          reactor,
          means,
          relay,
          onReady: (link) => this.#ready(link),
          onEvent: (link, event) => this.#take(link, event),
          onFailed: (link, error) => this.#failed(link, error),
        }),
    )
  }

  #ready(link: MeetingLink): void {
    const { code } = this.#options
    if (this.#isOver || this.#chosen !== null) return
    const isFirst = !this.#links.some((each) => each.isBegun && !each.isOver)
    if (code !== null) {
      if (isFirst) link.begin({ join: code.room, words: this.#words })
    } else if (isFirst) link.begin({ words: this.#words, ...this.#wished })
    else if (this.#room > 0) link.begin({ create: this.#room, words: this.#words })
  }

  get #wished(): { create?: number } {
    return this.#room > 0 ? { create: this.#room } : {}
  }

  #take(link: MeetingLink, event: VRendezvousEvent): void {
    if (this.#isOver) return
    const { remote } = link
    const { onWelcome, onJoined, onAuthenticated, onOffer, onLeft } = this.#options
    switch (event.type) {
      case 'welcome':
        if (!this.#isWelcome && remote !== undefined) {
          this.#isWelcome = true
          onWelcome({ relay: link.relay, remote }, event.welcome)
        }
        break
      case 'room':
        this.#opened(link, event.room)
        break
      case 'joined':
        this.#choose(link)
        if (remote !== undefined) onJoined({ relay: link.relay, remote }, event.relay, event.secrets)
        break
      case 'authenticated':
        this.#timer?.cancel()
        onAuthenticated()
        break
      case 'offer':
        onOffer(event.offer)
        break
      case 'left':
        onLeft()
        break
      case 'failed':
        this.#refused(link, event.error)
    }
  }

  #opened(link: MeetingLink, room: number): void {
    const isFirst = this.#created.size === 0
    this.#created.add(link)
    if (isFirst) {
      this.#room = room
      this.#deadline(this.#options.meetMs, () => this.#nobody())
      for (const each of this.#links) {
        if (each !== link && each.isReady) each.begin({ create: room, words: this.#words })
      }
      if (this.#links.some((each) => !each.isOver && each !== link)) {
        this.#othersTimer = this.#options.reactor.schedule(OTHERS_MS, () => this.#tell())
      }
    }
    if (this.#links.every((each) => each.isOver || this.#created.has(each))) this.#tell()
  }

  #tell(): void {
    this.#othersTimer?.cancel()
    if (this.#isTold || this.#isOver) return
    this.#isTold = true
    if (this.#options.opens !== undefined) return
    this.#options.onCode(formatCode({ room: this.#room, words: this.#words }))
  }

  #choose(link: MeetingLink): void {
    this.#tellIfOwn()
    this.#chosen = link
    this.#othersTimer?.cancel()
    this.#timer?.cancel()
    for (const each of this.#links) if (each !== link) each.close()
    this.#links = [link]
  }

  #tellIfOwn(): void {
    if (this.#options.code === null) this.#tell()
  }

  #failed(link: MeetingLink, error: Error): void {
    if (this.#isOver) return
    this.#failures.push(`${link.relay}: ${error.message}`)
    if (this.#links.every(({ isOver }) => isOver)) this.#noRelay()
    else {
      this.#options.onWarning(
        'relay-unreachable',
        `the relay ${link.relay} does not answer: ${error.message}`,
      )
      if (this.#room > 0 && this.#links.every((each) => each.isOver || this.#created.has(each))) this.#tell()
    }
  }

  /** The rendezvous at one relay has failed: there may be others. */
  #refused(link: MeetingLink, error: VRendezvousError): void {
    const { reason } = error
    const isEnd = this.#chosen === link || reason === 'wrong-words' || reason === 'burnt'
    if (isEnd) {
      this.#fail(error)
      return
    }
    link.close()
    const mayDraw = this.#options.opens === undefined && !this.#isTold && this.#draws < MAX_DRAWS
    if (reason === 'room-taken' && mayDraw) {
      this.#drawAgain()
      return
    }
    if (this.#lastError === null || reason !== 'no-such-room') this.#lastError = error
    this.#created.delete(link)
    const next = this.#links.find((each) => each.isReady && !each.isBegun && !each.isOver)
    if (next !== undefined) this.#ready(next)
    else if (this.#links.every(({ isOver }) => isOver)) this.#fail(this.#lastError ?? error)
    if (!this.#isOver && this.#options.code === null) {
      this.#options.onWarning('relay-refused', `the relay ${link.relay} is not used: ${error.message}`)
    }
  }

  /** Another relay has a room of that number in other hands: nobody is to walk into it. */
  #drawAgain(): void {
    this.#draws += 1
    for (const each of this.#links.splice(0)) each.close()
    this.#othersTimer?.cancel()
    this.#created = new Set()
    this.#room = 0
    this.#open()
  }

  #noRelay(): void {
    if (this.#lastError !== null) {
      this.#fail(this.#lastError)
      return
    }
    const seconds = this.#options.answerMs / 1_000
    const silent = this.#links
      .filter(({ isOver }) => !isOver)
      .map(
        ({ relay, isBegun }) =>
          `${relay}: ${isBegun ? 'a welcome, then nothing' : 'no answer'} within ${seconds} s`,
      )
    const tried = [...this.#failures, ...silent]
    const message =
      `no relay answers (${tried.join('; ')}): look at its name and port, at whether it runs, and at what ` +
      'this network lets out; TCP is enough, and wss:// on port 443 passes most firewalls'
    this.#fail(new VConnecterError({ phase: 'gathering', reason: 'no-relay' }, message))
  }

  #nobody(): void {
    const seconds = Math.round(this.#options.meetMs / 1_000)
    const message =
      `nobody came within ${seconds} s: the other side has to use the same relay and the code that was shown; ` +
      'begin again for a new code'
    this.#fail(new VConnecterError({ phase: 'meeting', reason: 'timeout' }, message))
  }

  #deadline(ms: number, call: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#options.reactor.schedule(ms, call)
  }

  #fail(error: Error): void {
    if (this.#isOver) return
    this.close()
    this.#options.onFailed(error)
  }
}
