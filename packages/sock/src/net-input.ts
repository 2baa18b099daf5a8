/**
 * The input of a `VNetDevice`: what its socket has read and nobody has taken yet.
 *
 * Decides when the socket reads on and when it stops, and into which memory: a socket that is made here reads straight
 * into memory that is handed on as it is, one that was made by others (a server's) gives its own chunks. What its ends
 * mean is the device's affair. Invariants: the socket stops once `maxReadBytes` are held, so that at most that and one
 * read are held, and one more read in the stream of a socket that others made; it reads again when all was taken, which
 * is how the end that follows the last byte is noticed.
 */
import type { Socket } from 'node:net'
import { VByteBuffer } from '@vio/io'
import { expectMoreAfter } from './awake.js'
import { CONNECTED, FREE_STATE, INPUT_CLOSED, SocketDeviceBase } from './device-base.js'
import { EMPTY, type ReadRoom, readNextInto } from './read-room.js'
import { hear, ignoreData, type LinkedSocket, READER, type SocketReader } from './socket-links.js'

/** The socket is not read: there is enough. */
const STOPPED = FREE_STATE
/** It stops after each read that did not fill its memory. */
const SINGLE = FREE_STATE << 1
/** Its stream is read, and does not flow. */
const PULLS = FREE_STATE << 2
/** The first state that is free for the device. */
export const INPUT_FREE: number = FREE_STATE << 3

/** A device that reads a socket of Node. Its private methods are static ones, so that no object is marked for them. */
export abstract class NetInput extends SocketDeviceBase {
  #socket: Socket | null = null
  #held: VByteBuffer | null = null
  /** Into which memory it reads, where the socket was made here; null where that is a stream. */
  #room: ReadRoom | null = null

  /** The socket; null while a device that makes its own is not connected. */
  get socket(): Socket | null {
    return this.#socket
  }

  get readable(): boolean {
    return (this.states & (CONNECTED | INPUT_CLOSED)) === CONNECTED && this.heldBytes > 0
  }

  readSome(maxBytes: number): Buffer {
    if (this.#held === null || !this.readable) return EMPTY
    const bytes = this.#held.popChunk(maxBytes)
    if (this.heldBytes === 0) NetInput.#readOn(this)
    return bytes
  }

  /** Takes back what `readSome` gave: the next read fills it again, unless it has its memory by now. */
  reuse(bytes: Buffer): void {
    if (this.#room !== null && bytes === this.#room.handed) this.#room.handed = null
  }

  /** Bytes that can be taken. */
  protected get heldBytes(): number {
    return this.#held === null ? 0 : this.#held.length
  }

  /** Takes the socket over, with the memory that it reads into, or null for one that others made. It is not read yet. */
  protected holdSocket(socket: Socket, room: ReadRoom | null): void {
    this.#socket = socket
    this.#room = room
    const linked: LinkedSocket = socket
    // What it calls is protected for the world; the listeners call it on behalf of the socket.
    linked[READER] = this as unknown as SocketReader
    hear(linked, 'error')
    if (room !== null) return
    hear(linked, 'data')
    linked.pause()
  }

  /** Begins to read: there is a connection. */
  protected startReading(socket: Socket): void {
    hear(socket, 'close')
    hear(socket, 'end')
    hear(socket, 'finish')
    socket.resume()
  }

  /** Drops what is held; what comes from now on is still read, and dropped, so that the other side is not held up. */
  protected discardInput(): void {
    this.#held = null
    NetInput.#readOn(this)
  }

  /**
   * From now on the socket stops after a read that did not fill its memory, until that was taken. A reset that came with
   * those bytes is then told by the next read, where going on would tell it as a clean end.
   */
  protected readSingly(socket: Socket): void {
    if (this.is(SINGLE)) return
    this.states |= SINGLE
    if (this.#room !== null || socket.readableHighWaterMark > 1) return
    // A stream with a low mark stops after each chunk, as long as nothing makes it flow.
    this.states |= PULLS
    ignoreData(socket)
    socket.on('readable', () => setImmediate(() => NetInput.#readStream(this, socket)))
  }

  /** Called by Node, which asks for memory next. */
  protected filled(sizeBytes: number): boolean {
    const room = this.#room
    if (room === null) return true
    const isPart = sizeBytes < room.memory.length
    if (!isPart) this.#room = room.grown(this.maxReadBytes)
    const goesOn = this.is(INPUT_CLOSED)
      ? NetInput.#dropped(this, isPart)
      : NetInput.#arrived(this, room.bytesOf(sizeBytes), isPart)
    // Last, as whoever took the bytes may have made other sockets.
    readNextInto(this.#room ?? room)
    return goesOn
  }

  /** Called by the listeners. */
  protected streamed(chunk: Buffer): void {
    if (!this.is(INPUT_CLOSED) && !NetInput.#arrived(this, chunk, false)) this.#socket?.pause()
  }

  static #readOn(input: NetInput): void {
    const socket = input.#socket
    if (!input.is(STOPPED) || socket === null) return
    input.states &= ~STOPPED
    // Within the callback of a read it would be as if the socket had not stopped.
    if (input.is(SINGLE)) NetInput.#resumeLater(input, socket)
    else NetInput.#resume(input, socket)
  }

  static #resumeLater(input: NetInput, socket: Socket): void {
    setImmediate(() => NetInput.#resume(input, socket))
  }

  static #resume(input: NetInput, socket: Socket): void {
    if (socket.destroyed) return
    if (input.is(PULLS)) NetInput.#readStream(input, socket)
    else socket.resume()
  }

  /** Takes what the stream holds, unless there is enough. */
  static #readStream(input: NetInput, socket: Socket): void {
    while (input.is(INPUT_CLOSED) || input.heldBytes < input.maxReadBytes) {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      if (!input.is(INPUT_CLOSED)) NetInput.#arrived(input, chunk, false, false)
    }
    input.states |= STOPPED
  }

  /** False if no more is to be read for now. */
  static #dropped(input: NetInput, isPart: boolean): boolean {
    if (!input.is(SINGLE) || !isPart) return true
    input.states |= STOPPED
    NetInput.#readOn(input)
    return false
  }

  /** False if no more is to be read for now. `fromLoop` unless somebody who took bytes made the socket give more. */
  static #arrived(input: NetInput, bytes: Buffer, isPart: boolean, fromLoop = true): boolean {
    input.#held ??= new VByteBuffer()
    input.#held.append(bytes)
    expectMoreAfter(bytes.length)
    const stops = input.#held.length >= input.maxReadBytes || (input.is(SINGLE) && isPart)
    input.states = stops ? input.states | STOPPED : input.states & ~STOPPED
    input.owner.deviceChanged(fromLoop)
    return input.is(SINGLE) ? !stops : !input.is(STOPPED)
  }
}
