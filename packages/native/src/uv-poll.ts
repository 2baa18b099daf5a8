/**
 * Readiness of a descriptor, told by Node's own loop.
 *
 * Decides when libuv is asked and what its answers mean. libuv ends the process when what it polls is closed under it, so
 * a watch polls a descriptor of its own, made by `dup`: the caller may close theirs at any time, and two watches of one
 * descriptor do not meet. Only a descriptor with an owner, which nobody else may close, is polled itself. Invariants: the
 * memory of a handle is used for nothing else before libuv has done with it; a handle is stopped before it is closed; after
 * `close` nothing is called.
 */
import { constants } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { Capability, expectAnswer } from './capability.js'
import { checkFd, checkInteger, show } from './check.js'
import { F_DUPFD_CLOEXEC, F_GETFL, F_SETFL, O_CLOEXEC, O_NONBLOCK } from './constants.js'
import { VNativeError } from './errors.js'
import { HandlePlaces } from './handle-places.js'
import type { NativeFunction, NativeLibrary } from './load.js'
import { OWNER } from './own.js'
import { closeNow, descriptors } from './posix/descriptor.js'

type Address = number

interface LoopCalls {
  readonly loop: Address
  readonly onPoll: Address
  readonly places: HandlePlaces<VDescriptorWatch>
  readonly init: NativeFunction<[Address, Address, number]>
  readonly start: NativeFunction<[Address, number, Address]>
  readonly stop: NativeFunction<[Address]>
  readonly close: NativeFunction<[Address, Address], void>
  readonly isActive: NativeFunction<[Address]>
  readonly ref: NativeFunction<[Address], void>
  readonly unref: NativeFunction<[Address], void>
}

/** `UV_POLL` among the types of handles, and what libuv calls it. */
const POLL_TYPE = 8
/** No function: nobody is to be called. */
const NOBODY = 0
const FIRST_FD = 3
const MAX_HANDLE_BYTES = 4096

/** What a watch can be asked for and what it tells, as bits. */
export const readiness = {
  /** There is something to read, or the end, or an error that a read will tell. */
  READABLE: 1,
  /** A write would be taken, or would tell an error. */
  WRITABLE: 2,
  /** The other side has ended its output, or both. */
  DISCONNECT: 4,
  /**
   * Told only: the descriptor has an error condition (a pipe without a reader, a socket with an error that waits). The
   * watch has stopped; what was asked for is told as well, since reading or writing tells the error.
   */
  ERROR: 8,
} as const
const ALL_INTERESTS = 7

/** Readiness in the running loop: `VDescriptorWatch`. */
export const polls: Capability<LoopCalls> = new Capability('readiness', { bind: bindLoop, prove: proveLoop })

/** Beside the events that a watch asks for: its descriptor was made for it. */
const DUPLICATE = 64

/** The places of all handles, once there are any. */
let places: HandlePlaces<VDescriptorWatch> | undefined
let inTick = false
let closesAtExit = false

/** Calls when a descriptor is ready. */
export type VReadinessListener = (events: number) => void

/** The same as an object, where there are thousands of watches and a function for each would count. */
export interface IVReadinessOwner {
  /** A descriptor is ready for what the bits say. */
  handleReadiness(events: number): void
}

/**
 * Tells when a descriptor is ready, for as long as it is ready: once in each iteration of the loop until it is stopped
 * or the condition is gone.
 *
 * Made stopped. While it is started it keeps the process alive, unless `unref` was called. It reads nothing, writes
 * nothing, and leaves the descriptor's flags as they are. It keeps the open file open until it is closed itself.
 *
 * @example
 * const watch = new VDescriptorWatch(fd, () => take(native.read(fd, buffer)))
 * watch.start(readiness.READABLE)
 */
export class VDescriptorWatch {
  readonly #fd: number
  readonly #listener: VReadinessListener | IVReadinessOwner
  /** Where the handle is; -1 once it is closed. */
  #place: number
  /** What was asked for, and `DUPLICATE`. */
  #bits = 0

  /**
   * @param fd what is watched; it stays the caller's
   * @param listener called, or its `handleReadiness`, in the loop's turn for I/O with bits of `readiness`; what it throws
   *   is an uncaught exception
   * @throws VNativeUnavailable, VNativeError EBADF if it is not open, EPERM if it is a regular file or a directory,
   *   which are always ready
   */
  constructor(fd: number, listener: VReadinessListener | IVReadinessOwner, owner?: typeof OWNER) {
    checkFd(fd, 'watch')
    checkListener(listener)
    const { calls } = polls
    this.#listener = listener
    const direct = owner === OWNER ? initHandle(calls, fd) : -constants.errno.EEXIST
    // Something else in the loop polls the number already: take another.
    const isDuplicate = direct === -constants.errno.EEXIST
    this.#fd = isDuplicate ? duplicate(fd) : fd
    this.#place = isDuplicate ? initHandle(calls, this.#fd) : direct
    if (isDuplicate) this.#bits = DUPLICATE
    if (this.#place < 0) {
      if (isDuplicate) closeNow(this.#fd)
      throw notMade(fd, -this.#place)
    }
    calls.places.own(this.#place, this)
    closeAllAtExit()
  }

  /** Whether it may call its listener. */
  get active(): boolean {
    return this.events !== 0
  }

  /** What it was asked for last, 0 while it is stopped. */
  get events(): number {
    return this.#bits & ALL_INTERESTS
  }

  /** True once it is closed. */
  get closed(): boolean {
    return this.#place < 0
  }

  /**
   * Asks for events, in place of what was asked for before.
   *
   * @param events bits of `readiness`: READABLE, WRITABLE, DISCONNECT
   * @throws RangeError for no or other bits, VNativeError EBADF once it is closed
   */
  start(events: number): void {
    checkInteger(events, 'events', 1, ALL_INTERESTS)
    const { calls } = polls
    const handle = VDescriptorWatch.#handleOf(this, calls, 'start')
    if (events === this.events) return
    if ((this.#bits & DUPLICATE) === 0 && descriptors.calls.fcntl(this.#fd, F_GETFL, 0) < 0)
      throw new VNativeError('start', constants.errno.EBADF, `descriptor ${this.#fd} was closed by another`)
    const result = calls.start(handle, events, calls.onPoll)
    if (result !== 0) throw new VNativeError('uv_poll_start', result)
    this.#bits = (this.#bits & DUPLICATE) | events
  }

  /** Stops calling the listener. Idempotent. */
  stop(): void {
    if (this.events === 0) return
    this.#bits &= DUPLICATE
    const { calls } = polls
    calls.stop(calls.places.addressOf(this.#place))
  }

  /** Lets a started watch keep the process alive, as from the beginning. @throws VNativeError EBADF once it is closed */
  ref(): void {
    const { calls } = polls
    calls.ref(VDescriptorWatch.#handleOf(this, calls, 'ref'))
  }

  /** Lets the process end although it is started. @throws VNativeError EBADF once it is closed */
  unref(): void {
    const { calls } = polls
    calls.unref(VDescriptorWatch.#handleOf(this, calls, 'unref'))
  }

  /** Ends the watch; nothing is called afterwards. Idempotent. */
  close(): void {
    const place = this.#place
    if (place < 0) return
    const { calls } = polls
    const handle = calls.places.addressOf(place)
    this.#place = -1
    this.#bits &= DUPLICATE
    calls.stop(handle)
    calls.close(handle, NOBODY)
    calls.places.leave(place)
    if (this.#bits === DUPLICATE) closeNow(this.#fd)
  }

  /** Called by the loop. */
  protected told(status: number, events: number): void {
    let told = events
    if (status < 0) {
      // libuv has stopped the handle.
      told = this.events | readiness.ERROR
      this.#bits &= DUPLICATE
    }
    const listener = this.#listener
    if (typeof listener === 'function') listener(told)
    else listener.handleReadiness(told)
  }

  static #handleOf(watch: VDescriptorWatch, calls: LoopCalls, what: string): Address {
    if (watch.#place >= 0) return calls.places.addressOf(watch.#place)
    throw new VNativeError(what, constants.errno.EBADF, 'the watch is closed')
  }
}

function checkListener(listener: unknown): void {
  const { handleReadiness } = (listener ?? {}) as Partial<IVReadinessOwner>
  if (typeof listener === 'function' || typeof handleReadiness === 'function') return
  throw new TypeError(`a watch calls a function, got ${show(listener)}`)
}

/** Why a handle could not be made. */
function notMade(fd: number, errno: number): VNativeError {
  const isAlwaysReady = errno === constants.errno.EPERM
  const what = isAlwaysReady ? ' is a regular file, a directory or the like, which is always ready' : ''
  return new VNativeError('uv_poll_init', errno, `descriptor ${fd}${what}`)
}

/** Called by libuv. An error must not pass through its frames, so it is thrown from a turn of Node's own. */
function onPoll(handle: Address, status: number, events: number): void {
  try {
    places?.ownerAt(handle)?.['told'](status, events)
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
  // libuv has called past Node, which therefore does not run promise jobs now: an immediate makes sure that it will.
  if (inTick) return
  inTick = true
  setImmediate(endTick)
}

function endTick(): void {
  inTick = false
}

function duplicate(fd: number): number {
  const own = descriptors.calls.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD)
  if (own >= 0) return own
  throw new VNativeError('dup', lastErrnoOf(fd), `descriptor ${fd} cannot be watched`)
}

/** The reason why a `dup` failed: not open, or no number left. */
function lastErrnoOf(fd: number): number {
  const isOpen = descriptors.calls.fcntl(fd, F_GETFL, 0) >= 0
  return isOpen ? constants.errno.EMFILE : constants.errno.EBADF
}

/** Makes a handle. Returns its place, or minus the error number. */
function initHandle(calls: LoopCalls, fd: number): number {
  const flags = descriptors.calls.fcntl(fd, F_GETFL, 0)
  if (flags < 0) return -constants.errno.EBADF
  const place = calls.places.take()
  if (place < 0) return -constants.errno.ENOMEM
  const result = calls.init(calls.loop, calls.places.addressOf(place), fd)
  // libuv makes what it polls non-blocking, and with it every descriptor of the same open file.
  if ((flags & O_NONBLOCK) === 0) descriptors.calls.fcntl(fd, F_SETFL, flags)
  if (result === 0) return place
  // A handle that was not made is not in the loop.
  calls.places.giveBack(place)
  return result
}

/** At the end the loop runs without JavaScript: no handle may be left that would call it. */
function closeAllAtExit(): void {
  if (closesAtExit) return
  closesAtExit = true
  process.once('exit', () => {
    for (const watch of polls.calls.places.owners) watch.close()
  })
}

function bindLoop(library: NativeLibrary): LoopCalls {
  if (!isMainThread)
    throw new Error(
      'in a worker, whose loop must hold no handle when it is terminated, readiness is told by streams only',
    )
  const pointer = 'uintptr_t'
  const allocate = library.bind<[number, number], Address>('aligned_alloc', pointer, ['size_t', 'size_t'])
  const handleBytes = library.bind<[number]>('uv_handle_size', 'size_t', ['int'])(POLL_TYPE)
  if (handleBytes <= 0 || handleBytes > MAX_HANDLE_BYTES)
    throw new Error(`uv_handle_size answers ${handleBytes}`)
  places = new HandlePlaces(handleBytes, allocate)
  return {
    loop: loopOf(library),
    onPoll: library.callback([pointer, 'int', 'int'], onPoll),
    places,
    init: library.bind('uv_poll_init', 'int', [pointer, pointer, 'int']),
    start: library.bind('uv_poll_start', 'int', [pointer, 'int', pointer]),
    stop: library.bind('uv_poll_stop', 'int', [pointer]),
    close: library.bind('uv_close', 'void', [pointer, pointer]),
    isActive: library.bind('uv_is_active', 'int', [pointer]),
    ref: library.bind('uv_ref', 'void', [pointer]),
    unref: library.bind('uv_unref', 'void', [pointer]),
  }
}

/** The loop of this thread, which has to be libuv's main one. */
function loopOf(library: NativeLibrary): Address {
  const version = library.bind<[], string>('uv_version_string', 'str', [])()
  expectAnswer('uv_version_string', version, process.versions['uv'])
  const ask = library.bind<[unknown, BigUint64Array]>('napi_get_uv_event_loop', 'int', ['void*', 'void*'])
  const loop = new BigUint64Array(1)
  expectAnswer('napi_get_uv_event_loop', ask(library.environment, loop), 0)
  const defaultLoop = library.bind<[]>('uv_default_loop', 'uintptr_t', [])()
  expectAnswer('the loop of this thread', Number(loop[0]), defaultLoop)
  return defaultLoop
}

function proveLoop(calls: LoopCalls, library: NativeLibrary): void {
  const typeName = library.bind<[number], string>('uv_handle_type_name', 'str', ['int'])
  expectAnswer('the name of the type of handle', typeName(POLL_TYPE), 'poll')
  proveCallback(calls, library)
  const { close, pipe2, write } = descriptors.calls
  const fds = new Int32Array(2)
  expectAnswer('pipe2', pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0)
  const [reader = -1, writer = -1] = fds
  try {
    expectAnswer('write', write(writer, new Uint8Array(1), 1), 1)
    const place = calls.places.take()
    const handle = calls.places.addressOf(place)
    expectAnswer('uv_poll_init of a pipe', calls.init(calls.loop, handle, reader), 0)
    expectAnswer('uv_is_active before start', calls.isActive(handle), 0)
    expectAnswer('uv_poll_start', calls.start(handle, readiness.READABLE, calls.onPoll), 0)
    expectAnswer('uv_is_active after start', calls.isActive(handle), 1)
    expectAnswer('uv_poll_stop', calls.stop(handle), 0)
    expectAnswer('uv_is_active after stop', calls.isActive(handle), 0)
    calls.close(handle, NOBODY)
    calls.places.leave(place)
  } finally {
    close(reader)
    close(writer)
  }
}

/** Calls the callback as libuv will, through its address, and sees that the arguments arrive. */
function proveCallback(calls: LoopCalls, library: NativeLibrary): void {
  const arrived: number[] = []
  const types = ['uintptr_t', 'int', 'int']
  const probe = library.callback(types, (...args) => arrived.push(...args))
  library.callAddress(probe, types, [2 ** 46 + 8, -9, readiness.READABLE])
  expectAnswer('a callback', arrived.join(), `${2 ** 46 + 8},-9,1`)
  // An address of no watch: nothing happens, and that it returns is the answer.
  library.callAddress(calls.onPoll, types, [0, 0, 0])
}
