/**
 * Streams of `node:tty` that own their descriptor.
 *
 * Decides that the descriptor is closed with its stream: Node opens a terminal anew, works on the new descriptor, and
 * leaves the one that it was given open, which suits the standard streams only. Invariant: it is closed once, by Node or
 * here.
 */
import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { ReadStream, WriteStream } from 'node:tty'

/** The part of Node's inside that tells which descriptor it works on. */
interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null
}

function owning<S extends Socket>(stream: S, fd: number): S {
  const own = (stream as WithHandle)._handle?.fd
  if (own !== undefined && own !== fd) stream.once('close', () => closeSync(fd))
  return stream
}

/** A terminal that is read, and can be written too unless told otherwise. The descriptor is closed with it. */
export function readStreamOn(fd: number, readable = true, writable = true): ReadStream {
  return owning(new ReadStream(fd, { readable, writable }), fd)
}

/** A terminal that is written. The descriptor is closed with it. */
export function writeStreamOn(fd: number): WriteStream {
  return owning(new WriteStream(fd), fd)
}
