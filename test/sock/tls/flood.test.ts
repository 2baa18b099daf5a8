/**
 * A client that asks for new keys, or for a new handshake, again and again: what a server holds for it stays bounded.
 *
 * Node's library cannot be told to ask, so the client makes the handshake by Node's and writes its records by itself from
 * then on, with the keys of the key log.
 */
import { createCipheriv, createHmac } from 'node:crypto'
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import type { VTLSServer, VTLSVersion } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { bytes, nodeTurn, TLSRig } from './rig.js'

/** As for a peer that does not read what it is sent, see data.test.ts. */
const BOUND_BYTES = 5 * 65_536
const FLOOD = 16_000
const HANDSHAKE = 22
const APPLICATION = 23

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest()

/** HKDF-Expand-Label of RFC 8446, for up to 32 bytes. */
function expandLabel(secret: Buffer, label: string, size: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([0, size, name.length]), name, Buffer.from([0, 1])])
  return hmac(secret, info).subarray(0, size)
}

/** The PRF of RFC 5246. */
function prf(secret: Buffer, label: string, seed: Buffer, size: number): Buffer {
  const whole = Buffer.concat([Buffer.from(label), seed])
  const pieces: Buffer[] = []
  for (let a = hmac(secret, whole), got = 0; got < size; a = hmac(secret, a), got += 32) {
    pieces.push(hmac(secret, Buffer.concat([a, whole])))
  }
  return Buffer.concat(pieces).subarray(0, size)
}

function number64(value: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigUInt64BE(BigInt(value))
  return out
}

function sealed(key: Buffer, nonce: Buffer, head: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  cipher.setAAD(head)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Seals records of a client. */
interface Sealer {
  record(type: number, plain: Buffer): Buffer
  /** To be called behind a message that changed the keys. */
  updated(): void
}

function sealer13(first: Buffer): Sealer {
  let [secret, sequence] = [first, 0]
  return {
    record: (type, plain) => {
      const nonce = expandLabel(secret, 'iv', 12)
      const count = number64(sequence++)
      for (const [at, byte] of count.entries()) nonce[at + 4] = (nonce[at + 4] ?? 0) ^ byte
      const inner = Buffer.concat([plain, Buffer.from([type])])
      const head = Buffer.from([APPLICATION, 3, 3, 0, 0])
      head.writeUInt16BE(inner.length + 16, 3)
      return Buffer.concat([head, sealed(expandLabel(secret, 'key', 16), nonce, head, inner)])
    },
    updated: () => {
      secret = expandLabel(secret, 'traffic upd', 32)
      sequence = 0
    },
  }
}

function sealer12(master: Buffer, randoms: Buffer): Sealer {
  const keys = prf(master, 'key expansion', randoms, 40)
  // The end of the handshake was the first record.
  let sequence = 1
  return {
    record: (type, plain) => {
      const count = number64(sequence++)
      const about = Buffer.from([type, 3, 3, plain.length >> 8, plain.length & 255])
      const nonce = Buffer.concat([keys.subarray(32, 36), count])
      const body = sealed(keys.subarray(0, 16), nonce, Buffer.concat([count, about]), plain)
      const head = Buffer.from([type, 3, 3, 0, 0])
      head.writeUInt16BE(body.length + 8, 3)
      return Buffer.concat([head, count, body])
    },
    updated: () => undefined,
  }
}

/** A server after its handshake, and a client that seals by itself. */
interface Raw {
  readonly server: VTLSServer
  readonly source: VProbeProducer
  /** What the server sends; it takes nothing more. */
  readonly answers: VProbeConsumer
  readonly sealer: Sealer
  /** The message by which the client began. */
  readonly hello: Buffer
}

const CIPHERS = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256'

async function rawClient(rig: TLSRig, version: VTLSVersion): Promise<Raw> {
  const server = rig.server({ minVersion: version, maxVersion: version })
  const source = new VProbeProducer({ reactor: rig.reactor })
  const answers = new VProbeConsumer({ grantAtAttach: 0 })
  server.cipherIO.consumer.attach(source)
  server.cipherIO.producer.attach(answers)
  const [sent, came]: [Buffer[], Buffer[]] = [[], []]
  const wire = new Duplex({
    read: () => undefined,
    write: (piece: Buffer, _encoding, done) => {
      sent.push(piece)
      source.feed(bytes(piece))
      done()
    },
  })
  const client = connect({ socket: wire, rejectUnauthorized: false, maxVersion: version, ciphers: CIPHERS })
  client.on('error', () => undefined)
  const log: string[] = []
  client.on('keylog', (line: Buffer) => void log.push(line.toString()))
  let secured = false
  client.on('secureConnect', () => {
    secured = true
  })
  await rig.until(() => {
    answers.grantMore(1000)
    const piece = answers.received.pop()
    if (piece.length > 0) came.push(Buffer.from(piece))
    if (piece.length > 0) wire.push(Buffer.from(piece))
    return secured && server.secured
  })
  for (let round = 0; round < 5; round += 1) {
    rig.bench.settle()
    await nodeTurn()
  }
  const word = version === 'TLSv1.3' ? 'CLIENT_TRAFFIC_SECRET_0' : 'CLIENT_RANDOM'
  const [, random = '', secret = ''] = (log.find((line) => line.startsWith(word)) ?? '').trim().split(' ')
  const serverRandom = Buffer.concat(came).subarray(11, 43)
  const randoms = Buffer.concat([serverRandom, Buffer.from(random, 'hex')])
  const key = Buffer.from(secret, 'hex')
  const first = sent[0] as Buffer
  return {
    server,
    source,
    answers,
    sealer: version === 'TLSv1.3' ? sealer13(key) : sealer12(key, randoms),
    hello: first.subarray(5, 5 + first.readUInt16BE(3)),
  }
}

const UPDATE = Buffer.from([24, 0, 0, 1, 1])

/** Sends `FLOOD` records of the handshake, or until the server has had enough. Returns the most that it held. */
async function flood(rig: TLSRig, raw: Raw, message: Buffer, reads: boolean): Promise<number> {
  const { server, source, answers, sealer } = raw
  let most = 0
  for (let sent = 0; sent < FLOOD && !source.closed; sent += 500) {
    const records = Array.from({ length: 500 }, () => {
      const record = sealer.record(HANDSHAKE, message)
      sealer.updated()
      return record
    })
    source.feed(bytes(Buffer.concat(records)))
    for (let round = 0; round < 4; round += 1) {
      if (reads && !answers.closed) answers.grant(null)
      rig.bench.settle()
      await nodeTurn()
      most = Math.max(most, server.heldBytes)
    }
    answers.received.clear()
  }
  return most
}

describe('a client that asks again and again', () => {
  it.each([
    ['and reads the answers', true],
    ['and reads no answer', false],
  ] as const)('for new keys, %s, has them, and little is held for it', async (_how, reads) => {
    const rig = await TLSRig.make()
    const raw = await rawClient(rig, 'TLSv1.3')
    const { server, source, answers, sealer } = raw
    const sink = new VProbeConsumer({ grantAtAttach: null })
    server.plainIO.producer.attach(sink)
    const before = answers.consumed
    const most = await flood(rig, raw, UPDATE, reads)
    if (reads) expect(answers.consumed - before).toBeGreaterThan(FLOOD)
    else expect(source.queue.length).toBeGreaterThan(100_000)
    expect(most).toBeLessThan(BOUND_BYTES)
    // What was not answered for want of room is, as soon as there is some.
    answers.grant(null)
    source.feed(bytes(sealer.record(APPLICATION, Buffer.from('still here'))))
    await rig.until(() => sink.received.length === 10 && server.heldBytes === 0)
    expect(server.failure).toBe(null)
  })

  it.each([true, false])(
    'for a new handshake is cut off as an attacker (it reads the answers: %s)',
    async (reads) => {
      const rig = await TLSRig.make()
      const raw = await rawClient(rig, 'TLSv1.2')
      const sink = new VProbeConsumer({ grantAtAttach: null })
      raw.server.plainIO.producer.attach(sink)
      expect(await flood(rig, raw, raw.hello, reads)).toBeLessThan(BOUND_BYTES)
      await rig.quiet()
      expect(raw.server.failure).toMatchObject({ code: 'ERR_TLS_SESSION_ATTACK' })
      expect([sink.ended?.clean, raw.source.closed]).toEqual([false, true])
    },
  )

  it('once for a new handshake is answered no, and stays connected', async () => {
    const rig = await TLSRig.make()
    const { server, source, sealer, hello } = await rawClient(rig, 'TLSv1.2')
    const sink = new VProbeConsumer({ grantAtAttach: null })
    server.plainIO.producer.attach(sink)
    source.feed(bytes(sealer.record(HANDSHAKE, hello)))
    source.feed(bytes(sealer.record(APPLICATION, Buffer.from('still here'))))
    await rig.until(() => sink.received.length === 10)
    expect(server.failure).toBe(null)
  })
})
