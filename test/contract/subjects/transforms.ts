/**
 * Transforms for the contract tests: one for each way in which a filter can change the size of a flow.
 */
import type { IVTransform, VByteBuffer, VMessageQueue } from '@vio/io'

/** Throws what it is given, before the next unit. */
abstract class Failing<I extends { readonly length: number }, O extends { readonly length: number }>
  implements IVTransform<I, O>
{
  fail: Error | undefined

  push(input: I, output: O): void {
    if (this.fail !== undefined) throw this.fail
    this.pass(input, output)
  }

  protected abstract pass(input: I, output: O): void
}

/** Gives what it takes. */
export class Same extends Failing<VByteBuffer, VByteBuffer> {
  protected pass(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output)
  }
}

/** Gives every byte twice. */
export class Twice extends Failing<VByteBuffer, VByteBuffer> {
  protected pass(input: VByteBuffer, output: VByteBuffer): void {
    for (const byte of input.pop()) output.append(Uint8Array.of(byte, byte))
  }
}

/** Gives each byte as a message. */
export class ToNumbers extends Failing<VByteBuffer, VMessageQueue<number>> {
  protected pass(input: VByteBuffer, output: VMessageQueue<number>): void {
    for (const byte of input.pop()) output.append(byte)
  }
}

/** Gives each message, a number, as a byte. */
export class ToBytes extends Failing<VMessageQueue<number>, VByteBuffer> {
  protected pass(input: VMessageQueue<number>, output: VByteBuffer): void {
    output.append(Uint8Array.from(input.popList()))
  }
}
