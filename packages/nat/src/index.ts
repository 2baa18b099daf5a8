/**
 * The public names of this package. No logic.
 */
export * from './code.js'
export { VPake, VPakeError, type VPakeOptions } from './pake.js'
export * from './stun-attribute.js'
export * from './stun-message.js'
export type { IVNatCrypto } from './suite.js'
export * from './words.js'
