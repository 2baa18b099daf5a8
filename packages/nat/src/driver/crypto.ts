/**
 * The cryptography of this package by Node's own module.
 *
 * Decides nothing but where the one hash comes from that VUT does not need. Invariant: all else is that of VUT's driver.
 */
import { createHash } from 'node:crypto'
import { VNodeCrypto } from '@vio/vudp'
import type { IVNatCrypto } from '../suite.js'

/** The primitives by `node:crypto`. One object serves any number of connections. */
export class VNatCrypto extends VNodeCrypto implements IVNatCrypto {
  sha512(...parts: readonly Uint8Array[]): Buffer {
    const hash = createHash('sha512')
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
}
