/**
 * Runs the contract of an endpoint over TLS on a pair of pipes, against Node's own TLS at the other side of the pipes.
 *
 * The whole suite once for each version, each side of TLS once, with native and without.
 */
import { endpointContract } from '@vio/io/testing'
import { testCertificates } from '../lib/certificates.js'
import { runSuite } from '../lib/run-suite.js'
import { WITHOUT_CONNECTING, WITHOUT_PEER } from './rigs.js'
import { tlsPipeRig } from './tls-rig.js'

const certificates = await testCertificates()
const WITHOUT_HANG_UP = {
  'tells an unclean end when the connection breaks':
    'without native nobody tells a writer that its reader is gone; the cut off input is shown by the tests of TLS',
}
const WITHOUT = { ...WITHOUT_CONNECTING, ...WITHOUT_PEER }

for (const [side, version, useNative] of [
  ['client', 'TLSv1.3', true],
  ['server', 'TLSv1.2', false],
] as const) {
  const how = useNative ? 'with native where it is there' : 'without native'
  runSuite(
    `a ${version} ${side} over pipes, ${how}`,
    endpointContract,
    () => tlsPipeRig({ side, version, certificates }, useNative),
    useNative ? WITHOUT : { ...WITHOUT, ...WITHOUT_HANG_UP },
  )
}
