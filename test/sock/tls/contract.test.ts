/**
 * Runs the contracts of io over TLS: of elements that secure a connection, of those with two directions and two sides.
 *
 * The library works beside the turns of the reactor, so a case that has data pass waits for it.
 */
import { VByteEndpoint } from '@vio/io'
import {
  BYTE_UNITS,
  createDevicePair,
  duplexContract,
  type IVSecureSubject,
  type IVTwoWaySubject,
  secureContract,
  twoWayContract,
  VProbeConsumer,
  VProbeProducer,
} from '@vio/io/testing'
import type { VTLSVersion } from '@vio/sock'
import { describe } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { runSuite } from '../../lib/run-suite.js'
import { bytes, TLSRig, VERSIONS } from './rig.js'

const certificates = await testCertificates()

/** A client under test: only a client can be told not to look at the other side. */
function secureSubject(version: VTLSVersion, strict: boolean): IVSecureSubject {
  const rig = new TLSRig(certificates)
  const versions = { minVersion: version, maxVersion: version }
  const client = rig.client({ ...versions, verify: strict ? 'none' : 'name' })
  const server = rig.server(versions)
  const far = rig.application(server.plainIO)
  const pair = createDevicePair({ reactor: rig.reactor })
  let requests = 0
  const reqProducerState = (): void => {
    requests += 1
  }
  // The way between is made of probes, so that what the element asks of the device can be seen.
  const up = new VProbeProducer({ reactor: rig.reactor, handlers: { reqProducerState } })
  const down = new VProbeConsumer({ grantAtAttach: null })
  const carry = (): void => {
    const sent = down.received
    if (sent.length > 0 && pair.a.writable) pair.a.writeSome(sent.pop())
    const came = pair.a.readable ? pair.a.readSome(100_000) : undefined
    if (came !== undefined && !up.closed) up.feed(bytes(came))
  }
  const passing = async (): Promise<void> => {
    for (let round = 0; round < 30; round += 1) {
      carry()
      await rig.quiet()
    }
  }
  const begin = (): void => {
    client.cipherIO.consumer.attach(up)
    client.cipherIO.producer.attach(down)
    server.cipherIO.attach(new VByteEndpoint(rig.reactor, pair.b).byteIO)
  }
  return {
    bench: rig.bench,
    plainIO: client.plainIO,
    handshake: async () => {
      begin()
      await passing()
    },
    send: async (text) => {
      if (!far.source.closed) far.source.feed(bytes(text))
      await passing()
    },
    stateRequests: () => requests,
    cutOff: () => up.aborted !== null && down.aborted !== null,
  }
}

/** The plaintext side of a server whose client is driven by the case. */
function twoWaySubject(version: VTLSVersion): IVTwoWaySubject {
  const rig = new TLSRig(certificates)
  const versions = { minVersion: version, maxVersion: version }
  const [server, client] = [rig.server(versions), rig.client(versions)]
  rig.join(server, client)
  const far = rig.application(client.plainIO)
  const came: number[] = []
  let given = 0
  return {
    bench: rig.bench,
    consumer: server.plainConsume,
    producer: server.plainProduce,
    drain: async () => {
      await rig.quiet()
      came.push(...BYTE_UNITS.values(far.sink.received))
      return came
    },
    give: (count) => {
      far.source.feed(BYTE_UNITS.make(given, count))
      given += count
    },
    finish: () => far.source.end(),
    quiet: () => rig.quiet(),
  }
}

for (const version of VERSIONS) {
  describe(version, () => {
    runSuite('a client', secureContract, ({ strict }) => secureSubject(version, strict))

    runSuite('two directions', twoWayContract, () => twoWaySubject(version))

    runSuite(
      'two sides',
      duplexContract,
      () => {
        const rig = new TLSRig(certificates)
        rig.bench.expectFailures()
        const { deviceIO, appIO } = rig.client({ minVersion: version, maxVersion: version })
        return { bench: rig.bench, deviceIO, appIO }
      },
      {
        'after a regular end': 'an end of ciphertext before the handshake is no regular end of plaintext',
        'if they are independent': 'the directions of one connection are never independent',
      },
    )
  })
}
