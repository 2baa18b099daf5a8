/**
 * The functions of this package under one name, `native`.
 *
 * Passes names on; what they do is told where they are defined.
 */
export {
  close,
  dup,
  isCloseOnExec,
  isNonBlocking,
  isOpen,
  pipe,
  pipeSize,
  read,
  release,
  setCloseOnExec,
  setNonBlocking,
  setPipeSize,
  statusFlags,
  write,
} from './posix/descriptor.js'
export { eventCounter } from './posix/event.js'
export { makeFifo } from './posix/fifo.js'
export { ioctl, setWindowSize, windowSize } from './posix/ioctl.js'
export {
  accept,
  bind,
  connect,
  getOption,
  getOptionBytes,
  listen,
  peerName,
  setOption,
  setOptionBytes,
  shutdown,
  socket,
  socketError,
  socketName,
  socketPair,
} from './posix/socket.js'
export { openTerminal } from './posix/terminal.js'
export { has, report, stateOf } from './report.js'
