/**
 * The sockets whose addresses the peer is told: one for each family.
 *
 * Decides which families have to be there: of two one may be missing, as not every machine has both, but a port that was
 * asked for and is taken is an error. Invariant: after a cancel, or an error, none of them is open.
 */
import type { IVDatagramPort } from '@vio/io'
import type { Cancel, ConnecterMeans } from './connecter-means.js'
import { VConnecterError } from './connecter-options.js'

/** Where they are bound; null: to all addresses of the machine. */
export interface SocketPlace {
  readonly bind: string | null
  readonly port: number
}

/** Binds them. `done` is called once, with the sockets, which are the caller's, or with what went wrong. */
export function bindSockets(
  means: Pick<ConnecterMeans, 'bind'>,
  place: SocketPlace,
  done: (outcome: readonly IVDatagramPort[] | VConnecterError) => void,
): Cancel {
  const { bind, port } = place
  const hosts = bind === null ? ['0.0.0.0', '::'] : [bind]
  const open: IVDatagramPort[] = []
  const errors: Error[] = []
  let isOver = false
  const bound = (outcome: IVDatagramPort | Error): void => {
    if (outcome instanceof Error) errors.push(outcome)
    else if (isOver) outcome.close()
    else open.push(outcome)
    if (isOver || open.length + errors.length < hosts.length) return
    isOver = true
    const taken = errors.find(({ message }) => message.includes('EADDRINUSE'))
    const fault = taken ?? (open.length === 0 ? errors[0] : undefined)
    if (fault === undefined) {
      done(open)
      return
    }
    for (const each of open) each.close()
    done(errorOf(place, fault))
  }
  const cancels = hosts.map((host) => means.bind({ host, port }, bound))
  return () => {
    if (isOver) return
    isOver = true
    for (const cancel of cancels) cancel()
    for (const each of open) each.close()
  }
}

function errorOf({ bind, port }: SocketPlace, cause: Error): VConnecterError {
  const where = `${bind ?? 'this machine'}${port === 0 ? '' : `, port ${port}`}`
  const message = `no UDP socket could be opened on ${where}: ${cause.message}; choose another port or address`
  return new VConnecterError({ phase: 'gathering', reason: 'socket' }, message, { cause })
}
