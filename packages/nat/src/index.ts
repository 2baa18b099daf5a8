/**
 * The public names of this package. No logic.
 */
export * from './stun-attribute.js'
export * from './stun-message.js'
