/**
 * How the two sides of a transfer greet each other.
 *
 * Decides the version of the protocol of transfers. Invariant: it is raised whenever two sides of which one is older could
 * misunderstand each other.
 */
import type { VGreeting } from '../greeting.js'

/** The version of the frames in `frame.ts`. */
export const TRANSFER_VERSION = 2

/** The sender's greeting. */
export const SEND_GREETING: VGreeting = { command: 'send', version: TRANSFER_VERSION }

/** The receiver's greeting. */
export const RECV_GREETING: VGreeting = { command: 'recv', version: TRANSFER_VERSION }
