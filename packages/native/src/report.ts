/**
 * What of this package is on here, and why the rest is not.
 *
 * Asking for the report loads and proves everything; nothing else does.
 */
import type { Capability, VCapabilityState } from './capability.js'
import { load } from './load.js'
import { descriptors } from './posix/descriptor.js'
import { events } from './posix/event.js'
import { fifos } from './posix/fifo.js'
import { ioctls } from './posix/ioctl.js'
import { sockets } from './posix/socket.js'
import { terminals } from './posix/terminal.js'
import { polls } from './uv-poll.js'

/** The groups of calls that are on or off by themselves. */
export type VCapability = 'descriptors' | 'sockets' | 'ioctl' | 'terminals' | 'events' | 'fifos' | 'readiness'

const CAPABILITIES: Readonly<Record<VCapability, Capability<unknown>>> = {
  descriptors,
  events,
  fifos,
  ioctl: ioctls,
  readiness: polls,
  sockets,
  terminals,
}

/** What is on, and why the rest is not. */
export interface VNativeReport {
  /** True if there is a way to the system at all. */
  readonly on: boolean
  /** Why there is none; absent when there is. */
  readonly reason?: string
  /** The version of koffi; absent when it was not loaded. */
  readonly koffi?: string
  /** Each group of calls. */
  readonly capabilities: Readonly<Record<VCapability, VCapabilityState>>
}

/** Tells what is on here. The first call loads koffi and tries every group, about 10 ms. Never throws. */
export function report(): VNativeReport {
  const { library, reason } = load()
  const states = Object.entries(CAPABILITIES).map(([name, { state }]) => [name, state] as const)
  const capabilities = Object.fromEntries(states) as Record<VCapability, VCapabilityState>
  if (library === undefined) return { on: false, reason, capabilities }
  return { on: true, koffi: library.version, capabilities }
}

/** Whether a group of calls is on. Loads and proves that group. */
export function has(capability: VCapability): boolean {
  return stateOf(capability).on
}

/** Whether a group of calls is on, and if not, why. Loads and proves that group. */
export function stateOf(capability: VCapability): VCapabilityState {
  if (!Object.hasOwn(CAPABILITIES, capability))
    throw new TypeError(
      `a capability is one of ${Object.keys(CAPABILITIES).join(', ')}, got ${String(capability)}`,
    )
  return CAPABILITIES[capability].state
}
