/**
 * Runs the contract of an endpoint over TLS agents on real sockets, against `node:tls` on the far side.
 */
import { endpointContract } from '@vio/io/testing'
import { afterAll } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { runSuite } from '../../lib/run-suite.js'
import { closePlaces, preparePlaces, tlsEndpointRig } from './agent-rig.js'
import { VERSIONS } from './rig.js'

const certificates = await testCertificates()
await preparePlaces()

for (const version of VERSIONS) {
  for (const side of ['client', 'server'] as const) {
    runSuite(`a TLS ${side} over ${version} [VE-S23]`, endpointContract, () =>
      tlsEndpointRig({ side, version, certificates }),
    )
  }
}

afterAll(closePlaces)
