/**
 * What sockets can be made of on this machine.
 */
import type { VTransport } from '@vio/sock'
import { nativeSocketsMissing } from '../../../packages/sock/src/native-socket.js'

/** Why there are no native sockets; undefined where there are. */
export const NATIVE_MISSING: string | undefined = nativeSocketsMissing()

/** The transports that this machine has. */
export const TRANSPORTS: readonly VTransport[] = NATIVE_MISSING === undefined ? ['net', 'native'] : ['net']
