/**
 * Keys, Noise messages and long datagrams against the committed handshake and against published vectors.
 */
import { describe, expect, it } from 'vitest'
import { NodeCrypto } from '../../../../packages/vudp/src/driver/crypto.js'
import type { VCipherId } from '../../../../packages/vudp/src/proto/crypto.js'
import { DatagramBuilder } from '../../../../packages/vudp/src/proto/v1/builder.js'
import {
  hkdfExpand,
  hkdfExtract,
  sessionKeys,
  trafficKeys,
} from '../../../../packages/vudp/src/proto/v1/key-schedule.js'
import { Noise } from '../../../../packages/vudp/src/proto/v1/noise.js'
import {
  encodeInit,
  encodePunch,
  encodeResp,
  encodeVersion,
  openPunch,
  openVersion,
  parseInit,
  parseResp,
} from '../../../../packages/vudp/src/proto/v1/packet.js'
import { decodeParameters, encodeParameters } from '../../../../packages/vudp/src/proto/v1/parameters.js'
import { Protection } from '../../../../packages/vudp/src/proto/v1/protection.js'
import { SentPacket } from '../../../../packages/vudp/src/proto/v1/sent.js'
import { hex } from './vectors.js'

const crypto = new NodeCrypto()
const keys = sessionKeys(crypto, hex('initiator_secret'), hex('responder_secret'))

function pair(): { initiator: Noise; responder: Noise } {
  const prologue = hex('noise', 'prologue')
  return {
    initiator: new Noise(crypto, keys.psk, prologue, hex('noise', 'initiator_ephemeral_private')),
    responder: new Noise(crypto, keys.psk, prologue, hex('noise', 'responder_ephemeral_private')),
  }
}

describe('key schedule', () => {
  it.each([
    {
      title: 'RFC 5869 A.1',
      ikm: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
      salt: '000102030405060708090a0b0c',
      info: 'f0f1f2f3f4f5f6f7f8f9',
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    },
    {
      title: 'RFC 5869 A.3',
      ikm: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
      salt: '',
      info: '',
      okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    },
  ])('is HKDF-SHA256 ($title)', ({ ikm, salt, info, okm }) => {
    const prk = hkdfExtract(crypto, Buffer.from(salt, 'hex'), Buffer.from(ikm, 'hex'))
    expect(hkdfExpand(crypto, prk, Buffer.from(info, 'hex'), okm.length / 2).toString('hex')).toBe(okm)
  })

  it('derives the keys of the committed session', () => {
    expect(keys.psk).toEqual(hex('psk'))
    expect(keys.tag).toEqual(hex('tag'))
    expect(keys.punchInitiator).toEqual(hex('punch_key_initiator'))
    expect(keys.punchResponder).toEqual(hex('punch_key_responder'))
  })

  it.each(['initiator_to_responder', 'responder_to_initiator'])('derives the traffic keys of %s', (way) => {
    const { key, iv, next } = trafficKeys(crypto, hex('traffic', way, 'secret'), 1)
    expect(key).toEqual(hex('traffic', way, 'key'))
    expect(iv).toEqual(hex('traffic', way, 'iv'))
    expect(next).toEqual(hex('traffic', way, 'next_secret'))
  })
})

describe('X25519', () => {
  it('agrees with RFC 7748 section 6.1', () => {
    const bob = Buffer.from('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', 'hex')
    const alicePublic = '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'
    expect(crypto.x25519Public(bob).toString('hex')).toBe(
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    )
    expect(crypto.x25519(bob, Buffer.from(alicePublic, 'hex'))?.toString('hex')).toBe(
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    )
  })

  it('gives no secret for a point of small order', () => {
    expect(crypto.x25519(hex('noise', 'initiator_ephemeral_private'), Buffer.alloc(32))).toBeNull()
  })
})

describe('Noise', () => {
  it('makes the committed messages, hash and secrets, on both sides', () => {
    const { initiator, responder } = pair()
    const first = initiator.writeFirst(hex('noise', 'initiator_parameters'))
    expect(first).toEqual(hex('noise', 'message_1'))
    expect(responder.readFirst(first)).toEqual(hex('noise', 'initiator_parameters'))
    const second = responder.writeSecond(hex('noise', 'responder_parameters')) as Buffer
    expect(second).toEqual(hex('noise', 'message_2'))
    expect(initiator.readSecond(second)).toEqual(hex('noise', 'responder_parameters'))
    expect(initiator.handshakeHash).toEqual(hex('noise', 'handshake_hash'))
    expect(responder.handshakeHash).toEqual(hex('noise', 'handshake_hash'))
    for (const side of [initiator, responder]) {
      expect(side.split().initiatorSecret).toEqual(hex('traffic', 'initiator_to_responder', 'secret'))
      expect(side.split().responderSecret).toEqual(hex('traffic', 'responder_to_initiator', 'secret'))
    }
  })

  it('reads the true message after forged ones', () => {
    const { initiator, responder } = pair()
    const first = initiator.writeFirst(Buffer.from('a'))
    for (let at = 0; at < first.length; at += 1) {
      const forged = Buffer.from(first)
      forged[at] = (forged[at] as number) ^ 1
      expect(responder.readFirst(forged)).toBeNull()
    }
    expect(responder.readFirst(first.subarray(0, 40))).toBeNull()
    expect(responder.readFirst(first)).toEqual(Buffer.from('a'))
    const second = responder.writeSecond(Buffer.from('b')) as Buffer
    for (let at = 0; at < second.length; at += 1) {
      const forged = Buffer.from(second)
      forged[at] = (forged[at] as number) ^ 0x80
      // The top bit of a public key does not count (RFC 7748), but it is part of the hash.
      expect(initiator.readSecond(forged)).toBeNull()
    }
    expect(initiator.readSecond(second)).toEqual(Buffer.from('b'))
  })
})

describe('long datagrams', () => {
  const { tag } = keys

  it('are those of the committed handshake', () => {
    const scid = hex('scid_initiator')
    expect(encodePunch(crypto, keys.punchInitiator, tag, 1)).toEqual(
      hex('datagrams', 'punch_initiator_seq_1'),
    )
    expect(encodePunch(crypto, keys.punchResponder, tag, 1)).toEqual(
      hex('datagrams', 'punch_responder_seq_1'),
    )
    expect(encodeInit(tag, scid, hex('noise', 'message_1'))).toEqual(hex('datagrams', 'init'))
    expect(encodeResp(scid, hex('scid_responder'), hex('noise', 'message_2'))).toEqual(
      hex('datagrams', 'resp'),
    )
    expect(encodeVersion(crypto, keys.punchResponder, tag, [1])).toEqual(
      hex('datagrams', 'version_list_1_by_responder'),
    )
  })

  it('come apart again', () => {
    expect(openPunch(crypto, keys.punchInitiator, tag, hex('datagrams', 'punch_initiator_seq_1'))).toBe(1)
    expect(openPunch(crypto, keys.punchResponder, tag, hex('datagrams', 'punch_initiator_seq_1'))).toBe(-1)
    const init = parseInit(hex('datagrams', 'init'))
    expect(init).toMatchObject({
      version: 1,
      tag,
      scid: hex('scid_initiator'),
      message: hex('noise', 'message_1'),
    })
    const resp = parseResp(hex('datagrams', 'resp'))
    expect(resp).toEqual({
      dcid: hex('scid_initiator'),
      scid: hex('scid_responder'),
      message: hex('noise', 'message_2'),
    })
    const version = hex('datagrams', 'version_list_1_by_responder')
    expect(openVersion(crypto, keys.punchResponder, tag, version)).toEqual(Buffer.of(1))
  })

  it('fail when one bit is another or the end is missing', () => {
    const punch = hex('datagrams', 'punch_initiator_seq_1')
    for (let at = 1; at < punch.length; at += 1) {
      const forged = Buffer.from(punch)
      forged[at] = (forged[at] as number) ^ 4
      expect(openPunch(crypto, keys.punchInitiator, tag, forged)).toBe(-1)
    }
    expect(openPunch(crypto, keys.punchInitiator, tag, punch.subarray(0, -1))).toBe(-1)
    const init = Buffer.from(hex('datagrams', 'init'))
    init.writeUInt16BE(1181, 18)
    expect(parseInit(init)).toBeNull()
    expect(parseInit(init.subarray(0, 1199))).toBeNull()
    expect(openVersion(crypto, keys.punchResponder, tag, Buffer.from('c3', 'hex'))).toBeNull()
  })
})

describe('parameters', () => {
  it('are those of the committed handshake', () => {
    expect(encodeParameters({ idleTimeoutMs: 30_000, streamLimit: 1_048_576, ciphers: [1, 2] })).toEqual(
      hex('noise', 'initiator_parameters'),
    )
    expect(encodeParameters({ idleTimeoutMs: 30_000, ciphers: [1], respId: hex('scid_responder') })).toEqual(
      hex('noise', 'responder_parameters'),
    )
  })

  it('have defaults, skip what is unknown and refuse what is malformed', () => {
    expect(decodeParameters(Buffer.alloc(0))).toMatchObject({
      idleTimeoutMs: 30_000,
      streamLimit: 1_048_576,
      totalLimit: 1_572_864,
      maxStreams: 100,
      datagramBytes: 1200,
      ackDelayMs: 25,
      ciphers: [1],
      unreliableBytes: 0,
    })
    expect(decodeParameters(Buffer.from('3f020102020105', 'hex'))).toMatchObject({
      streamLimit: 5,
      totalLimit: 7,
    })
    for (const bad of ['01', '0102', '010105010105', '05024100', '0703414243', '0c0100', '01021122' + '22']) {
      expect(decodeParameters(Buffer.from(bad, 'hex'))).toBeNull()
    }
    expect(decodeParameters(encodeParameters({ userData: Buffer.alloc(256) }))?.userData).toHaveLength(256)
    expect(decodeParameters(encodeParameters({ userData: Buffer.alloc(257) }))).toBeNull()
  })
})

describe('packet protection', () => {
  const secrets = (side: 'initiator' | 'responder', datagramsPerKey = 2 ** 23, cipher: VCipherId = 1) => {
    const [mine, other] = ['initiator_to_responder', 'responder_to_initiator']
    const [send, receive] = side === 'initiator' ? [mine, other] : [other, mine]
    return {
      send: hex('traffic', send as string, 'secret'),
      receive: hex('traffic', receive as string, 'secret'),
      cipher,
      datagramsPerKey,
    }
  }
  const seal = (from: Protection, number: number, frames: Buffer, dcid = hex('scid_responder')) => {
    const bytes = Buffer.alloc(13 + frames.length + 16)
    const builder = new DatagramBuilder()
    builder.begin(bytes, 0, bytes.length, new SentPacket())
    bytes.set(frames, builder.at)
    builder.wrote(builder.at + frames.length)
    expect(from.seal(builder, dcid, number)).toBe(bytes.length)
    return bytes
  }

  it('makes the committed DATA datagrams', () => {
    const initiator = new Protection(crypto, secrets('initiator'))
    const responder = new Protection(crypto, secrets('responder'))
    const ping = seal(initiator, 0, hex('frames', 'ping'))
    expect(ping).toEqual(hex('datagrams', 'data_initiator_number_0_ping'))
    const hello = seal(responder, 7, hex('frames', 'stream_0_offset_0_hello_fin'), hex('scid_initiator'))
    expect(hello).toEqual(hex('datagrams', 'data_responder_number_7_stream_0_hello_fin'))
    expect(initiator.open(0, hello, 100)).toBe('opened')
    expect(initiator.number).toBe(7)
    expect(initiator.plain).toEqual(hex('frames', 'stream_0_offset_0_hello_fin'))
    expect(initiator.open(0, hello, 100)).toBe('repeated')
  })

  it.each([1, 2, 3] as const)('refuses what was changed (cipher %i)', (cipher) => {
    const initiator = new Protection(crypto, secrets('initiator', 10, cipher))
    const responder = new Protection(crypto, secrets('responder', 10, cipher))
    const datagram = seal(initiator, 0, Buffer.from('frames'))
    for (let at = 0; at < datagram.length; at += 1) {
      const forged = Buffer.from(datagram)
      forged[at] = (forged[at] as number) ^ 1
      expect(responder.open(0, forged, 100)).toBe('invalid')
    }
    for (let size = 0; size < datagram.length; size += 1) {
      expect(responder.open(0, Buffer.from(datagram.subarray(0, size)), 100)).toBe('invalid')
    }
    expect(responder.open(0, datagram, 100)).toBe('opened')
  })

  it('changes keys, follows, opens late datagrams under the old key for three probe times, and no longer', () => {
    const a = new Protection(crypto, secrets('initiator', 3))
    const b = new Protection(crypto, secrets('responder', 1000))
    const sent = Array.from({ length: 3 }, (_, number) => seal(a, number, Buffer.of(1)))
    expect(b.open(0, sent[0] as Buffer, 100)).toBe('opened')
    // Not before one under the first key was acknowledged.
    expect(seal(a, 3, Buffer.of(1))[0]).toBe(0x40)
    a.onAcked(0)
    const first = seal(a, 4, Buffer.of(1))
    expect(first[0]).toBe(0x41)
    expect(b.open(0, first, 100)).toBe('opened')
    expect(b.generation).toBe(1)
    expect(b.open(300, sent[1] as Buffer, 100)).toBe('opened')
    expect(b.open(301, sent[2] as Buffer, 100)).toBe('invalid')
    const answer = seal(b, 0, Buffer.of(1))
    expect(answer[0]).toBe(0x41)
    expect(a.open(0, answer, 100)).toBe('opened')
    // Not again before one under the new key was acknowledged.
    for (let number = 5; number < 9; number += 1) expect(seal(a, number, Buffer.of(1))[0]).toBe(0x41)
    a.onAcked(3)
    expect(seal(a, 9, Buffer.of(1))[0]).toBe(0x41)
    a.onAcked(4)
    expect(seal(a, 10, Buffer.of(1))[0]).toBe(0x40)
    expect(a.generation).toBe(2)
  })
})
