/**
 * A meeting whose relay is slow, silent, or says its welcome in an awkward moment.
 */
import { VIPSocketPeer } from '@vio/io'
import { encodeRendezvous, type VRendezvousMessage, VRendezvousReader } from '@vio/nat'
import type { IVReactor } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import type {
  ConnecterLinkHandlers,
  ConnecterMeans,
} from '../../../packages/nat/src/driver/connecter-means.js'
import { Meeting } from '../../../packages/nat/src/driver/meeting.js'
import { runningReactor } from '../../io/support.js'
import { natCrypto } from '../lib/nat-crypto.js'

const ANSWER_MS = 10_000
const WELCOME = encodeRendezvous({
  type: 'welcome',
  you: '192.0.2.1:4',
  stun: [],
  nonce: Buffer.alloc(16).toString('base64'),
})

/** A relay that does what the test says. */
class Scripted {
  handlers: ConnecterLinkHandlers | undefined
  readonly #reader = new VRendezvousReader()

  get means(): ConnecterMeans {
    return {
      crypto: natCrypto,
      random: new VSeededRandom(1),
      hosts: () => [],
      gateways: () => [],
      bind: () => () => undefined,
      link: (_relay, handlers) => {
        this.handlers = handlers
        return () => undefined
      },
    }
  }

  opens(): void {
    this.handlers?.onOpen({
      remote: new VIPSocketPeer('192.0.2.9', 443),
      send: (bytes) => {
        this.#reader.push(Buffer.from(bytes))
        return true
      },
      close: () => undefined,
    })
  }

  welcomes(): void {
    this.handlers?.onBytes(Buffer.from(WELCOME))
  }

  heard(): VRendezvousMessage | undefined {
    const next = this.#reader.next()
    return next?.type === 'fault' ? undefined : next
  }
}

function meet(
  reactor: IVReactor,
  scripted: Scripted,
): { readonly failed: Error[]; readonly welcomes: unknown[] } {
  const [failed, welcomes]: [Error[], unknown[]] = [[], []]
  const nothing = (): void => undefined
  new Meeting({
    reactor,
    means: scripted.means,
    relays: ['relay.example'],
    code: null,
    answerMs: ANSWER_MS,
    meetMs: 60_000,
    onWelcome: (_at, welcome) => void welcomes.push(welcome),
    onCode: nothing,
    onJoined: nothing,
    onAuthenticated: nothing,
    onOffer: nothing,
    onLeft: nothing,
    onWarning: nothing,
    onFailed: (error) => void failed.push(error),
  }).start()
  return { failed, welcomes }
}

describe('a relay that speaks', () => {
  it.each([
    ['after the link was told', ['opens', 'welcomes']],
    ['before the link was told', ['welcomes', 'opens']],
  ] as const)('%s is answered', (_when, steps) => {
    const { reactor } = runningReactor()
    const scripted = new Scripted()
    const { welcomes } = meet(reactor, scripted)
    for (const step of steps) scripted[step]()
    expect(scripted.heard()).toMatchObject({ type: 'create' })
    expect(welcomes).toHaveLength(1)
  })
})

describe('that no relay answers', () => {
  it.each([
    ['it never spoke', ['opens'], 'relay.example: no answer within 10 s'],
    [
      'it welcomed and was silent',
      ['opens', 'welcomes'],
      'relay.example: a welcome, then nothing within 10 s',
    ],
  ] as const)('is told with what each did: %s', (_what, steps, told) => {
    const { reactor, host } = runningReactor()
    const scripted = new Scripted()
    const { failed } = meet(reactor, scripted)
    for (const step of steps) scripted[step]()
    host.advance(ANSWER_MS)
    expect(failed.map(String)).toEqual([expect.stringContaining(`no relay answers (${told})`)])
  })
})
