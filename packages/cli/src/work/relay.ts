/**
 * `vut relay`: where two machines meet that cannot reach each other, in the foreground until a signal ends it.
 *
 * Decides what the options mean and how it ends: SIGTERM gives relayed pairs some time, SIGINT does not, SIGHUP reads the
 * certificate again. What a relay does is `VRelayHost`'s. Invariant: it says where it listens once it does, and never
 * before.
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  DEFAULT_RELAY_PORT,
  parseRelayQuota,
  RELAY_QUOTA_NAMES,
  VRelayHost,
  type VRelayHostOptions,
  type VRelayQuotas,
} from '@vio/nat'
import { lookup, splitHostPort, VAddressError, VTLSInputError } from '@vio/sock'
import type { VCommandContext } from '../command.js'
import { VInterrupted } from '../context.js'
import { DEFAULT_DRAIN_SECONDS } from '../defaults.js'
import { EXIT, usageError, VCommandError, type VExitCode } from '../exit-codes.js'

const MS_PER_SECOND = 1000
/** On top of the draining: for the last words to those who are left. */
const CLOSE_MS = 8_000
const ALL_ADDRESSES: readonly string[] = ['', '0.0.0.0', '::']

/** Does it. @returns the exit code */
export async function runRelay(context: VCommandContext): Promise<VExitCode> {
  const { given, view, signal, reactor, random } = context
  const drainMs = (given.number('drain') ?? DEFAULT_DRAIN_SECONDS) * MS_PER_SECOND
  const relay = await made(context, { random, ...(await optionsOf(context)) })
  signal.throwIfAborted()
  await relay.listen()
  const forget = context.onHangup?.(() => void reload(context, relay))
  try {
    view.tell({ type: 'phase', phase: 'listening', detail: String(relay.address) })
    view.print(`relay: ${relay.address}, TCP${relay.isSecure ? ', TLS' : ''}, WebSocket and UDP`)
    if (relay.httpAddress !== null) view.print(`http://${relay.httpAddress}/metrics and /healthz`)
    const why = await interrupted(signal)
    const isPatient = why === 'SIGTERM' && drainMs > 0
    if (isPatient) {
      context.takeTime?.(drainMs + CLOSE_MS)
      view.tell({ type: 'phase', phase: 'draining', detail: `${relay.stats().pairs} pairs` })
      await relay.drain(drainMs)
    }
    return why === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted
  } finally {
    forget?.()
    await relay.close()
    reactor.log.debug('the relay is closed')
  }
}

/** The relay of the options. @throws VCommandError (2) for a certificate that cannot be used */
async function made({ reactor }: VCommandContext, options: VRelayHostOptions): Promise<VRelayHost> {
  try {
    return new VRelayHost(reactor, options)
  } catch (error) {
    if (error instanceof VTLSInputError) throw usageError(error.message, 'see --tls-cert and --tls-key')
    throw error
  }
}

async function optionsOf(context: VCommandContext): Promise<VRelayHostOptions> {
  const { given } = context
  const http = given.text('http')
  const identity = await identityOf(context)
  return {
    ...(await placesOf(given.texts('listen'))),
    quotas: quotasOf(given.texts('quota')),
    ...(http === undefined ? {} : { http: await placeOf('http', http) }),
    ...(identity === undefined ? {} : { tls: identity }),
  }
}

/** One place to listen at; with a second one, two addresses with the same port. */
async function placesOf(texts: readonly string[]): Promise<VRelayHostOptions> {
  const [first, second, more] = await Promise.all(texts.map((text) => placeOf('listen', text)))
  if (first === undefined) return {}
  if (second === undefined) return first
  if (more !== undefined)
    throw usageError('--listen was given more than twice', 'a relay has two addresses at most')
  const isNamed = [first, second].every(({ host }) => !ALL_ADDRESSES.includes(host))
  if (isNamed && first.host !== second.host && first.port === second.port && first.port > 0) {
    return { ...first, stunHosts: [first.host, second.host] }
  }
  throw usageError(
    '--listen twice means two addresses of this machine with the same port',
    'write --listen 192.0.2.1:3478 --listen 192.0.2.2:3478',
  )
}

interface Place {
  readonly host: string
  readonly port: number
}

async function placeOf(option: string, text: string): Promise<Place> {
  try {
    const { host, port } = splitHostPort(text)
    return host === '' ? { host, port } : { host: (await lookup(host, port)).host, port }
  } catch (error) {
    const isUsage = error instanceof VAddressError
    const what = `--${option}: ${(error as Error).message}`
    if (isUsage) throw usageError(what, `write --${option} :${DEFAULT_RELAY_PORT} for all addresses`)
    throw new VCommandError(EXIT.usage, what, '', error)
  }
}

function quotasOf(texts: readonly string[]): VRelayQuotas {
  try {
    return Object.assign({}, ...texts.map(parseRelayQuota)) as VRelayQuotas
  } catch (error) {
    throw usageError((error as Error).message, `the names: ${RELAY_QUOTA_NAMES.join(', ')}`)
  }
}

interface Identity {
  readonly cert: string
  readonly key: string
}

async function identityOf({ given, folder }: VCommandContext): Promise<Identity | undefined> {
  const [cert, key] = [given.text('tls-cert'), given.text('tls-key')]
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw usageError('a certificate and its key belong together', 'give --tls-cert and --tls-key')
  }
  return {
    cert: await readFile(resolve(folder, cert), 'utf8'),
    key: await readFile(resolve(folder, key), 'utf8'),
  }
}

/** A certificate that cannot be read or used changes nothing: the one from before is shown on. */
async function reload(context: VCommandContext, relay: VRelayHost): Promise<void> {
  try {
    const identity = await identityOf(context)
    if (identity === undefined) return
    relay.setIdentity(identity)
    context.view.print('the certificate was read again')
  } catch (error) {
    const text = `the certificate was not taken, the one from before stays: ${(error as Error).message}`
    context.view.tell({ type: 'warning', text })
  }
}

/** Waits for the signal. */
function interrupted(signal: AbortSignal): Promise<string> {
  return new Promise((told) => {
    const tell = (): void => told(signal.reason instanceof VInterrupted ? signal.reason.signal : 'SIGINT')
    if (signal.aborted) tell()
    else signal.addEventListener('abort', tell, { once: true })
  })
}
