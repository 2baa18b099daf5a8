/**
 * TLS over pipes: the element that stands in the place of a secure channel.
 */
import { VByteBuffer, VFIOLost } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VPipeAgent } from '@vio/pipe'
import { VTLSClient, VTLSServer, type VTLSTransport } from '@vio/sock'
import { expect, it } from 'vitest'
import { testCertificates } from '../lib/certificates.js'
import { makeFolder, openPipe, runReactor, until } from './support.js'

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'TLS stands in the place of a secure channel over a pair of pipes, both ways and to its end (%s) [VE-129]',
  async (version) => {
    const certificates = await testCertificates()
    const { reactor, failures } = runReactor()
    const folder = makeFolder()
    const [[readA, writeB], [readB, writeA]] = [openPipe(folder), openPipe(folder)]
    const agents = [new VPipeAgent(reactor, readA, writeA), new VPipeAgent(reactor, readB, writeB)] as const
    const versions = { minVersion: version, maxVersion: version }
    const trusted = certificates.authority.cert
    const server = new VTLSServer(reactor, { ...certificates.server, ...versions })
    const client = new VTLSClient(reactor, { trusted, serverName: 'localhost', ...versions })
    server.cipherIO.attach(agents[0].byteIO)
    client.cipherIO.attach(agents[1].byteIO)
    const pattern = new VBytePattern(6)
    const total = 300_000
    const talk = (transport: VTLSTransport) => {
      const source = new VProbeProducer({ reactor })
      const sink = new VProbeConsumer({ grantAtAttach: null })
      transport.plainConsume.attach(source)
      sink.attach(transport.plainProduce)
      source.feed(new VByteBuffer(pattern.take(total)))
      source.end()
      return { sink, checker: new VPatternChecker(pattern) }
    }
    const sides = [talk(server), talk(client)]
    let spoken: string | null = null
    await until(() => {
      spoken ??= client.version
      for (const { sink, checker } of sides) checker.feed(sink.received.pop())
      return sides.every(({ sink }) => sink.ended !== null)
    })
    expect(sides.map(({ sink, checker }) => [checker.position, sink.ended?.clean])).toEqual([
      [total, true],
      [total, true],
    ])
    expect([client.secured, spoken]).toEqual([true, version])
    expect(failures()).toEqual([])
    for (const agent of agents) agent.closeIO(new VFIOLost())
    await Promise.all(agents.map((agent) => agent.released))
    reactor.stop()
    folder.remove()
  },
)
