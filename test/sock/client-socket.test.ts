/**
 * Sockets with handlers: their states and hooks, what they read and write, how their directions close.
 */
import {
  type IVHalfClose,
  isByteHandleInput,
  isByteHandleOutput,
  isReactorObject,
  VFIOCompleted,
  VFIOLost,
  VHalfClose,
  VHalfCloseInput,
  VHalfCloseOutput,
  VIOClosed,
  VIOCompleted,
  VIOError,
  VIOLost,
  VIPSocketPeer,
  VNoHalfClose,
  type VSocketPeer,
  VUnixSocketPeer,
} from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import * as sock from '@vio/sock'
import {
  VClientSocket,
  type VClientSocketOptions,
  VSocketBase,
  VTCPClientSocket,
  VTCPSocket,
  VUnixClientSocket,
  VUnixSocket,
} from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { farOn } from './support/far-socket.js'
import { eventually, type Listening, listening, loopRounds } from './support/net-rig.js'
import { NET_KINDS, type NetKind } from './support/places.js'
import { startReactor } from './support/reactor.js'

/** A socket that echoes, keeps what it got, and records its hooks. */
class Echo extends VClientSocket {
  readonly events: string[] = []
  readonly got: Buffer[] = []
  allowed = true
  goesOn = true
  /** Bytes that have to come before the socket is active. */
  handshakeBytes = 0
  ended: Error | null = null

  protected activeDoRead(): void {
    this.events.push('activeDoRead')
    try {
      const data = this.readSome(1000)
      this.got.push(data)
      if (data.length > 0 && !this.outputClosed) this.writeSome(data)
    } catch (error) {
      this.ended = error as Error
      this.closeInput(error instanceof VIOCompleted ? new VFIOCompleted() : new VFIOLost())
    }
  }

  protected activeDoWrite(): void {
    this.events.push('activeDoWrite')
    this.stopWriting()
  }

  protected override sockWasEnabled(): void {
    this.events.push('sockWasEnabled')
  }

  protected override sockWasConnected(): void {
    this.events.push('sockWasConnected')
  }

  protected override sockConcludeConnect(): boolean {
    this.events.push('sockConcludeConnect')
    return this.allowed
  }

  protected override sockNeedsActivation(): boolean {
    return this.handshakeBytes > 0
  }

  protected override sockDoActivationRead(): void {
    this.events.push('sockDoActivationRead')
    this.handshakeBytes -= this.readSome(this.handshakeBytes).length
    if (this.handshakeBytes === 0) this.setSockActive()
  }

  protected override sockDoActivationWrite(): void {
    this.events.push('sockDoActivationWrite')
    this.reactor.removeWriter(this)
  }

  protected override sockConcludeActivation(): boolean {
    this.events.push('sockConcludeActivation')
    return this.goesOn
  }

  protected override sockActivated(): void {
    this.events.push('sockActivated')
  }

  protected override canConnect(peer: VSocketPeer): boolean {
    this.events.push(`canConnect(${peer.family})`)
    return this.allowed
  }
}

async function place(kind: NetKind = 'tcp4'): Promise<Listening> {
  const made = await listening(kind)
  onTestFinished(() => made.close())
  return made
}

/** A connected socket with handlers, and the other side. */
async function pair(options: VClientSocketOptions = {}) {
  const started = startReactor()
  const [one, two] = await VSocketBase.createNativePair()
  const echo = new Echo(started.reactor, one, options)
  onTestFinished(() => {
    echo.reset()
    two.destroy()
  })
  return { ...started, echo, far: farOn(two) }
}

describe.each(NET_KINDS)('a socket with handlers on %s', (kind) => {
  it('connects, echoes and hears the end [VE-82 VE-83 VE-104]', async () => {
    const { reactor } = startReactor()
    const { peer, next } = await place(kind)
    const echo = new Echo(reactor)
    echo.startReading()
    await expect(echo.connect(peer)).resolves.toBe(true)
    expect(peer.equals(echo.peer)).toBe(true)
    const far = farOn(await next())
    far.write(Buffer.from('hello'))
    await eventually(() => far.read().toString() === 'hello')
    far.end()
    await eventually(() => echo.inputClosed)
    expect(echo.ended).toBeInstanceOf(VIOCompleted)
    echo.closeIO(new VFIOCompleted())
    await eventually(() => far.ended === 'clean')
  })
})

describe('native sockets', () => {
  it('are not connected, half-open and paused [VE-84]', () => {
    const socket = VSocketBase.createNative()
    expect([socket.pending, socket.connecting, socket.allowHalfOpen, socket.isPaused()]).toEqual([
      true,
      false,
      true,
      true,
    ])
    expect(socket.listenerCount('error')).toBeGreaterThan(0)
    socket.destroy()
  })

  it.each([
    ['VSocketBase', VSocketBase, 'IPv4'],
    ['VTCPSocket', VTCPSocket, 'IPv4'],
    ['VTCPClientSocket', VTCPClientSocket, 'IPv4'],
    ['VUnixSocket', VUnixSocket, undefined],
    ['VUnixClientSocket', VUnixClientSocket, undefined],
  ])(
    'come in pairs from %s, connected both ways, with no listener left [VE-85 VE-86 VE-88]',
    async (_, kind, family) => {
      const before = openServers()
      const [one, two] = await kind.createNativePair()
      expect([one.remoteFamily, two.remoteFamily]).toEqual([family, family])
      expect([one.allowHalfOpen, two.allowHalfOpen]).toEqual([true, true])
      expect([one.remotePort, two.remotePort]).toEqual([two.localPort, one.localPort])
      const [left, right] = [farOn(one), farOn(two)]
      left.write(Buffer.from('there'))
      right.write(Buffer.from('back'))
      await eventually(() => right.read().toString() === 'there')
      await eventually(() => left.read().toString() === 'back')
      left.end()
      await eventually(() => right.ended === 'clean')
      right.write(Buffer.from('still'))
      await eventually(() => left.read().toString() === 'still')
      expect(openServers()).toBe(before)
      one.destroy()
      two.destroy()
    },
  )

  it('fail as a VIOError with the reason [VE-85]', async () => {
    const before = process.env['TMPDIR']
    process.env['TMPDIR'] = '/nonexistent'
    try {
      const failed = VUnixSocket.createNativePair()
      await expect(failed).rejects.toBeInstanceOf(VIOError)
      await expect(failed).rejects.toMatchObject({ code: 'ENOENT' })
    } finally {
      if (before === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = before
    }
  })
})

function openServers(): number {
  return process.getActiveResourcesInfo().filter((name) => /ServerWrap/.test(name)).length
}

describe('the states of a socket', () => {
  const ALL = [
    'sockWasEnabled',
    'sockWasConnected',
    'sockConcludeConnect',
    'sockConcludeActivation',
    'sockActivated',
  ]

  it('follow each other: enabled, connected, active [VE-98]', async () => {
    const { echo } = await pair()
    expect(echo.events).toEqual([])
    await eventually(() => echo.active)
    expect(echo.events).toEqual(ALL)
    const { reactor } = startReactor()
    const { peer } = await place()
    const fresh = new Echo(reactor)
    await fresh.connect(peer)
    await eventually(() => fresh.active)
    expect(fresh.events.filter((event) => !event.startsWith('canConnect'))).toEqual(ALL)
    fresh.reset()
  })

  it('run no handler before the connection was told, though the socket has one already [VE-98 VE-99]', async () => {
    const { echo } = await pair()
    expect(echo.wasConnected).toBe(true)
    echo.startReading()
    echo.startWriting()
    echo.doRead()
    echo.doWrite()
    expect(echo.events).toEqual([])
    await eventually(() => echo.events.includes('activeDoWrite'))
    expect(echo.events).not.toContain('sockDoActivationRead')
  })

  it('wait for a handshake, during which no active handler runs [VE-98 VE-99]', async () => {
    const { echo, far } = await pair()
    echo.handshakeBytes = 3
    echo.startReading()
    echo.startWriting()
    far.write(Buffer.from('ab'))
    await eventually(() => echo.events.includes('sockDoActivationRead'))
    await loopRounds()
    expect(echo.active).toBe(false)
    expect(echo.events).toContain('sockDoActivationWrite')
    expect(echo.events.filter((event) => event.startsWith('active'))).toEqual([])
    far.write(Buffer.from('cde'))
    await eventually(() => Buffer.concat(echo.got).toString() === 'de')
    expect(echo.events.indexOf('activeDoRead')).toBeGreaterThan(echo.events.indexOf('sockActivated'))
    expect(echo.events.filter((event) => ALL.includes(event))).toEqual(ALL)
  })

  it.each(['allowed', 'goesOn'] as const)('end as lost when %s is false [VE-98]', async (hook) => {
    const { echo, far } = await pair()
    echo[hook] = false
    await eventually(() => echo.closed)
    expect(echo.active).toBe(false)
    expect(echo.events).not.toContain('sockActivated')
    await eventually(() => far.ended === 'lost')
  })

  it('take a hook that throws for a no, and log it', async () => {
    const { echo, logged } = await pair()
    Object.defineProperty(echo, 'sockConcludeConnect', {
      value: () => {
        throw new Error('broken')
      },
    })
    await eventually(() => echo.closed)
    expect(logged.some(({ message }) => message.includes('sockConcludeConnect'))).toBe(true)
  })
})

describe('reading and writing by hand', () => {
  it('is an error before the connection, and possible after it; wasConnected stays [VE-103]', async () => {
    const { reactor } = startReactor()
    const { peer, next } = await place()
    const echo = new Echo(reactor)
    expect(echo.wasConnected).toBe(false)
    expect(() => echo.readSome(1)).toThrow(VIOError)
    expect(() => echo.writeSome(Buffer.from('x'))).toThrow(VIOError)
    await echo.connect(peer)
    expect(echo.wasConnected).toBe(true)
    expect(echo.readSome(1)).toHaveLength(0)
    expect(echo.writeSome(Buffer.from('x'))).toBe(1)
    expect(() => echo.readSome(0)).toThrow(RangeError)
    echo.closeIO(new VFIOLost())
    expect(echo.wasConnected).toBe(true)
    expect(() => echo.readSome(1)).toThrow(VIOClosed)
    expect(() => echo.writeSome(Buffer.from('x'))).toThrow(VIOClosed)
    ;(await next()).destroy()
  })

  it('tells a loss as one', async () => {
    const { echo, far } = await pair()
    echo.startReading()
    far.reset()
    await eventually(() => echo.ended !== null)
    expect(echo.ended).toBeInstanceOf(VIOLost)
    expect(() => echo.writeSome(Buffer.from('x'))).toThrow(VIOLost)
  })
})

describe('connecting', () => {
  it('needs the permission of canConnect, and is asked about once [VE-105]', async () => {
    const { reactor } = startReactor()
    const { peer } = await place()
    const echo = new Echo(reactor)
    echo.allowed = false
    await expect(echo.connect(peer)).rejects.toBeInstanceOf(VIOError)
    expect(echo.events.filter((event) => event.startsWith('canConnect'))).toHaveLength(1)
    await eventually(() => echo.closed)
    expect(echo.wasConnected).toBe(false)
  })

  it('fails without a throw when it is refused [VE-104]', async () => {
    const { reactor } = startReactor()
    const closed = await listening('tcp4')
    closed.close()
    const echo = new Echo(reactor)
    await expect(echo.connect(closed.peer)).resolves.toBe(false)
    await eventually(() => echo.closed)
  })

  it('refuses a wrong peer and a second time', async () => {
    const { reactor } = startReactor()
    const { peer } = await place()
    const echo = new Echo(reactor)
    expect(() => echo.connect('x' as never)).toThrow(TypeError)
    const connected = echo.connect(peer)
    expect(() => echo.connect(peer)).toThrow(VIOError)
    await connected
    expect(() => echo.connect(peer)).toThrow(VIOError)
    echo.reset()
  })

  it('goes where connectTransform says [VE-98]', async () => {
    const { reactor } = startReactor()
    const { peer } = await place()
    class Redirected extends Echo {
      protected override connectTransform(): VSocketPeer {
        return peer
      }
    }
    const echo = new Redirected(reactor)
    await expect(echo.connect(new VIPSocketPeer('127.0.0.1', 1))).resolves.toBe(true)
    expect(peer.equals(echo.peer)).toBe(true)
    echo.reset()
  })

  it('takes only addresses of its own kind [VE-87]', () => {
    const { reactor } = startReactor()
    class TCP extends VTCPClientSocket {
      protected activeDoRead(): void {}
      protected activeDoWrite(): void {}
    }
    class Unix extends VUnixClientSocket {
      protected activeDoRead(): void {}
      protected activeDoWrite(): void {}
    }
    expect(() => new TCP(reactor).connect(new VUnixSocketPeer('/x'))).toThrow(VIOError)
    expect(() => new Unix(reactor).connect(new VIPSocketPeer('127.0.0.1', 1))).toThrow(VIOError)
  })
})

describe('what a socket is made with', () => {
  it('is a reactor, and by default a socket of its own and half-closing both ways [VE-95]', async () => {
    const { reactor } = startReactor()
    const echo = new Echo(reactor, null, { transport: 'net' })
    expect([echo.halfClosePolicy.halfIn, echo.halfClosePolicy.halfOut]).toEqual([true, true])
    expect(echo.sock).toBeNull()
    await echo.connect((await place()).peer)
    expect(echo.sock).not.toBeNull()
    echo.reset()
    expect(() => new Echo(undefined as unknown as IVReactor)).toThrow(TypeError)
    expect(() => new Echo(reactor, null, { halfClosePolicy: {} as IVHalfClose })).toThrow(TypeError)
  })

  it('is told again by its properties [VE-97]', async () => {
    const { echo, reactor, far } = await pair()
    expect([echo.reactor, echo.log]).toEqual([reactor, reactor.log])
    expect(echo.sock?.remotePort).toBeGreaterThan(0)
    echo.halfClosePolicy = new VNoHalfClose()
    expect(() => {
      echo.halfClosePolicy = 'both' as never
    }).toThrow(TypeError)
    echo.closeInput(new VFIOCompleted())
    expect(echo.closed).toBe(true)
    await eventually(() => far.ended === 'clean')
  })

  it('fits what a reactor watches [VE-90]', async () => {
    const { echo } = await pair()
    expect([isByteHandleInput(echo), isByteHandleOutput(echo), isReactorObject(echo)]).toEqual([
      true,
      true,
      true,
    ])
    for (const name of [
      'readSome',
      'writeSome',
      'startReading',
      'stopReading',
      'startWriting',
      'stopWriting',
    ] as const) {
      expect(typeof echo[name]).toBe('function')
    }
    expect(typeof echo.fileno()).toBe('object')
    echo.closeIO(new VFIOLost())
    expect(echo.fileno()).toBe(-1)
  })

  it('is exported under every name of the seed [VE-113]', () => {
    for (const kind of ['TCP', 'Unix']) {
      for (const role of ['Socket', 'ClientSocket', 'ListeningSocket', 'ClientSocketAgent']) {
        expect(sock).toHaveProperty(`V${kind}${role}`)
      }
    }
  })
})

const POLICIES: readonly IVHalfClose[] = [
  new VHalfClose(),
  new VHalfCloseInput(),
  new VHalfCloseOutput(),
  new VNoHalfClose(),
]

describe('closing', () => {
  it.each(POLICIES)('the input closes alone or not: %o [VE-100]', async (halfClosePolicy) => {
    for (const outputFirst of [false, true]) {
      let closes = 0
      const { echo } = await pair({ halfClosePolicy, closeCallback: () => (closes += 1) })
      await eventually(() => echo.active)
      if (outputFirst) echo.closeOutput(new VFIOCompleted())
      const wasClosed = echo.closed
      expect(wasClosed).toBe(outputFirst && !halfClosePolicy.halfOut)
      expect(echo.closeInput(new VFIOCompleted())).toBe(true)
      expect(echo.inputClosed).toBe(true)
      expect(echo.closed).toBe(outputFirst || !halfClosePolicy.halfIn)
      expect(closes).toBe(echo.closed ? 1 : 0)
    }
  })

  it.each(POLICIES)('the output closes alone or not: %o [VE-101]', async (halfClosePolicy) => {
    for (const inputFirst of [false, true]) {
      let closes = 0
      const { echo } = await pair({ halfClosePolicy, closeCallback: () => (closes += 1) })
      await eventually(() => echo.active)
      if (inputFirst) echo.closeInput(new VFIOCompleted())
      expect(echo.closed).toBe(inputFirst && !halfClosePolicy.halfIn)
      expect(echo.closeOutput(new VFIOCompleted())).toBe(true)
      expect(echo.outputClosed).toBe(true)
      expect(echo.closed).toBe(inputFirst || !halfClosePolicy.halfOut)
      expect(closes).toBe(echo.closed ? 1 : 0)
    }
  })

  it('the output of what was never connected closes everything [VE-101]', () => {
    const { reactor } = startReactor()
    const echo = new Echo(reactor)
    expect(echo.closeOutput(new VFIOCompleted())).toBe(true)
    expect(echo.closed).toBe(true)
  })

  it('twice is as good as once, and the callback runs once [VE-102 VE-96]', async () => {
    let closes = 0
    const broken = (): void => {
      closes += 1
      throw new Error('broken')
    }
    const { echo, far, logged } = await pair({ closeCallback: broken })
    expect(echo.closeIO(new VFIOCompleted())).toBe(true)
    expect(echo.closeIO(new VFIOLost())).toBe(true)
    expect(echo.closeInput(new VFIOLost())).toBe(true)
    expect(echo.closeOutput(new VFIOLost())).toBe(true)
    echo[Symbol.dispose]()
    await eventually(() => far.ended === 'clean')
    expect(closes).toBe(1)
    await eventually(() => logged.some(({ message }) => message.includes('close callback')))
  })

  it('registers nothing any more', async () => {
    const { echo, reactor } = await pair()
    echo.startReading()
    echo.startWriting()
    await eventually(() => echo.active)
    echo.closeIO(new VFIOLost())
    echo.startReading()
    echo.startWriting()
    expect([reactor.readers, reactor.writers]).toEqual([[], []])
  })
})
