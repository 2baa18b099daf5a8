/**
 * What `vut relay` understands. What it does is `work/relay.ts`, which is loaded when it is to be done.
 *
 * Decides nothing. Invariant: as of `VCommand`.
 */
import { DEFAULT_RELAY_PORT } from '@vio/nat'
import type { VCommand } from '../command.js'
import { DEFAULT_DRAIN_SECONDS } from '../defaults.js'

/** The command. */
export const RELAY_COMMAND: VCommand = {
  name: 'relay',
  summary: 'be where two machines meet: rendezvous, STUN and relay on one port, TCP and UDP',
  usage: '[--listen HOST:PORT] [--tls-cert FILE --tls-key FILE]',
  options: [
    {
      name: 'listen',
      short: 'l',
      kind: 'texts',
      value: 'HOST:PORT',
      help: `by default :${DEFAULT_RELAY_PORT}; twice to tell more of NATs`,
    },
    { name: 'tls-cert', kind: 'text', value: 'FILE', help: 'speak TLS and wss, too', completes: 'file' },
    { name: 'tls-key', kind: 'text', value: 'FILE', help: 'the key of the certificate', completes: 'file' },
    { name: 'http', kind: 'text', value: 'HOST:PORT', help: 'answer /healthz and /metrics there' },
    {
      name: 'quota',
      kind: 'texts',
      value: 'NAME=N',
      help: 'a limit, such as pairs=100 or bytes-per-second=5M',
    },
    {
      name: 'drain',
      kind: 'number',
      value: 'SECONDS',
      range: [0, 86_400],
      help: `after SIGTERM, so long for pairs; by default ${DEFAULT_DRAIN_SECONDS}`,
    },
  ],
  operands: [0, 0],
  examples: ['vut relay', 'vut relay --listen :443 --tls-cert cert.pem --tls-key key.pem'],
  load: async () => (await import('../work/relay.js')).runRelay,
}
