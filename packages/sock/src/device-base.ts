/**
 * What a socket's device is, whatever the socket: its settings, its states, its peer, whom it tells, and how it ends.
 *
 * Decides nothing about the socket. A process has one for each of its connections, most of which are idle: so states are
 * the bits of one number, and what only a device needs that ends is made then. Invariant: `GONE` is entered once.
 */
import type { IVDeviceOwner, VFailure, VSocketPeer } from '@vio/io'
import { NO_OWNER, NOTHING } from './describe.js'
import type { VSocketLost } from './errno.js'
import {
  type DeviceSizes,
  type NetDeviceSettings,
  netDeviceSettings,
  type VNetDeviceOptions,
} from './net-device-options.js'

/** The first of the states of a device, which are bits of one number. */
export const CONNECTED = 1
/** The input was given up from this side. */
export const INPUT_CLOSED = 2
/** The output was ended from this side. */
export const OUTPUT_CLOSED = 4
/** There is no socket any more, and there will be none. */
export const GONE = 8
const NO_DELAY = 16
const KEEP_ALIVE = 32
/** The first state that is free for a kind of device. */
export const FREE_STATE = 64

/** How a device ends, and who wants to know. */
export class DeviceEnding {
  input: VFailure | null = null
  output: VFailure | null = null
  released: VFailure | null = null
  /** What a write has learned about the connection; a read would take it for a clean end then. */
  broken: VSocketLost | null = null
  linger: NodeJS.Timeout | undefined
  closed: () => void = NOTHING
}

/** The common ground of socket devices. */
export abstract class SocketDeviceBase {
  protected readonly settings: NetDeviceSettings
  protected states: number
  protected owner: IVDeviceOwner = NO_OWNER
  protected peerNow: VSocketPeer | null
  protected ending: DeviceEnding | null = null

  /** @throws RangeError, TypeError or VAddressError for a wrong option */
  constructor(options: Omit<VNetDeviceOptions, 'opener'>, sizes: DeviceSizes) {
    const settings = netDeviceSettings(options, sizes)
    this.settings = settings
    this.states = (settings.noDelay ? NO_DELAY : 0) | (settings.keepAlive ? KEEP_ALIVE : 0)
    this.peerNow = options.peer ?? null
  }

  get maxReadBytes(): number {
    return this.settings.maxReadBytes
  }

  get maxWriteBytes(): number {
    return this.settings.maxWriteBytes
  }

  get connected(): boolean {
    return (this.states & CONNECTED) !== 0
  }

  get peer(): VSocketPeer | null {
    return this.peerNow
  }

  get outputEnd(): VFailure | null {
    return this.ending === null ? null : this.ending.output
  }

  /** What waits here no more the system has copied; once the output has ended nobody counts what waits. */
  get writesThrough(): boolean {
    return this.outputEnd === null
  }

  onReady(changed: (fromLoop?: boolean) => void): void {
    this.owner = { deviceChanged: changed }
  }

  reportTo(owner: IVDeviceOwner): void {
    this.owner = owner
  }

  /** Names a function to call when the socket is gone; at once if it is so already. The last one named counts. */
  onClosed(closed: () => void): void {
    this.over.closed = closed
    if (this.is(GONE)) closed()
  }

  /** Whether it is in one of these states. */
  protected is(states: number): boolean {
    return (this.states & states) !== 0
  }

  /** How it ends; made when it is first needed. */
  protected get over(): DeviceEnding {
    this.ending ??= new DeviceEnding()
    return this.ending
  }

  /** Why it was let go; null while it was not. */
  protected get released(): VFailure | null {
    return this.ending === null ? null : this.ending.released
  }

  /** What was asked for last, as the system is not asked. */
  protected get wantsNoDelay(): boolean {
    return this.is(NO_DELAY)
  }

  protected set wantsNoDelay(on: boolean) {
    this.states = on ? this.states | NO_DELAY : this.states & ~NO_DELAY
  }

  protected get wantsKeepAlive(): boolean {
    return this.is(KEEP_ALIVE)
  }

  protected set wantsKeepAlive(on: boolean) {
    this.states = on ? this.states | KEEP_ALIVE : this.states & ~KEEP_ALIVE
  }

  /** There is no socket any more. */
  protected gone(): void {
    if (this.is(GONE)) return
    this.states |= GONE
    this.ending?.closed()
  }
}
