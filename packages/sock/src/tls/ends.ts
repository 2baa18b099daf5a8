/**
 * The ends of a TLS transport, as its chains see them.
 *
 * They decide nothing by themselves: what a limit, an end or an abort means to the transport is told there. Here stands
 * only that each end knows the other end of its direction, and that plaintext waits for a permission.
 */
import {
  type IVByteConsumer,
  type IVByteIntakeOwner,
  type IVByteOutletOwner,
  type IVByteProducer,
  type VByteBuffer,
  VByteIntake,
  VByteOutlet,
} from '@vio/io'
import type { IVReactor } from '@vio/reactor'

/** What `takePiece` joins rather than hands on one by one. */
const SMALL_BYTES = 4096

/** Where a direction of a transport begins. */
export class TLSIntake extends VByteIntake {
  /** The end of the same direction. Set once both are there. */
  opposite: IVByteProducer | undefined

  override get flows(): readonly IVByteProducer[] {
    return this.opposite === undefined ? [] : [this.opposite]
  }
}

/** Where a direction of a transport ends. */
export class TLSOutlet extends VByteOutlet {
  readonly #opposite: IVByteConsumer
  readonly #admits: () => boolean

  /** `admits` says, before bytes are given on a turn of their own, whether the consumer may have them. */
  constructor(
    reactor: IVReactor,
    owner: IVByteOutletOwner,
    opposite: IVByteConsumer,
    admits: () => boolean = () => true,
  ) {
    super(reactor, owner)
    this.#opposite = opposite
    this.#admits = admits
  }

  override get flows(): readonly IVByteConsumer[] {
    return [this.#opposite]
  }

  protected override produceTurn(): void {
    if (this.#admits()) super.produceTurn()
  }
}

/** Makes the two ends of one direction. */
export function makeEnds(
  reactor: IVReactor,
  intake: { readonly owner: IVByteIntakeOwner; readonly bytes: number },
  outlet: { readonly owner: IVByteOutletOwner; readonly admits?: () => boolean },
): { readonly intake: TLSIntake; readonly outlet: TLSOutlet } {
  const first = new TLSIntake(reactor, intake.owner, intake.bytes)
  const second = new TLSOutlet(reactor, outlet.owner, first, outlet.admits)
  first.opposite = second
  return { intake: first, outlet: second }
}

/** Takes up to `maxBytes` off the front of `buffer`: a large piece as it is, small ones joined. */
export function takePiece(buffer: VByteBuffer, maxBytes: number): Buffer {
  return buffer.peekChunk().length >= SMALL_BYTES ? buffer.popChunk(maxBytes) : buffer.pop(maxBytes)
}
