/**
 * One DATA datagram while it is being filled.
 *
 * Decides nothing: it is where the parts write their frames, and what they note about them. Invariant: `at` never passes
 * `limit`, behind which the tag of the cipher has its room.
 */
import { VUT1 } from '../profile.js'
import type { SentPacket } from './sent.js'

const { headerBytes: HEADER, tagOfAeadBytes: TAG } = VUT1

/** The datagram that is being filled; one object is used for all. */
export class DatagramBuilder {
  /** The memory, where the datagram begins, where the next frame begins, and where the last one has to end. */
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  at = 0
  limit = 0
  /** The record of the datagram. */
  packet: SentPacket | null = null
  /** True once there is a frame in it that asks for an acknowledgement. */
  isEliciting = false

  /** Starts another datagram at `start`, of `sizeBytes` at most. */
  begin(bytes: Buffer, start: number, sizeBytes: number, packet: SentPacket): void {
    this.bytes = bytes
    this.start = start
    this.at = start + HEADER
    this.limit = start + sizeBytes - TAG
    this.packet = packet
    this.isEliciting = false
  }

  /** How many bytes are left. */
  get room(): number {
    return this.limit - this.at
  }

  /** True if there is no frame in it. */
  get isEmpty(): boolean {
    return this.at === this.start + HEADER
  }

  /** A frame that asks for an acknowledgement was written up to `end`. */
  wrote(end: number): void {
    this.at = end
    this.isEliciting = true
  }
}
