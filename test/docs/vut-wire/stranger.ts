/**
 * A peer of VUT/1 that was written from `docs/vut-wire.md` alone, with nothing of the packages.
 *
 * It shows that the page is enough: handshake in both roles, keys, frames, one stream, the clean end. It supposes a road
 * that loses and reorders nothing, and takes what a peer may leave out as left out. Invariant: it imports cryptography
 * and no code of vio.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'

const NONE = Buffer.alloc(0)

/** The varints of the frames that are passed over. */
const NUMBERS: ReadonlyMap<number, number> = new Map([
  [0x10, 2],
  [0x11, 1],
  [0x12, 1],
  [0x13, 2],
  [0x1c, 1],
  [0x1d, 1],
])

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  return createHmac('sha256', key).update(Buffer.concat(parts)).digest()
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest()
}

/** HKDF-Expand, up to 96 bytes. */
function expand(secret: Buffer, info: string, size: number): Buffer {
  const blocks: Buffer[] = []
  for (let index = 1; blocks.length * 32 < size; index += 1) {
    blocks.push(hmac(secret, blocks.at(-1) ?? NONE, Buffer.from(info), Buffer.of(index)))
  }
  return Buffer.concat(blocks).subarray(0, size)
}

/** AES-GCM with a key of 16 bytes, or of 32. */
function nameOf(key: Buffer): 'aes-128-gcm' | 'aes-256-gcm' {
  return key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm'
}

function seal(key: Buffer, nonce: Buffer, aad: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv(nameOf(key), key, nonce).setAAD(aad)
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

function open(key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const cipher = createDecipheriv(nameOf(key), key, nonce).setAAD(aad).setAuthTag(sealed.subarray(-16))
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255)
}

function u32(value: number): Buffer {
  return Buffer.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

/** A varint, in four bytes where one is not enough: longer than needed is accepted. */
function varint(value: number): Buffer {
  return value < 64 ? Buffer.of(value) : u32((0x8000_0000 | value) >>> 0)
}

/** Reads a row of fields. */
class Fields {
  at = 0
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  take(size: number): Buffer {
    this.at += size
    return this.bytes.subarray(this.at - size, this.at)
  }

  varint(): number {
    const size = 1 << ((this.bytes[this.at] ?? 0) >> 6)
    const bytes = Buffer.from(this.take(size))
    bytes[0] = (bytes[0] ?? 0) & 63
    return size === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, size)
  }
}

/** The Noise state of section 3. */
class Handshake {
  #hash: Buffer
  #chain: Buffer
  #key: Buffer = NONE
  readonly #own: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } =
    generateKeyPairSync('x25519')

  constructor(psk: Buffer, prologue: Buffer) {
    this.#chain = Buffer.from('Noise_NNpsk0_25519_AESGCM_SHA256')
    this.#hash = sha256(this.#chain, prologue)
    const [mixed, key] = this.#derive(psk)
    this.#hash = sha256(this.#hash, mixed)
    this.#key = key
  }

  get publicKey(): Buffer {
    return this.#own.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  }

  /** The token e: a public key of either side. */
  mixPublic(raw: Buffer): void {
    this.#hash = sha256(this.#hash, raw)
    this.#key = this.#derive(raw)[0]
  }

  /** The token ee. */
  mixShared(raw: Buffer): void {
    const der = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), raw])
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
    const { privateKey } = this.#own
    this.#key = this.#derive(
      diffieHellman({ privateKey: createPrivateKey(exported(privateKey)), publicKey }),
    )[0]
  }

  seal(payload: Buffer): Buffer {
    const sealed = seal(this.#key, Buffer.alloc(12), this.#hash, payload)
    this.#hash = sha256(this.#hash, sealed)
    return sealed
  }

  open(sealed: Buffer): Buffer {
    const payload = open(this.#key, Buffer.alloc(12), this.#hash, sealed)
    this.#hash = sha256(this.#hash, sealed)
    return payload
  }

  /** The traffic secrets of the initiator and of the responder. */
  split(): [Buffer, Buffer] {
    const secret = hmac(this.#chain, NONE)
    const both = expand(secret, '', 64)
    return [both.subarray(0, 32), both.subarray(32)]
  }

  /** What comes behind the new chaining key. */
  #derive(material: Buffer): [Buffer, Buffer] {
    const all = expand(hmac(this.#chain, material), '', 96)
    this.#chain = all.subarray(0, 32)
    return [all.subarray(32, 64), all.subarray(64)]
  }
}

function exported(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString()
}

/** A side of a connection: bytes in, bytes out. */
export class Stranger {
  readonly isInitiator: boolean
  /** What waits to be sent. */
  readonly out: Buffer[] = []
  /** What came on stream 0, and whether it has ended. */
  received: Buffer = NONE
  hasEnded = false
  /** The code of CLOSE, once one came. */
  closed = -1
  /** The types of all frames that came. */
  readonly types = new Set<number>()
  readonly #scid: Buffer = randomBytes(8)
  readonly #tag: Buffer
  readonly #psk: Buffer
  readonly #punchKey: Buffer
  readonly #context: Buffer
  #noise: Handshake | null = null
  #dcid: Buffer = NONE
  #sendSecret: Buffer = NONE
  #receiveSecret: Buffer = NONE
  #number = 0
  #largest = -1
  #sentFinal = -1

  constructor(secret: Buffer, peerSecret: Buffer, context: string) {
    this.isInitiator = Buffer.compare(secret, peerSecret) > 0
    const [si, sr] = this.isInitiator ? [secret, peerSecret] : [peerSecret, secret]
    const base = hmac(Buffer.from('VUT/1'), u16(si.length), si, u16(sr.length), sr)
    this.#psk = expand(base, 'psk', 32)
    this.#tag = expand(base, 'tag', 8)
    this.#punchKey = expand(base, this.isInitiator ? 'punch i' : 'punch r', 32)
    this.#context = Buffer.from(context)
  }

  /** Opens the mapping, and the handshake where it is ours to do so. */
  start(): void {
    const punch = Buffer.concat([Buffer.of(0xc0), this.#tag, u32(1)])
    this.out.push(Buffer.concat([punch, hmac(this.#punchKey, punch).subarray(0, 16)]))
    if (!this.isInitiator) return
    const noise = this.#begin(this.#scid)
    noise.mixPublic(noise.publicKey)
    const message = Buffer.concat([noise.publicKey, noise.seal(NONE)])
    const init = [Buffer.of(0xc1, 1), this.#tag, this.#scid, u16(message.length), message]
    this.out.push(Buffer.concat([...init, Buffer.alloc(1200)]).subarray(0, 1200))
  }

  /** Sends all of the stream, at its end, in one frame. */
  say(text: string): void {
    const bytes = Buffer.from(text)
    this.#sentFinal = this.#number
    this.#seal(Buffer.concat([Buffer.of(0x0b), varint(0), varint(0), varint(bytes.length), bytes]))
  }

  /** Ends the connection, all being done. */
  close(): void {
    this.#seal(Buffer.of(0x1e, 0, 0))
  }

  take(datagram: Buffer): void {
    const first = datagram[0] ?? 0
    if (first === 0xc1 && !this.isInitiator && this.#noise === null) this.#takeInit(datagram)
    else if (first === 0xc2 && this.isInitiator && this.#dcid.length === 0) this.#takeResp(datagram)
    else if (first === 0x40) this.#takeData(datagram)
  }

  #begin(initId: Buffer): Handshake {
    const head = Buffer.concat([Buffer.from('VUT/1'), Buffer.of(1), this.#tag, initId])
    const prologue = Buffer.concat([head, Buffer.of(this.#context.length), this.#context])
    this.#noise = new Handshake(this.#psk, prologue)
    return this.#noise
  }

  #takeInit(datagram: Buffer): void {
    const dcid = Buffer.from(datagram.subarray(10, 18))
    const message = datagram.subarray(20, 20 + datagram.readUInt16BE(18))
    const noise = this.#begin(dcid)
    noise.mixPublic(message.subarray(0, 32))
    noise.open(message.subarray(32))
    noise.mixPublic(noise.publicKey)
    noise.mixShared(message.subarray(0, 32))
    const parameters = Buffer.concat([Buffer.of(0x08, 1, 1), Buffer.of(0x0c, 8), this.#scid])
    const answer = [Buffer.of(0xc2), dcid, this.#scid, noise.publicKey, noise.seal(parameters)]
    this.out.push(Buffer.concat(answer))
    this.#finish(noise, dcid)
  }

  #takeResp(datagram: Buffer): void {
    const noise = this.#noise
    if (noise === null) return
    const message = datagram.subarray(17)
    noise.mixPublic(message.subarray(0, 32))
    noise.mixShared(message.subarray(0, 32))
    const fields = new Fields(noise.open(message.subarray(32)))
    let dcid = NONE
    while (fields.left > 0) {
      const id = fields.varint()
      const value = fields.take(fields.varint())
      if (id === 0x0c) dcid = Buffer.from(value)
    }
    this.#finish(noise, dcid)
    this.#seal(Buffer.of(0x01))
  }

  #finish(noise: Handshake, dcid: Buffer): void {
    const [initiator, responder] = noise.split()
    this.#sendSecret = this.isInitiator ? initiator : responder
    this.#receiveSecret = this.isInitiator ? responder : initiator
    this.#dcid = dcid
  }

  #takeData(datagram: Buffer): void {
    const header = datagram.subarray(0, 13)
    const number = datagram.readUInt32BE(9)
    const [key, nonce] = keysOf(this.#receiveSecret, number)
    const frames = new Fields(open(key, nonce, header, datagram.subarray(13)))
    this.#largest = Math.max(this.#largest, number)
    const answers: Buffer[] = []
    let asks = false
    while (frames.left > 0) {
      const type = frames.varint()
      this.types.add(type)
      if (![0x00, 0x02, 0x1e].includes(type)) asks = true
      this.#takeFrame(type, frames, answers)
    }
    // Nothing is lost here, so one range says all.
    if (asks)
      answers.unshift(
        Buffer.concat([Buffer.of(0x02), varint(this.#largest), Buffer.of(0, 0), varint(this.#largest)]),
      )
    if (answers.length > 0) this.#seal(Buffer.concat(answers))
  }

  #takeFrame(type: number, frames: Fields, answers: Buffer[]): void {
    if (type === 0x02) {
      const largest = frames.varint()
      frames.varint()
      for (let numbers = 1 + 2 * frames.varint(); numbers > 0; numbers -= 1) frames.varint()
      if (this.#sentFinal >= 0 && largest >= this.#sentFinal && this.hasEnded) this.close()
    } else if (type >= 0x08 && type <= 0x0b) {
      frames.varint()
      frames.varint()
      const bytes = frames.take(type & 2 ? frames.varint() : frames.left)
      this.received = Buffer.concat([this.received, bytes])
      this.hasEnded ||= (type & 1) === 1
    } else if (type === 0x1a) answers.push(Buffer.concat([Buffer.of(0x1b), frames.take(8)]))
    else if (type === 0x1e) {
      this.closed = frames.varint()
      frames.take(frames.varint())
    } else this.#passOver(type, frames)
  }

  /** Frames that say nothing to a peer that sends one short stream and has one id. */
  #passOver(type: number, frames: Fields): void {
    if (type >= 0x40) frames.take(frames.varint())
    else for (let numbers = NUMBERS.get(type) ?? 0; numbers > 0; numbers -= 1) frames.varint()
    if (type === 0x1c) frames.take(24)
  }

  #seal(frames: Buffer): void {
    const header = Buffer.concat([Buffer.of(0x40), this.#dcid, u32(this.#number)])
    const [key, nonce] = keysOf(this.#sendSecret, this.#number)
    this.#number += 1
    this.out.push(Buffer.concat([header, seal(key, nonce, header, frames)]))
  }
}

/** The key, and the nonce of a number. */
function keysOf(secret: Buffer, number: number): [Buffer, Buffer] {
  const nonce = expand(secret, 'iv', 12)
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8)
  return [expand(secret, 'key', 16), nonce]
}
