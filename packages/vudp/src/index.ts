/**
 * The public names of this entry point. No logic.
 */
export type { IVMachine } from './machine.js'
export type { IVAead, IVCrypto, VAeadSpan, VCipherId, VKeyPair } from './proto/crypto.js'
export { hkdfExpand, hkdfExtract, type SessionKeys, sessionKeys } from './proto/v1/key-schedule.js'
export { encodePunch, KIND, openPunch } from './proto/v1/packet.js'
