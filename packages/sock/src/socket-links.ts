/**
 * Who is told what happens to a socket of Node, by listeners that all sockets share.
 *
 * Decides nothing. A listener of its own for each socket would cost as much as the socket, so the ones here find whom to
 * tell by the socket. Invariant: each is registered once, so errors are always heard.
 */
import type { Socket } from 'node:net'

/** Told when a socket is gone. */
export interface SocketGone {
  socketGone(socket: object): void
}

/** What reads a socket, as the listeners see it. */
export interface SocketReader {
  streamed(chunk: Buffer): void
  /** Bytes were read into memory that it gave. False if no more is to be read for now. */
  filled(sizeBytes: number): boolean
  tell(event: 'connected' | 'ended' | 'finished' | 'closed'): void
  tellFailed(error: unknown): void
}

/** Where a socket has its reader. */
export const READER: unique symbol = Symbol('reader')
/** Where a socket has the list of connections that it is in. */
export const CONNECTION: unique symbol = Symbol('connection')
/** Where a socket has its place in that list. */
export const PLACE: unique symbol = Symbol('place')

/** What is in a list of connections. */
export interface Placed {
  [PLACE]?: number
}

/** A socket with links. */
export interface LinkedSocket extends Socket, Placed {
  [READER]?: SocketReader
  [CONNECTION]?: SocketGone
}

function onData(this: LinkedSocket, chunk: Buffer): void {
  this[READER]?.streamed(chunk)
}
function onConnect(this: LinkedSocket): void {
  this[READER]?.tell('connected')
}
function onEnd(this: LinkedSocket): void {
  this[READER]?.tell('ended')
}
function onFinish(this: LinkedSocket): void {
  this[READER]?.tell('finished')
}
function onClose(this: LinkedSocket): void {
  this[CONNECTION]?.socketGone(this)
  this[READER]?.tell('closed')
}
function onError(this: LinkedSocket, error: unknown): void {
  this[READER]?.tellFailed(error)
}

const LISTENERS = {
  connect: onConnect,
  data: onData,
  end: onEnd,
  finish: onFinish,
  close: onClose,
  error: onError,
} as const

/** The events that are listened to. */
export type HeardEvent = 'connect' | 'data' | 'end' | 'finish' | 'close' | 'error'

/**
 * What Node itself listens to the end of each socket with, where that was found. It does something only where the end of
 * the input ends the output too.
 */
let ownEnd: ((...args: unknown[]) => void) | undefined

/** Without Node's listener ours is the only one, and a list of two costs more than what is kept here for a socket. */
function leaveEndToUs(socket: Socket): void {
  ownEnd ??= socket.listeners('end').find(({ name }) => name === 'onReadableStreamEnd') as typeof ownEnd
  if (ownEnd !== undefined) socket.off('end', ownEnd)
}

/** Listens to an event, unless it is listened to already. */
export function hear(socket: Socket, event: HeardEvent): void {
  if (event === 'end' && socket.allowHalfOpen) leaveEndToUs(socket)
  const listener: (...args: never[]) => void = LISTENERS[event]
  if (socket.listenerCount(event, listener) === 0) socket.on(event, listener as () => void)
}

/** Listens to data no more. */
export function ignoreData(socket: Socket): void {
  socket.off('data', onData)
}
