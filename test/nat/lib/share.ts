/**
 * What a party hands over in a test of the rendezvous.
 */

/** Any 32 bytes do, as long as nobody uses them. */
export const SHARE: string = Buffer.alloc(32, 5).toString('base64')
