/**
 * Two parties that meet by a code, and everything that keeps a third one out.
 */
import { decodeRendezvous, encodeRendezvous, refusalError, VPake, type VRendezvousMessage } from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { type LinkedParty, MeetingPlace, offerOf } from './lib/meeting.js'
import { natCrypto } from './lib/nat-crypto.js'

/** The share of somebody who knows other words. */
const SHARE = new VPake(
  { role: 'initiator', password: Buffer.from('x') },
  natCrypto,
  new VSeededRandom(8),
).share.toString('base64')

function roomOf(party: LinkedParty): number {
  const [event] = party.of('room')
  if (event === undefined) throw new Error(`no room was opened: ${party.failure}`)
  return event.room
}

function meet(place: MeetingPlace, words?: string[]): { a: LinkedParty; b: LinkedParty } {
  const a = place.enter({})
  const b = place.enter({ join: roomOf(a), ...(words && { words }) }, '203.0.113.5')
  return { a, b }
}

function answersOn(place: MeetingPlace, link: number): unknown[] {
  return (place.raw.get(link) ?? []).map((bytes) => decodeRendezvous(bytes.subarray(2)))
}

describe('a meeting', () => {
  it('ends in both offers, and in nothing that the server could read', () => {
    const place = new MeetingPlace()
    const a = place.enter({})
    a.client.offer(place.now, offerOf(1))
    const b = place.enter({ join: roomOf(a) })
    b.client.offer(place.now, offerOf(2))
    place.run()
    expect(a.events.map(({ type }) => type)).toEqual(['welcome', 'room', 'joined', 'authenticated', 'offer'])
    expect(b.events.map(({ type }) => type)).toEqual(['welcome', 'joined', 'authenticated', 'offer'])
    expect(a.of('offer')[0]?.offer).toEqual(offerOf(2))
    expect(b.of('offer')[0]?.offer).toEqual(offerOf(1))
    const traffic = Buffer.concat(place.seen)
    for (const secret of [
      'lantern',
      'orchard',
      '192.168.1.',
      'party 1',
      offerOf(1).secret.toString('base64'),
    ]) {
      expect(traffic.includes(secret)).toBe(false)
    }
  })

  it('takes further offers later, in order, and tells when the other needs the room no more', () => {
    const place = new MeetingPlace()
    const { a, b } = meet(place)
    for (const number of [3, 4]) b.client.offer(place.now, offerOf(number))
    place.run()
    expect(a.of('offer').map(({ offer }) => offer.note)).toEqual(['party 3', 'party 4'])
    b.client.done()
    b.client.offer(place.now, offerOf(5))
    place.run()
    expect([a.of('left'), a.client.isOver, a.failure]).toEqual([[{ type: 'left' }], true, undefined])
    expect(a.of('offer')).toHaveLength(2)
  })

  it("has secrets that are the same for both, other ones for each meeting, and nobody else's", () => {
    const place = new MeetingPlace()
    const secretsOf = (party: LinkedParty) => {
      const [event] = party.of('joined')
      if (event === undefined) throw new Error(`nobody joined: ${party.failure}`)
      return event.secrets
    }
    const [one, other] = [meet(place), meet(place)]
    const [maker, joiner] = [secretsOf(one.a), secretsOf(one.b)]
    expect([maker.own, maker.peer]).toEqual([joiner.peer, joiner.own])
    // Who joins is the initiator.
    expect(Buffer.compare(joiner.own, maker.own)).toBe(1)
    const wrong = meet(place, ['anchor', 'bottle'])
    const all = [one, other, wrong].flatMap(({ a, b }) => [secretsOf(a), secretsOf(b)])
    const different = new Set(all.flatMap(({ own, peer }) => [own.toString('hex'), peer.toString('hex')]))
    expect(different.size).toBe(2 + 2 + 4)
    expect(all.every(({ own, peer }) => own.length === 32 && peer.length === 32)).toBe(true)
    const traffic = Buffer.concat(place.seen)
    for (const hex of different) {
      expect(traffic.includes(Buffer.from(hex, 'hex').toString('base64'))).toBe(false)
    }
  })

  it('gives each side its own way through the relay', () => {
    const leg = (letter: string) => ({
      leg: letter.repeat(16),
      token: 'AAAA',
      host: '203.0.113.10',
      port: 3478,
    })
    const sources: string[] = []
    const openRelay = (_now: number, creator: string, joiner: string) => {
      sources.push(creator, joiner)
      return [leg('a'), leg('b')] as const
    }
    const place = new MeetingPlace({ openRelay })
    const { a, b } = meet(place)
    expect([a.of('joined')[0]?.relay, b.of('joined')[0]?.relay]).toEqual([leg('a'), leg('b')])
    expect(sources).toEqual(['198.51.100.2', '203.0.113.5'])
  })

  it('tells in the welcome how this side is seen, and where the STUN server is', () => {
    const stun = [{ host: '203.0.113.10', port: 3478 }]
    const place = new MeetingPlace({ stun })
    const a = place.enter({}, '2001:db8::7')
    expect(a.of('welcome')[0]?.welcome).toMatchObject({ you: '[2001:db8::7]:40001', stun })
  })
})

describe('wrong words', () => {
  it('burn the code and both are told; the third one finds it closed', () => {
    const place = new MeetingPlace()
    const { a, b } = meet(place, ['lantern', 'otter'])
    expect([a.failure, b.failure]).toEqual(['wrong-words', 'wrong-words'])
    expect([a.of('authenticated'), b.of('authenticated')]).toEqual([[], []])
    expect(place.enter({ join: roomOf(a) }).failure).toBe('room-closed')
    expect(place.server.counts.burnt).toBe(1)
  })

  it('serve one guess even to somebody who goes without a word', () => {
    const place = new MeetingPlace()
    const a = place.enter({})
    const link = place.open()
    place.write(link, encodeRendezvous({ type: 'join', room: roomOf(a), share: SHARE }))
    place.server.closeLink(place.now, link)
    place.run()
    expect(a.failure).toBe('burnt')
    expect(place.enter({ join: roomOf(a) }).failure).toBe('room-closed')
  })

  it('serve one guess to somebody who keeps silent: the room is full, then the time is over', () => {
    const place = new MeetingPlace()
    const a = place.enter({})
    const link = place.open()
    place.write(link, encodeRendezvous({ type: 'join', room: roomOf(a), share: SHARE }))
    expect(place.enter({ join: roomOf(a) }).failure).toBe('room-full')
    place.pass(20_000)
    expect(a.failure).toBe('timeout')
    expect(place.directory.openRooms).toBe(0)
  })

  it('are not tried a hundred times from one place', () => {
    const place = new MeetingPlace()
    const rooms = Array.from({ length: 30 }, (_, at) => roomOf(place.enter({}, `198.51.100.${at + 10}`)))
    const failures = Array.from({ length: 100 }, (_, at) => {
      const guess = place.enter({ join: rooms[at % 30] as number, words: ['acorn', 'amber'] }, '203.0.113.66')
      place.pass(10)
      return guess.failure
    })
    expect(failures.filter((failure) => failure === 'wrong-words')).toHaveLength(20)
    expect(failures.filter((failure) => failure === 'too-often')).toHaveLength(80)
  })

  it.each([
    ['a wrong proof', [Buffer.concat([Buffer.of(1), Buffer.alloc(32)])]],
    ['an empty message', [Buffer.alloc(0)]],
    ['a sealed message before a proof', [Buffer.concat([Buffer.of(2), Buffer.alloc(40)])]],
    ['an unknown kind', [Buffer.of(9)]],
  ])('or %s: burnt', (_what, messages) => {
    const place = new MeetingPlace()
    const a = place.enter({})
    const link = place.open()
    place.write(link, encodeRendezvous({ type: 'join', room: roomOf(a), share: SHARE }))
    for (const bytes of messages) {
      place.write(link, encodeRendezvous({ type: 'pass', data: bytes.toString('base64') }))
    }
    expect(['wrong-words', 'bad-answer']).toContain(a.failure)
    expect(answersOn(place, link).at(-1)).toEqual({ type: 'left', reason: 'burnt' })
  })

  it('or a share that is none: burnt at once', () => {
    const place = new MeetingPlace()
    const a = place.enter({})
    const link = place.open()
    const share = Buffer.alloc(32).toString('base64')
    place.write(link, encodeRendezvous({ type: 'join', room: roomOf(a), share }))
    expect(a.failure).toBe('bad-answer')
    expect(answersOn(place, link).at(-1)).toEqual({ type: 'left', reason: 'burnt' })
  })
})

describe('rooms', () => {
  it('are open for ten minutes, and their numbers rest for one more', () => {
    const place = new MeetingPlace()
    const a = place.enter({ create: 7 })
    place.pass(599_000)
    expect([a.failure, place.directory.openRooms]).toEqual([undefined, 1])
    place.pass(1_000)
    expect([a.failure, place.directory.openRooms]).toEqual(['expired', 0])
    expect(place.enter({ join: 7 }).failure).toBe('room-closed')
    expect(place.enter({ create: 7 }).failure).toBe('room-taken')
    place.pass(61_000)
    expect(place.enter({ join: 7 }).failure).toBe('no-such-room')
    expect(roomOf(place.enter({ create: 7 }))).toBe(7)
  })

  it('have short numbers that are not in use', () => {
    const place = new MeetingPlace(
      { entering: { perSecond: 1_000, burst: 1_000 } },
      { maxRoomsPerSource: 500 },
    )
    const rooms = Array.from({ length: 60 }, () => roomOf(place.enter({})))
    expect(new Set(rooms).size).toBe(60)
    expect(Math.max(...rooms)).toBeLessThan(260)
  })

  it('are limited for one source and in all', () => {
    const place = new MeetingPlace({}, { maxRooms: 5, maxRoomsPerSource: 3 })
    const failures = (host: string, count: number) =>
      Array.from({ length: count }, () => place.enter({}, host).failure)
    expect(failures('198.51.100.2', 4)).toEqual([undefined, undefined, undefined, 'too-many-rooms'])
    expect(failures('198.51.100.3', 3)).toEqual([undefined, undefined, 'too-many-rooms'])
    place.cut(place.parties[0] as LinkedParty)
    place.pass(61_000)
    expect(failures('198.51.100.2', 1)).toEqual([undefined])
  })

  it('are over when the one who opened them goes', () => {
    const place = new MeetingPlace()
    const a = place.enter({})
    place.cut(a)
    expect([a.failure, place.directory.openRooms]).toEqual(['link-lost', 0])
    expect(place.enter({ join: roomOf(a) }).failure).toBe('room-closed')
  })

  it('tell the one who is left when the other goes after both have met', () => {
    const place = new MeetingPlace()
    const a = place.enter({})
    const b = place.enter({ join: roomOf(a) })
    place.cut(b)
    expect([a.of('left'), a.client.isOver]).toEqual([[{ type: 'left' }], true])
  })
})

describe('the server', () => {
  it('refuses unknown messages by name, and goes on until there are too many', () => {
    const place = new MeetingPlace()
    const link = place.open()
    const unknown = Buffer.from('  {"v":1,"type":"dance","x":1}')
    unknown.writeUInt16BE(unknown.length - 2, 0)
    place.write(link, unknown)
    expect(answersOn(place, link).at(-1)).toEqual({
      type: 'refused',
      reason: 'unknown-message',
      about: 'dance',
    })
    place.write(link, encodeRendezvous({ type: 'ping' }))
    expect(answersOn(place, link).at(-1)).toEqual({ type: 'pong' })
    for (let times = 0; times < 3; times += 1) place.write(link, unknown)
    expect(place.closed).toEqual([link])
  })

  it('refuses another version by its number', () => {
    const place = new MeetingPlace()
    const link = place.open()
    const other = Buffer.from('  {"v":2,"type":"create"}')
    other.writeUInt16BE(other.length - 2, 0)
    place.write(link, other)
    expect(answersOn(place, link).at(-1)).toEqual({ type: 'refused', reason: 'version', about: '2' })
    expect(place.closed).toEqual([link])
    expect(refusalError('version', '2').message).toContain('bring both up to date (2)')
  })

  it.each<[string, VRendezvousMessage[]]>([
    ['a pass without a room', [{ type: 'pass', data: '' }]],
    ['a burn without a room', [{ type: 'burn' }]],
    ['what a server says', [{ type: 'pong' }]],
    [
      'two rooms on one link',
      [
        { type: 'create', share: SHARE },
        { type: 'create', share: SHARE },
      ],
    ],
    [
      'a relay inside of a room',
      [
        { type: 'create', share: SHARE },
        { type: 'relay', leg: '0'.repeat(16), mac: '' },
      ],
    ],
  ])('refuses %s', (_what, messages) => {
    const place = new MeetingPlace()
    const link = place.open()
    place.write(link, Buffer.concat(messages.map(encodeRendezvous)))
    expect(answersOn(place, link).at(-1)).toMatchObject({ type: 'refused', reason: 'out-of-turn' })
    expect(place.closed).toEqual([link])
    expect([place.directory.openRooms, place.server.openLinks]).toEqual([0, 0])
  })

  it('takes messages in pieces of any size', () => {
    const place = new MeetingPlace()
    const link = place.open()
    const bytes = Buffer.concat(
      [{ type: 'ping' }, { type: 'create', room: 9, share: SHARE }].map((each) =>
        encodeRendezvous(each as VRendezvousMessage),
      ),
    )
    for (const byte of bytes) place.write(link, Buffer.of(byte))
    expect(answersOn(place, link).slice(1)).toMatchObject([{ type: 'pong' }, { type: 'created', room: 9 }])
  })

  it('limits links, messages and what is passed', () => {
    const place = new MeetingPlace({
      maxLinks: 3,
      maxLinksPerSource: 2,
      messages: { perSecond: 1, burst: 300 },
    })
    const first = place.open('198.51.100.9')
    place.open('198.51.100.9')
    const third = place.open('198.51.100.9')
    expect(answersOn(place, third)).toMatchObject([{ reason: 'too-many-connections' }])
    place.open('198.51.100.10')
    expect(answersOn(place, place.open('198.51.100.11'))).toMatchObject([{ reason: 'too-many-connections' }])
    place.write(first, encodeRendezvous({ type: 'create', share: SHARE }))
    for (let times = 0; times < 257; times += 1)
      place.write(first, encodeRendezvous({ type: 'pass', data: '' }))
    expect(answersOn(place, first).at(-1)).toMatchObject({ reason: 'too-much' })
    const fourth = place.open('198.51.100.9')
    for (let times = 0; times < 60; times += 1) place.write(fourth, encodeRendezvous({ type: 'ping' }))
    expect(answersOn(place, fourth).at(-1)).toMatchObject({ reason: 'too-often' })
  })

  it('closes links on which nothing is asked for, and those whose room is over', () => {
    const place = new MeetingPlace()
    const link = place.open()
    place.pass(29_999)
    expect(place.closed).toEqual([])
    place.pass(1)
    expect(place.closed).toEqual([link])
    expect(place.server.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('hands a link over to the relay, with what came behind the request', () => {
    const place = new MeetingPlace()
    const link = place.open()
    const relay = encodeRendezvous({ type: 'relay', leg: 'ab'.repeat(8), mac: 'AQID' })
    place.server.handleBytes(0, link, Buffer.concat([relay, Buffer.from('rest')]))
    expect(place.server.pollOutput()).toMatchObject({
      type: 'relay',
      link,
      leg: 'ab'.repeat(8),
      mac: Buffer.of(1, 2, 3),
      rest: Buffer.from('rest'),
    })
    place.write(link, encodeRendezvous({ type: 'ping' }))
    expect(answersOn(place, link)).toHaveLength(1)
  })

  it('drains: everybody is told, and nobody comes in any more', () => {
    const place = new MeetingPlace()
    const { a, b } = meet(place)
    const c = place.enter({})
    place.server.drain(place.now)
    place.run()
    expect([a.client.isOver, b.client.isOver, c.failure]).toEqual([true, true, 'closing'])
    expect([place.server.openLinks, place.directory.openRooms]).toEqual([0, 0])
    expect(place.enter({}).failure).toBe('too-many-connections')
  })
})

describe('the client', () => {
  it('keeps a silent link open, and notices when it is dead', () => {
    const place = new MeetingPlace()
    const a = place.enter({})
    place.pass(480_000)
    expect(a.failure).toBeUndefined()
    place.server.closeLink(place.now, a.link)
    place.pass(89_999)
    expect(a.failure).toBeUndefined()
    place.pass(1)
    expect(a.failure).toBe('link-lost')
  })

  it('gives a server that says nothing 20 seconds', () => {
    const place = new MeetingPlace()
    const { client } = place.enter({})
    const silent = new (client.constructor as typeof import('@vio/nat').VRendezvousClient)(
      { words: ['a'] },
      natCrypto,
      place.random,
    )
    silent.start(0)
    expect(silent.pollTimeout()).toBe(20_000)
    silent.handleTimeout(20_000)
    expect(silent.pollEvent()).toMatchObject({ type: 'failed', error: { reason: 'timeout' } })
    expect([silent.isOver, silent.pollTimeout()]).toEqual([true, Number.POSITIVE_INFINITY])
  })

  it.each<[string, VRendezvousMessage]>([
    ['joined', { type: 'joined', session: '0'.repeat(32), share: SHARE }],
    ['a second welcome', { type: 'welcome', you: '', stun: [], nonce: '' }],
    ['what a party says', { type: 'create', share: SHARE }],
  ])('fails when the server says %s out of turn', (_what, message) => {
    const place = new MeetingPlace()
    const a = place.enter({})
    a.client.handleBytes(place.now, encodeRendezvous({ ...message }))
    a.client.handleBytes(place.now, encodeRendezvous({ ...message }))
    place.run()
    expect([a.failure, a.of('failed').length]).toEqual(['out-of-turn', 1])
  })
})
