/**
 * A rig of TLS agents whose sealed bytes go over two pipes, with Node's own TLS over the other ends of these pipes.
 */
import { Socket } from 'node:net'
import { VFIOLost } from '@vio/io'
import { type IVEndpointRig, VProbeLog } from '@vio/io/testing'
import { type VLogEntry, VLogLevel } from '@vio/reactor'
import { type VTLSClientOptions, VTLSClientSocketAgent, VTLSServerContext } from '@vio/sock'
import { JoinedDevice } from '../../packages/pipe/src/joined-device.js'
import { pipeDevice } from '../../packages/pipe/src/pipe-agent.js'
import type { IVSocketDevice } from '../../packages/sock/src/socket-device.js'
import { type FarLine, type FarTLSOptions, farTLS } from '../sock/support/far-tls.js'
import { CountingReactor } from '../sock/support/net-rig.js'
import { agentOptions } from '../sock/tls/agent-rig.js'
import { makeFolder, openPipe, until } from './support.js'

/** Two pipes in the place of a socket: they have no address, and their reset is a loss. */
class PipeSocket extends JoinedDevice implements IVSocketDevice {
  noDelay = false
  keepAlive = false
  readonly localPeer = null

  override get peer(): null {
    return null
  }

  onClosed(closed: () => void): void {
    this.onReleased(closed)
  }

  reset(reason: VFIOLost): void {
    this.close(reason)
  }
}

/** The far side of the two pipes, as sockets of Node. */
function farLine(readFd: number, writeFd: number): FarLine {
  const input = new Socket({ fd: readFd, readable: true, writable: false })
  const output = new Socket({ fd: writeFd, readable: false, writable: true })
  const reset = (): void => {
    for (const socket of [input, output]) socket.destroy()
  }
  return { input, output, reset }
}

function refuse(): never {
  throw new Error('pipes are open from the start: there is nothing to connect')
}

/** Identity and trust of the near side. */
function tlsOf({ side, version, certificates }: FarTLSOptions): VTLSServerContext | VTLSClientOptions {
  const versions = { minVersion: version, maxVersion: version }
  if (side === 'server') return new VTLSServerContext({ ...certificates.server, ...versions })
  return { trusted: certificates.authority.cert, ...versions }
}

/** A rig of TLS agents on pipes. */
export function tlsPipeRig(options: FarTLSOptions, useNative: boolean): IVEndpointRig {
  const failures: VLogEntry[] = []
  const watch = (entry: VLogEntry): void => {
    if (entry.level >= VLogLevel.error) failures.push(entry)
  }
  const reactor = new CountingReactor({ logWatcher: { watch } })
  reactor.start()
  const folder = makeFolder()
  const lines: FarLine[] = []
  const devices: PipeSocket[] = []
  const { side } = options
  const moved = (): number =>
    lines.reduce((sum, line) => sum + line.input.bytesRead + line.output.bytesWritten, 0)
  return {
    reactor,
    log: new VProbeLog(),
    // Two pipes of the system, and what TLS and Node hold at both ends.
    roadBytes: 36 * 65_536,
    connected: async (more = {}) => {
      const [nearRead, farWrite] = openPipe(folder)
      const [farRead, nearWrite] = openPipe(folder)
      const means = { native: useNative }
      const device = new PipeSocket(
        pipeDevice(reactor, nearRead, 'read', means),
        pipeDevice(reactor, nearWrite, 'write', means),
      )
      devices.push(device)
      const line = farLine(farRead, farWrite)
      lines.push(line)
      const far = farTLS(line, options)
      const near = new VTLSClientSocketAgent(reactor, device, {
        ...agentOptions(more),
        tls: tlsOf(options),
        ...(side === 'client' ? { serverName: 'localhost' } : {}),
      })
      await until(() => near.device.connected, 'the handshake')
      return { near, far }
    },
    connectable: refuse,
    until,
    quiet: async () => {
      for (let [still, before] = [0, -1]; still < 3; ) {
        await reactor.quiet()
        still = moved() === before ? still + 1 : 0
        before = moved()
      }
    },
    failures: () => failures,
    close: () => {
      for (const device of devices) device.close(new VFIOLost())
      for (const line of lines) line.reset()
      reactor.stop()
      folder.remove()
    },
  }
}
