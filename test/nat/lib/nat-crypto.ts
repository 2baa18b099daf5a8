/**
 * The cryptography of the tests of this folder, by node:crypto.
 */
import { createHash } from 'node:crypto'
import type { IVNatCrypto } from '@vio/nat'
import { NodeCrypto } from '../../../packages/vudp/src/driver/crypto.js'

class TestCrypto extends NodeCrypto implements IVNatCrypto {
  sha512(...parts: readonly Uint8Array[]): Buffer {
    const hash = createHash('sha512')
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
}

/** One for all tests. */
export const natCrypto: IVNatCrypto = new TestCrypto()
