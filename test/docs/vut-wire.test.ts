/**
 * The pages of the wire are held against the code: types, ids, codes, constants, the example, and the sections that the
 * code cites.
 *
 * What the pages say in sentences is shown by the tests of the engines. Each comparison is shown to fail on a drift.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { VUT_CODE } from '../../packages/vudp/src/proto/errors.js'
import { encodePosint, posintBytes } from '../../packages/vudp/src/proto/posint.js'
import { VUT1 } from '../../packages/vudp/src/proto/profile.js'
import { DatagramMac } from '../../packages/vudp/src/proto/seal.js'
import { FRAME } from '../../packages/vudp/src/proto/v1/frames.js'
import { KIND } from '../../packages/vudp/src/proto/v1/packet.js'
import { decodeParameters, encodeParameters } from '../../packages/vudp/src/proto/v1/parameters.js'
import {
  encodeHeader08,
  FLAG_ACK_CLOSE,
  FLAG_CLOSE,
  FLAG_FAIL,
  Packet08,
} from '../../packages/vudp/src/proto/v08/packet.js'
import { PROFILE_08 } from '../../packages/vudp/src/proto/v08/profile.js'
import { ROOT } from '../architecture/rules/source.js'
import { numberOf, tableOf, valueLike } from './lib/tables.js'

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const wire = read('docs/vut-wire.md')
const vectors = read('test/vectors/vut-1/handshake.json')

/** The two columns of a table as a record, numbers by names. */
function numbersBy(
  nameAt: number,
  valueAt: number,
  rows: readonly (readonly string[])[],
): Map<string, number> {
  return new Map(rows.map((row) => [row[nameAt] ?? '', numberOf(row[valueAt] ?? '')]))
}

/** A record of numbers, its names as the page writes those of frames and datagrams: STREAM_LIMIT for streamLimit. */
function shouted(record: object): Map<string, number> {
  const shout = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
  return new Map(Object.entries(record).map(([name, value]) => [shout(name), Number(value)]))
}

/** Where a table of constants and a record differ. */
function differences(text: string, record: object): string[] {
  const { rows } = tableOf(text, 'constant', 'value')
  const told = new Map(rows.map(([name = '', value = '']) => [name, value]))
  const found = [...told.keys()].filter((name) => !(name in record)).map((name) => `${name} is no constant`)
  for (const [name, value] of Object.entries(record)) {
    const cell = told.get(name)
    if (cell === undefined) found.push(`${name} is missing`)
    else if (JSON.stringify(valueLike(value, cell)) !== JSON.stringify(value)) {
      found.push(`${name} is ${JSON.stringify(value)}, not ${cell}`)
    }
  }
  return found
}

describe('docs/vut-wire.md', () => {
  it('has the first byte of each kind of datagram', () => {
    expect(numbersBy(1, 0, tableOf(wire, 'first byte', 'kind').rows)).toEqual(shouted(KIND))
  })

  it('has the type of each frame', () => {
    const told = numbersBy(1, 0, tableOf(wire, 'type', 'frame').rows)
    const first = told.get('the first of those that may be unknown')
    told.delete('the first of those that may be unknown')
    expect(told.set('FIRST_UNKNOWN', first ?? -1)).toEqual(shouted(FRAME))
  })

  it('has the id of each parameter, in the order of what is encoded, and what holds when it is absent', () => {
    const { rows } = tableOf(wire, 'id', 'name', 'value', 'when absent')
    const one = Buffer.alloc(1, 1)
    const encoded = encodeParameters({
      idleTimeoutMs: 1,
      streamLimit: 1,
      totalLimit: 1,
      maxStreams: 1,
      datagramBytes: 1,
      ackDelayMs: 1,
      resetToken: one,
      ciphers: [1],
      userData: one,
      ackFrequency: 1,
      unreliableBytes: 1,
      respId: one,
    })
    // Each of them takes three bytes: id, length, value.
    const ids = Array.from({ length: encoded.length / 3 }, (_, index) => encoded[3 * index])
    expect(rows.map(([id = '']) => numberOf(id))).toEqual(ids)
    const absent = decodeParameters(Buffer.alloc(0))
    const numbers = rows.map((row) => /^[\d,]+/.exec(row[3] ?? '')?.[0]).map((cell) => cell && numberOf(cell))
    expect(numbers.slice(0, 6)).toEqual([
      absent?.idleTimeoutMs,
      absent?.streamLimit,
      1,
      absent?.maxStreams,
      absent?.datagramBytes,
      absent?.ackDelayMs,
    ])
    expect([numbers[7], numbers[9], numbers[10]]).toEqual([1, 0, 0])
    expect(absent).toMatchObject({ ciphers: [1], ackFrequency: 0, unreliableBytes: 0 })
    expect(absent?.totalLimit).toBe(1.5 * (absent?.streamLimit ?? 0))
  })

  it('has each code', () => {
    const told = numbersBy(1, 0, tableOf(wire, 'code', 'name', 'meaning').rows)
    expect(told).toEqual(new Map(Object.entries(VUT_CODE)))
  })

  it('has each constant with its value, and no other', () => {
    expect(differences(wire, VUT1)).toEqual([])
  })

  it('works out the example that is committed', () => {
    const [, section = ''] = wire.split(/^## 7\. /m)
    const example = section.split(/^## /m)[0] ?? ''
    const known = [...vectors.matchAll(/"([0-9a-f]{2,})"/g)].map(([, hex = '']) => hex)
    let compared = 0
    for (const [, block = ''] of example.matchAll(/```text\n(.*?)```/gs)) {
      // A line that begins with blanks goes on with the one before; INIT ends with zeros that are not written out.
      for (const line of block.replaceAll(/\n +(?=[0-9a-f])/g, ' ').split('\n')) {
        const hex = line.replace(/^(\w+( [ir])?) +/, (name) => (/^[0-9a-f]{2} /.test(name) ? name : ''))
        const bytes = hex.replaceAll(' ', '')
        if (!/^[0-9a-f]+$/.test(bytes) || bytes.length < 2) continue
        compared += 1
        expect(known.filter((each) => each === bytes || each === bytes.padEnd(2400, '0'))).not.toEqual([])
      }
    }
    expect(compared).toBeGreaterThan(20)
  })
})

describe('docs/vut-0.8.md', () => {
  const page = read('docs/vut-0.8.md')

  it('has each constant with its value, and no other', () => {
    expect(differences(page, PROFILE_08)).toEqual([])
  })

  it('has numbers as they are written', () => {
    const { rows } = tableOf(page, 'value', 'octets')
    expect(rows.length).toBeGreaterThan(5)
    for (const [value = '', octets = ''] of rows) {
      const bytes = Buffer.alloc(posintBytes(numberOf(value)))
      encodePosint(numberOf(value), bytes, 0)
      expect(octets.replaceAll(' ', '')).toBe(bytes.toString('hex'))
    }
  })

  it('has the flags, and a hello with its code', () => {
    const flags = /0x(..) CLOSE, 0x(..) ACK_CLOSE, 0x(..) FAIL/.exec(page)?.slice(1)
    expect(flags).toEqual([FLAG_CLOSE, FLAG_ACK_CLOSE, FLAG_FAIL].map((flag) => flag.toString(16)))
    const senderSecret = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
    const receiverSecret = senderSecret.map((octet) => octet + 0xa0)
    const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest()
    const mac = new DatagramMac({ sha1, senderSecret, receiverSecret, maxDatagramBytes: 508 })
    const packet = new Packet08()
    packet.win = PROFILE_08.helloWindow
    const bytes = Buffer.alloc(4 + 17 + 20)
    bytes.write(PROFILE_08.hello, encodeHeader08(packet, bytes, 0))
    mac.append(bytes, 0, 21)
    expect(/^00 00 00 80 .*$/m.exec(page)?.[0].replaceAll(' ', '')).toBe(bytes.toString('hex'))
  })
})

describe('a drift', () => {
  it('of a constant is seen', () => {
    const drifted = wire.replace('| `initBytes` | 1,200 |', '| `initBytes` | 1,201 |')
    expect(drifted).not.toBe(wire)
    expect(differences(drifted, VUT1)).toEqual(['initBytes is 1200, not 1,201'])
    expect(differences(wire, { ...VUT1, other: 1 })).toEqual(['other is missing'])
    expect(differences(wire.replace('| `initBytes` |', '| `init` |'), VUT1)).toHaveLength(2)
  })

  it('of a cell that says nothing is seen', () => {
    expect(() => numberOf('many')).toThrow('no number')
    expect(() => tableOf(wire, 'nothing')).toThrow('0 tables')
    expect([numberOf('2^53 - 1'), numberOf('9/8'), numberOf('0x1a')]).toEqual([2 ** 53 - 1, 9 / 8, 26])
  })
})

/** The sections of VUT/1 that a text cites, as `VUT 2` or `VUT 4, 5` or `docs/vut-wire.md section 2`. */
function citedIn(text: string): number[] {
  const list =
    /(?:\bVUT |vut-wire\.md section )(\d+(?:\.\d+)?(?:(?:, | and | to )\d+(?:\.\d+)?(?![\w.]\d))*)/g
  return [...text.matchAll(list)]
    .flatMap(([, numbers = '']) => numbers.split(/, | and | to /))
    .filter((number) => number !== '0.8')
    .map(Number)
}

describe('the sections that the code cites', () => {
  const sources = ['vudp', 'nat'].flatMap((name) => {
    const below = readdirSync(join(ROOT, `packages/${name}/src`), { recursive: true, encoding: 'utf8' })
    return below.filter((path) => path.endsWith('.ts')).map((path) => `packages/${name}/src/${path}`)
  })

  it('are there', () => {
    const sections = new Set([...wire.matchAll(/^## (\d+)\. /gm)].map(([, number]) => Number(number)))
    const cited = sources.flatMap((path) => citedIn(read(path)).map((number) => ({ path, number })))
    expect(cited.length).toBeGreaterThan(20)
    expect(cited.filter(({ number }) => !sections.has(number))).toEqual([])
  })

  it('are found in each form', () => {
    expect(citedIn('(VUT 2)')).toEqual([2])
    expect(citedIn('VUT 4, 5). VUT 1 and 3; VUT 0.8, and VUT 5, RFC 9000')).toEqual([4, 5, 1, 3, 5])
    expect(citedIn('docs/vut-wire.md section 9, VUT/1 and VUT 1 to 3')).toEqual([9, 1, 3])
  })
})
