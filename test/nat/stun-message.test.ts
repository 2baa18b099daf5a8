/**
 * Messages of STUN: the published vectors, what is written reads the same, and datagrams that are none.
 */
import { createHash } from 'node:crypto'
import { VIPSocketPeer } from '@vio/io'
import {
  attributeOf,
  decodeStun,
  encodeStun,
  hasIntegrity,
  looksLikeStun,
  readAddress,
  readChange,
  readErrorCode,
  readTypes,
  readXorAddress,
  STUN_ATTRIBUTES,
  textOf,
  unknownAttributes,
  type VStunMessage,
  writeAddress,
  writeChange,
  writeErrorCode,
  writeTypes,
  writeXorAddress,
} from '@vio/nat'
import { assert, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'
import { stunHash } from './lib/stun-hash.js'

const A = STUN_ATTRIBUTES
const PASSWORD = Buffer.from('VOkJxbRl1RmTxUk/WvJxBt')
const ID = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex')

/** RFC 5769 section 2. */
const VECTORS = {
  request:
    '000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff' +
    '80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249' +
    'c1b571a280280004e57a3bcf',
  ipv4:
    '0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643' +
    '000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96',
  ipv6:
    '010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9fa' +
    'a5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c',
  longTerm:
    '000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c' +
    '662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700' +
    '00080014f67024656dd64a3e02b8e0712e85c9a28ca89666',
}

function vector(name: keyof typeof VECTORS): { bytes: Buffer; message: VStunMessage } {
  const bytes = Buffer.from(VECTORS[name], 'hex')
  const message = decodeStun(bytes)
  if (message === undefined) throw new Error(`the vector ${name} was not read`)
  return { bytes, message }
}

function text(message: VStunMessage, type: number): string | undefined {
  const value = attributeOf(message, type)
  return value && textOf(value)
}

describe('the vectors of RFC 5769', () => {
  it('reads the sample request', () => {
    const { bytes, message } = vector('request')
    expect(message).toMatchObject({ class: 'request', method: 1, transactionId: ID, fingerprint: true })
    expect([text(message, A.SOFTWARE), text(message, A.USERNAME)]).toEqual(['STUN test client', 'evtj:h6vY'])
    expect(hasIntegrity(bytes, PASSWORD, stunHash)).toBe(true)
    expect(hasIntegrity(bytes, Buffer.from('another'), stunHash)).toBe(false)
    expect(unknownAttributes(message, new Set([A.USERNAME, A.MESSAGE_INTEGRITY]))).toEqual([0x24])
  })

  it.each([
    ['ipv4', '192.0.2.1'],
    ['ipv6', '2001:db8:1234:5678:11:2233:4455:6677'],
  ] as const)('reads the sample %s response', (name, host) => {
    const { bytes, message } = vector(name)
    expect(message).toMatchObject({ class: 'success', method: 1, fingerprint: true })
    expect(text(message, A.SOFTWARE)).toBe('test vector')
    expect(hasIntegrity(bytes, PASSWORD, stunHash)).toBe(true)
    const value = attributeOf(message, A.XOR_MAPPED_ADDRESS) ?? Buffer.alloc(0)
    const peer = readXorAddress(value, message.transactionId)
    expect(peer?.equals(new VIPSocketPeer(host, 32_853, { socketType: 'dgram' }))).toBe(true)
    expect(writeXorAddress(peer as VIPSocketPeer, ID)).toEqual(Buffer.from(value))
  })

  it('reads the sample request with long-term authentication', () => {
    const { bytes, message } = vector('longTerm')
    const user = 'マトリックス'
    expect(text(message, A.USERNAME)).toBe(user)
    expect([text(message, A.NONCE), text(message, A.REALM)]).toEqual([
      'f//499k954d6OL34oL9FSTvy64sA',
      'example.org',
    ])
    const key = createHash('md5').update(`${user}:example.org:TheMatrIX`).digest()
    expect(hasIntegrity(bytes, key, stunHash)).toBe(true)
    expect(message.fingerprint).toBe(false)
  })

  it('drops a vector in which any one byte behind the cookie was changed', () => {
    const bytes = Buffer.from(VECTORS.ipv4, 'hex')
    for (let at = 8; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x10
      // Whoever changes the type of the fingerprint has a message without one, which still has its integrity.
      if (decodeStun(changed) === undefined) continue
      expect([at >= bytes.length - 8, decodeStun(changed)?.fingerprint]).toEqual([true, false])
    }
  })
})

describe('encodeStun', () => {
  const attributes = [
    { type: A.SOFTWARE, value: Buffer.from('vio') },
    { type: A.CHANGE_REQUEST, value: writeChange({ ip: true, port: false }) },
  ]

  it.each(['request', 'indication', 'success', 'error'] as const)(
    'writes a %s that reads the same',
    (kind) => {
      for (const method of [0, 1, 0x0f, 0x10, 0x7f, 0x80, 0xabc, 0xfff]) {
        const bytes = encodeStun({ class: kind, method, transactionId: ID, attributes })
        const message = decodeStun(bytes)
        expect(message).toMatchObject({ class: kind, method, transactionId: ID, fingerprint: true })
        expect(message?.attributes).toEqual(attributes)
        expect(looksLikeStun(bytes)).toBe(true)
      }
    },
  )

  it('adds integrity of either hash, or of both, which hold before the fingerprint is there', () => {
    for (const [sha1, sha256] of [
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const integrity = { key: PASSWORD, hash: stunHash, sha1, sha256 }
      for (const fingerprint of [true, false]) {
        const bytes = encodeStun({ class: 'request', transactionId: ID, attributes, integrity, fingerprint })
        expect(hasIntegrity(bytes, PASSWORD, stunHash)).toBe(true)
        expect(hasIntegrity(bytes, Buffer.from('x'), stunHash)).toBe(false)
        expect(decodeStun(bytes)?.fingerprint).toBe(fingerprint)
      }
    }
    const bare = encodeStun({ class: 'request', transactionId: ID })
    expect(hasIntegrity(bare, PASSWORD, stunHash)).toBe(false)
  })

  it('does not take for a part of the message what stands behind its integrity', () => {
    const integrity = { key: PASSWORD, hash: stunHash }
    const bytes = encodeStun({ class: 'success', transactionId: ID, integrity, fingerprint: false })
    const late = Buffer.concat([bytes, Buffer.from('000600046c617465', 'hex')])
    late.writeUInt16BE(late.length - 20, 2)
    const message = decodeStun(late)
    expect(message && attributeOf(message, A.USERNAME)).toBeUndefined()
    expect(hasIntegrity(late, PASSWORD, stunHash)).toBe(true)
  })

  it('refuses a method, an id and a size out of range', () => {
    const parts = { class: 'request', transactionId: ID } as const
    expect(() => encodeStun({ ...parts, method: 4096 })).toThrow(RangeError)
    expect(() => encodeStun({ ...parts, transactionId: ID.subarray(1) })).toThrow('12 bytes, got 11')
    const large = { type: A.PADDING, value: Buffer.alloc(40_000) }
    expect(() => encodeStun({ ...parts, attributes: [large, large] })).toThrow('at most 65532 bytes')
    expect(() => encodeStun({ ...parts, attributes: [{ ...large, value: Buffer.alloc(65_532) }] })).toThrow(
      RangeError,
    )
  })
})

describe('decodeStun', () => {
  it('reads nothing in datagrams of other protocols, or cut short', () => {
    const bytes = encodeStun({ class: 'request', transactionId: ID })
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeStun(bytes.subarray(0, length))).toBeUndefined()
    }
    expect(decodeStun(Buffer.concat([bytes, Buffer.alloc(4)]))).toBeUndefined()
    const vut = Buffer.from(bytes)
    vut[0] = 0x40
    expect([looksLikeStun(vut), decodeStun(vut)]).toEqual([false, undefined])
  })

  it('throws for no bytes at all', () => {
    const header = encodeStun({ class: 'request', transactionId: ID, fingerprint: false })
    assert(
      property(uint8Array({ maxLength: 200 }), (body) => {
        const bytes = Buffer.concat([header, body])
        bytes.writeUInt16BE(body.length, 2)
        decodeStun(body)
        hasIntegrity(bytes, PASSWORD, stunHash)
        for (const { value } of decodeStun(bytes)?.attributes ?? []) {
          readAddress(value)
          readXorAddress(value, ID)
          readErrorCode(value)
          readTypes(value)
          readChange(value)
        }
      }),
      propertyRuns(2000),
    )
  })
})

describe('attributes', () => {
  it('reads an address only of a known family and of its length', () => {
    for (let family = 0; family < 256; family += 1) {
      for (let sizeBytes = 0; sizeBytes < 40; sizeBytes += 1) {
        const value = Buffer.alloc(sizeBytes)
        if (sizeBytes > 1) value[1] = family
        const isWhole = (family === 1 && sizeBytes === 8) || (family === 2 && sizeBytes === 20)
        expect(readAddress(value) !== undefined).toBe(isWhole)
        expect(readXorAddress(value, ID) !== undefined).toBe(isWhole)
      }
    }
  })

  it.each(['1.2.3.4', '255.255.255.255', '::1', 'fe80::1:2', '::ffff:1.2.3.4', '2001:db8::'])(
    'writes the address %s so that it reads the same',
    (host) => {
      const peer = new VIPSocketPeer(host, 4711, { socketType: 'dgram' })
      expect(readAddress(writeAddress(peer))?.equals(peer)).toBe(true)
      expect(readXorAddress(writeXorAddress(peer, ID), ID)?.equals(peer)).toBe(true)
    },
  )

  it('reads no address of another family or length', () => {
    const value = writeAddress(new VIPSocketPeer('1.2.3.4', 5))
    expect(readAddress(value.subarray(0, 7))).toBeUndefined()
    expect(readAddress(Buffer.concat([value, Buffer.alloc(12)]))).toBeUndefined()
    value[1] = 3
    expect(readAddress(value)).toBeUndefined()
    expect(readAddress(Buffer.alloc(0))).toBeUndefined()
  })

  it('writes error codes, lists of types and changes so that they read the same', () => {
    const error = { code: 420, reason: 'Unknown Attribute' }
    expect(readErrorCode(writeErrorCode(error))).toEqual(error)
    expect(() => writeErrorCode({ code: 299, reason: '' })).toThrow(RangeError)
    expect(() => writeErrorCode({ code: 700, reason: '' })).toThrow(RangeError)
    for (const value of [
      Buffer.of(0, 0, 2, 0),
      Buffer.of(0, 0, 7, 0),
      Buffer.of(0, 0, 4, 100),
      Buffer.alloc(3),
    ]) {
      expect(readErrorCode(value)).toBeUndefined()
    }
    expect(readTypes(writeTypes([1, 0xfffe]))).toEqual([1, 0xfffe])
    expect(readTypes(Buffer.alloc(3))).toBeUndefined()
    for (const ip of [true, false]) {
      for (const port of [true, false]) expect(readChange(writeChange({ ip, port }))).toEqual({ ip, port })
    }
    expect(readChange(Buffer.alloc(5))).toBeUndefined()
  })
})
