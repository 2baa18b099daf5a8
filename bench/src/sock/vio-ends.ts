/**
 * Connected ends for the chains of the socket bench: the TCP agents and listeners of `@vio/sock`, with their defaults but
 * for the sizes, which are the ones of all stacks.
 */
import { VIPSocketPeer, VNoHalfClose } from '@vio/io'
import type { VReactor } from '@vio/reactor'
import {
  type VClientSocketAgent,
  type VClientSocketAgentOptions,
  VTCPClientSocketAgent,
  VTCPListeningSocket,
} from '@vio/sock'
import { TRANSFER_BYTES } from './stack.js'

/** What is under the chains. */
export type Transport = 'net' | 'native'

const SIZES: VClientSocketAgentOptions = {
  maxRead: TRANSFER_BYTES,
  maxWrite: TRANSFER_BYTES,
  wbufLen: TRANSFER_BYTES,
}

/** Makes ends over one transport. */
export class Ends {
  readonly #reactor: VReactor
  readonly #transport: Transport
  readonly #options: VClientSocketAgentOptions
  readonly #endingOptions: VClientSocketAgentOptions
  /** Where the last connection went: a peer is a value, and those of one server have one. */
  #server = new VIPSocketPeer('127.0.0.1', 0)

  constructor(reactor: VReactor, transport: Transport) {
    this.#reactor = reactor
    this.#transport = transport
    this.#options = { ...SIZES, transport }
    this.#endingOptions = { ...SIZES, transport, halfClosePolicy: new VNoHalfClose() }
  }

  /** Listens on loopback; gives the port. */
  async listen(accepted: (end: VClientSocketAgent) => void): Promise<number> {
    const listener = new VTCPListeningSocket(this.#reactor, null, {
      transport: this.#transport,
      factory: ({ sock, peer }) => {
        // Each with its fields: an object that is copied and added to has a shape of its own, of which there would be thousands.
        const options = {
          maxRead: TRANSFER_BYTES,
          maxWrite: TRANSFER_BYTES,
          wbufLen: TRANSFER_BYTES,
          peer,
        }
        const end = new VTCPClientSocketAgent(this.#reactor, sock, options)
        accepted(end)
        return end
      },
    })
    const bound = await listener.bind(new VIPSocketPeer('127.0.0.1', 0))
    listener.listen()
    return (bound as VIPSocketPeer).port
  }

  /** Begins to connect to loopback. The end of the input closes the output too. */
  begin(port: number): VClientSocketAgent {
    const end = new VTCPClientSocketAgent(this.#reactor, null, this.#endingOptions)
    end.connect(this.#serverAt(port))
    return end
  }

  /** Connects to loopback. */
  async connect(port: number): Promise<VClientSocketAgent> {
    const end = new VTCPClientSocketAgent(this.#reactor, null, this.#options)
    if (await end.connectTo(this.#serverAt(port))) return end
    throw end.endReason?.value ?? new Error('there is no connection')
  }

  #serverAt(port: number): VIPSocketPeer {
    if (port !== this.#server.port) this.#server = new VIPSocketPeer('127.0.0.1', port)
    return this.#server
  }
}
