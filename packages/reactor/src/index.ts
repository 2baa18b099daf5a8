/** The public names of the reactor. */
export * from './errors.js'
export {
  type IVLogWatcher,
  type VLogEntry,
  type VLogFilter,
  VLogger,
  VLoggerBase,
  type VLoggerOptions,
  VLogLevel,
  VLogWatcher,
  VProxyLogger,
} from './log.js'
export { escapeLogText, formatLogEntry, logLevelName, type VLogFormatter } from './log-format.js'
export { VConsoleLog, VFileLog, type VLogWriterOptions } from './log-watchers.js'
export { NodeHost } from './node-host.js'
export {
  VPending,
  VPendingCancelled,
  type VPendingOptions,
  VPendingTimeout,
  VReactorPending,
} from './pending.js'
export { type IVRandom, publicBelow, VSystemRandom } from './random.js'
export { VReactor, type VReactorOptions, VSelectReactor } from './reactor.js'
export { type IVCallQueue, VScheduledCall, type VScheduledCallOptions } from './scheduled-call.js'
export type {
  IVReactor,
  IVReactorHost,
  IVReactorObject,
  IVReader,
  IVSelectable,
  IVStreamHandle,
  IVTask,
  IVWatch,
  IVWriter,
  VCallable,
  VWatchDirection,
} from './types.js'
export {
  VWorkerError,
  type VWorkerHandler,
  VWorkerPort,
  VWorkerPortClosed,
  type VWorkerPortOptions,
  VWorkerUnknownName,
} from './worker-port.js'
