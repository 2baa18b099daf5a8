/**
 * Messages and offers as bytes: what is written reads the same, and whatever else comes is refused by name.
 */
import { VIPSocketPeer } from '@vio/io'
import {
  candidateOf,
  decodeRendezvous,
  encodeRendezvous,
  readOffer,
  refusalError,
  roomEndError,
  VCandidateError,
  type VOffer,
  VOfferError,
  VRendezvousError,
  type VRendezvousMessage,
  VRendezvousReader,
  writeOffer,
} from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { array, assert, constantFrom, jsonValue, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Introduction } from '../../packages/nat/src/introduction.js'
import { propertyRuns } from '../lib/runs.js'
import { natCrypto } from './lib/nat-crypto.js'
import { SHARE } from './lib/share.js'

const RELAY = {
  leg: 'ab'.repeat(8),
  token: Buffer.alloc(32).toString('base64'),
  host: '203.0.113.10',
  port: 3478,
}
const STUN = [{ host: '', port: 3478 }]

const MESSAGES: VRendezvousMessage[] = [
  { type: 'welcome', you: '198.51.100.2:4000', stun: STUN, nonce: Buffer.alloc(16).toString('base64') },
  { type: 'create', share: SHARE },
  { type: 'create', room: 7, share: SHARE },
  { type: 'join', room: 999_999, share: SHARE },
  { type: 'created', room: 1, lifeMs: 600_000 },
  { type: 'joined', session: '0f'.repeat(16), share: 'AAAA' },
  { type: 'joined', session: '0f'.repeat(16), share: 'AAAA', relay: RELAY },
  { type: 'pass', data: 'AQID' },
  { type: 'burn' },
  { type: 'done' },
  { type: 'left', reason: 'burnt' },
  { type: 'refused', reason: 'room-full', about: '' },
  { type: 'relay', leg: 'ab'.repeat(8), mac: Buffer.alloc(32).toString('base64') },
  { type: 'relaying' },
  { type: 'ping' },
  { type: 'pong' },
]

function textOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

describe('messages', () => {
  it.each(MESSAGES.map((message) => [message.type, message] as const))(
    'of type %s read as they were written',
    (_type, message) => {
      expect(decodeRendezvous(encodeRendezvous(message).subarray(2))).toEqual(message)
    },
  )

  it.each([
    [{ v: 1 }, 'malformed'],
    [{ type: 'ping' }, 'version'],
    [{ v: '1', type: 'ping' }, 'version'],
    [{ v: 2, type: 'ping' }, 'version'],
    [{ v: 1, type: 'dance' }, 'unknown-message'],
    [{ v: 1, type: 'toString' }, 'unknown-message'],
    [{ v: 1, type: 'join', share: SHARE }, 'malformed'],
    [{ v: 1, type: 'join', room: '7', share: SHARE }, 'malformed'],
    [{ v: 1, type: 'join', room: 7 }, 'malformed'],
    [{ v: 1, type: 'create', share: 'A'.repeat(45) }, 'malformed'],
    [{ v: 1, type: 'join', room: 0, share: SHARE }, 'malformed'],
    [{ v: 1, type: 'join', room: 1_000_000, share: SHARE }, 'malformed'],
    [{ v: 1, type: 'create', room: null, share: SHARE }, 'malformed'],
    [{ v: 1, type: 'pass', data: 'not base64!' }, 'malformed'],
    [{ v: 1, type: 'pass', data: 'A'.repeat(12_001) }, 'malformed'],
    [{ v: 1, type: 'left', reason: 'boredom' }, 'malformed'],
    [{ v: 1, type: 'refused', reason: 'constructor', about: '' }, 'malformed'],
    [{ v: 1, type: 'joined', session: '0f'.repeat(15), share: 'AAAA' }, 'malformed'],
    [
      { v: 1, type: 'joined', session: '0f'.repeat(16), share: 'AAAA', relay: { ...RELAY, port: 0 } },
      'malformed',
    ],
    [{ v: 1, type: 'welcome', you: '', stun: [1], nonce: '' }, 'malformed'],
    [
      { v: 1, type: 'welcome', you: '', stun: [...STUN, ...STUN, ...STUN, ...STUN, ...STUN], nonce: '' },
      'malformed',
    ],
    [[], 'malformed'],
    [null, 'malformed'],
    [7, 'malformed'],
  ])('%j are refused', (value, reason) => {
    expect(decodeRendezvous(textOf(value))).toMatchObject({ type: 'fault', reason })
  })

  it('lose the fields that nobody asked for', () => {
    const text = textOf({ v: 1, type: 'join', room: 7, share: SHARE, extra: 1, __proto__: null })
    expect(decodeRendezvous(text)).toEqual({ type: 'join', room: 7, share: SHARE })
  })

  it('quote what was wrong in short, and without what a terminal would act on', () => {
    const fault = decodeRendezvous(textOf({ v: 1, type: `\x1b[31m${'x'.repeat(100)}` }))
    expect(fault).toEqual({ type: 'fault', reason: 'unknown-message', about: `?[31m${'x'.repeat(35)}` })
  })

  it('are never larger than 16 KiB', () => {
    expect(() => encodeRendezvous({ type: 'pass', data: 'A'.repeat(16_384) })).toThrow(RangeError)
    const reader = new VRendezvousReader()
    reader.push(Buffer.of(0x40, 0x01))
    expect(reader.next()).toMatchObject({ reason: 'malformed', about: '16385 bytes' })
    reader.push(encodeRendezvous({ type: 'ping' }))
    expect([reader.next(), reader.heldBytes]).toEqual([undefined, 0])
  })

  it('come out of a stream as they went in, whatever the pieces', () => {
    assert(
      property(array(constantFrom(...MESSAGES)), array(uint8Array({ maxLength: 40 })), (messages, cuts) => {
        const stream = Buffer.concat(messages.map(encodeRendezvous))
        const reader = new VRendezvousReader()
        const out: unknown[] = []
        let at = 0
        for (const { length } of [...cuts, stream]) {
          reader.push(stream.subarray(at, at + length))
          at += length
          for (let next = reader.next(); next !== undefined; next = reader.next()) out.push(next)
        }
        expect(out).toEqual(messages)
        expect(reader.heldBytes).toBe(0)
      }),
      propertyRuns(200),
    )
  })

  it('are read or refused, whatever comes, and less than one is held', () => {
    assert(
      property(array(uint8Array({ maxLength: 300 }), { maxLength: 20 }), jsonValue(), (pieces, value) => {
        const reader = new VRendezvousReader()
        for (const piece of pieces) {
          reader.push(piece)
          for (let next = reader.next(); next !== undefined; next = reader.next())
            expect(next.type).toBeDefined()
          expect(reader.heldBytes).toBeLessThan(16_386 + 300)
        }
        decodeRendezvous(textOf(value))
        for (const { type } of MESSAGES) decodeRendezvous(textOf({ v: 1, type, ...(value as object) }))
      }),
      propertyRuns(500),
    )
  })
})

describe('errors of a meeting', () => {
  it('have a name for programs and words for people', () => {
    expect(refusalError('no-such-room')).toBeInstanceOf(VRendezvousError)
    expect(refusalError('no-such-room')).toMatchObject({ code: 'V_NAT_RENDEZVOUS', reason: 'no-such-room' })
    expect(roomEndError('burnt').message).toContain('make a new one')
  })
})

describe('offers', () => {
  const offer: VOffer = {
    secret: Buffer.alloc(32, 7),
    candidates: [candidateOf('host', new VIPSocketPeer('192.168.1.2', 5000, { socketType: 'dgram' }))],
    nat: { mapping: 'address-dependent', filtering: 'unknown', nextPorts: [9000, 9001] },
    note: 'hello',
  }
  const text = (): Record<string, unknown> => JSON.parse(writeOffer(offer).toString())

  it('read as they were written, and fit into a message even when they are as large as can be', () => {
    expect(readOffer(writeOffer(offer))).toEqual(offer)
    const candidates = Array.from({ length: 16 }, (_, at) =>
      candidateOf(
        'server-reflexive',
        new VIPSocketPeer(`2001:db8:1111:2222:3333:4444:5555:${at + 1}`, 65_535),
      ),
    )
    const large = {
      ...offer,
      candidates,
      note: 'x'.repeat(1_024),
      nat: { ...offer.nat, nextPorts: Array.from({ length: 32 }, (_, at) => 65_000 + at) },
    }
    const data = writeOffer(large).toString('base64')
    expect(decodeRendezvous(encodeRendezvous({ type: 'pass', data }).subarray(2))).toEqual({
      type: 'pass',
      data,
    })
  })

  it('are not written with what could not be read', () => {
    expect(() => writeOffer({ ...offer, secret: Buffer.alloc(31) })).toThrow(RangeError)
    expect(() => writeOffer({ ...offer, note: 'x'.repeat(1_025) })).toThrow(RangeError)
  })

  it.each([
    ['a short secret', { secret: Buffer.alloc(31).toString('base64') }],
    ['no secret', { secret: undefined }],
    ['a long note', { note: 'x'.repeat(1_025) }],
    ['no note', { note: null }],
    ['a NAT of its own kind', { nat: { mapping: 'magic', filtering: 'unknown', nextPorts: [] } }],
    ['no NAT', { nat: undefined }],
    ['ports that are none', { nat: { mapping: 'unknown', filtering: 'unknown', nextPorts: [0] } }],
    ['too many ports', { nat: { mapping: 'unknown', filtering: 'unknown', nextPorts: Array(33).fill(1) } }],
  ])('with %s are refused', (_what, change) => {
    expect(() => readOffer(textOf({ ...text(), ...change }))).toThrow(VOfferError)
  })

  it('are read or refused, whatever they are', () => {
    assert(
      property(jsonValue(), uint8Array(), (value, bytes) => {
        for (const each of [
          textOf(value),
          Buffer.from(bytes),
          textOf({ ...text(), candidates: value }),
          textOf({ ...text(), nat: value }),
        ]) {
          try {
            readOffer(each)
          } catch (error) {
            expect(error instanceof VOfferError || error instanceof VCandidateError).toBe(true)
          }
        }
      }),
      propertyRuns(500),
    )
  })
})

describe('an introduction', () => {
  const PLACE = { room: 7, session: '0f'.repeat(16) }

  interface Both {
    readonly joiner: Introduction
    readonly creator: Introduction
  }

  function pair(words = ['lantern', 'orchard']): Both {
    const random = new VSeededRandom(3)
    const joiner = new Introduction({ isJoiner: true, words }, natCrypto, random)
    const creator = new Introduction({ isJoiner: false, words: ['lantern', 'orchard'] }, natCrypto, random)
    return { joiner, creator }
  }

  /** Both have the other's share; gives their proofs, of the joiner and of the creator. */
  function begun({ joiner, creator }: Both, places = [PLACE, PLACE]): [Buffer, Buffer] {
    const [first, second] = [joiner.share, creator.share]
    const ofJoiner = joiner.begin(second, places[0] ?? PLACE) as Buffer
    return [ofJoiner, creator.begin(first, places[1] ?? PLACE) as Buffer]
  }

  function met(): Both {
    const both = pair()
    const [ofJoiner, ofCreator] = begun(both)
    expect([both.creator.take(ofJoiner), both.joiner.take(ofCreator)]).toEqual([
      { type: 'met' },
      { type: 'met' },
    ])
    return both
  }

  it('seals nothing without a key, and opens nothing before the other side has proved itself', () => {
    const both = pair()
    expect(both.joiner.seal(Buffer.from('x'))).toBeUndefined()
    begun(both)
    const early = both.joiner.seal(Buffer.from('x')) as Buffer
    expect(both.creator.take(early).type).toBe('out-of-place')
  })

  it('says under the key at once what only somebody can read who knows the words', () => {
    const both = pair()
    const [ofJoiner] = begun(both)
    const early = both.joiner.seal(Buffer.from('early')) as Buffer
    expect(both.creator.take(ofJoiner)).toEqual({ type: 'met' })
    expect(both.creator.take(early).plain?.toString()).toBe('early')
    const wrong = pair(['lantern', 'otter'])
    const [guess] = begun(wrong)
    expect(wrong.creator.take(guess)).toEqual({ type: 'wrong-words' })
    expect(wrong.creator.seal(Buffer.from('x'))).toBeUndefined()
  })

  it.each([
    ['rooms', { ...PLACE, room: 8 }],
    ['meetings', { ...PLACE, session: '0e'.repeat(16) }],
  ])('has other keys in other %s', (_what, other) => {
    const both = pair()
    const [ofJoiner] = begun(both, [PLACE, other])
    expect(both.creator.take(ofJoiner)).toEqual({ type: 'met' })
    expect(both.creator.take(both.joiner.seal(Buffer.from('x')) as Buffer).type).toBe('out-of-place')
  })

  it.each([
    ['no point', () => Buffer.alloc(32)],
    ['too short', () => Buffer.alloc(31, 1)],
    ["this side's own", ({ joiner }: Both) => joiner.share],
  ])('is over for a share that is %s, and for a second one', (_what, shareOf) => {
    const both = pair()
    expect(both.joiner.begin(shareOf(both), PLACE)).toBeNull()
    expect(both.joiner.begin(both.creator.share, PLACE)).toBeNull()
    expect(both.joiner.seal(Buffer.from('x'))).toBeUndefined()
  })

  it('seals each direction in its order', () => {
    const { joiner, creator } = met()
    const sealed = ['one', 'two'].map((each) => joiner.seal(Buffer.from(each)) as Buffer)
    expect(sealed.map((each) => creator.take(each).plain?.toString())).toEqual(['one', 'two'])
  })

  it.each([
    ['played again', ([first]: Buffer[]) => [first, first]],
    ['out of order', ([first, second]: Buffer[]) => [second, first]],
    ['changed', ([first]: Buffer[]) => [Buffer.concat([(first as Buffer).subarray(0, -1), Buffer.of(0)])]],
    ['cut short', ([first]: Buffer[]) => [(first as Buffer).subarray(0, 5)]],
  ])('is over when a sealed message is %s', (_what, change) => {
    const { joiner, creator } = met()
    const sealed = ['one', 'two'].map((each) => joiner.seal(Buffer.from(each)) as Buffer)
    const steps = (change(sealed) as Buffer[]).map((each) => creator.take(each).type)
    expect(steps.at(-1)).toBe('out-of-place')
    expect(creator.take(sealed[1] as Buffer).type).toBe('out-of-place')
  })

  it('does not take back what it has sealed itself', () => {
    const { joiner } = met()
    expect(joiner.take(joiner.seal(Buffer.from('x')) as Buffer).type).toBe('out-of-place')
  })

  it('throws for nothing that anybody sends', () => {
    assert(
      property(uint8Array({ maxLength: 100 }), (bytes) => {
        for (const kind of [0, 1, 2, 3, 4, 5]) {
          for (const side of Object.values(pair())) {
            const step = side.take(Buffer.concat([Buffer.of(kind), bytes]))
            expect(['wrong-words', 'out-of-place']).toContain(step.type)
          }
        }
      }),
      propertyRuns(20, 2_000),
    )
  })
})
