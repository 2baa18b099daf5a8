/**
 * The public names of this package. No logic.
 */
export * from './code.js'
export * from './stun-attribute.js'
export * from './stun-message.js'
export * from './words.js'
